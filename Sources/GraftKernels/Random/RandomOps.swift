/// Random numbers as TensorFlow's groups of ops name it.
package enum RandomOps {
  /// Every op of the family.
  package static let all: [OpDefinition] = [
    StatefulRandomOps.all, StatelessRandomOps.all, MultinomialOps.all, RandomCropOp.all,
    RandomShuffleOps.all, RandomGammaOps.all,
    CandidateSamplingOps.all, RandomPoissonOps.all, RandomBinomialOps.all,
    ParameterizedTruncatedNormalOps.all, GeneratorStateOps.all, StochasticCastOps.all, SobolOps.all,
  ].flatMap { $0 }
}
