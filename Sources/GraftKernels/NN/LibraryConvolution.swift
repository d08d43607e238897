#if OneDNN
  import CGraftVector
  import COneDNN
  import GraftTensor

  /// A convolution that oneDNN made ready for given sizes and a constant filter.
  final class LibraryConvolution: Sendable {
    private nonisolated(unsafe) let primitive: OpaquePointer
    private let scratchSize: Int
    /// What it was made for.
    private let input: Shape

    deinit { graft_dnn_destroy(primitive) }

    /// Nil where the library has no code for it.
    init?(
      _ geometry: ConvolutionGeometry, input: Shape, filter: Tensor, _ finish: Finish, threads: Int
    ) {
      func three(_ value: (WindowAxis) -> Int) -> (Int64, Int64, Int64) {
        let axes = geometry.axes.map { Int64(value($0)) }
        return (axes[0], axes[1], axes[2])
      }
      var shape = graft_dnn_convolution(
        batch: Int64(geometry.batch), groups: Int64(geometry.groups),
        input_channels: Int64(geometry.inputChannels), output_channels: Int64(geometry.outputChannels),
        input: three(\.input), kernel: three(\.window), output: three(\.output), stride: three(\.stride),
        dilation: three(\.dilation), padding: three(\.paddingBefore),
        has_bias: finish.bias == nil ? 0 : 1, has_addend: finish.addend == nil ? 0 : 1,
        activation: finish.activation.library, alpha: finish.activation.alpha)
      let weights = filter.base.assumingMemoryBound(to: Float.self)
      guard let primitive = graft_dnn_create(&shape, weights, Int32(clamping: threads)) else { return nil }
      self.primitive = primitive
      self.input = input
      scratchSize = graft_dnn_scratch_size(primitive)
    }

    /// Computes the convolution; false where the sizes are not those it was made for, or the library failed.
    func run(_ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish) throws -> Bool {
      guard x.shape == input else { return false }
      let scratch = scratchSize > 0 ? try context.scratch(.uint8, Shape(validating: [scratchSize])) : nil
      // The library adds to what the output holds.
      if let addend = finish.addend { output.initializeElements(from: addend) }
      return graft_dnn_run(
        primitive, x.base.assumingMemoryBound(to: Float.self),
        finish.bias?.base.assumingMemoryBound(to: Float.self),
        output.base.assumingMemoryBound(to: Float.self), scratch?.base,
        Int32(clamping: context.workers.threads)) == 0
    }
  }

  extension ConvolutionGeometry {
    /// Whether oneDNN is to be asked: where it has faster vectors than our own kernels.
    static var prefersLibrary: Bool { graft_dnn_is_wider() != 0 }
  }

  extension Activation {
    fileprivate var library: graft_dnn_activation {
      switch kind {
      case GRAFT_ACTIVATION_RELU: GRAFT_DNN_RELU
      case GRAFT_ACTIVATION_RELU6: GRAFT_DNN_RELU6
      case GRAFT_ACTIVATION_LEAKY_RELU: GRAFT_DNN_LEAKY_RELU
      case GRAFT_ACTIVATION_ELU: GRAFT_DNN_ELU
      case GRAFT_ACTIVATION_TANH: GRAFT_DNN_TANH
      case GRAFT_ACTIVATION_SIGMOID: GRAFT_DNN_SIGMOID
      case GRAFT_ACTIVATION_SWISH: GRAFT_DNN_SWISH
      case GRAFT_ACTIVATION_HARD_SWISH: GRAFT_DNN_HARD_SWISH
      case GRAFT_ACTIVATION_GELU: GRAFT_DNN_GELU
      case GRAFT_ACTIVATION_GELU_TANH: GRAFT_DNN_GELU_TANH
      default: GRAFT_DNN_NONE
      }
    }
  }
#endif
