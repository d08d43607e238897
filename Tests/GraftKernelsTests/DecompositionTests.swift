import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Eigenvectors and singular vectors, with the signs that `tf.raw_ops` gives them.
@Suite struct DecompositionTests {
  private func run(
    _ op: String, _ matrix: Tensor, _ attributes: [String: AttributeValue], outputs: Int
  ) throws -> [Tensor] {
    try KernelHarness.run(
      op, in: LinalgOps.all, [matrix], attributes: attributes, types: ["T": matrix.dtype],
      outputs: [DataType](repeating: matrix.dtype, count: outputs))
  }

  private func expect(
    _ found: Tensor, _ expected: [Complex128], within tolerance: Double = 1e-9,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let values = try found.scalars(as: Complex128.self)
    #expect(values.count == expected.count, sourceLocation: sourceLocation)
    for (value, number) in zip(values, expected) {
      #expect(
        abs(value.real - number.real) < tolerance && abs(value.imaginary - number.imaginary) < tolerance,
        "\(value) instead of \(number)", sourceLocation: sourceLocation)
    }
  }

  @Test func vectorsOfASymmetricMatrixHaveTensorFlowsSigns() throws {
    let matrix = try Tensor(shape: [3, 3], scalars: [Float(2), 1, 0, 1, 2, 1, 0, 1, 2])
    let found = try run("SelfAdjointEigV2", matrix, ["compute_v": .bool(true)], outputs: 2)
    let values = try found[0].scalars(as: Float.self)
    #expect(zip(values, [0.58578640, 2, 3.41421366]).allSatisfy { abs($0 - $1) < 1e-5 })
    let half: Float = 0.70710678
    let vectors: [Float] = [0.5, -half, 0.5, -half, 0, half, 0.5, half, 0.5]
    #expect(zip(try found[1].scalars(as: Float.self), vectors).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func vectorsOfAHermitianMatrixHaveTensorFlowsPhases() throws {
    let matrix = try Tensor(
      shape: [2, 2], scalars: [Complex128(2), Complex128(1, 1), Complex128(1, -1), Complex128(3)])
    let found = try run("SelfAdjointEigV2", matrix, ["compute_v": .bool(true)], outputs: 2)
    try expect(found[0], [Complex128(1), Complex128(4)])
    let (a, b) = (0.5773502691896257, 0.4082482904638631)
    try expect(
      found[1], [Complex128(-2 * b), Complex128(a), Complex128(b, -b), Complex128(a, -a)])
  }

  @Test func singularVectorsHaveTensorFlowsSigns() throws {
    let matrix = try Tensor(shape: [3, 2], scalars: [1.0, 2, 3, 4, 5, 6])
    let found = try run(
      "Svd", matrix, ["compute_uv": .bool(true), "full_matrices": .bool(true)], outputs: 3)
    func isClose(_ tensor: Tensor, _ expected: [Double]) throws -> Bool {
      zip(try tensor.scalars(as: Double.self), expected).allSatisfy { abs($0 - $1) < 1e-9 }
    }
    #expect(try isClose(found[0], [9.525518091565104, 0.5143005806586437]))
    #expect(
      try isClose(
        found[1],
        [
          0.2298476964000714, -0.883461017698525, 0.4082482904638637, 0.5247448187602936,
          -0.24078249213254704, -0.816496580927726, 0.8196419411205157, 0.40189603343343205,
          0.40824829046386274,
        ]))
    #expect(
      try isClose(
        found[2], [0.6196294838293404, 0.7848944532670523, 0.7848944532670523, -0.6196294838293404]))
  }

  @Test func complexSingularVectorsHaveTensorFlowsPhases() throws {
    let matrix = try Tensor(
      shape: [2, 3],
      scalars: [
        Complex128(1, 1), Complex128(2), Complex128(0, 1), Complex128(3), Complex128(4, -2), Complex128(0),
      ])
    let found = try run(
      "Svd", matrix, ["compute_uv": .bool(true), "full_matrices": .bool(false)], outputs: 3)
    try expect(found[0], [Complex128(5.921040627223563), Complex128(0.9701947695014747)])
    try expect(
      found[1],
      [
        Complex128(-0.421407510649369), Complex128(-0.9068713855714614),
        Complex128(-0.7650924623328967, 0.48687702148457074),
        Complex128(0.35552528737593053, -0.226243364693774),
      ])
    try expect(
      found[2],
      [
        Complex128(-0.4588188240353186, 0.3178560482172522),
        Complex128(0.16461073753097313, 0.23514999117895452),
        Complex128(-0.8236624641919262, 0.07048138790903333),
        Complex128(0.06271432258866118, -0.19988036435496387),
        Complex128(0, 0.07117119053563588), Complex128(0, 0.9347312664213279),
      ])
  }

  @Test func matricesWithoutNumbersOrElementsAreNoTrap() throws {
    for size in 0...3 {
      let zeros = try Tensor(shape: [size, size], scalars: [Double](repeating: 0, count: size * size))
      _ = try run("SelfAdjointEigV2", zeros, ["compute_v": .bool(true)], outputs: 2)
      _ = try run("Svd", zeros, ["compute_uv": .bool(true), "full_matrices": .bool(true)], outputs: 3)
    }
    let nothing = try Tensor(shape: [2, 2], scalars: [Double.nan, 1, 1, .infinity])
    #expect(
      code { _ = try run("SelfAdjointEigV2", nothing, ["compute_v": .bool(true)], outputs: 2) }
        == .invalidArgument)
    let found = try run(
      "Svd", nothing, ["compute_uv": .bool(true), "full_matrices": .bool(true)], outputs: 3)
    #expect(try found[0].scalars(as: Double.self).allSatisfy(\.isNaN))
  }
}
