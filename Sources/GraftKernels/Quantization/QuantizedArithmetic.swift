import GraftGraph
import GraftTensor

enum QuantizedArithmeticOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "QuantizedAdd", "The sums of values of two ranges, as values of 32 bits.",
      types: ["T1": [.quint8], "T2": [.quint8], "Toutput": [.qint32]], shape: broadcastShape,
      prepare: { _ in { context in try add(context) } }),
    OpDefinition(
      "QuantizedMul", "The products of values of two ranges, as values of 32 bits.",
      types: ["T1": [.quint8], "T2": [.quint8], "Toutput": [.qint32]], shape: broadcastShape,
      prepare: { _ in { context in try multiply(context) } }),
    OpDefinition(
      "QuantizedBiasAdd", "Adds a value to each channel, as values of 32 bits.",
      types: ["T1": [.qint8, .quint8], "T2": [.qint8, .quint8], "out_type": [.qint32]],
      shape: ShapeRules.quantizedSame, prepare: { _ in { context in try addBias(context) } }),
    OpDefinition(
      "QuantizedMatMul", "The product of two matrices of values, as values of 32 bits.",
      types: ["T1": [.quint8], "T2": [.quint8], "Toutput": [.qint32]],
      shape: { context in
        let rows = context.input(0)[try context.node.bool("transpose_a") ? 1 : 0]
        let columns = context.input(1)[try context.node.bool("transpose_b") ? 0 : 1]
        return [PartialShape([rows, columns]), .scalar, .scalar]
      },
      prepare: { setup in
        let transposesA = try setup.bool("transpose_a")
        let transposesB = try setup.bool("transpose_b")
        return { context in try matrixProduct(context, transposesA, transposesB) }
      }),
  ]

  private static let broadcastShape: ShapeRule = {
    [ShapeRules.broadcast($0.input(0), $0.input(1)), .scalar, .scalar]
  }

  // MARK: Element by element

  /// Gives what the body makes of the values that meet where two inputs are broadcast to one shape.
  private static func combine(
    _ context: KernelContext, _ x: Tensor, _ y: Tensor, _ body: @Sendable (UInt8, UInt8) -> Int32
  ) throws {
    let broadcast = try Broadcast([x.shape, y.shape])
    nonisolated(unsafe) let output = try context.allocate(0, .qint32, broadcast.shape)
      .mutableBuffer(as: Int32.self)
    guard !output.isEmpty else { return }
    nonisolated(unsafe) let (left, right) = (x.buffer(as: UInt8.self), y.buffer(as: UInt8.self))
    context.workers.forEach(broadcast.rowCount, cost: broadcast.rowLength) { rows in
      broadcast.forEachPair(rows) { output[$0] = body(left[$1], right[$2]) }
    }
  }

  private static func add(_ context: KernelContext) throws {
    let (x, y) = (try context.input(0), try context.input(1))
    let rangeX = try checkedRange(context, 2)
    let rangeY = try checkedRange(context, 4)
    // Room for many sums.
    let largest = max(max(abs(rangeX.low), abs(rangeX.high)), max(abs(rangeY.low), abs(rangeY.high)))
    let limit = largest * Float(1 << 14)
    let type = QuantizedType(.qint32)
    /// The values in the output's range: on a line through those of 0 and 1, or each by itself.
    func table(_ range: (low: Float, high: Float), isScalar: Bool) -> [Int32] {
      let narrow = QuantizedType(.quint8)
      if isScalar {
        return (0..<256).map { code in
          let real = narrow.real(Int64(code), range.low, range.high)
          return Int32(truncatingIfNeeded: type.quantized(real, -limit, limit))
        }
      }
      let zero = type.unclamped(narrow.real(0, range.low, range.high), -limit, limit)
      let one = type.unclamped(narrow.real(1, range.low, range.high), -limit, limit)
      let step = Int64(Int32(truncatingIfNeeded: one &- zero))
      return (0..<256).map { code in
        Int32(truncatingIfNeeded: min(max(zero &+ Int64(code) &* step, type.lowest), type.highest))
      }
    }
    let tableX = table(rangeX, isScalar: x.elementCount == 1)
    let tableY = table(rangeY, isScalar: y.elementCount == 1 && x.elementCount != 1)
    try combine(context, x, y) { tableX[Int($0)] &+ tableY[Int($1)] }
    try context.setQuantizedRange(1, low: -limit, high: limit)
  }

  private static func multiply(_ context: KernelContext) throws {
    let (x, y) = (try context.input(0), try context.input(1))
    let rangeX = try checkedRange(context, 2)
    let rangeY = try checkedRange(context, 4)
    let type = QuantizedType(.quint8)
    let zeroX = Int32(truncatingIfNeeded: type.unclamped(0, rangeX.low, rangeX.high))
    let zeroY = Int32(truncatingIfNeeded: type.unclamped(0, rangeY.low, rangeY.high))
    try combine(context, x, y) { (Int32($0) &- zeroX) &* (Int32($1) &- zeroY) }
    let range = productRange(.quint8, rangeX, .quint8, rangeY)
    try context.setQuantizedRange(1, low: range.low, high: range.high)
  }

  private static func checkedRange(_ context: KernelContext, _ first: Int) throws -> (low: Float, high: Float)
  {
    let range = try context.quantizedRange(first)
    guard range.high > range.low else {
      throw GraftError(
        .invalidArgument, "The range begins at \(range.low) and ends at \(range.high), not after that.",
        at: .init(input: first))
    }
    return range
  }

  /// The range of 32 bits in which the products of values are exact.
  static func productRange(
    _ typeA: DataType, _ a: (low: Float, high: Float), _ typeB: DataType, _ b: (low: Float, high: Float)
  ) -> (low: Float, high: Float) {
    let step = QuantizedType(typeA).realStep(a.low, a.high) * QuantizedType(typeB).realStep(b.low, b.high)
    let type = QuantizedType(.qint32)
    return (step * Float(type.lowest), step * Float(type.highest))
  }

  // MARK: Bias and matrices

  private static func addBias(_ context: KernelContext) throws {
    let (input, bias) = (try context.input(0), try context.input(1))
    let inputRange = try context.quantizedRange(2)
    let biasRange = try context.quantizedRange(4)
    guard input.rank >= 2, bias.rank == 1, bias.shape[0] == input.shape[input.rank - 1] else {
      throw GraftError(
        .invalidArgument,
        "'bias' has one value for each of the input's channels; the shapes \(input.shape) and \(bias.shape) were found."
      )
    }
    let largest = max(inputRange.high, max(-inputRange.low, max(biasRange.high, -biasRange.low)))
    let limit = largest * Float(1 << 17)
    let type = QuantizedType(.qint32)
    let zero = Int32(truncatingIfNeeded: type.quantized(0, -limit, limit))
    let total = QuantizedScale(type, -limit, limit)
    let inputScale = RealScale(QuantizedType(input.dtype), inputRange.low, inputRange.high)
    let biasScale = RealScale(QuantizedType(bias.dtype), biasRange.low, biasRange.high)
    // A byte has so few values that each of them is converted once.
    let table = (0..<256).map { code in
      total(inputScale(Float(input.dtype == .qint8 ? Int(Int8(truncatingIfNeeded: code)) : code)))
    }
    let biases = bias.quantizedValues().map { total(biasScale(Float($0))) &+ zero }
    nonisolated(unsafe) let output = try context.allocate(0, .qint32, input.shape)
      .mutableBuffer(as: Int32.self)
    nonisolated(unsafe) let codes = input.buffer(as: UInt8.self)
    context.workers.forEach(codes.count / max(biases.count, 1), cost: biases.count) { rows in
      for row in rows {
        for channel in biases.indices {
          let place = row * biases.count + channel
          output[place] = table[Int(codes[place])] &+ biases[channel]
        }
      }
    }
    try context.setQuantizedRange(1, low: -limit, high: limit)
  }

  private static func matrixProduct(
    _ context: KernelContext, _ transposesA: Bool, _ transposesB: Bool
  ) throws {
    let (a, b) = (try context.input(0), try context.input(1))
    let rangeA = try context.quantizedRange(2)
    let rangeB = try context.quantizedRange(4)
    try WholeNumberProducts.multiply(
      context, .init(a, range: rangeA), transposed: transposesA, .init(b, range: rangeB),
      transposed: transposesB)
    let range = productRange(a.dtype, rangeA, b.dtype, rangeB)
    try context.setQuantizedRange(1, low: range.low, high: range.high)
  }
}
