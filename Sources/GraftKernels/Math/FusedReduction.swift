import GraftGraph
import GraftTensor

extension OpDefinition {
  /// Whether the op, with a first input of this type, can be the end of `_FusedReduction`.
  package func reducesRows(_ dtype: DataType) -> Bool { rowReduction?(dtype)?.size == dtype.size }
}

/// A reduction together with the ops that compute its input element by element, which is not written to memory.
package enum FusedReductionOps {
  /// How many elements one of the result may be made from.
  package static let longestRow = BroadcastRows.longest

  static let all: [OpDefinition] = [
    OpDefinition(
      "_FusedReduction",
      """
      The `ops` as `_FusedElementwise` has them, and `reduction` over the innermost `dimensions` of their result, \
      of up to 1,024 elements. \
      Planning makes it; graphs need not hold it.
      """,
      shape: { context in
        let full = context.inputs.reduce(PartialShape.scalar) { ShapeRules.broadcast($0, $1) }
        guard let dimensions = full.dimensions else { return [.unknown] }
        let reduced = try context.node.int("dimensions")
        guard 0...dimensions.count ~= reduced else { return [.unknown] }
        let ones = [Int?](repeating: 1, count: try context.node.bool("keep_dims") ? reduced : 0)
        return [PartialShape(dimensions.dropLast(reduced) + ones)]
      },
      prepare: { node in
        let name = try node.string("reduction")
        guard let dtype = node.outputTypes.first, let definition = OpRegistry.standard[name],
          definition.reducesRows(dtype), let reduction = definition.rowReduction?(dtype)
        else { throw node.invalid("'\(name)' of \(node.outputTypes) is no reduction of a fused op.") }
        let program = try ElementProgram(
          node,
          .init(
            reduction: reduction, dimensions: try node.int("dimensions"),
            keepsDimensions: try node.bool("keep_dims")))
        return { try program.run($0) }
      })
  ]
}
