import GraftGraph
import GraftTensor

/// Fourier transforms over the last dimensions.
enum FourierOps {
  static let all: [OpDefinition] =
    (1...3).flatMap { rank -> [OpDefinition] in
      let suffix = rank == 1 ? "" : "\(rank)D"
      return [
        complex("FFT\(suffix)", rank, inverse: false), complex("IFFT\(suffix)", rank, inverse: true),
        complex("BatchFFT\(suffix)", rank, inverse: false),
        complex("BatchIFFT\(suffix)", rank, inverse: true),
        real("RFFT\(suffix)", rank), inverseReal("IRFFT\(suffix)", rank),
      ]
    }

  private static func dimensions(_ rank: Int) -> String {
    rank == 1 ? "the last dimension" : "the last \(rank) dimensions"
  }

  // MARK: - Complex to complex

  private static func complex(_ name: String, _ rank: Int, inverse: Bool) -> OpDefinition {
    OpDefinition(
      name, "The \(inverse ? "inverse " : "")Fourier transform over \(dimensions(rank)).",
      shape: ShapeRules.sameAsInput
    ) { node in
      let dtype = try node.outputType(0)
      return { context in
        let input = try context.input(0)
        try check(input, rank)
        let output = try context.allocate(0, dtype, input.shape)
        guard output.elementCount > 0 else { return }
        var spectrum = Spectrum(shape: input.shape.dimensions, values: Complex128.read(input))
        for axis in input.rank - rank..<input.rank { try spectrum.transform(axis, inverse: inverse, context) }
        Complex128.write(spectrum.values, into: output)
      }
    }
  }

  /// What is computed with takes more than the result does.
  private static func checkRoom(_ sizes: [Int]) throws {
    try MemoryAccount.requireRoom(
      for: try Shape(validating: sizes).elementCount, bytesEach: 3 * MemoryLayout<Complex128>.stride)
  }

  private static func check(_ input: Tensor, _ rank: Int) throws {
    guard input.rank >= rank else {
      throw GraftError(
        .invalidArgument, "At least \(rank) dimensions are expected, and shape \(input.shape) was found.",
        at: .init(input: 0))
    }
  }

  // MARK: - Real to complex and back

  private static func realShape(_ context: ShapeContext, _ rank: Int, forward: Bool) -> [PartialShape] {
    guard let sizes = context.input(0).dimensions, sizes.count >= rank else { return [.unknown] }
    var inner = [Int?](repeating: nil, count: rank)
    if let lengths = context.ints(1), lengths.count == rank {
      inner = lengths
      if forward, let last = lengths.last { inner[rank - 1] = last == 0 ? 0 : last / 2 + 1 }
    }
    return [PartialShape(Array(sizes.dropLast(rank)) + inner)]
  }

  /// The transform's lengths, checked against the input.
  private static func lengths(_ context: KernelContext, _ rank: Int, forward: Bool) throws -> [Int] {
    let (input, given) = (try context.input(0), try context.input(1))
    try check(input, rank)
    guard given.rank == 1, given.elementCount == rank else {
      throw GraftError(
        .invalidArgument, "\(rank) lengths are expected, and a tensor of shape \(given.shape) was found.",
        at: .init(input: 1))
    }
    let lengths = try given.integers()
    for (index, length) in lengths.enumerated() {
      let size = input.shape[input.rank - rank + index]
      let needed = !forward && index == rank - 1 ? length / 2 + 1 : length
      guard length >= 0, size == 0 || size >= needed else {
        throw GraftError(
          .invalidArgument,
          "A transform of length \(length) needs \(needed) elements, and the input of shape \(input.shape) has \(size).",
          remedy: "Pad the input, or give a smaller length.")
      }
    }
    return lengths
  }

  private static func checkPrecision(_ node: NodeSetup, real: DataType, complex: DataType) throws {
    guard (real == .float32 && complex == .complex64) || (real == .float64 && complex == .complex128) else {
      throw node.invalid(
        "\(real) and \(complex) differ in precision: float32 goes with complex64, float64 with complex128.")
    }
  }

