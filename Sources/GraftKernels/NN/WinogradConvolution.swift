import CGraftVector
import GraftTensor

/// A convolution by Winograd's algorithm, of float32.
///
/// Tiles of the output are computed as products of matrices in a transformed space, which take up to 4 times fewer
/// multiplications than the definition does. Each output element is the same sum however tiles are grouped.
final class WinogradConvolution: Sendable {
  private let tile: WinogradTile
  /// One packed matrix for each place in the transformed space.
  private let filter: PackedMatrix

  /// What the tiles of a group need in the nearest large cache.
  private static let groupBytes = 600 << 10
  /// The largest filter that each thread reads for itself, where there are few groups.
  private static let ownFilterBytes = 1 << 20
  /// The fewest tiles of a group, and those for whose sake a larger filter is read again.
  private static let (fewest, fewestOfLarge) = (6, 28)
  /// Elements between the matrices of two places, so that they do not meet in the same lines of a cache.
  private static let gap = 16

  /// Transforms the filter, with its output channels multiplied by the scale, in memory that is made for it.
  ///
  /// - Precondition: the tile is one for the geometry.
  init(
    _ geometry: ConvolutionGeometry, tile: WinogradTile, filter: Tensor, scale: Tensor?,
    _ workers: WorkerPool,
    _ allocate: (Shape) throws -> Tensor
  ) throws {
    let sizes = tile.sizes(geometry)
    let (k, n, places) = (sizes.depth, geometry.outputChannels, sizes.places)
    let shape = geometry.vector
    let storage = try allocate(Shape(validating: [places, k, n])).storage
    nonisolated(unsafe) let weights = UnsafePointer(filter.base.assumingMemoryBound(to: Float.self))
    nonisolated(unsafe) let scale = scale.map { UnsafePointer($0.base.assumingMemoryBound(to: Float.self)) }
    nonisolated(unsafe) let packed = storage.base.assumingMemoryBound(to: Float.self)
    workers.forEach(n / Float.panelWidth, cost: k * places) { panels in
      withUnsafePointer(to: shape) {
        graft_winograd_pack_f32(
          tile.vector, $0, weights, scale, panels.lowerBound, panels.upperBound, packed)
      }
    }
    self.tile = tile
    self.filter = PackedMatrix(storage: storage, stride: k * n * MemoryLayout<Float>.stride)
  }

  /// The sizes of one run.
  private struct Task {
    let shape: graft_convolution
    let k: Int
    let n: Int
    let places: Int
    /// Tiles in all, and of one group.
    let tiles: Int
    let group: Int

    /// Elements from one place's matrix of transformed input to the next, and of products.
    var inputStep: Int { group * k + gap }
    var productStep: Int { group * n + gap }
    /// Elements that one group needs.
    var scratch: Int { places * (inputStep + productStep) }
  }

  /// Computes the convolution.
  func run(
    _ context: KernelContext, _ geometry: ConvolutionGeometry, _ x: Tensor, into output: Tensor,
    _ finish: Finish
  ) throws {
    let sizes = tile.sizes(geometry)
    let (k, n, places) = (sizes.depth, geometry.outputChannels, sizes.places)
    let tiles = geometry.batch * sizes.tiles
    let threads = context.workers.threads
    let filterBytes = places * k * n * MemoryLayout<Float>.stride
    let limit = max(
      Self.groupBytes / (places * (k + n) * MemoryLayout<Float>.stride),
      filterBytes > Self.ownFilterBytes ? Self.fewestOfLarge : Self.fewest)
    var groups = (tiles + limit - 1) / limit
    // Too few groups for the threads, or tiles to make more: these work together on all tiles, each with a part of the
    // filter.
    let isShared =
      threads > 1 && groups < 2 * threads && (filterBytes > Self.ownFilterBytes || tiles < 8 * threads)
    // As many for every thread.
    if !isShared { groups = (groups + threads - 1) / threads * threads }
    let task = Task(
      shape: geometry.vector, k: k, n: n, places: places, tiles: tiles,
      group: isShared ? tiles : (tiles + groups - 1) / groups)
    let zeros = try context.scratch(.float32, [geometry.inputChannels])
    zeros.clear()
    let memory = try context.scratch(
      .float32, Shape(validating: [isShared ? 1 : context.workers.workers, task.scratch]))
    let step = Step(
      tile: tile.vector, task: task, filter: filter,
      x: UnsafePointer(x.base.assumingMemoryBound(to: Float.self)),
      zeros: UnsafePointer(zeros.base.assumingMemoryBound(to: Float.self)),
      memory: memory.base.assumingMemoryBound(to: Float.self),
      y: output.base.assumingMemoryBound(to: Float.self), finish: finish.vector(columns: n))
    let cost = places * (k + n) / 8
    guard isShared else {
      let perGroup = task.group * (cost + places * k * n / 50)
      context.workers.forEachOnWorkers((tiles + task.group - 1) / task.group, cost: perGroup) {
        worker, groups in
        for group in groups {
          let part = group * task.group..<min(tiles, (group + 1) * task.group)
          let place = worker * task.scratch
          step.transform(part, at: place, from: part.lowerBound)
          for index in 0..<places { step.multiply(index, 0..<n, rows: part.count, at: place) }
          step.finish(part, at: place, from: part.lowerBound)
        }
      }
      return
    }
    context.workers.forEach(tiles, cost: cost) { step.transform($0, at: 0, from: 0) }
    // By places and, where these are few for the threads, by columns.
    let width = 8 * Float.panelWidth
    let strips = (n + width - 1) / width
    context.workers.forEach(places * strips, cost: tiles * k * width / 50) { range in
      for index in range {
        let first = index % strips * width
        step.multiply(index / strips, first..<min(n, first + width), rows: tiles, at: 0)
      }
    }
    context.workers.forEach(tiles, cost: cost) { step.finish($0, at: 0, from: 0) }
  }

  /// The steps of the algorithm for some tiles.
  private struct Step: @unchecked Sendable {
    let tile: graft_winograd_tile
    let task: Task
    let filter: PackedMatrix
    let x: UnsafePointer<Float>
    let zeros: UnsafePointer<Float>
    let memory: UnsafeMutablePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let finish: graft_finish

    /// Where in a group's memory the products begin.
    private var products: Int { task.places * task.inputStep }

    func transform(_ tiles: Range<Int>, at place: Int, from first: Int) {
      withUnsafePointer(to: task.shape) {
        graft_winograd_input_f32(
          tile, $0, x, zeros, tiles.lowerBound, tiles.upperBound,
          memory + place + (tiles.lowerBound - first) * task.k, task.inputStep)
      }
    }

    func multiply(_ index: Int, _ columns: Range<Int>, rows: Int, at place: Int) {
      Float.product(
        m: rows, n: columns.count, k: task.k, memory + place + index * task.inputStep, row: task.k, column: 1,
        packed: filter.elements(of: index) + columns.lowerBound * task.k,
        into: memory + place + products + index * task.productStep + columns.lowerBound, cRow: task.n,
        graft_finish())
    }

    func finish(_ tiles: Range<Int>, at place: Int, from first: Int) {
      withUnsafePointer(to: task.shape) { shape in
        withUnsafePointer(to: finish) {
          graft_winograd_output_f32(
            tile, shape, memory + place + products + (tiles.lowerBound - first) * task.n, task.productStep,
            tiles.lowerBound, tiles.upperBound, y, $0)
        }
      }
    }
  }
}
