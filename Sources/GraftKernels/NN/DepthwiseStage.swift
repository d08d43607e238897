import CGraftVector

/// The depthwise convolution of a block, of known sizes.
struct DepthwiseStage: @unchecked Sendable {
  let geometry: graft_convolution
  let images: Int
  let finish: graft_finish
  let filter: UnsafePointer<Float>
  /// As many zeros as there are channels.
  let zeros: UnsafePointer<Float>

  var channels: Int { geometry.groups }
  var stride: Int { geometry.stride.1 }
  var window: Int { geometry.kernel.1 }
  var height: Int { geometry.input.1 }
  var outputHeight: Int { geometry.output.1 }

  /// Computes rows of all images' outputs.
  ///
  /// - Parameters:
  ///   - part: the channels to compute: `x`, `y` and `sums` begin with the first of them.
  ///   - xPixel: elements from one pixel of the input to the next.
  ///   - isFar: whether the input is in no near cache.
  ///   - sums: takes for each row the sums of its pixels, `[rows, channels]`.
  func run(
    rows: Range<Int>, channels part: Range<Int>, _ x: UnsafePointer<Float>, xPixel: Int,
    isFar: Bool = false, into y: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>? = nil
  ) {
    var shape = geometry
    shape.groups = part.count
    var finish = finish.from(row: 0, column: part.lowerBound, of: Float.self)
    graft_grouped_rows_f32(
      &shape, graft_pitches(x: xPixel, filter: channels, y: channels), x, isFar ? 1 : 0,
      filter + part.lowerBound, zeros, y,
      rows.lowerBound, rows.upperBound, &finish)
    guard let sums else { return }
    let width = geometry.output.2
    for row in rows {
      let totals = sums + row * channels
      totals.update(repeating: 0, count: part.count)
      graft_f32_add_columns(totals, y + row * width * channels, channels, width, part.count)
    }
  }

  /// The means of images' pixels, `[images, channels]`, from the sums of their rows.
  func means(of sums: UnsafePointer<Float>, into means: UnsafeMutablePointer<Float>) {
    let pixels = Float(outputHeight * geometry.output.2)
    means.update(repeating: 0, count: images * channels)
    for image in 0..<images {
      let totals = means + image * channels
      graft_f32_add_columns(totals, sums + image * outputHeight * channels, channels, outputHeight, channels)
      for channel in 0..<channels { totals[channel] /= pixels }
    }
  }
}
