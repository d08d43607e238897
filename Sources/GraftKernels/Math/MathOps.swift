/// Arithmetic on elements, reductions and scans: what TensorFlow's documentation groups as `tf.math`.
package enum MathOps {
  /// Every op of the family.
  package static let all: [OpDefinition] = [
    elementary, trigonometric, rounding, activations, fusedActivations, FusedElementwiseOps.all,
    FusedReductionOps.all, arithmetic,
    division, powers,
    comparisons, logical, selection, combining, reductions, [cast], argExtremes, cumulative, sequences,
    complexParts, buckets, gradients, special, segments, counting, search, vectors, isotonic, composed,
    clustering,
  ].flatMap { $0 }
}
