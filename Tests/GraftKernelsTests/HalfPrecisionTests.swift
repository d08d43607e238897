import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Sums of half and bfloat16: rounded at every step where TensorFlow's kernels do so, and the same bits in every way of
/// computing them.
@Suite("Half precision and bfloat16")
struct HalfPrecisionTests {
  /// Numbers of a dtype of 16 bits, and one of them as float32.
  private func rounded(_ tensor: Tensor, _ dtype: DataType) throws -> Tensor {
    let values = try tensor.scalars(as: Float.self)
    return dtype == .float16
      ? try Tensor(shape: tensor.shape.dimensions, scalars: values.map { Float16($0) })
      : try Tensor(shape: tensor.shape.dimensions, scalars: values.map { BFloat16($0) })
  }

  private func floats(_ tensor: Tensor) throws -> [Float] {
    switch tensor.dtype {
    case .float16: try tensor.scalars(as: Float16.self).map { Float($0) }
    case .bfloat16: try tensor.scalars(as: BFloat16.self).map { Float($0) }
    default: try tensor.scalars()
    }
  }

  private func rounded(_ value: Float, _ dtype: DataType) -> Float {
    dtype == .float16 ? Float(Float16(value)) : Float(BFloat16(value))
  }

  /// The sum of products as its definition says; products are rounded too where columns are computed in groups of 8.
  private func sum(_ pairs: [(Float, Float)], column: Int, of columns: Int, _ dtype: DataType) -> Float {
    pairs.reduce(Float(0)) { sum, pair in
      let product = pair.0 * pair.1
      return rounded(sum + (column < columns / 8 * 8 ? rounded(product, dtype) : product), dtype)
    }
  }

  // Columns that are whole groups and panels, and not; rows that are whole tiles, and not.
  @Test(
    "An einsum rounds at every step, unless it is a long one of bfloat16",
    arguments: [(1, 1, 1), (4, 64, 16), (5, 33, 40), (9, 7, 23), (3, 12, 8), (2, 64, 17)],
    [DataType.float16, .bfloat16])
  func einsum(size: (rows: Int, depth: Int, columns: Int), dtype: DataType) throws {
    let (m, k, n) = (size.rows, size.depth, size.columns)
    let a = try rounded(NNHarness.noise([2, m, k], seed: 2), dtype)
    let b = try rounded(NNHarness.noise([2, n, k], seed: 3), dtype)
    let (left, right) = (try floats(a), try floats(b))
    let expected = (0..<2 * m * n).map { index -> Float in
      let (line, column) = (index / n, index % n)
      let (x, y) = (left[line * k..<(line + 1) * k], (line / m * n + column) * k)
      let pairs = Array(zip(x, right[y..<y + k]))
      // Long sums of bfloat16 are made in float32.
      return dtype == .bfloat16 && k > 16
        ? rounded(pairs.reduce(Float(0)) { ($1.0 * $1.1) + $0 }, dtype)
        : sum(pairs, column: column, of: n, dtype)
    }
    for threads in [1, 3] {
      let found = try NNHarness.run(
        "Einsum", [a, b], ["equation": .string("bik,bjk->bij"), "N": .int(2)], threads: threads)[0]
      #expect(try floats(found) == expected)
    }
  }

