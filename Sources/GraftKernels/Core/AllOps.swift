extension OpRegistry {
  /// Every op that Graft brings, family by family, those first that most graphs have.
  package static let standard = OpRegistry(
    families,
    frequent: [
      {
        ConstantOps.all + IdentityOps.all + MatMulOps.all + BiasAddOps.all + MathOps.activations
          + SoftmaxOps.all
      },
      {
        ReshapeOps.all + ConvolutionOps.all + MathOps.arithmetic + MathOps.division
          + ShapeQueryOps.all
      },
      { MathOps.elementary + MathOps.reductions + PadOps.all + DepthwiseConvolutionOps.all + ConcatOps.all },
      { MaxPoolingOps.all + AveragePoolingOps.all + BatchNormalizationOps.all + MathOps.combining },
      {
        TransposeOps.all + StridedSliceOps.all + SplitOps.all + FillOps.all + GatherOps.all + [MathOps.cast]
          + MathOps.trigonometric + MathOps.powers + MathOps.comparisons + BatchMatMulOps.all
      },
      {
        DepthwiseBlockOps.all + GatedConvolutionOps.all + MathOps.fusedActivations + FusedElementwiseOps.all
          + FusedReductionOps.all
      },
    ])

  private static let families: [@Sendable () -> [OpDefinition]] = [
    { ArrayOps.all },
    { LinalgOps.all },
    { NNOps.all },
    { MathOps.all },
    { StateOps.all },
    { ControlFlowOps.all },
    { CheckpointOps.all },
    { DataFlowOps.all },
    { LookupOps.all },
    { StringOps.all },
    { ParsingOps.all },
    { RandomOps.all },
    { SparseOps.all },
    { ImageOps.all },
    { QuantizationOps.all },
    { TrainingOps.all },
    { DataOps.all },
    { IOOps.all },
    { QueueOps.all },
    { SignalOps.all },
    { SummaryOps.all },
    { BoostedTreesOps.all },
  ]
}
