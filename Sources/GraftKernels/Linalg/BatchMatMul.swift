import GraftGraph
import GraftTensor

/// Products of many pairs of matrices.
enum BatchMatMulOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "BatchMatMul",
      "The products of matrices in the last two dimensions. The dimensions before them are the same on both sides.",
      types: ["T": MatMulOps.dtypes], traits: .packsConstants, shape: { try shape($0, broadcasts: false) }
    ) { node in
      try kernel(node, broadcasts: false)
    },
    OpDefinition(
      "BatchMatMulV2",
      "The products of matrices in the last two dimensions. The dimensions before them are broadcast.",
      types: ["T": MatMulOps.dtypes], traits: .packsConstants, shape: { try shape($0, broadcasts: true) }
    ) { node in
      try kernel(node, broadcasts: true)
    },
    OpDefinition(
      "BatchMatMulV3",
      """
      As `BatchMatMulV2`, with a dtype of its own for the result: products of 8-bit integers as int32, of 8-bit \
      integers and bfloat16 as bfloat16.
      """,
      types: [
        "Ta": mixed + [.int8, .uint8], "Tb": mixed + [.int8, .uint8], "Tout": mixed,
      ], shape: { try shape($0, broadcasts: true) }
    ) { node in
      try kernel(node, broadcasts: true)
    },
  ]

  private static let mixed: [DataType] = [.bfloat16, .float32, .float64, .int16, .int32, .int64] + .complexes

  // MARK: - Shapes

  private static func shape(_ context: ShapeContext, broadcasts: Bool) throws -> [PartialShape] {
    let (adjointX, adjointY) = (try context.node.bool("adj_x"), try context.node.bool("adj_y"))
    guard let x = context.input(0).dimensions, let y = context.input(1).dimensions else { return [.unknown] }
    guard x.count >= 2, y.count >= 2 else { throw tooFew("\(context.input(0))", "\(context.input(1))") }
    let (left, right) = (PartialShape(Array(x.dropLast(2))), PartialShape(Array(y.dropLast(2))))
    let batch = broadcasts ? ShapeRules.broadcast(left, right) : left.merged(with: right) ?? .unknown
    guard let sizes = batch.dimensions else { return [.unknown] }
    return [
      PartialShape(
        sizes + [adjointX ? x[x.count - 1] : x[x.count - 2], adjointY ? y[y.count - 2] : y[y.count - 1]])
    ]
  }

  private static func tooFew(_ x: String, _ y: String) -> GraftError {
    GraftError(
      .invalidArgument,
      "Shapes \(x) and \(y) were found where at least two dimensions are expected: the matrices'.")
  }

  // MARK: - Kernel

  private static func kernel(_ node: NodeSetup, broadcasts: Bool) throws -> Kernel {
    let adjointX = try node.bool("adj_x")
    let adjointY = try node.bool("adj_y")
    let dtype = try node.outputType(0)
    let types = [try node.inputType(0), try node.inputType(1)]
    let isUniform = types == [dtype, dtype]
    guard isUniform || mixes(types, dtype) else {
      throw node.unimplemented("There is no product of \(types[0]) and \(types[1]) as \(dtype).")
    }
    return { context in
      let x = try context.input(0)
      let y = try context.input(1)
      guard x.rank >= 2, y.rank >= 2 else { throw tooFew("\(x.shape)", "\(y.shape)") }
      let sides = try BatchOperands(
        x: x, y: y, adjointX: adjointX, adjointY: adjointY, broadcasts: broadcasts)
      let output = try context.allocate(0, dtype, sides.shape)
      var product = sides.product
      if !isUniform {
        product = MatrixProduct(
          rows: product.m, columns: product.n, depth: product.k,
          left: try converted(product.left, to: dtype, context),
          right: try converted(product.right, to: dtype, context))
      }
      try product.prepareRight(context)
      try product.run(context, into: output, binds: isUniform)
    }
  }

  private static func mixes(_ types: [DataType], _ result: DataType) -> Bool {
    let bytes: Set<DataType> = [.int8, .uint8]
    switch result {
    case .int32: return bytes.contains(types[0]) && bytes.contains(types[1])
    case .bfloat16:
      return types[0] == .bfloat16 && bytes.contains(types[1])
        || bytes.contains(types[0]) && types[1] == .bfloat16
    default: return false
    }
  }

  /// A side of 8-bit integers as int32, or as float32 where bfloat16 is computed.
  private static func converted(
    _ operand: MatrixOperand, to dtype: DataType, _ context: KernelContext
  ) throws -> MatrixOperand {
    var result = operand
    result.input = nil
    guard operand.tensor.dtype != dtype else { return result }
    let target: DataType = dtype == .bfloat16 ? .float32 : .int32
    result.tensor = try context.scratch(target, operand.tensor.shape)
    func convert<From: IntegerElement, To: ArithmeticElement>(_ from: From.Type, _ to: To.Type) {
      let source = operand.tensor.buffer(as: From.self)
      let destination = result.tensor.mutableBuffer(as: To.self)
      for index in 0..<source.count { destination[index] = To(integer: Int(source[index])) }
    }
    switch (operand.tensor.dtype, target) {
    case (.int8, .int32): convert(Int8.self, Int32.self)
    case (.uint8, .int32): convert(UInt8.self, Int32.self)
    case (.int8, _): convert(Int8.self, Float.self)
    default: convert(UInt8.self, Float.self)
    }
    return result
  }
}