  @Test(
    "A depthwise convolution rounds at every step", arguments: [1, 5, 8, 16, 17, 24, 40],
    [DataType.float16, .bfloat16])
  func depthwise(channels: Int, dtype: DataType) throws {
    let x = try rounded(NNHarness.noise([2, 7, 6, channels], seed: 2), dtype)
    let filter = try rounded(NNHarness.noise([3, 3, channels, 1], seed: 3), dtype)
    let (values, weights) = (try floats(x), try floats(filter))
    for stride in [1, 2] {
      let (height, width) = ((7 + stride - 1) / stride, (6 + stride - 1) / stride)
      // SAME: zeros before and after, the odd one after.
      let before = (max((height - 1) * stride + 3 - 7, 0) / 2, max((width - 1) * stride + 3 - 6, 0) / 2)
      let expected = (0..<2 * height * width * channels).map { index -> Float in
        let (channel, pixel) = (index % channels, index / channels)
        let (image, row, column) = (pixel / width / height, pixel / width % height, pixel % width)
        let pairs = (0..<9).compactMap { position -> (Float, Float)? in
          let (v, u) = (row * stride + position / 3 - before.0, column * stride + position % 3 - before.1)
          guard (0..<7).contains(v), (0..<6).contains(u) else { return nil }
          return (
            values[((image * 7 + v) * 6 + u) * channels + channel], weights[position * channels + channel]
          )
        }
        return sum(pairs, column: channel, of: channels, dtype)
      }
      for threads in [1, 3] {
        let found = try NNHarness.run(
          "DepthwiseConv2dNative", [x, filter],
          [
            "strides": .ints([1, Int64(stride), Int64(stride), 1]), "padding": .string("SAME"),
            "explicit_paddings": .ints([]), "dilations": .ints([1, 1, 1, 1]), "data_format": .string("NHWC"),
          ], threads: threads)[0]
        #expect(try floats(found) == expected)
      }
    }
  }

  @Test(
    "Constant matrices and filters give the bits that others give",
    arguments: [DataType.float16, .bfloat16], [1, 3])
  func constants(dtype: DataType, threads: Int) throws {
    func expectSame(
      _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let inputs = try inputs.map { try rounded($0, dtype) }
      let fed = try floats(NNHarness.run(op, inputs, attributes)[0])
      let packed = try NNHarness.run(op, inputs, attributes, constants: [1], threads: threads)[0]
      #expect(try floats(packed) == fed, sourceLocation: sourceLocation)
    }
    for (m, k, n) in [(1, 40, 30), (200, 70, 50), (33, 300, 2), (150, 1, 17)] {
      let a = try NNHarness.noise([m, k], seed: 2)
      try expectSame(
        "MatMul", [a, NNHarness.noise([k, n], seed: 3)],
        ["transpose_a": .bool(false), "transpose_b": .bool(false)])
      try expectSame(
        "MatMul", [a, NNHarness.noise([n, k], seed: 4)],
        ["transpose_a": .bool(false), "transpose_b": .bool(true)])
      try expectSame(
        "BatchMatMulV2", [NNHarness.noise([2, m, k], seed: 5), NNHarness.noise([2, k, n], seed: 6)],
        ["adj_x": .bool(false), "adj_y": .bool(false)])
    }
    for window in [1, 3] {
      try expectSame(
        "Conv2D",
        [NNHarness.noise([1, 13, 14, 24], seed: 2), NNHarness.noise([window, window, 24, 40], seed: 3)],
        [
          "strides": .ints([1, 1, 1, 1]), "padding": .string("SAME"), "explicit_paddings": .ints([]),
          "dilations": .ints([1, 1, 1, 1]), "data_format": .string("NHWC"),
        ])
    }
  }

