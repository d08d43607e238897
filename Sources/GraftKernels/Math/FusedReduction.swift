import GraftGraph
import GraftTensor

extension OpDefinition {
  /// Whether the op, with a first input of this type, can be the end of `_FusedReduction`.
  package func reducesRows(_ dtype: DataType) -> Bool { rowReduction?(dtype)?.size == dtype.size }
}

/// A reduction together with the ops that compute its input element by element, which is not written to memory.
package enum FusedReductionOps {
  /// Whether a reduction goes over rows that are short enough to stay in the innermost cache.
  package static func takes(_ shape: Shape, axes: [Int]) -> Bool {
    (try? ReductionGeometry(shape, axes: axes, keepsDimensions: false)).map(takes) ?? false
  }

  static func takes(_ geometry: ReductionGeometry) -> Bool {
    geometry.reducesInnermost && geometry.sizes.count <= 2
      && 2...BroadcastRows.longest ~= geometry.reducedCount
  }

  static let all: [OpDefinition] = [
    OpDefinition(
      "_FusedReduction",
      """
      The `ops` as `_FusedElementwise` has them, and `reduction` over the innermost dimensions of their result, \
      `axes`, of 2 to 1,024 elements together. \
      Planning makes it; graphs need not hold it.
      """,
      shape: { context in
        [
          try ReductionGeometry.inferred(
            context.inputs.reduce(PartialShape.scalar) { ShapeRules.broadcast($0, $1) },
            axes: try context.node.ints("axes"), keepsDimensions: try context.node.bool("keep_dims"))
        ]
      },
      prepare: { node in
        let name = try node.string("reduction")
        guard let dtype = node.outputTypes.first,
          let reduction = OpRegistry.standard[name]?.rowReduction?(dtype),
          reduction.size == dtype.size
        else { throw node.invalid("'\(name)' of \(node.outputTypes) is no reduction of a fused op.") }
        let program = try ElementProgram(
          node,
          .init(
            reduction: reduction, axes: try node.ints("axes"), keepsDimensions: try node.bool("keep_dims")))
        return { try program.run($0) }
      })
  ]
}
