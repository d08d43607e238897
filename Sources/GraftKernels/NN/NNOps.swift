/// Layers of neural networks: convolution, pooling, normalisation, losses.
package enum NNOps {
  /// The family's ops.
  package static let all: [OpDefinition] = [
    ConvolutionOps.all,
    GeneralConvolutionOps.all, XlaConvolutionOps.all,
    ConvolutionInputGradientOps.all,
    ConvolutionFilterGradientOps.all,
    DepthwiseConvolutionOps.all, DepthwiseBlockOps.all, GatedConvolutionOps.all,
    DepthwiseConvolutionGradientOps.all,
    MaxPoolingOps.all,
    MaxPoolingWithArgmaxOps.all,
    MaxPoolingGradientOps.all,
    AveragePoolingOps.all,
    BatchNormalizationOps.all,
    BatchNormalizationGradientOps.all,
    BiasAddOps.all,
    LocalResponseNormalizationOps.all,
    SoftmaxOps.all, LayerNormalizationOps.all,
    CrossEntropyOps.all,
    DilationOps.all,
    FractionalPoolingOps.all,
    FusedPaddedConvolutionOps.all,
    TopKOps.all, TopUniqueOps.all,
    ApproximateTopKOps.all,
    LongShortTermMemoryGradientOps.all,
    GatedRecurrentUnitGradientOps.all,
    LongShortTermMemoryOps.all,
    LSTMGatesOps.all,
    GatedRecurrentUnitOps.all,
    ConnectionistTemporalClassificationOps.all,
  ].flatMap { $0 }
}