  // Dilations and strides; rows and columns that are whole tiles and panels, and not; depths that are odd.
  @Test(
    "Convolutions are summed up in float32 and rounded once",
    arguments: [(1, 3, 1, 1), (3, 3, 1, 2), (2, 5, 2, 1), (3, 16, 1, 1), (1, 512, 1, 1), (4, 7, 3, 2)],
    [DataType.float16, .bfloat16])
  func convolution(size: (window: Int, channels: Int, stride: Int, dilation: Int), dtype: DataType) throws {
    let (window, channels) = (size.window, size.channels)
    for outputs in [1, 17, 48] {
      let x = try rounded(NNHarness.noise([2, 9, 8, channels], seed: 2), dtype)
      let filter = try rounded(NNHarness.noise([window, window, channels, outputs], seed: 3), dtype)
      let attributes: [String: AttributeValue] = [
        "strides": .ints([1, Int64(size.stride), Int64(size.stride), 1]), "padding": .string("SAME"),
        "explicit_paddings": .ints([]),
        "dilations": .ints([1, Int64(size.dilation), Int64(size.dilation), 1]),
        "data_format": .string("NHWC"),
      ]
      let wide = try [x, filter].map { try Tensor(shape: $0.shape.dimensions, scalars: floats($0)) }
      let expected: [Float] = try NNHarness.run("Conv2D", wide, attributes)[0].scalars()
      for threads in [1, 3] {
        let found = try floats(NNHarness.run("Conv2D", [x, filter], attributes, threads: threads)[0])
        #expect(found.count == expected.count)
        // Sums in another order may fall on the other side of a half.
        let place: Float = dtype == .float16 ? 0x1p-10 : 0x1p-7
        let depth = Float(window * window * channels).squareRoot()
        for (found, expected) in zip(found, expected) {
          #expect((found - expected).magnitude <= 0.51 * place * expected.magnitude + depth * 0x1p-20)
        }
      }
    }
  }

  @Test(
    "A bias is added to lines of all lengths", arguments: [DataType.float16, .bfloat16, .float32],
    ["NHWC", "NCHW"])
  func bias(dtype: DataType, format: String) throws {
    for (rows, channels) in [(1, 1), (7, 3), (300, 5), (2, 700)] {
      let shape = format == "NHWC" ? [1, rows, 1, channels] : [1, channels, rows, 1]
      let (x, offsets) = (try NNHarness.noise(shape, seed: 2), try NNHarness.noise([channels], seed: 3))
      let inputs = dtype == .float32 ? [x, offsets] : try [x, offsets].map { try rounded($0, dtype) }
      let (values, added) = (try floats(inputs[0]), try floats(inputs[1]))
      let expected = values.indices.map { index in
        let sum = values[index] + added[format == "NHWC" ? index % channels : index / rows]
        return dtype == .float32 ? sum : rounded(sum, dtype)
      }
      for threads in [1, 3] {
        let found = try NNHarness.run(
          "BiasAdd", inputs, ["data_format": .string(Bytes(format))], threads: threads)[0]
        #expect(try floats(found) == expected)
      }
    }
  }

  @Test("A mean rounds after each addition", arguments: [DataType.float16, .bfloat16], [1, 3, 9])
  func mean(dtype: DataType, window: Int) throws {
    // Windows of 9x9 are too large for steps in vectors.
    let x = try rounded(NNHarness.noise([1, 10, 11, 13], seed: 2), dtype)
    let values = try floats(x)
    let before = (window - 1) / 2
    let expected = (0..<10 * 11 * 13).map { index -> Float in
      let (channel, row, column) = (index % 13, index / 13 / 11, index / 13 % 11)
      let rows = max(row - before, 0)..<min(row - before + window, 10)
      let columns = max(column - before, 0)..<min(column - before + window, 11)
      let sum = rows.flatMap { v in columns.map { u in values[(v * 11 + u) * 13 + channel] } }.reduce(
        Float(0)
      ) {
        rounded($0 + $1, dtype)
      }
      return rounded(sum / Float(rows.count * columns.count), dtype)
    }
    for threads in [1, 3] {
      let found = try NNHarness.run(
        "AvgPool", [x],
        [
          "ksize": .ints([1, Int64(window), Int64(window), 1]), "strides": .ints([1, 1, 1, 1]),
          "padding": .string("SAME"), "explicit_paddings": .ints([]), "data_format": .string("NHWC"),
        ], threads: threads)[0]
      #expect(try floats(found) == expected)
    }
  }