  private static func real(_ name: String, _ rank: Int) -> OpDefinition {
    OpDefinition(
      name,
      "The Fourier transform of real numbers over \(dimensions(rank)): the half of it that is not redundant.",
      shape: { realShape($0, rank, forward: true) }
    ) { node in
      let dtype = try node.outputType(0)
      try checkPrecision(node, real: try node.inputType(0), complex: dtype)
      return { context in
        let input = try context.input(0)
        let lengths = try lengths(context, rank, forward: true)
        let last = lengths[rank - 1]
        let half = last == 0 ? 0 : last / 2 + 1
        let outer = Array(input.shape.dimensions.dropLast(rank))
        let output = try context.allocate(0, dtype, Shape(validating: outer + lengths.dropLast() + [half]))
        guard output.elementCount > 0 else { return }
        try checkRoom(outer + lengths)
        var spectrum = Spectrum(shape: input.shape.dimensions, values: Complex128.read(input))
          .resized(to: outer + lengths)
        try spectrum.transform(input.rank - 1, inverse: false, context)
        spectrum = spectrum.resized(to: outer + lengths.dropLast() + [half])
        for axis in input.rank - rank..<input.rank - 1 {
          try spectrum.transform(axis, inverse: false, context)
        }
        Complex128.write(spectrum.values, into: output)
      }
    }
  }

  private static func inverseReal(_ name: String, _ rank: Int) -> OpDefinition {
    OpDefinition(
      name, "The real numbers whose Fourier transform over \(dimensions(rank)) is given, the half of it.",
      shape: { realShape($0, rank, forward: false) }
    ) { node in
      let dtype = try node.outputType(0)
      try checkPrecision(node, real: dtype, complex: try node.inputType(0))
      return { context in
        let input = try context.input(0)
        let lengths = try lengths(context, rank, forward: false)
        let last = lengths[rank - 1]
        let outer = Array(input.shape.dimensions.dropLast(rank))
        let shape = try Shape(validating: outer + lengths)
        let output = try context.allocate(0, dtype, shape)
        guard output.elementCount > 0 else { return }
        try checkRoom(outer + lengths)
        var spectrum = Spectrum(shape: input.shape.dimensions, values: Complex128.read(input))
          .resized(to: outer + lengths.dropLast() + [last / 2 + 1])
        for axis in input.rank - rank..<input.rank - 1 {
          try spectrum.transform(axis, inverse: true, context)
        }
        spectrum = spectrum.mirrored(to: last)
        try spectrum.transform(input.rank - 1, inverse: true, context)
        DoubleConversion.write(spectrum.values.map(\.real), into: output)
      }
    }
  }
}

/// Complex numbers in some dimensions.
private struct Spectrum {
  let shape: [Int]
  var values: [Complex128]

  /// Transforms along one dimension.
  mutating func transform(_ axis: Int, inverse: Bool, _ context: KernelContext) throws {
    let length = shape[axis]
    guard length > 1 else { return }
    let step = shape[(axis + 1)...].reduce(1, *)
    let plan = FourierTransform(length)
    var line = [Complex128](repeating: Complex128(0, 0), count: length)
    for index in 0..<values.count / length {
      if index % 1024 == 0 { try context.checkpoint() }
      let first = index / step * step * length + index % step
      for position in 0..<length { line[position] = values[first + position * step] }
      for (position, value) in plan.transform(line, inverse: inverse).enumerated() {
        values[first + position * step] = value
      }
    }
  }

  /// The first elements of each dimension.
  func resized(to sizes: [Int]) -> Spectrum {
    guard sizes != shape else { return self }
    var result = [Complex128](repeating: Complex128(0, 0), count: sizes.reduce(1, *))
    for index in result.indices {
      var (rest, source, step, isInside) = (index, 0, 1, true)
      for axis in sizes.indices.reversed() {
        let position = rest % sizes[axis]
        isInside = isInside && position < shape[axis]
        source += position * step
        step *= shape[axis]
        rest /= sizes[axis]
      }
      if isInside { result[index] = values[source] }
    }
    return Spectrum(shape: sizes, values: result)
  }

  /// The whole last dimension from the half of it: the rest is conjugated and in reverse order.
  func mirrored(to length: Int) -> Spectrum {
    let half = shape[shape.count - 1]
    var result: [Complex128] = []
    result.reserveCapacity(values.count / max(half, 1) * length)
    for first in stride(from: 0, to: values.count, by: max(half, 1)) {
      for position in 0..<length {
        result.append(
          position < half ? values[first + position] : values[first + length - position].conjugate)
      }
    }
    return Spectrum(shape: shape.dropLast() + [length], values: result)
  }
}
