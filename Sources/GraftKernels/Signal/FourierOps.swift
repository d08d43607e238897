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
        try checkRoom(input.shape.dimensions)
        var spectrum = Spectrum(input)
        for axis in input.rank - rank..<input.rank { try spectrum.transform(axis, inverse: inverse, context) }
        spectrum.write(into: output)
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
        // Only the last dimension may be longer than the input's, which is then filled up with zeros.
        let given = Spectrum(input).resized(to: outer + lengths.dropLast() + input.shape.dimensions.suffix(1))
        var spectrum = try given.transformedReals(length: last, context)
        for axis in input.rank - rank..<input.rank - 1 {
          try spectrum.transform(axis, inverse: false, context)
        }
        spectrum.write(into: output)
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
        var spectrum = Spectrum(input).resized(to: outer + lengths.dropLast() + [last / 2 + 1])
        for axis in input.rank - rank..<input.rank - 1 {
          try spectrum.transform(axis, inverse: true, context)
        }
        DoubleConversion.write(try spectrum.reals(length: last, context), into: output)
      }
    }
  }
}

/// Complex numbers in some dimensions.
private struct Spectrum {
  let shape: [Int]
  private var real: [Double]
  private var imaginary: [Double]

  private init(shape: [Int]) {
    self.shape = shape
    let count = shape.reduce(1, *)
    real = [Double](repeating: 0, count: count)
    imaginary = real
  }

  /// The elements of a tensor, real or complex.
  init(_ tensor: Tensor) {
    self.init(shape: tensor.shape.dimensions)
    switch tensor.dtype {
    case .complex64:
      for (index, value) in tensor.buffer(as: Complex64.self).enumerated() {
        (real[index], imaginary[index]) = (Double(value.real), Double(value.imaginary))
      }
    case .complex128:
      for (index, value) in tensor.buffer(as: Complex128.self).enumerated() {
        (real[index], imaginary[index]) = (value.real, value.imaginary)
      }
    default: real = DoubleConversion.read(tensor)
    }
  }

  /// Writes the elements to a complex tensor with as many.
  func write(into output: Tensor) {
    if output.dtype == .complex64 {
      let target = output.mutableBuffer(as: Complex64.self)
      for index in target.indices { target[index] = Complex(Float(real[index]), Float(imaginary[index])) }
    } else {
      let target = output.mutableBuffer(as: Complex128.self)
      for index in target.indices { target[index] = Complex(real[index], imaginary[index]) }
    }
  }

  /// Transforms along one dimension.
  mutating func transform(_ axis: Int, inverse: Bool, _ context: KernelContext) throws {
    let length = shape[axis]
    guard length > 1 else { return }
    let step = shape[(axis + 1)...].reduce(1, *)
    let plan = FourierTransform(length)
    let scale = inverse ? 1 / Double(length) : 1
    let lineCount = real.count / length
    try real.withUnsafeMutableBufferPointer { real in
      try imaginary.withUnsafeMutableBufferPointer { imaginary in
        nonisolated(unsafe) let (real, imaginary) = (real, imaginary)
        try FourierLines.forEach(lineCount, positions: length, context) { memory, lines in
          func place(_ line: Int) -> Int { line / step * step * length + line % step }
          for (lane, line) in lines.enumerated() {
            let first = place(line)
            for position in 0..<length {
              memory.real[position * memory.count + lane] = real[first + position * step]
              memory.imaginary[position * memory.count + lane] = imaginary[first + position * step]
            }
          }
          plan.run(memory, inverse: inverse)
          for (lane, line) in lines.enumerated() {
            let first = place(line)
            for position in 0..<length {
              real[first + position * step] = memory.real[position * memory.count + lane] * scale
              imaginary[first + position * step] = memory.imaginary[position * memory.count + lane] * scale
            }
          }
        }
      }
    }
  }

  /// The half of the transform of real lines along the last dimension, of which the first elements count, as many as
  /// the length; zeros follow where there are fewer.
  func transformedReals(length: Int, _ context: KernelContext) throws -> Spectrum {
    let plan = RealFourierTransform(length)
    let (size, frequencies) = (shape[shape.count - 1], plan.frequencies)
    var result = Spectrum(shape: shape.dropLast() + [frequencies])
    let used = min(size, length)
    try real.withUnsafeBufferPointer { source in
      try result.real.withUnsafeMutableBufferPointer { real in
        try result.imaginary.withUnsafeMutableBufferPointer { imaginary in
          nonisolated(unsafe) let (source, real, imaginary) = (source, real, imaginary)
          try FourierLines.forEach(real.count / frequencies, positions: plan.positions, context) {
            memory, lines in
            for (lane, line) in lines.enumerated() {
              plan.load(memory, lane) { $0 < used ? source[line * size + $0] : 0 }
            }
            plan.run(memory)
            for (lane, line) in lines.enumerated() {
              for position in 0..<frequencies {
                real[line * frequencies + position] = memory.real[position * memory.count + lane]
                imaginary[line * frequencies + position] = memory.imaginary[position * memory.count + lane]
              }
            }
          }
        }
      }
    }
    return result
  }

  /// The real lines of whose transforms along the last dimension these are the halves.
  func reals(length: Int, _ context: KernelContext) throws -> [Double] {
    let plan = RealFourierTransform(length)
    let frequencies = plan.frequencies
    let lineCount = real.count / frequencies
    var result = [Double](repeating: 0, count: lineCount * length)
    try result.withUnsafeMutableBufferPointer { result in
      try real.withUnsafeBufferPointer { real in
        try imaginary.withUnsafeBufferPointer { imaginary in
          nonisolated(unsafe) let (result, real, imaginary) = (result, real, imaginary)
          try FourierLines.forEach(lineCount, positions: plan.positions, context) { memory, lines in
            for (lane, line) in lines.enumerated() {
              for position in 0..<frequencies {
                memory.real[position * memory.count + lane] = real[line * frequencies + position]
                memory.imaginary[position * memory.count + lane] = imaginary[line * frequencies + position]
              }
            }
            plan.runInverse(memory)
            for (lane, line) in lines.enumerated() {
              for index in 0..<length {
                let (position, isImaginary) = plan.place(of: index)
                let part = isImaginary ? memory.imaginary : memory.real
                result[line * length + index] = part[position * memory.count + lane] / plan.divisor
              }
            }
          }
        }
      }
    }
    return result
  }

  /// The first elements of each dimension, with zeros where there are fewer.
  func resized(to sizes: [Int]) -> Spectrum {
    guard sizes != shape else { return self }
    var result = Spectrum(shape: sizes)
    for index in result.real.indices {
      var (rest, source, step, isInside) = (index, 0, 1, true)
      for axis in sizes.indices.reversed() {
        let position = rest % sizes[axis]
        isInside = isInside && position < shape[axis]
        source += position * step
        step *= shape[axis]
        rest /= sizes[axis]
      }
      if isInside { (result.real[index], result.imaginary[index]) = (real[source], imaginary[source]) }
    }
    return result
  }
}
