import GraftGraph
import GraftTensor

/// Products of two matrices.
enum MatMulOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "MatMul",
      "The product of two matrices, each transposed first where `transpose_a` or `transpose_b` says so.",
      types: ["T": dtypes], traits: .packedProduct, shape: shape
    ) { node in
      try kernel(node, fused: .none)
    },
    OpDefinition(
      "_FusedMatMul",
      """
      `MatMul` with what followed it: `fused_ops` lists `BiasAdd`, `Add` (of a tensor of the result's shape) and \
      an activation, each at most once and in this order. `PRelu` reads a slope for each column. Planning makes it; \
      graphs need not hold it.
      """,
      types: ["T": .floats], traits: .packedProduct, shape: shape
    ) { node in
      try kernel(node, fused: FusedOps(node).withoutScale(node))
    },
  ]

  static let dtypes: [DataType] = [.int16, .int32, .int64] + .floats + .complexes

  private static func shape(_ context: ShapeContext) throws -> [PartialShape] {
    let (transposeA, transposeB) = (
      try context.node.bool("transpose_a"), try context.node.bool("transpose_b")
    )
    let (a, b) = (context.input(0), context.input(1))
    for (index, operand) in [a, b].enumerated() where operand.rank != nil && operand.rank != 2 {
      throw GraftError(
        .invalidArgument, "A matrix is expected, and a tensor of shape \(operand) was found.",
        at: .init(input: index))
    }
    let (left, right) = (a[transposeA ? 0 : 1], b[transposeB ? 1 : 0])
    if let left, let right, left != right { throw mismatch("\(a)", "\(b)", left, right) }
    return [PartialShape([a[transposeA ? 1 : 0], b[transposeB ? 0 : 1]])]
  }

  private static func mismatch(_ a: String, _ b: String, _ left: Int, _ right: Int) -> GraftError {
    GraftError(
      .invalidArgument,
      "Matrices of shapes \(a) and \(b) cannot be multiplied: rows of \(left) elements meet columns of \(right).",
      remedy: "Check the shapes, and which of the two is to be transposed.")
  }

  private static func kernel(_ node: NodeSetup, fused: FusedOps) throws -> Kernel {
    let transposeA = try node.bool("transpose_a")
    let transposeB = try node.bool("transpose_b")
    let dtype = try node.type("T")
    let offsets = [0]
    return { context in
      let (a, b) = (try context.input(0), try context.input(1))
      for (index, operand) in [(0, a), (1, b)] where operand.rank != 2 {
        throw GraftError(
          .invalidArgument, "A matrix is expected, and a tensor of shape \(operand.shape) was found.",
          at: .init(input: index))
      }
      let (m, k) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
      let (depth, n) = transposeB ? (b.shape[1], b.shape[0]) : (b.shape[0], b.shape[1])
      guard k == depth else { throw mismatch("\(a.shape)", "\(b.shape)", k, depth) }
      let shape = try Shape(validating: [m, n])
      let output = try context.allocate(0, dtype, shape)
      let left = MatrixOperand(
        tensor: a, row: transposeA ? 1 : k, column: transposeA ? m : 1, offsets: offsets)
      let right = MatrixOperand(
        tensor: b, row: transposeB ? 1 : n, column: transposeB ? k : 1, offsets: offsets, input: 1)
      var product = MatrixProduct(
        rows: m, columns: n, depth: k, left: left, right: right,
        finish: try fused.finish(context, shape: shape, channels: n, dtype: dtype))
      try product.prepareRight(context)
      try product.run(context, into: output, binds: true)
    }
  }
}
