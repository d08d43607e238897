import CGraftVector

/// A tile of the output, as Winograd's algorithm computes it: of so many pixels in height and in width.
///
/// In a dimension in which the kernel has several elements these are taken in blocks of 3, for tiles of 2 and 4, or of
/// 4, for those of 3. Larger kernels are sums of blocks; those with strides too, of which each has the elements that
/// meet the same ones of the input. With dilations a tile's pixels are as far apart as these are.
struct WinogradTile: Sendable {
  let height: Int
  let width: Int

  /// What a place may sum up, lest the memory of a few tiles becomes large.
  private static let deepest = 8192

  /// The tiles that there are for kernels of more than one element in each of these dimensions.
  private static func choices(inHeight: Bool, inWidth: Bool) -> [WinogradTile] {
    switch (inHeight, inWidth) {
    case (true, true): [2, 3, 4].map { WinogradTile(height: $0, width: $0) }
    case (true, false): [3, 4].map { WinogradTile(height: $0, width: 1) }
    case (false, true): [3, 4].map { WinogradTile(height: 1, width: $0) }
    case (false, false): []
    }
  }

  /// The one with which a convolution is fastest; nil where that is its definition.
  static func fastest(_ geometry: ConvolutionGeometry) -> WinogradTile? {
    let axes = geometry.axes
    guard geometry.groups == 1, axes[0].output > 0,
      geometry.inputChannels % 16 == 0, geometry.outputChannels % 16 == 0,
      axes[1...].allSatisfy({
        $0.output > 0 && $0.stride <= $0.window && $0.dilation <= $0.output
          && ($0.stride == 1 || $0.dilation == 1)
      })
    else { return nil }
    // In units of one multiplication; reading a weight from memory takes about as long as 12.
    let columns = Double(geometry.outputChannels)
    let definition = Double(geometry.depth) * columns * Double(geometry.outputPixels + 12)
    func cost(_ sizes: graft_winograd_sizes) -> Double {
      let (depth, places) = (Double(sizes.depth), Double(sizes.places))
      let tiles = Double(geometry.batch * sizes.tiles)
      let transforms = 4 * places * tiles * (depth + columns)
      return depth * columns * places * (tiles + 12) + transforms
    }
    // The sums of the largest tiles are off by three times as much as plain ones where strides leave blocks half empty.
    let largest = axes[1...].allSatisfy({ $0.stride == 1 }) ? 4 : 3
    let best = choices(inHeight: axes[1].window > 1, inWidth: axes[2].window > 1)
      .filter { max($0.height, $0.width) <= largest }
      .map { (tile: $0, sizes: $0.sizes(geometry)) }
      .filter { $0.sizes.depth <= deepest }
      .map { (tile: $0.tile, cost: cost($0.sizes)) }
      .min { $0.cost < $1.cost }
    return best.flatMap { $0.cost * 1.15 < definition ? $0.tile : nil }
  }

  var vector: graft_winograd_tile { graft_winograd_tile(height: Int32(height), width: Int32(width)) }

  /// What a convolution is in such tiles.
  func sizes(_ geometry: ConvolutionGeometry) -> graft_winograd_sizes {
    withUnsafePointer(to: geometry.vector) { graft_winograd_measure(vector, $0) }
  }
}
