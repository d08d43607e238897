import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Matrices of more rows than one block: what they are taken apart into gives them again.
@Suite struct BlockedDecompositionTests {
  static let sizes = [32, 33, 48, 70]

  private func numbers(_ rows: Int, _ columns: Int) -> [Double] {
    (0..<rows * columns).map { index -> Double in
      let mixed: Int = (index * 7919 + index * index * 31) % 1009
      return Double(mixed) / 1009 - 0.5
    }
  }

  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], outputs: Int = 1
  ) throws -> [Tensor] {
    try KernelHarness.run(
      op, in: LinalgOps.all, inputs, attributes: attributes, types: ["T": .float64],
      outputs: [DataType](repeating: .float64, count: outputs))
  }

  private func product(_ a: [Double], _ b: [Double], _ size: Int) -> [Double] {
    var result = [Double](repeating: 0, count: size * size)
    for row in 0..<size {
      for inner in 0..<size {
        for column in 0..<size {
          result[row * size + column] += a[row * size + inner] * b[inner * size + column]
        }
      }
    }
    return result
  }

  private func transpose(_ matrix: [Double], _ size: Int) -> [Double] {
    (0..<size * size).map { index -> Double in matrix[index % size * size + index / size] }
  }

  private func isClose(_ a: [Double], _ b: [Double], within limit: Double = 1e-9) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < limit }
  }

  @Test(arguments: sizes)
  func inversesAndFactorsGiveTheMatrixAgain(size: Int) throws {
    var values = numbers(size, size)
    for index in 0..<size { values[index * size + index] += 4 }
    let matrix = try Tensor(shape: [size, size], scalars: values)
    let identity = (0..<size * size).map { index -> Double in index % (size + 1) == 0 ? 1 : 0 }

    let inverse = try run("MatrixInverse", [matrix], ["adjoint": .bool(false)])[0].scalars(as: Double.self)
    #expect(isClose(product(values, inverse, size), identity))

    let qr = try run("Qr", [matrix], ["full_matrices": .bool(true)], outputs: 2)
    let (q, r) = (try qr[0].scalars(as: Double.self), try qr[1].scalars(as: Double.self))
    #expect(isClose(product(q, r, size), values))

    let transposed = transpose(values, size)
    let square = product(values, transposed, size)
    let lower = try run("Cholesky", [try Tensor(shape: [size, size], scalars: square)])[0]
      .scalars(as: Double.self)
    #expect(isClose(product(lower, transpose(lower, size), size), square))
  }

  @Test(arguments: [(5, 5), (40, 20), (20, 40)])
  func singularValuesAreTheSameWithVectorsAndWithout(rows: Int, columns: Int) throws {
    let matrix = try Tensor(shape: [rows, columns], scalars: numbers(rows, columns))
    let alone = try run(
      "Svd", [matrix], ["compute_uv": .bool(false), "full_matrices": .bool(false)], outputs: 3)
    let all = try run(
      "Svd", [matrix], ["compute_uv": .bool(true), "full_matrices": .bool(false)], outputs: 3)
    #expect(isClose(try alone[0].scalars(as: Double.self), try all[0].scalars(as: Double.self)))
  }
}
