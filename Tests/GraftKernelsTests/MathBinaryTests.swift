import Glibc
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Math: functions of two tensors")
struct MathBinaryTests {
  /// A reference: the element of a broadcast operand.
  private static func element(_ values: [Float], _ shape: [Int], _ index: [Int]) -> Float {
    var offset = 0
    for (axis, size) in shape.enumerated() {
      let place = index[index.count - shape.count + axis]
      offset = offset * size + (size == 1 ? 0 : place)
    }
    return values[offset]
  }

  @Test(
    "broadcast shapes of any rank",
    arguments: [
      ([2, 3], [2, 3]), ([2, 3], []), ([], [2, 3]), ([4, 5], [5]), ([700, 3], [3]), ([3], [700, 3]),
      ([4, 1], [4, 5]), ([4, 5], [4, 1]), ([4, 1], [1, 5]), ([2, 1, 3, 1, 2], [4, 1, 5, 2]),
      ([1], [1, 1, 1]),
      ([2, 0, 3], [3]), ([2, 0], [2, 1]), ([3, 4, 5, 6], [4, 1, 6]), ([2, 3, 4], [2, 3, 1]),
      ([1, 3, 1], [2, 1, 4]),
      ([5, 3000], [5, 1]), ([2, 1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1, 2, 1]),
      // Short rows, of which many are one, and that begin and end anywhere in it.
      ([60, 1, 3], [1, 70, 3]), ([1, 70, 3], [60, 1, 3]), ([400, 9], [400, 1]), ([40, 1, 7], [1, 30, 1]),
      ([9, 1, 130], [1, 11, 130]), ([3, 1, 50, 1], [3, 4, 50, 11]), ([50, 6, 1], [6, 20]),
      ([2, 3, 1, 5, 1, 3], [3, 40, 1, 2, 3]),
    ] as [([Int], [Int])])
  func broadcasting(a: [Int], b: [Int]) throws {
    let x = (0..<a.reduce(1, *)).map { Float($0) }
    let y = (0..<b.reduce(1, *)).map { Float($0) * 1000 }
    let result = try MathHarness.run("Sub", [Tensor(shape: a, scalars: x), Tensor(shape: b, scalars: y)])[0]
    let rank = max(a.count, b.count)
    var shape: [Int] = []
    for axis in 0..<rank {
      let i = axis - (rank - a.count)
      let j = axis - (rank - b.count)
      let p = i < 0 ? 1 : a[i]
      let q = j < 0 ? 1 : b[j]
      shape.append(p == 1 ? q : p)
    }
    #expect(result.shape.dimensions == shape)
    let values = try result.scalars(as: Float.self)
    for flat in values.indices {
      var index: [Int] = []
      var rest = flat
      for size in shape.reversed() {
        index.insert(rest % size, at: 0)
        rest /= size
      }
      #expect(values[flat] == Self.element(x, a, index) - Self.element(y, b, index))
    }
  }

