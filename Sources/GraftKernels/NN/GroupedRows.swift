import CGraftVector
import GraftTensor

/// Convolutions of float32 in groups of few channels, row by row, with the filter as it is: depthwise ones, those of
/// several filters for each channel, and those of the ResNeXt family.
enum GroupedRows {
  /// Whether there is a kernel for a convolution of these sizes.
  static func handle(_ geometry: ConvolutionGeometry) -> Bool {
    withUnsafePointer(to: geometry.vector) { graft_grouped_handles_f32($0) } != 0
  }

  /// The largest image that the second read of a row finds in a core's large cache.
  private static let nearBytes = 512 << 10

  /// Whether images of these sizes are too large for a near cache.
  static func areFar(_ shape: graft_convolution, channels: Int) -> Bool {
    shape.input.1 * shape.input.2 * channels * MemoryLayout<Float>.stride > nearBytes
  }

  /// Computes a convolution with channels last.
  ///
  /// - Precondition: there is a kernel, the filter is aligned, and nothing is added but a bias.
  static func run(
    _ context: KernelContext, _ geometry: ConvolutionGeometry, _ x: Tensor, _ filter: Tensor,
    into output: Tensor,
    _ finish: Finish
  ) throws {
    let inputs = geometry.groups * geometry.inputChannels
    let outputs = geometry.groups * geometry.outputChannels
    let zeros = try context.scratch(.float32, [inputs])
    zeros.clear()
    let shape = geometry.vector
    nonisolated(unsafe) let finish = finish.vector(columns: outputs)
    nonisolated(unsafe) let (source, weights, nothing) = (x.floats, filter.floats, zeros.floats)
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    let pitches = graft_pitches(x: inputs, filter: outputs, y: outputs)
    let isFar: Int32 = areFar(shape, channels: inputs) ? 1 : 0
    let products = geometry.axes[2].output * outputs * geometry.depth
    context.workers.forEach(geometry.batch * geometry.axes[1].output, cost: products / 30) { lines in
      withUnsafePointer(to: shape) { shape in
        withUnsafePointer(to: finish) {
          graft_grouped_rows_f32(
            shape, pitches, source, isFar, weights, nothing, target, lines.lowerBound, lines.upperBound, $0)
        }
      }
    }
  }
}
