import GraftTensor

/// The gradient of a convolution by its input, with channels last, as convolutions of the output's gradient: one for
/// each place that a pixel of the input can have among the steps of the window. Such a part has the positions of the
/// kernel that reach pixels at this place, in reverse order, and the filter's channels exchanged.
struct TransposedConvolution {
  /// The convolution whose gradient it is.
  private let geometry: ConvolutionGeometry
  /// The places along each dimension that any position of the kernel reaches.
  private let places: [[Place]]

  /// A place along one dimension.
  private struct Place {
    /// The first pixel that has it.
    let first: Int
    /// What the pixels are made from.
    let axis: WindowAxis
    /// The positions of the kernel that reach them.
    let positions: [Int]

    init(first: Int, _ whole: WindowAxis, positions: [Int]) {
      // What the first pixel reads at each of the positions.
      let read = positions.map { (first + whole.paddingBefore - $0 * whole.dilation) / whole.stride }
      self.first = first
      self.positions = positions
      axis = WindowAxis(
        input: whole.output, window: positions.count, dilation: read.count > 1 ? read[1] - read[0] : 1,
        paddingBefore: read.first.map { -$0 } ?? 0,
        output: (whole.input - first + whole.stride - 1) / whole.stride)
    }
  }

  /// One of the convolutions.
  struct Part {
    let geometry: ConvolutionGeometry
    /// Its first pixel along each dimension.
    fileprivate let first: [Int]
    /// The positions of the kernel that its own are.
    fileprivate let positions: [Int]
  }

  init(_ geometry: ConvolutionGeometry) {
    self.geometry = geometry
    places = geometry.axes.map { axis in
      var positions: [Int: [Int]] = [:]
      for position in (0..<axis.window).reversed() {
        let rest = (position * axis.dilation - axis.paddingBefore) % axis.stride
        positions[rest < 0 ? rest + axis.stride : rest, default: []].append(position)
      }
      return positions.filter { $0.key < axis.input }.sorted { $0.key < $1.key }
        .map { Place(first: $0.key, axis, positions: $0.value) }
    }
  }

  /// Numbers that filters of the parts depend on.
  var form: [Int] {
    [geometry.groups, geometry.inputChannels, geometry.outputChannels]
      + geometry.axes.flatMap { [$0.input, $0.window, $0.stride, $0.dilation, $0.paddingBefore] }
  }

  /// How many convolutions there are.
  var count: Int { places.reduce(1) { $0 * $1.count } }

  /// One of the convolutions.
  func part(_ index: Int) -> Part {
    let w = places[2][index % places[2].count]
    let h = places[1][index / places[2].count % places[1].count]
    let d = places[0][index / places[2].count / places[1].count]
    let (rows, columns) = (geometry.axes[1].window, geometry.axes[2].window)
    return Part(
      geometry: geometry.replacing(
        axes: [d.axis, h.axis, w.axis], inputChannels: geometry.outputChannels,
        outputChannels: geometry.inputChannels),
      first: [d.first, h.first, w.first],
      positions: d.positions.flatMap { z in
        h.positions.flatMap { y in w.positions.map { (z * rows + y) * columns + $0 } }
      })
  }

  /// Computes all of them into the input's gradient.
  func run(
    _ context: KernelContext, into output: Tensor,
    _ convolve: (_ index: Int, _ part: Part, _ output: Tensor) throws -> Void
  ) throws {
    let isDense = geometry.axes.allSatisfy { $0.stride == 1 }
    // Pixels that no position of the kernel reaches.
    if zip(places, geometry.axes).contains(where: { $0.count < min($1.stride, $1.input) }) { output.clear() }
    for index in 0..<count {
      try context.checkpoint()
      let part = part(index)
      if isDense {
        try convolve(index, part, output)
      } else {
        let channels = geometry.groups * geometry.inputChannels
        let sizes = [geometry.batch] + part.geometry.axes.map(\.output)
        let pixels = try context.scratch(output.dtype, Shape(validating: sizes + [channels]))
        try convolve(index, part, pixels)
        spread(pixels, of: part, over: output, context.workers)
      }
    }
  }