  @Test("The slope of LeakyRelu is of the elements' dtype", arguments: [DataType.float16, .bfloat16])
  func slope(dtype: DataType) throws {
    let x = try rounded(NNHarness.noise([700], seed: 2), dtype)
    let y = try KernelHarness.run(
      "LeakyRelu", in: MathOps.all, [x], attributes: ["alpha": .float(0.3)], types: ["T": dtype],
      outputs: [dtype])[0]
    let expected = try floats(x).map { $0 > 0 ? $0 : rounded($0 * rounded(0.3, dtype), dtype) }
    #expect(try floats(y) == expected)
  }

  @Test(
    "Sums of several tensors are rounded after each addition", arguments: [2, 4, 9, 10, 12, 17],
    [DataType.float16, .bfloat16])
  func additions(count: Int, dtype: DataType) throws {
    let inputs = try (0..<count).map { try rounded(NNHarness.noise([700], seed: 2 + UInt64($0)), dtype) }
    let y = try KernelHarness.run(
      "AddN", in: MathOps.all, inputs, attributes: ["N": .int(Int64(count))], types: ["T": dtype],
      outputs: [dtype])[0]
    let values = try inputs.map(floats)
    // Up to 9, then 8 at a time: TensorFlow's order.
    let first = count <= 9 ? count : [8, 9, 2, 3, 4, 5, 6, 7][count % 8]
    let expected = (0..<700).map { index in
      func sum(_ part: Range<Int>) -> Float {
        part.dropFirst().reduce(values[part.lowerBound][index]) { rounded($0 + values[$1][index], dtype) }
      }
      return stride(from: first, to: count, by: 8).reduce(sum(0..<first)) {
        rounded($0 + sum($1..<$1 + 8), dtype)
      }
    }
    #expect(try floats(y) == expected)
  }

  /// A row's sum or product as TensorFlow's loops make it: in packets of 8, rounded after each step.
  private func folded(_ row: ArraySlice<Float>, multiplies: Bool, _ dtype: DataType) -> Float {
    let most = 8 * (dtype == .float16 ? 200 : 128)
    func join(_ a: Float, _ b: Float) -> Float { rounded(multiplies ? a * b : a + b, dtype) }
    if !multiplies, row.count > most {
      let middle = (row.startIndex + (row.count + 1) / 2 + 7) / 8 * 8
      return join(
        folded(row[..<middle], multiplies: multiplies, dtype),
        folded(row[middle...], multiplies: multiplies, dtype))
    }
    var packets = [[Float]](repeating: [Float](repeating: multiplies ? 1 : 0, count: 8), count: 4)
    var rest = row
    while row.count >= 32, rest.count >= 32 {
      for packet in 0..<4 {
        packets[packet] = zip(packets[packet], rest.prefix(8)).map(join); rest = rest.dropFirst(8)
      }
    }
    for packet in 1..<4 { packets[0] = zip(packets[0], packets[packet]).map(join) }
    while rest.count >= 8 { packets[0] = zip(packets[0], rest.prefix(8)).map(join); rest = rest.dropFirst(8) }
    let single = rest.reduce(multiplies ? 1 : 0, join)
    var last = packets[0]
    while last.count > 1 {
      last = (0..<last.count / 2).map { index in
        let (a, b) = (last[index], last[index + last.count / 2])
        return multiplies ? a * b : a + b
      }
    }
    return join(single, rounded(last[0], dtype))
  }

  @Test(
    "Rows are reduced in TensorFlow's order", arguments: [1, 3, 8, 13, 37, 64, 200, 1000, 1700, 5000],
    [DataType.float16, .bfloat16])
  func rows(length: Int, dtype: DataType) throws {
    let x = try rounded(NNHarness.noise([3, length], seed: 2), dtype)
    let values = try floats(x)
    for op in dtype == .float16 ? ["Sum", "Prod", "Mean"] : ["Prod"] {
      let found = try KernelHarness.run(
        op, in: MathOps.all, [x, Tensor([Int32(1)])], attributes: ["keep_dims": .bool(false)],
        types: ["T": dtype, "Tidx": .int32], outputs: [dtype], threads: 2)[0]
      let expected = (0..<3).map { row -> Float in
        let result = folded(values[row * length..<(row + 1) * length], multiplies: op == "Prod", dtype)
        return op == "Mean" ? rounded(result / rounded(Float(length), dtype), dtype) : result
      }
      #expect(try floats(found) == expected)
    }
  }