/// Two tensors of matrices, paired.
private struct BatchOperands {
  let shape: Shape
  let product: MatrixProduct

  init(x: Tensor, y: Tensor, adjointX: Bool, adjointY: Bool, broadcasts: Bool) throws {
    let (xs, ys) = (x.shape.dimensions, y.shape.dimensions)
    let (xRows, xColumns) = (xs[xs.count - 2], xs[xs.count - 1])
    let (yRows, yColumns) = (ys[ys.count - 2], ys[ys.count - 1])
    let (m, k) = adjointX ? (xColumns, xRows) : (xRows, xColumns)
    let (depth, n) = adjointY ? (yColumns, yRows) : (yRows, yColumns)
    guard k == depth else {
      throw GraftError(
        .invalidArgument,
        """
        Matrices of shapes \(x.shape) and \(y.shape)\(adjointX ? ", the first transposed" : "")\
        \(adjointY ? ", the second transposed" : "") cannot be multiplied: rows of \(k) elements meet columns of \
        \(depth).
        """)
    }
    let batch = try Self.batch(Array(xs.dropLast(2)), Array(ys.dropLast(2)), x.shape, y.shape, broadcasts)
    shape = try Shape(validating: batch + [m, n])
    let xOffsets = Self.offsets(of: Array(xs.dropLast(2)), in: batch, matrix: xRows * xColumns)
    let yOffsets = Self.offsets(of: Array(ys.dropLast(2)), in: batch, matrix: yRows * yColumns)
    // One matrix for all on the right, rows that follow each other on the left: one product.
    if !adjointX, xOffsets.count > 1, !yOffsets.isEmpty, yOffsets.allSatisfy({ $0 == yOffsets[0] }),
      xOffsets.indices.allSatisfy({ xOffsets[$0] == $0 * m * k })
    {
      product = MatrixProduct(
        rows: m * xOffsets.count, columns: n, depth: k,
        left: MatrixOperand(tensor: x, row: k, column: 1, offsets: [0]),
        right: MatrixOperand(
          tensor: y, row: adjointY ? 1 : n, column: adjointY ? k : 1, conjugated: adjointY,
          offsets: [yOffsets[0]], input: 1))
      return
    }
    product = MatrixProduct(
      rows: m, columns: n, depth: k,
      left: MatrixOperand(
        tensor: x, row: adjointX ? 1 : k, column: adjointX ? m : 1, conjugated: adjointX, offsets: xOffsets),
      right: MatrixOperand(
        tensor: y, row: adjointY ? 1 : n, column: adjointY ? k : 1, conjugated: adjointY, offsets: yOffsets,
        input: 1))
  }

  private static func batch(
    _ x: [Int], _ y: [Int], _ xShape: Shape, _ yShape: Shape, _ broadcasts: Bool
  ) throws -> [Int] {
    guard broadcasts else {
      guard x == y else {
        throw GraftError(
          .invalidArgument, "Shapes \(xShape) and \(yShape) differ before the last two dimensions.",
          remedy: "BatchMatMulV2 is the op that broadcasts them.")
      }
      return x
    }
    let rank = max(x.count, y.count)
    return try (0..<rank).map { axis in
      let a = axis < rank - x.count ? 1 : x[axis - rank + x.count]
      let b = axis < rank - y.count ? 1 : y[axis - rank + y.count]
      guard a == b || a == 1 || b == 1 else {
        throw GraftError(
          .invalidArgument,
          "Shapes \(xShape) and \(yShape) do not broadcast before the last two dimensions: \(a) meets \(b).")
      }
      return a == 1 ? b : a
    }
  }

  /// Where the matrix for each element of the broadcast batch begins.
  private static func offsets(of sizes: [Int], in batch: [Int], matrix: Int) -> [Int] {
    var steps = [Int](repeating: 0, count: batch.count)
    var step = matrix
    for (axis, size) in sizes.enumerated().reversed() {
      steps[axis + batch.count - sizes.count] = size == 1 ? 0 : step
      step *= size
    }
    var offsets = [0]
    for (axis, size) in batch.enumerated() {
      offsets = offsets.flatMap { base in (0..<size).map { base + $0 * steps[axis] } }
    }
    return offsets
  }
}