  @Test("Shapes that do not broadcast are refused, with both named")
  func incompatible() throws {
    let inputs = [try Tensor([Float(1), 2]), try Tensor([Float(1), 2, 3])]
    #expect(MathHarness.message("AddV2", inputs) == "Incompatible shapes: [2] vs. [3].")
    #expect(
      try MathHarness.run("Equal", inputs, ["incompatible_shape_error": .bool(false)], outputs: [.bool])[0]
        .scalars(as: Bool.self) == [false])
    #expect(
      try MathHarness.run("NotEqual", inputs, ["incompatible_shape_error": .bool(false)], outputs: [.bool])[0]
        .scalars(as: Bool.self) == [true])
  }

  @Test("Maximum and Minimum keep NaN, and the second of equal ones")
  func extremes() throws {
    let x: [Float] = [.nan, 1, .nan, 0, -0.0, 3]
    let y: [Float] = [1, .nan, .nan, -0.0, 0, 2]
    let high = try MathHarness.floats("Maximum", [x, y])
    let low = try MathHarness.floats("Minimum", [x, y])
    #expect(zip(high, [.nan, .nan, .nan, -0.0, 0, 3] as [Float]).allSatisfy { MathHarness.isSame($0, $1) })
    #expect(zip(low, [.nan, .nan, .nan, -0.0, 0, 2] as [Float]).allSatisfy { MathHarness.isSame($0, $1) })
  }

  @Test("Quotients and remainders of integers round as each op says")
  func integerDivision() throws {
    let x = try Tensor([Int32(-7), 7, -7, -6, .min])
    let y = try Tensor([Int32(2), -2, -2, 3, -1])
    func run(_ op: String) throws -> [Int32] { try MathHarness.run(op, [x, y])[0].scalars(as: Int32.self) }
    #expect(try run("Div") == [-3, -3, 3, -2, .min])
    #expect(try run("TruncateDiv") == [-3, -3, 3, -2, .min])
    #expect(try run("FloorDiv") == [-4, -4, 3, -2, .min])
    #expect(try run("FloorMod") == [1, -1, -1, 0, 0])
    #expect(try run("TruncateMod") == [-1, 1, -1, 0, 0])
    for op in ["Div", "FloorDiv", "TruncateDiv", "FloorMod", "Mod", "TruncateMod"] {
      #expect(MathHarness.message(op, [x, try Tensor([Int32(0)])]) == "Integer division by zero.")
    }
  }

  @Test("Quotients and remainders of floats are what TensorFlow gives")
  func floatDivision() throws {
    let x: [Float] = [1, 0, 5, -5, 5, -5, 7]
    let y: [Float] = [0, 0, .infinity, .infinity, -3, 3, 0.1]
    func expect(_ op: String, _ expected: [Float]) throws {
      let result = try MathHarness.floats(op, [x, y])
      #expect(
        zip(result, expected).allSatisfy { $0.isNaN ? $1.isNaN : abs($0 - $1) < 1e-6 || $0 == $1 },
        "\(op): \(result)")
    }
    try expect("FloorDiv", [.infinity, .nan, 0, -0.0, -2, -2, 70])
    try expect("FloorMod", [.nan, .nan, 5, .infinity, -1, 1, 0.0999999])
    try expect("Mod", [.nan, .nan, 5, -5, 2, -2, 0.0999999])
    try expect("TruncateDiv", [.infinity, .nan, 0, -0.0, -1, -1, 70])
    try expect("DivNoNan", [0, 0, 0, -0.0, -1.6666666, -1.6666666, 70])
    try expect("MulNoNan", [0, 0, .infinity, -.infinity, -15, -15, 0.7])
    try expect("Xlogy", [-.infinity, 0, .infinity, -.infinity, .nan, -5.4930615, -16.118095])
  }

  @Test("A half's quotient is rounded before its floor is taken")
  func halfDivision() throws {
    let x = try Tensor([Float16(150.125), 6])
    let y = try Tensor([Float16(0.1), 0.1])
    // 150.125 / 0.09998 is 1501.6, which as a half is 1502.
    #expect(try MathHarness.run("FloorDiv", [x, y])[0].scalars(as: Float16.self) == [1502, 60])
  }

  @Test("Powers: integers wrap around, floats are exact at the edges")
  func powers() throws {
    let x = try Tensor([Int32(2), 3, -2, 0, 7, 2])
    let y = try Tensor([Int32(31), 40, 3, 0, 1, 32])
    #expect(
      try MathHarness.run("Pow", [x, y])[0].scalars(as: Int32.self) == [.min, 689_956_897, -8, 1, 7, 0])
    #expect(
      MathHarness.message("Pow", [x, try Tensor([Int32(-1)])])
        == "Integers to negative integer powers are not allowed.")
    let bases: [Float] = [1, 0, .infinity, 5, -5, .nan, 7, -8, 2, 0]
    let exponents: [Float] = [.nan, 5, 2, -3, 3, 0, 0.1, 0.5, 200, -1]
    let wanted: [Float] = [1, 0, .infinity, 0.008, -125, 1, 1.2148141, .nan, .infinity, .infinity]
    let result = try MathHarness.floats("Pow", [bases, exponents])
    #expect(
      zip(result, wanted).allSatisfy { $0.isNaN ? $1.isNaN : $0 == $1 || abs($0 - $1) < 1e-7 * abs($1) })
    for exponent in [2, -1, 1, 0.5, 3] as [Float] {
      let x: [Float] = [0.25, 3, 100, 7.5]
      let scalar = try MathHarness.floats("Pow", [x, [exponent]], shapes: [[4], []])
      let pairs = try MathHarness.floats("Pow", [x, [Float](repeating: exponent, count: 4)])
      #expect(zip(scalar, pairs).allSatisfy { abs($0 - $1) <= $1.ulp })
    }
  }

  @Test(
    "Negative numbers have powers of integers",
    arguments: [3, -2, 4, 0.5, -7, 16_777_215, 1e10, 0] as [Float])
  func signedPowers(exponent: Float) throws {
    let x: [Float] = (-600...600).map { Float($0) / 400 }
    for y in [
      try MathHarness.floats("Pow", [x, [exponent]], shapes: [[x.count], []]),
      try MathHarness.floats("Pow", [x, x.map { _ in exponent }]),
    ] {
      for (x, y) in zip(x, y) {
        let wanted = Float(pow(Double(x), Double(exponent)))
        let isNear = abs(y - wanted) <= max(1e-6 * abs(wanted), .leastNormalMagnitude)
        #expect(wanted.isNaN ? y.isNaN : y == wanted || isNear, "\(x)^\(exponent) is \(y), not \(wanted)")
      }
    }
  }

  @Test("Comparisons know NaN, strings and complex numbers")
  func comparisons() throws {
    func run<S: TensorScalar>(_ op: String, _ x: [S], _ y: [S]) throws -> [Bool] {
      try MathHarness.run(op, [Tensor(x), Tensor(y)], outputs: [.bool])[0].scalars(as: Bool.self)
    }
    #expect(try run("Less", [Float.nan, 1, 2], [1, .nan, 3]) == [false, false, true])
    #expect(try run("NotEqual", [Float.nan, 1], [.nan, 1]) == [true, false])
    #expect(try run("Equal", ["a", "bc"] as [Bytes], ["a", "bd"]) == [true, false])
    #expect(
      try run("Equal", [Complex64(1, 2), Complex64(1, 2)], [Complex64(1, 2), Complex64(1, 3)]) == [
        true, false,
      ])
    #expect(try run("Greater", [UInt64.max, 0], [1, 1]) == [true, false])
    #expect(try run("Less", [Float16(1), 2], [Float16(2), 1]) == [true, false])
  }

  @Test("Strings are joined by Add")
  func strings() throws {
    let x = try Tensor(shape: [2], strings: ["a", "b"])
    let y = try Tensor(shape: [], strings: ["c"])
    #expect(
      try KernelHarness.run("Add", in: MathOps.all, [x, y], outputs: [.string])[0].strings() == ["ac", "bc"])
  }

  @Test("Shifts stay within the bits of the dtype")
  func shifts() throws {
    func run(_ op: String, _ x: [Int8], _ y: [Int8]) throws -> [Int8] {
      try MathHarness.run(op, [Tensor(x), Tensor(y)])[0].scalars(as: Int8.self)
    }
    #expect(try run("LeftShift", [-128, 1, 1], [1, 9, -1]) == [0, -128, 1])
    #expect(try run("RightShift", [-128, -1, 64], [7, 9, 2]) == [-1, -1, 16])
  }

  @Test("AddN adds any number of tensors, also in the memory of one of them")
  func addN() throws {
    for count in [1, 2, 3, 5] {
      let inputs = try (0..<count).map { index in
        try Tensor((0..<1500).map { Float($0 * (index + 1)) })
      }
      let sum = try MathHarness.run("AddN", inputs)[0].scalars(as: Float.self)
      let factor = Float(count * (count + 1) / 2)
      #expect(sum == (0..<1500).map { Float($0) * factor })
    }
    #expect(
      MathHarness.message("AddN", [try Tensor([Float(1), 2]), try Tensor([Float(1)])])
        .hasPrefix("All inputs must have the same shape"))
  }

  @Test("ClipByValue bounds below last")
  func clip() throws {
    let x: [Float] = [.nan, -0.0, -1, 1, 7, .infinity]
    func clip(_ low: Float, _ high: Float) throws -> [Float] {
      try MathHarness.floats("ClipByValue", [x, [low], [high]], shapes: [[6], [], []])
    }
    #expect(Array(try clip(-0.5, 2)[1...]) == [0, -0.5, 1, 2, 2])
    #expect(Array(try clip(3, 2)[1...]) == [3, 3, 3, 3, 3])
    #expect(Array(try clip(.nan, 2)[1...]) == [0, -1, 1, 2, 2])
    #expect(try clip(0, 1)[0].isNaN)
    #expect(
      try MathHarness.floats("ClipByValue", [[1, 2, 3], [2, 2, 2], [2]], shapes: [[3], [3], []]) == [2, 2, 2])
    #expect(
      MathHarness.message(
        "ClipByValue", [try Tensor([Float(1), 2]), try Tensor([Float(1)]), try Tensor(Float(1))]
      ).hasPrefix("clip_value_min has shape [1]"))
  }

  @Test("Select takes elements or rows, SelectV2 broadcasts")
  func select() throws {
    let t = try Tensor(shape: [2, 2], scalars: [Int32(1), 2, 3, 4])
    let e = try Tensor(shape: [2, 2], scalars: [Int32(5), 6, 7, 8])
    func run(_ op: String, _ c: Tensor, _ t: Tensor, _ e: Tensor) throws -> [Int32] {
      try MathHarness.run(op, [c, t, e], outputs: [.int32])[0].scalars(as: Int32.self)
    }
    #expect(try run("Select", Tensor([true, false]), t, e) == [1, 2, 7, 8])
    #expect(try run("Select", Tensor(true), t, e) == [1, 2, 3, 4])
    #expect(
      try run("Select", Tensor(shape: [2, 2], scalars: [true, false, false, true]), t, e) == [1, 6, 7, 4])
    #expect(
      try run(
        "SelectV2", Tensor(shape: [2, 1], scalars: [true, false]), Tensor([Int32(1), 2]), Tensor(Int32(3)))
        == [1, 2, 3, 3])
    #expect(try run("SelectV2", Tensor([true, false]), Tensor(Int32(1)), e) == [1, 6, 1, 8])
    for condition in [try Tensor([true, false, true]), try Tensor(shape: [2, 1], scalars: [true, false])] {
      #expect(MathHarness.message("Select", [condition, t, e], outputs: [.int32]) != "no error")
    }
  }
}