  // What TensorFlow 2.21 gives for so many times 1.1: sums of half lose as much.
  @Test(
    "Means of half are as far off as TensorFlow's",
    arguments: [([3000], 1.097), ([3000, 2], 1.335), ([5000, 16], 1.021)])
  func means(shape: [Int], expected: Double) throws {
    let x = try Tensor(shape: shape, scalars: [Float16](repeating: 1.1, count: shape.reduce(1, *)))
    let y = try KernelHarness.run(
      "Mean", in: MathOps.all, [x, Tensor([Int32(0)])], attributes: ["keep_dims": .bool(false)],
      types: ["T": .float16, "Tidx": .int32], outputs: [.float16])[0]
    #expect(try y.scalars(as: Float16.self).allSatisfy { $0 == Float16(expected) })
  }

  // Columns of which packets are whole, and not, or lie across two matrices.
  @Test(
    "Columns are reduced in TensorFlow's order",
    arguments: [(1, 5, 8), (1, 20, 12), (3, 49, 16), (2, 37, 13)],
    [DataType.float16, .bfloat16])
  func columns(size: (batch: Int, rows: Int, columns: Int), dtype: DataType) throws {
    let (batch, rows, columns) = (size.batch, size.rows, size.columns)
    let x = try rounded(NNHarness.noise([batch, rows, columns], seed: 2), dtype)
    let values = try floats(x)
    for op in dtype == .float16 ? ["Sum", "Prod", "Mean"] : ["Prod"] {
      func join(_ a: Float, _ b: Float) -> Float { rounded(op == "Prod" ? a * b : a + b, dtype) }
      let neutral: Float = op == "Prod" ? 1 : 0
      let expected = (0..<batch * columns).map { place -> Float in
        let (matrix, column) = (place / columns, place % columns)
        let line = (0..<rows).map { values[(matrix * rows + $0) * columns + column] }
        let packet = place / 8 * 8
        let isWhole = packet / columns == (packet + 7) / columns && packet + 8 <= batch * columns
        var result: Float
        if isWhole, rows >= 16 {
          let whole = rows / 4 * 4
          let parts = (0..<4).map { part in
            stride(from: part, to: whole, by: 4).reduce(neutral) { join($0, line[$1]) }
          }
          result = line[whole...].reduce(parts.dropFirst().reduce(parts[0], join), join)
        } else {
          result = line.reduce(neutral, join)
        }
        return op == "Mean" ? rounded(result / Float(rows), dtype) : result
      }
      for threads in [1, 3] {
        let found = try KernelHarness.run(
          op, in: MathOps.all, [x, Tensor([Int32(1)])], attributes: ["keep_dims": .bool(false)],
          types: ["T": dtype, "Tidx": .int32], outputs: [dtype], threads: threads)[0]
        #expect(try floats(found) == expected)
      }
    }
  }

  @Test("The largest of numbers below all of half is half's lowest")
  func lowest() throws {
    let x = try Tensor(shape: [1, 2, 2, 1], scalars: [-Float16.infinity, .nan, -.infinity, -.infinity])
    let y = try NNHarness.run(
      "MaxPool", [x],
      [
        "ksize": .ints([1, 2, 2, 1]), "strides": .ints([1, 2, 2, 1]), "padding": .string("VALID"),
        "explicit_paddings": .ints([]), "data_format": .string("NHWC"),
      ])[0]
    #expect(try y.scalars() == [-Float16.greatestFiniteMagnitude])
  }
}