  /// Copies a part's pixels to where they are among all.
  private func spread(_ pixels: Tensor, of part: Part, over output: Tensor, _ workers: WorkerPool) {
    let bytes = geometry.groups * geometry.inputChannels * output.dtype.size
    let (axes, sizes) = (geometry.axes, part.geometry.axes.map(\.output))
    let first = part.first
    nonisolated(unsafe) let (source, target) = (UnsafeRawPointer(pixels.base), output.base)
    workers.forEach(geometry.batch * sizes[0] * sizes[1], cost: sizes[2] * bytes / 8 + 10) { lines in
      for line in lines {
        let (slice, row) = (line / sizes[1], line % sizes[1])
        let (image, layer) = (slice / sizes[0], slice % sizes[0])
        let depth = image * axes[0].input + first[0] + layer * axes[0].stride
        let height = depth * axes[1].input + first[1] + row * axes[1].stride
        var place = target + (height * axes[2].input + first[2]) * bytes
        var pixel = source + line * sizes[2] * bytes
        for _ in 0..<sizes[2] {
          place.copyMemory(from: pixel, byteCount: bytes)
          place += axes[2].stride * bytes
          pixel += bytes
        }
      }
    }
  }

  /// The filter of a part in panels, as ``Convolution`` reads them, with nothing copied before.
  func packed<T: VectorElement>(
    _ type: T.Type, of part: Part, _ filter: Tensor, _ workers: WorkerPool,
    _ allocate: (Shape) throws -> Tensor
  ) throws -> PackedMatrix {
    let (groups, inputs, outputs) = (geometry.groups, geometry.inputChannels, geometry.outputChannels)
    let positions = part.positions
    let width = T.panelWidth
    let panels = (inputs + width - 1) / width
    let depth = positions.count * outputs
    let result = try allocate(Shape(validating: [groups, panels * width, depth]))
    nonisolated(unsafe) let source = UnsafePointer(filter.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = result.base.assumingMemoryBound(to: T.self)
    workers.forEach(groups * panels * positions.count, cost: outputs * width / 4) { range in
      for index in range {
        let (panel, position) = (index / positions.count, index % positions.count)
        let (group, first) = (panel / panels, panel % panels * width)
        T.pack(
          source + (positions[position] * inputs + first) * groups * outputs + group * outputs, row: 1,
          column: groups * outputs, k: outputs, n: min(width, inputs - first), scale: nil,
          into: target + (panel * depth + position * outputs) * width)
      }
    }
    return PackedMatrix(storage: result.storage, stride: panels * width * depth * MemoryLayout<T>.stride)
  }

  /// The filter of a part, of the same type: the kernel's positions that it has, with input and output channels of
  /// each group exchanged.
  func filter<T>(
    _ type: T.Type, of part: Part, _ filter: Tensor, _ workers: WorkerPool,
    _ allocate: (Shape) throws -> Tensor
  ) throws -> Tensor {
    let (groups, inputs, outputs) = (geometry.groups, geometry.inputChannels, geometry.outputChannels)
    let positions = part.positions
    let result = try allocate(
      Shape(validating: part.geometry.axes.map(\.window) + [outputs, groups * inputs]))
    nonisolated(unsafe) let source = UnsafePointer(filter.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = result.base.assumingMemoryBound(to: T.self)
    // Squares of a few cache lines on both sides.
    let side = 16
    workers.forEach(positions.count * groups, cost: inputs * outputs) { range in
      for index in range {
        let (position, group) = (index / groups, index % groups)
        let from = source + positions[position] * inputs * groups * outputs + group * outputs
        let to = target + position * outputs * groups * inputs + group * inputs
        for first in stride(from: 0, to: outputs, by: side) {
          for input in 0..<inputs {
            for output in first..<min(outputs, first + side) {
              to[output * groups * inputs + input] = from[input * groups * outputs + output]
            }
          }
        }
      }
    }
    return result
  }
}
