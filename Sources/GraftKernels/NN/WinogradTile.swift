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
    func cost(_ tile: WinogradTile) -> Double {
      let (depth, places) = (Double(tile.depth(geometry)), Double(tile.places))
      let tiles = Double(tile.count(geometry))
      let transforms = 4 * places * tiles * (depth + columns)
      return depth * columns * places * (tiles + 12) + transforms
    }
    // The sums of the largest tiles are off by three times as much as plain ones where strides leave blocks half empty.
    let largest = axes[1...].allSatisfy({ $0.stride == 1 }) ? 4 : 3
    let best = choices(inHeight: axes[1].window > 1, inWidth: axes[2].window > 1)
      .filter { max($0.height, $0.width) <= largest && $0.depth(geometry) <= deepest }
      .map { (tile: $0, cost: cost($0)) }
      .min { $0.cost < $1.cost }
    return best.flatMap { $0.cost * 1.15 < definition ? $0.tile : nil }
  }

  var vector: graft_winograd_tile { graft_winograd_tile(height: Int32(height), width: Int32(width)) }

  /// How many elements the transformed space has for a tile of this size in one dimension.
  private static func places(_ size: Int) -> Int { size == 1 ? 1 : size == 2 ? 4 : 6 }

  /// How many blocks the kernel has in a dimension.
  private static func blocks(_ axis: WindowAxis, _ size: Int) -> Int {
    guard size > 1 else { return 1 }
    return parts(axis.window, of: axis.stride * (places(size) - size + 1)) * axis.stride
  }

  /// How many tiles the output has in a dimension.
  private static func count(_ axis: WindowAxis, _ size: Int) -> Int {
    let starts = min(axis.dilation, axis.output)
    return starts * parts(axis.output, of: max(starts, 1) * size)
  }

  private static func parts(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }

  /// How many elements the transformed space has for each tile.
  var places: Int { Self.places(height) * Self.places(width) }

  /// Elements that each of these sums up.
  func depth(_ geometry: ConvolutionGeometry) -> Int {
    geometry.axes[0].window * Self.blocks(geometry.axes[1], height) * Self.blocks(geometry.axes[2], width)
      * geometry.inputChannels
  }

  /// Tiles of the output.
  func count(_ geometry: ConvolutionGeometry) -> Int {
    geometry.batch * geometry.axes[0].output * Self.count(geometry.axes[1], height)
      * Self.count(geometry.axes[2], width)
  }
}
