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
        try check(input, is: dtype)
        let work = ComplexWork(rank: rank, inverse: inverse)
        dtype == .complex64
          ? try work.run(Float.self, input, output, context)
          : try work.run(Double.self, input, output, context)
      }
    }
  }

  /// Refuses what is large before it is begun: a plan and the lines at hand take up to some times what a single line does.
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

  private static func check(_ input: Tensor, is dtype: DataType) throws {
    guard input.dtype == dtype else {
      throw GraftError(
        .invalidArgument, "\(dtype) is expected, and a tensor of \(input.dtype) was found.",
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
      let (realType, dtype) = (try node.inputType(0), try node.outputType(0))
      try checkPrecision(node, real: realType, complex: dtype)
      return { context in
        let input = try context.input(0)
        let lengths = try lengths(context, rank, forward: true)
        let last = lengths[rank - 1]
        let half = last == 0 ? 0 : last / 2 + 1
        let outer = Array(input.shape.dimensions.dropLast(rank))
        let output = try context.allocate(0, dtype, Shape(validating: outer + lengths.dropLast() + [half]))
        guard output.elementCount > 0 else { return }
        try checkRoom(outer + lengths)
        try check(input, is: realType)
        let work = RealWork(rank: rank, length: last)
        dtype == .complex64
          ? try work.run(Float.self, input, output, context)
          : try work.run(Double.self, input, output, context)
      }
    }
  }

  private static func inverseReal(_ name: String, _ rank: Int) -> OpDefinition {
    OpDefinition(
      name, "The real numbers whose Fourier transform over \(dimensions(rank)) is given, the half of it.",
      shape: { realShape($0, rank, forward: false) }
    ) { node in
      let (complexType, dtype) = (try node.inputType(0), try node.outputType(0))
      try checkPrecision(node, real: dtype, complex: complexType)
      return { context in
        let input = try context.input(0)
        let lengths = try lengths(context, rank, forward: false)
        let last = lengths[rank - 1]
        let outer = Array(input.shape.dimensions.dropLast(rank))
        let shape = try Shape(validating: outer + lengths)
        let output = try context.allocate(0, dtype, shape)
        guard output.elementCount > 0 else { return }
        try checkRoom(outer + lengths)
        try check(input, is: complexType)
        let work = InverseRealWork(rank: rank, length: last)
        dtype == .float32
          ? try work.run(Float.self, input, output, context)
          : try work.run(Double.self, input, output, context)
      }
    }
  }
}

/// Complex numbers to complex ones over the last dimensions.
private struct ComplexWork {
  let rank: Int
  let inverse: Bool

  func run<T: FourierScalar>(_ type: T.Type, _ input: Tensor, _ output: Tensor, _ context: KernelContext)
    throws
  {
    let (source, target) = (input.buffer(as: T.self), output.mutableBuffer(as: T.self))
    guard var from = source.baseAddress, let to = target.baseAddress else { return }
    let (sizes, pass) = (input.shape.dimensions, FourierPass<T>(context: context))
    for axis in sizes.count - rank..<sizes.count where sizes[axis] > 1 {
      try pass.transform(from, to, sizes: sizes, axis: axis, inverse: inverse)
      from = UnsafePointer(to)
    }
    if from != UnsafePointer(to) { to.update(from: from, count: 2 * output.elementCount) }
  }
}

/// Real numbers to the half of complex ones that is not redundant.
private struct RealWork {
  let rank: Int
  let length: Int

  func run<T: FourierScalar>(_ type: T.Type, _ input: Tensor, _ output: Tensor, _ context: KernelContext)
    throws
  {
    let target = output.mutableBuffer(as: T.self)
    guard let to = target.baseAddress else { return }
    let (sizes, pass) = (output.shape.dimensions, FourierPass<T>(context: context))
    // Only the last dimension may be longer than the input's, which is then filled up with zeros.
    let rows = FourierRows(Array(sizes.dropLast()), of: input.shape.dimensions)
    // Where there are no elements, none are read.
    let from = input.buffer(as: T.self).baseAddress ?? UnsafePointer(to)
    try pass.transformReals(from, rows, to, length: length)
    for axis in sizes.count - rank..<sizes.count - 1 where sizes[axis] > 1 {
      try pass.transform(to, to, sizes: sizes, axis: axis, inverse: false)
    }
  }
}

/// The half of complex numbers that is not redundant to real ones.
private struct InverseRealWork {
  let rank: Int
  let length: Int

  func run<T: FourierScalar>(_ type: T.Type, _ input: Tensor, _ output: Tensor, _ context: KernelContext)
    throws
  {
    guard let to = output.mutableBuffer(as: T.self).baseAddress else { return }
    let outer = Array(output.shape.dimensions.dropLast())
    let pass = FourierPass<T>(context: context)
    let given = FourierRows(outer, of: input.shape.dimensions)
    let from = input.buffer(as: T.self).baseAddress ?? UnsafePointer(to)
    guard rank > 1 else { return try pass.reals(from, given, to, length: length) }
    let sizes = outer + [length / 2 + 1]
    let spectrum = try context.scratch(input.dtype, Shape(validating: sizes))
    guard let middle = spectrum.mutableBuffer(as: T.self).baseAddress else { return }
    let count = 2 * (length / 2 + 1)
    for row in 0..<given.count {
      let target = middle + row * count
      if let source = given.source(of: row) {
        target.update(from: from + 2 * source * given.size, count: count)
      } else {
        target.update(repeating: 0, count: count)
      }
    }
    for axis in sizes.count - rank..<sizes.count - 1 where sizes[axis] > 1 {
      try pass.transform(middle, middle, sizes: sizes, axis: axis, inverse: true)
    }
    try pass.reals(middle, FourierRows(outer, of: sizes), to, length: length)
  }
}
