import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Math: reductions")
struct MathReductionTests {
  private func reduce(
    _ op: String, _ x: Tensor, _ axes: [Int32], keep: Bool = false
  ) throws -> Tensor {
    try MathHarness.run(op, [x, Tensor(axes)], ["keep_dims": .bool(keep)], outputs: [x.dtype])[0]
  }

  @Test(
    "over any dimensions give what adding up element by element gives",
    arguments: [
      ([6], [0]), ([3, 4], [0]), ([3, 4], [1]), ([3, 4], [0, 1]), ([2, 3, 4], [1]), ([2, 3, 4], [0, 2]),
      ([2, 3, 4], [-1]), ([2, 3, 4, 5], [1, 3]), ([2, 3, 4, 5], [0, 2]), ([2, 1, 3, 1], [1, 2]),
      ([700, 3], [0]),
      ([3, 700], [1]), ([2, 600, 2, 3], [1, 3]), ([1, 1], [0, 1]), ([5, 2, 2, 3, 2], [0, 2, 4]),
      ([4, 2500], [0]),
      ([300, 2500], [0]), ([3, 70_000], [1]), ([2, 3, 4], []),
    ] as [([Int], [Int32])])
  func dimensions(shape: [Int], axes: [Int32]) throws {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { Int32(($0 * 7919) % 23 - 11) }
    let kept = shape.indices.filter { axis in
      !axes.contains(Int32(axis)) && !axes.contains(Int32(axis - shape.count))
    }
    var sums = [Int32](repeating: 0, count: kept.map { shape[$0] }.reduce(1, *))
    var highs = [Int32](repeating: .min, count: sums.count)
    for flat in 0..<count {
      var index = [Int](repeating: 0, count: shape.count)
      var rest = flat
      for axis in shape.indices.reversed() {
        index[axis] = rest % shape[axis]
        rest /= shape[axis]
      }
      let place = kept.reduce(0) { $0 * shape[$1] + index[$1] }
      sums[place] += values[flat]
      highs[place] = max(highs[place], values[flat])
    }
    let integers = try Tensor(shape: shape, scalars: values)
    #expect(try reduce("Sum", integers, axes).scalars(as: Int32.self) == sums)
    #expect(try reduce("Max", integers, axes).scalars(as: Int32.self) == highs)
    // The values are small integers, so floats add up exactly too.
    let floats = try Tensor(shape: shape, scalars: values.map { Float($0) })
    #expect(try reduce("Sum", floats, axes).scalars(as: Float.self) == sums.map { Float($0) })
    #expect(try reduce("Max", floats, axes).scalars(as: Float.self) == highs.map { Float($0) })
    let kept1 = try reduce("Sum", floats, axes, keep: true)
    #expect(kept1.shape.dimensions == shape.indices.map { kept.contains($0) ? shape[$0] : 1 })
  }

  @Test(
    "of columns take row after row, however many there are", arguments: [1, 5, 8, 63, 64, 130, 200],
    [1, 9, 37])
  func columns(width: Int, rows: Int) throws {
    var values = (0..<rows * width).map { Float(($0 * 7919) % 1001 - 500) / 7 }
    values[width / 2] = .nan
    var (sums, highs, lows) = (
      [Float](repeating: 0, count: width), [Float](repeating: -.infinity, count: width),
      [Float](repeating: .infinity, count: width)
    )
    for (place, value) in values.enumerated() {
      let column = place % width
      sums[column] += value
      if value > highs[column] || value.isNaN { highs[column] = value }
      if value < lows[column] || value.isNaN { lows[column] = value }
    }
    let x = try Tensor(shape: [rows, width], scalars: values)
    for (op, expected) in [("Sum", sums), ("Max", highs), ("Min", lows)] {
      let found = try reduce(op, x, [0]).scalars(as: Float.self)
      #expect(zip(found, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, "\(op)")
    }
  }

