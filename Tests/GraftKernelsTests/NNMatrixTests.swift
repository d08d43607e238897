import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Products of matrices")
struct NNMatrixTests {
  private static func transposes(_ a: Bool, _ b: Bool) -> [String: AttributeValue] {
    ["transpose_a": .bool(a), "transpose_b": .bool(b)]
  }

  private func reference(
    _ a: [Float], _ b: [Float], m: Int, n: Int, k: Int, _ transposeA: Bool, _ transposeB: Bool
  ) -> [Float] {
    var result: [Float] = []
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.0
        for p in 0..<k {
          sum += Double(a[transposeA ? p * m + i : i * k + p]) * Double(b[transposeB ? j * k + p : p * n + j])
        }
        result.append(Float(sum))
      }
    }
    return result
  }

  @Test(
    "Every path gives what the definition says: sizes, transposes, constants, threads",
    arguments: [
      (1, 1, 1), (1, 7, 5), (1, 64, 100), (1, 70, 33), (2, 40, 9), (3, 17, 20), (5, 16, 16), (7, 33, 31),
      (13, 8, 800),
      (130, 50, 70), (121, 1, 40), (40, 3, 900), (6, 16, 0), (0, 4, 4), (4, 0, 4), (1, 300, 1000),
      (3, 66, 2000), (40, 4, 64), (300, 2, 130), (25, 3, 2600),
    ])
  func agreesWithDefinition(_ m: Int, _ n: Int, _ k: Int) throws {
    for transposeA in [false, true] {
      for transposeB in [false, true] {
        let a = try NNHarness.noise(transposeA ? [k, m] : [m, k])
        let b = try NNHarness.noise(transposeB ? [n, k] : [k, n], seed: 2)
        let expected = reference(
          try a.scalars(), try b.scalars(), m: m, n: n, k: k, transposeA, transposeB)
        let attributes = Self.transposes(transposeA, transposeB)
        for constants in [[], [1]] as [Set<Int>] {
          var bits: [[Float]] = []
          for threads in [1, 3] {
            let c = try NNHarness.run("MatMul", [a, b], attributes, constants: constants, threads: threads)[0]
            #expect(c.shape == Shape([m, n]))
            try expectClose(c, expected, within: 5e-5)
            bits.append(try c.scalars())
          }
          #expect(bits[0] == bits[1], "another number of threads gives other bits")
        }
        let doubles = try [a, b].map {
          try Tensor(shape: $0.shape.dimensions, scalars: $0.scalars(as: Float.self).map { Double($0) })
        }
        try expectClose(try NNHarness.run("MatMul", doubles, attributes)[0], expected)
      }
    }
  }

  // Whole tiles and parts of them: rows, and columns that fill half of a panel or some lanes of a register, or are so few
  // that registers hold elements of a sum.
  @Test(
    "Tiles of every height and width are right, and so is what is fused into them",
    arguments: [1, 2, 3, 7, 13, 15, 29], [1, 3, 4, 5, 8, 11, 24, 40, 63, 72, 88, 200])
  func tiles(m: Int, n: Int) throws {
    let k = 37
    let (a, b) = (try NNHarness.noise([m, k]), try NNHarness.noise([k, n], seed: 2))
    let (bias, addend) = (try NNHarness.noise([n], seed: 3), try NNHarness.noise([m, n], seed: 4))
    let product = reference(try a.scalars(), try b.scalars(), m: m, n: n, k: k, false, false)
    let (offsets, others) = (try bias.scalars(as: Float.self), try addend.scalars(as: Float.self))
    let expected = product.indices.map { max(product[$0] + offsets[$0 % n] + others[$0], 0) }
    let attributes = Self.transposes(false, false).merging(
      ["fused_ops": .strings(["BiasAdd", "Add", "Relu"])]
    ) { $1 }
    let inputs = [a, b, bias, addend]
    let found = try NNHarness.run("_FusedMatMul", inputs, attributes, constants: [1, 2])[0]
    try expectClose(found, expected, within: 5e-5)
    let doubles = try inputs.map {
      try Tensor(shape: $0.shape.dimensions, scalars: $0.scalars(as: Float.self).map { Double($0) })
    }
    try expectClose(
      try NNHarness.run("_FusedMatMul", doubles, attributes, constants: [1, 2])[0], expected)
  }

  @Test("Bias, addend and activation are fused, for every way to compute a product")
  func fused() throws {
    for (m, n, k) in [(1, 40, 30), (2, 5, 9), (50, 37, 20), (9, 1, 12)] {
      let (a, b) = (try NNHarness.noise([m, k]), try NNHarness.noise([k, n], seed: 2))
      let (bias, addend) = (try NNHarness.noise([n], seed: 3), try NNHarness.noise([m, n], seed: 4))
      let sums = try NNHarness.run("MatMul", [a, b], Self.transposes(false, false))[0].scalars(as: Float.self)
      let (biases, addends) = (try bias.scalars(as: Float.self), try addend.scalars(as: Float.self))
      let expected = sums.indices.map { max(sums[$0] + biases[$0 % n] + addends[$0], 0) }
      for constants in [[], [1]] as [Set<Int>] {
        for transposed in [false, true] {
          let right = transposed ? try transpose(b) : b
          let c = try NNHarness.run(
            "_FusedMatMul", [a, right, bias, addend],
            Self.transposes(false, transposed).merging(["fused_ops": .strings(["BiasAdd", "Add", "Relu"])]) {
              $1
            },
            constants: constants)[0]
          try expectClose(c, expected)
        }
      }
    }
  }

  private func transpose(_ matrix: Tensor) throws -> Tensor {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let values = try matrix.scalars(as: Float.self)
    return try Tensor(
      shape: [columns, rows], scalars: (0..<rows * columns).map { values[$0 % rows * columns + $0 / rows] })
  }

  @Test("Integers wrap around")
  func wraps() throws {
    let a = try Tensor(shape: [1, 2], scalars: [Int32.max, 2])
    let b = try Tensor(shape: [2, 1], scalars: [Int32(2), 3])
    let c = try NNHarness.run("MatMul", [a, b], Self.transposes(false, false))[0]
    #expect(try c.scalars() == [Int32(4)])
  }

  @Test("Matrices that cannot be multiplied are named with their shapes")
  func mismatch() throws {
    let error = #expect(throws: GraftError.self) {
      try NNHarness.run(
        "MatMul", [NNHarness.counting(2, 3), NNHarness.counting(4, 5)], Self.transposes(false, false))
    }
    #expect(error?.message.contains("[2,3] and [4,5]") == true)
  }

  // MARK: - Batches

  @Test("Batches broadcast")
  func broadcasts() throws {
    let attributes: [String: AttributeValue] = ["adj_x": .bool(false), "adj_y": .bool(false)]
    let x = try NNHarness.counting(2, 2, 3)
    let y = try NNHarness.counting(3, 2)
    let expected: [Float] = [22, 28, 49, 64, 76, 100, 103, 136]
    for constants in [[], [1]] as [Set<Int>] {
      let c = try NNHarness.run("BatchMatMulV2", [x, y], attributes, constants: constants)[0]
      #expect(c.shape == [2, 2, 2])
      try expectClose(c, expected)
    }
    let c = try NNHarness.run(
      "BatchMatMulV2", [NNHarness.counting(2, 1, 1, 3), NNHarness.noise([4, 3, 5])], attributes)[0]
    #expect(c.shape == [2, 4, 1, 5])
    #expect(throws: GraftError.self) {
      try NNHarness.run(
        "BatchMatMulV2", [NNHarness.noise([2, 2, 3]), NNHarness.noise([3, 3, 2])], attributes)
    }
    #expect(throws: GraftError.self) {
      try NNHarness.run(
        "BatchMatMul", [NNHarness.noise([2, 2, 3]), NNHarness.noise([1, 3, 2])], attributes)
    }
  }

  @Test("The adjoint of complex matrices is conjugated")
  func adjoint() throws {
    let x = try Tensor(shape: [1, 1, 2], scalars: [Complex64(1, 2), Complex64(0, 1)])
    let y = try Tensor(shape: [1, 1, 2], scalars: [Complex64(3, 1), Complex64(0, 2)])
    let c = try NNHarness.run("BatchMatMul", [x, y], ["adj_x": .bool(false), "adj_y": .bool(true)])[0]
    // (1 + 2i)(3 - i) + i(-2i)
    #expect(try c.scalars() == [Complex64(7, 5)])
  }

  @Test("Large complex products are what the definition says", arguments: [false, true], [false, true])
  func complex(adjointX: Bool, adjointY: Bool) throws {
    let (m, n, k) = (19, 33, 40)
    func noise(_ shape: [Int], _ seed: UInt64) throws -> [Complex64] {
      let parts = try NNHarness.noise(shape + [2], seed: seed).scalars(as: Float.self)
      return stride(from: 0, to: parts.count, by: 2).map { Complex64(parts[$0], parts[$0 + 1]) }
    }
    let (x, y) = (try noise([2, m, k], 1), try noise([k, n], 2))
    let attributes: [String: AttributeValue] = ["adj_x": .bool(adjointX), "adj_y": .bool(adjointY)]
    let shapes = (adjointX ? [2, k, m] : [2, m, k], adjointY ? [n, k] : [k, n])
    var expected: [(Double, Double)] = []
    for pair in 0..<2 {
      for i in 0..<m {
        for j in 0..<n {
          var sum = (0.0, 0.0)
          for p in 0..<k {
            let a = x[pair * m * k + (adjointX ? p * m + i : i * k + p)]
            let b = y[adjointY ? j * k + p : p * n + j]
            let (c, d) = (Double(a.real), Double(a.imaginary) * (adjointX ? -1 : 1))
            let (e, f) = (Double(b.real), Double(b.imaginary) * (adjointY ? -1 : 1))
            sum = (sum.0 + c * e - d * f, sum.1 + c * f + d * e)
          }
          expected.append(sum)
        }
      }
    }
    for threads in [1, 3] {
      let found = try NNHarness.run(
        "BatchMatMulV2", [Tensor(shape: shapes.0, scalars: x), Tensor(shape: shapes.1, scalars: y)],
        attributes,
        threads: threads)[0]
      #expect(found.shape == Shape([2, m, n]))
      for (a, b) in zip(try found.scalars(as: Complex64.self), expected) {
        #expect(abs(Double(a.real) - b.0) < 2e-5 && abs(Double(a.imaginary) - b.1) < 2e-5)
      }
    }
  }

  @Test("Products of integers wrap around", arguments: [1, 5, 16, 91], [false, true])
  func integers(columns: Int, transposed: Bool) throws {
    let (m, k, n) = (6, 7, columns)
    let a: [Int32] = (0..<m * k).map { Int32(truncatingIfNeeded: $0 &* 1_103_515_245 &+ 12_345) }
    let b: [Int32] = (0..<k * n).map { Int32(truncatingIfNeeded: $0 &* 69_069 &- 1_000_000_007) }
    let expected = (0..<m * n).map { index -> Int32 in
      let (row, column) = (index / n, index % n)
      return (0..<k).reduce(Int32(0)) { (sum: Int32, p: Int) -> Int32 in
        let other: Int32 = transposed ? b[column * k + p] : b[p * n + column]
        return sum &+ a[row * k + p] &* other
      }
    }
    let inputs = try [
      Tensor(shape: [m, k], scalars: a), Tensor(shape: transposed ? [n, k] : [k, n], scalars: b),
    ]
    for (op, names) in [("MatMul", ["transpose_a", "transpose_b"]), ("BatchMatMulV2", ["adj_x", "adj_y"])] {
      for threads in [1, 3] {
        let found = try NNHarness.run(
          op, inputs, [names[0]: .bool(false), names[1]: .bool(transposed)], threads: threads)[0]
        #expect(try found.scalars(as: Int32.self) == expected)
      }
    }
  }

  @Test("A convolution of integers gives what one of small floats gives", arguments: [1, 2])
  func integerConvolution(groups: Int) throws {
    let shapes: [[Int]] = [[2, 7, 6, 4], [3, 3, 4 / groups, 70]]
    let counts: [Int] = shapes.map { $0.reduce(1, *) }
    let x: [Int32] = (0..<counts[0]).map { Int32($0 * 37 % 23 - 11) }
    let filter: [Int32] = (0..<counts[1]).map { Int32($0 * 29 % 17 - 8) }
    let attributes: [String: AttributeValue] = [
      "strides": .ints([1, 2, 2, 1]), "padding": .string("SAME"), "explicit_paddings": .ints([]),
      "dilations": .ints([1, 1, 1, 1]), "data_format": .string("NHWC"),
    ]
    let expected = try NNHarness.run(
      "Conv2D",
      [
        Tensor(shape: shapes[0], scalars: x.map { Float($0) }),
        Tensor(shape: shapes[1], scalars: filter.map { Float($0) }),
      ], attributes)[0].scalars(as: Float.self)
    let found = try NNHarness.run(
      "Conv2D", [Tensor(shape: shapes[0], scalars: x), Tensor(shape: shapes[1], scalars: filter)], attributes)[
        0]
    #expect(try found.scalars(as: Int32.self) == expected.map { Int32($0) })
  }

  @Test("Products of bytes are summed as int32")
  func bytes() throws {
    let x = try Tensor(shape: [1, 2], scalars: [Int8(-128), 127])
    let y = try Tensor(shape: [2, 1], scalars: [UInt8(255), 255])
    let c = try NNHarness.run(
      "BatchMatMulV3", [x, y], ["adj_x": .bool(false), "adj_y": .bool(false)], outputs: [.int32])[0]
    #expect(try c.scalars() == [Int32(-255)])
    #expect(throws: GraftError.self) {
      try NNHarness.run(
        "BatchMatMulV3", [x, x], ["adj_x": .bool(false), "adj_y": .bool(true)], outputs: [.int64])
    }
  }

  // MARK: - Einsum

  private func einsum(_ equation: String, _ shapes: [Int]...) throws -> (shape: [Int], values: [Float]) {
    let inputs = try shapes.map { shape in
      try Tensor(shape: shape, scalars: (0..<shape.reduce(1, *)).map { Float($0 + 1) })
    }
    let result = try NNHarness.run("Einsum", inputs, ["equation": .string(Bytes(equation))])[0]
    return (result.shape.dimensions, try result.scalars())
  }

  @Test("Equations give what TensorFlow gives")
  func equations() throws {
    #expect(try einsum("ii->i", [3, 3]) == ([3], [1, 5, 9]))
    #expect(try einsum("iij->j", [2, 2, 3]) == ([3], [11, 13, 15]))
    #expect(
      try einsum("...ij,...jk->...ik", [2, 2, 3], [3, 2]) == (
        [2, 2, 2], [22, 28, 49, 64, 76, 100, 103, 136]
      ))
    #expect(try einsum("i->ii", [3]) == ([3, 3], [1, 0, 0, 0, 2, 0, 0, 0, 3]))
    #expect(try einsum("ij,kl->", [2, 3], [2, 2]) == ([], [210]))
    #expect(try einsum("ab...->...ba", [2, 3, 2]) == ([2, 3, 2], [1, 7, 3, 9, 5, 11, 2, 8, 4, 10, 6, 12]))
    #expect(try einsum("ij->ji", [2, 3]) == ([3, 2], [1, 4, 2, 5, 3, 6]))
    #expect(try einsum("ij,ij->ij", [2, 3], [2, 3]) == ([2, 3], [1, 4, 9, 16, 25, 36]))
    #expect(try einsum("i...,i...->...", [2, 3], [2, 1]) == ([3], [9, 12, 15]))
    #expect(try einsum("...i,...i->i...", [2, 3], [2, 3]) == ([3, 2], [1, 16, 4, 25, 9, 36]))
    #expect(try einsum("iJ,Ji->", [2, 3], [3, 2]) == ([], [86]))
    #expect(try einsum("ii->", [2, 2]) == ([], [5]))
    #expect(try einsum("abc,cd->abd", [2, 0, 3], [3, 2]) == ([2, 0, 2], []))
    #expect(try einsum("i1,1j->ij", [2, 3], [3, 2]) == ([2, 2], [22, 28, 49, 64]))
    #expect(try einsum("a,b->ab", [2], [3]) == ([2, 3], [1, 2, 3, 2, 4, 6]))
    #expect(try einsum("ab,ab->ba", [2, 3], [2, 3]) == ([3, 2], [1, 16, 4, 25, 9, 36]))
    #expect(try einsum("ij,jk->ki", [2, 3], [3, 2]) == ([2, 2], [22, 49, 28, 64]))
    #expect(try einsum(",->", [], []) == ([], [1]))
  }

  /// Two operands multiplied element by element and summed, as the equation says.
  private func summed(_ equation: String, _ sizes: [Character: Int], _ x: [Double], _ y: [Double]) -> [Double]
  {
    let sides = equation.split(separator: ">").map { $0.filter { $0 != "-" } }
    let operands = sides[0].split(separator: ",").map(Array.init)
    let result = Array(sides[1])
    let labels = Array(Set(operands[0] + operands[1])).sorted()
    func place(_ names: [Character], _ index: [Character: Int]) -> Int {
      names.reduce(0) { $0 * (sizes[$1] ?? 1) + (index[$1] ?? 0) }
    }
    var sums = [Double](repeating: 0, count: result.reduce(1) { $0 * (sizes[$1] ?? 1) })
    for number in 0..<labels.reduce(1, { $0 * (sizes[$1] ?? 1) }) {
      var (rest, index) = (number, [Character: Int]())
      for label in labels {
        index[label] = rest % (sizes[label] ?? 1)
        rest /= sizes[label] ?? 1
      }
      sums[place(result, index)] += x[place(operands[0], index)] * y[place(operands[1], index)]
    }
    return sums
  }

  @Test(
    "Products lie where the result has them, whatever the order of its labels",
    arguments: [
      "acbe,aecd->abcd", "acbe,abcd->aecd", "aecd,abcd->acbe", "abd,cd->acb", "abd,cd->bac", "ab,bcd->cad",
      "ab,bcd->dac", "ab,bc->ca", "abc,abd->cad", "abe,cde->acbd",
    ],
    [
      ["a": 3, "b": 9, "c": 2, "d": 17, "e": 5], ["a": 2, "b": 2, "c": 3, "d": 4, "e": 1],
      ["a": 1, "b": 1, "c": 5, "d": 1, "e": 3],
    ] as [[Character: Int]])
  func placedProducts(_ equation: String, _ sizes: [Character: Int]) throws {
    let operands = equation.prefix { $0 != "-" }.split(separator: ",")
    let shapes = operands.map { $0.map { sizes[$0] ?? 1 } }
    let values: [[Double]] = shapes.enumerated().map { side, shape in
      let (count, step) = (shape.reduce(1, *), 5 + 2 * side)
      return (0..<count).map { Double($0 * step % 7 - 3) }
    }
    let wanted = summed(equation, sizes, values[0], values[1])
    for (threads, dtype) in [(1, DataType.float32), (3, .float32), (2, .float64), (1, .bfloat16)] {
      let inputs: [Tensor] = try zip(shapes, values).map { shape, values in
        if dtype == .float64 { return try Tensor(shape: shape, scalars: values) }
        let floats = values.map { Float($0) }
        if dtype == .float32 { return try Tensor(shape: shape, scalars: floats) }
        return try Tensor(shape: shape, scalars: floats.map { BFloat16($0) })
      }
      let found = try NNHarness.run(
        "Einsum", inputs, ["equation": .string(Bytes(equation))], threads: threads)[0]
      let numbers: [Double]
      switch dtype {
      case .float64: numbers = try found.scalars()
      case .float32: numbers = try found.scalars(as: Float.self).map { Double($0) }
      default: numbers = try found.scalars(as: BFloat16.self).map { Double(Float($0)) }
      }
      #expect(numbers == wanted)
    }
  }

  @Test(
    "Equations that mean nothing are errors",
    arguments: ["ij,jk", "ij->ik", "ij,jk,kl->il", "i.j->ij", "...j->j", "ijk->i", "ij->ij->i"])
  func badEquations(_ equation: String) {
    #expect(throws: GraftError.self) { try einsum(equation, [2, 3], [3, 2]) }
    #expect(throws: GraftError.self) { try einsum(equation, [2, 3]) }
  }
}
