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

  /// How the work of one run is split.
  private struct Task {
    let shape: graft_convolution
    let k: Int
    let n: Int
    let places: Int
    /// Tiles in all, and of one group.
    let tiles: Int
    let group: Int
    /// Columns of one strip.
    let strip: Int

    var groups: Int { (tiles + group - 1) / group }
    var strips: Int { (n + strip - 1) / strip }
    /// Elements from one place's matrix of transformed input to the next, and of products.
    var inputStep: Int { group * k + gap }
    var productStep: Int { group * strip + gap }
    /// Elements that a thread needs.
    var scratch: Int { places * (inputStep + productStep) }
    /// About how many nanoseconds a strip of a group takes.
    var cost: Int { group * places * ((k + strip) / 8 + k * strip / 50) }
  }

  /// Splits tiles into groups and, where these are too few for the threads, columns into strips.
  private func task(_ geometry: ConvolutionGeometry, threads: Int) -> Task {
    let sizes = tile.sizes(geometry)
    let (k, n, places) = (sizes.depth, geometry.outputChannels, sizes.places)
    let tiles = geometry.batch * sizes.tiles
    let isLarge = places * k * n * MemoryLayout<Float>.stride > Self.ownFilterBytes
    let limit = max(
      Self.groupBytes / (places * (k + n) * MemoryLayout<Float>.stride),
      isLarge ? Self.fewestOfLarge : Self.fewest)
    var (groups, strips) = ((tiles + limit - 1) / limit, 1)
    // As much for every thread.
    if groups < threads, isLarge || tiles < 8 * threads {
      while threads % groups != 0 { groups += 1 }
      strips = min(threads / groups, n / Float.panelWidth)
    } else {
      // Somewhat larger groups, rather than that threads read a large filter once more.
      let most = limit * threads
      let rounds = threads > 1 && isLarge ? max((tiles + most / 2) / most, 1) : (tiles + most - 1) / most
      groups = rounds * threads
    }
    let panels = (n / Float.panelWidth + strips - 1) / strips
    return Task(
      shape: geometry.vector, k: k, n: n, places: places, tiles: tiles, group: (tiles + groups - 1) / groups,
      strip: panels * Float.panelWidth)
  }

  /// Computes the convolution.
  func run(
    _ context: KernelContext, _ geometry: ConvolutionGeometry, _ x: Tensor, into output: Tensor,
    _ finish: Finish
  ) throws {
    let task = task(geometry, threads: context.workers.threads)
    let zeros = try context.scratch(.float32, [geometry.inputChannels])
    zeros.clear()
    let parts = task.groups * task.strips
    let memory = try context.scratch(
      .float32, Shape(validating: [min(context.workers.workers, parts), task.scratch]))
    let step = Step(
      tile: tile.vector, task: task, filter: filter,
      x: UnsafePointer(x.base.assumingMemoryBound(to: Float.self)),
      zeros: UnsafePointer(zeros.base.assumingMemoryBound(to: Float.self)),
      memory: memory.base.assumingMemoryBound(to: Float.self),
      y: output.base.assumingMemoryBound(to: Float.self), finish: finish.vector(columns: task.n))
    context.workers.forEachOnWorkers(parts, cost: task.cost) { worker, range in
      for part in range {
        let group = part / task.strips
        let tiles = group * task.group..<min(task.tiles, (group + 1) * task.group)
        step.run(tiles, strip: part % task.strips, worker)
      }
    }
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

    /// Makes a strip of columns of some tiles. Threads that have strips of the same tiles transform these each for
    /// itself: that takes less time than to wait for one another and to fetch what another one wrote.
    func run(_ tiles: Range<Int>, strip: Int, _ worker: Int) {
      let columns = strip * task.strip..<min(task.n, (strip + 1) * task.strip)
      let inputs = memory + worker * task.scratch
      let products = inputs + task.places * task.inputStep
      withUnsafePointer(to: task.shape) {
        graft_winograd_input_f32(
          tile, $0, x, zeros, tiles.lowerBound, tiles.upperBound, inputs, task.inputStep)
      }
      for index in 0..<task.places {
        Float.product(
          m: tiles.count, n: columns.count, k: task.k, inputs + index * task.inputStep, row: task.k,
          column: 1,
          packed: filter.elements(of: index) + columns.lowerBound * task.k,
          into: products + index * task.productStep, cRow: columns.count, graft_finish())
      }
      withUnsafePointer(to: task.shape) { shape in
        withUnsafePointer(to: finish.from(row: 0, column: columns.lowerBound, of: Float.self)) {
          graft_winograd_output_f32(
            tile, shape, columns.count, products, task.productStep, tiles.lowerBound, tiles.upperBound,
            y + columns.lowerBound, $0)
        }
      }
    }
  }
}