  @Test("of short rows among others are those of any rows", arguments: [1, 2, 7, 32, 33], [1, 3, 400])
  func shortRows(length: Int, outer: Int) throws {
    let (batch, kept) = (2, outer == 400 ? 5 : 90)
    let values = (0..<batch * outer * kept * length).map { Float(($0 * 7919) % 1001 - 500) / 7 }
    let x = try Tensor(shape: [batch, outer, kept, length], scalars: values)
    let wide = try Tensor(shape: [batch, outer, kept, length], scalars: values.map { Double($0) })
    for op in ["Sum", "Mean", "Max", "Min"] {
      let found = try reduce(op, x, [1, 3]).scalars(as: Float.self)
      var expected: [Double] = []
      for group in 0..<batch {
        for column in 0..<kept {
          let plane = try (0..<outer).flatMap { row -> [Double] in
            let start = ((group * outer + row) * kept + column) * length
            return Array(try wide.scalars(as: Double.self)[start..<start + length])
          }
          expected += try reduce(op, Tensor(plane), [0]).scalars(as: Double.self)
        }
      }
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 1e-2 }, "\(op)")
    }
  }

  @Test("of nothing give what TensorFlow gives")
  func empty() throws {
    let x = try Tensor(shape: [2, 0], scalars: [Float]())
    let n = try Tensor(shape: [2, 0], scalars: [Int32]())
    #expect(try reduce("Sum", x, [1]).scalars(as: Float.self) == [0, 0])
    #expect(try reduce("Prod", x, [1]).scalars(as: Float.self) == [1, 1])
    #expect(try reduce("Max", x, [1]).scalars(as: Float.self) == [-.infinity, -.infinity])
    #expect(try reduce("Min", x, [1]).scalars(as: Float.self) == [.infinity, .infinity])
    #expect(try reduce("Mean", x, [1]).scalars(as: Float.self).allSatisfy(\.isNaN))
    #expect(try reduce("Mean", n, [1]).scalars(as: Int32.self) == [0, 0])
    #expect(try reduce("Max", n, [1]).scalars(as: Int32.self) == [.min, .min])
    let b = try Tensor(shape: [2, 0], scalars: [Bool]())
    #expect(try reduce("All", b, [1]).scalars(as: Bool.self) == [true, true])
    #expect(try reduce("Any", b, [1]).scalars(as: Bool.self) == [false, false])
  }

  @Test("keep NaN in the largest and smallest")
  func nan() throws {
    var values = [Float](repeating: 1, count: 100)
    values[70] = .nan
    values[71] = 5
    let x = try Tensor(values)
    #expect(try reduce("Max", x, [0]).scalars(as: Float.self)[0].isNaN)
    #expect(try reduce("Min", x, [0]).scalars(as: Float.self)[0].isNaN)
    let columns = try Tensor(shape: [2, 2], scalars: [Float(1), .nan, 3, 1])
    let high = try reduce("Max", columns, [0]).scalars(as: Float.self)
    #expect(high[0] == 3 && high[1].isNaN)
  }

  @Test("of integers: means are added with 64 bits and cut, norms wrap around")
  func integers() throws {
    #expect(try reduce("Mean", Tensor([Int8(100), 100, 100]), [0]).scalars(as: Int8.self) == [100])
    #expect(try reduce("Mean", Tensor([Int32.max, .max]), [0]).scalars(as: Int32.self) == [.max])
    #expect(try reduce("Mean", Tensor([Int64.max, .max]), [0]).scalars(as: Int64.self) == [-1])
    #expect(try reduce("Mean", Tensor([Int64(-7), 0]), [0]).scalars(as: Int64.self) == [-3])
    #expect(try reduce("Sum", Tensor([Int8(100), 100]), [0]).scalars(as: Int8.self) == [-56])
    #expect(try reduce("EuclideanNorm", Tensor([Int8(100), 100]), [0]).scalars(as: Int8.self) == [5])
    #expect(try reduce("EuclideanNorm", Tensor([UInt8(255), 255]), [0]).scalars(as: UInt8.self) == [1])
    #expect(
      try reduce("EuclideanNorm", Tensor([Int64(1 << 31), 1 << 31]), [0]).scalars(as: Int64.self) == [.min])
    #expect(try reduce("EuclideanNorm", Tensor([Float(-3), 5]), []).scalars(as: Float.self) == [3, 5])
  }

  @Test("of long rows stay exact")
  func accuracy() throws {
    let x = try Tensor([Float](repeating: 0.1, count: 1_000_000))
    #expect(abs(try reduce("Sum", x, [0]).scalars(as: Float.self)[0] - 100_000) < 0.05)
    #expect(abs(try reduce("Mean", x, [0]).scalars(as: Float.self)[0] - 0.1) < 1e-7)
    let columns = try Tensor(shape: [500_000, 2], scalars: [Float](repeating: 0.1, count: 1_000_000))
    #expect(try reduce("Sum", columns, [0]).scalars(as: Float.self).allSatisfy { abs($0 - 50_000) < 0.5 })
  }

  @Test("refuse axes that are not there or named twice")
  func axes() throws {
    let x = try Tensor(shape: [1, 1], scalars: [Float(1)])
    func message(_ axes: [Int32]) throws -> String {
      MathHarness.message("Sum", [x, try Tensor(axes)], ["keep_dims": .bool(false)])
    }
    #expect(try message([2]) == "Invalid reduction dimension 2 for an input with 2 dimension(s).")
    #expect(try message([-3]) == "Invalid reduction dimension -3 for an input with 2 dimension(s).")
    #expect(try message([1, -1]) == "The axes to reduce contain dimension 1 twice.")
    let scalar = MathHarness.message(
      "Sum", [try Tensor(Float(1)), try Tensor(Int32(-1))], ["keep_dims": .bool(false)])
    #expect(scalar == "Invalid reduction dimension -1 for an input with 0 dimension(s).")
  }

  @Test("have shapes that are known before the run where the axes are")
  func shapes() throws {
    func infer(_ shape: PartialShape, axes: [Int32]?, keep: Bool) throws -> PartialShape {
      try KernelHarness.inferShapes(
        "Sum", in: MathOps.all, [shape, .ofRank(1)], inputTypes: [.float32, .int32],
        constants: axes.map { [1: try Tensor($0)] } ?? [:], attributes: ["keep_dims": .bool(keep)],
        outputs: [.float32])[0]
    }
    #expect(try infer(PartialShape([nil, 3, 4]), axes: [-1], keep: false) == PartialShape([nil, 3]))
    #expect(try infer(PartialShape([nil, 3, 4]), axes: [0], keep: true) == PartialShape([1, 3, 4]))
    #expect(try infer(PartialShape([nil, 3]), axes: nil, keep: true) == PartialShape([nil, nil]))
    #expect(try infer(PartialShape([nil, 3]), axes: nil, keep: false) == .unknown)
  }

  @Test("ArgMax and ArgMin give the first, and never NaN")
  func argExtremes() throws {
    func run(_ op: String, _ x: [Float], _ shape: [Int], _ axis: Int32) throws -> [Int64] {
      try MathHarness.run(op, [Tensor(shape: shape, scalars: x), Tensor(axis)], outputs: [.int64])[0]
        .scalars(as: Int64.self)
    }
    #expect(try run("ArgMax", [1, .nan, 3], [3], 0) == [2])
    #expect(try run("ArgMin", [.nan, 1, 3], [3], 0) == [1])
    #expect(try run("ArgMax", [.nan, .nan], [2], 0) == [0])
    #expect(try run("ArgMax", [1, 3, 3], [3], -1) == [1])
    #expect(try run("ArgMax", [1, 5, 2, 5, 0, 9], [2, 3], 0) == [1, 0, 1])
    #expect(try run("ArgMin", [1, 5, 2, 5, 0, 9], [2, 3], 1) == [0, 1])
    #expect(
      MathHarness.message(
        "ArgMax", [try Tensor(shape: [0, 2], scalars: [Float]()), try Tensor(Int32(0))], outputs: [.int64])
        == "Reduction axis 0 is empty in shape [0,2].")
    #expect(
      MathHarness.message("ArgMax", [try Tensor([Float(1)]), try Tensor(Int32(1))], outputs: [.int64])
        == "Expected a dimension in the range [-1, 1), but got 1.")
  }

  @Test(
    "ArgMax and ArgMin of float32 find what those of float64 do", arguments: [1, 4, 7, 16, 21, 32, 33, 70])
  func argExtremesOfRows(length: Int) throws {
    var values = (0..<40 * length).map { Float(($0 * 7919) % 31 - 15) / 4 }
    // Rows of nothing else, and such that begin or end with them.
    for (row, value) in [(3, -Float.infinity), (5, .infinity), (7, .nan)] {
      values.replaceSubrange(row * length..<(row + 1) * length, with: repeatElement(value, count: length))
    }
    (values[9 * length], values[11 * length - 1], values[13 * length]) = (.nan, -.infinity, .infinity)
    for shape in [[40, length], [length, 40], [2, length, 20]] {
      let axis = Int32(shape.firstIndex(of: length) ?? 0)
      for op in ["ArgMax", "ArgMin"] {
        let found = try MathHarness.run(
          op, [Tensor(shape: shape, scalars: values), Tensor(axis)], outputs: [.int64])[0]
        let expected = try MathHarness.run(
          op, [Tensor(shape: shape, scalars: values.map { Double($0) }), Tensor(axis)], outputs: [.int64])[0]
        #expect(try found.scalars(as: Int64.self) == expected.scalars(as: Int64.self), "\(op) \(shape)")
      }
    }
  }

  @Test("Cumulative sums and products, exclusive and from the end")
  func cumulative() throws {
    func run(_ op: String, _ x: [Float], _ shape: [Int], _ axis: Int32, _ exclusive: Bool, _ reverse: Bool)
      throws -> [Float]
    {
      try MathHarness.run(
        op, [Tensor(shape: shape, scalars: x), Tensor(axis)],
        ["exclusive": .bool(exclusive), "reverse": .bool(reverse)])[0].scalars(as: Float.self)
    }
    #expect(try run("Cumsum", [1, 2, 3], [3], 0, false, false) == [1, 3, 6])
    #expect(try run("Cumsum", [1, 2, 3], [3], 0, true, true) == [5, 3, 0])
    #expect(try run("Cumprod", [1, 2, 3], [3], -1, true, false) == [1, 1, 2])
    #expect(try run("Cumsum", [1, 2, 3, 4], [2, 2], 0, false, true) == [4, 6, 3, 4])
    #expect(try run("Cumsum", [], [0, 2], 1, false, false) == [])
    let half = try Tensor([Float16](repeating: 1.1, count: 3000))
    let sums = try MathHarness.run(
      "Cumsum", [half, Tensor(Int32(0))], ["exclusive": .bool(false), "reverse": .bool(false)])
    // Rounded at every step, as TensorFlow's are.
    #expect(try sums[0].scalars(as: Float16.self)[2999] == 4006)
    let logarithms = try run("CumulativeLogsumexp", [1, 2, 3, -.infinity], [4], 0, false, false)
    #expect(
      zip(logarithms, [1, 2.3132617, 3.4076059, 3.4076059] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
  }
}
