import GraftTensor

/// What a kernel sees while it runs: its inputs, a place for its outputs, and the run's workers.
///
/// One context serves a whole run; the executor points it at one instruction after the other. Tensors
/// that it hands out stay alive until the kernel returns, and so do addresses taken of them.
package final class KernelContext {
  /// The run's values, by slot.
  private let values: UnsafeMutableBufferPointer<Tensor?>
  private var inputSlots: UnsafeBufferPointer<Int32>
  private var outputs: UnsafeMutableBufferPointer<Tensor?>
  private var instruction = 0
  private let allocator: any OutputAllocator
  /// Scratch memory of the instruction, so that addresses taken of it hold until the kernel returns.
  private var scratchTensors: [Tensor] = []
  /// Whether what was packed last is for this run only.
  private var isPassing = false
  /// Splits loops over the processor's cores.
  package let workers: WorkerPool
  /// What the session keeps from run to run.
  package let resources: ResourceManager
  /// Runs functions of the graph's library.
  package let functions: any FunctionRunner
  /// Which files the run may touch.
  package let files: FileAccess
  /// Ends the run early when it was cancelled or its time is over; long kernels ask now and then.
  package let checkpoint: @Sendable () throws -> Void
  /// How many rounds a loop may take.
  package let maximumLoopSteps: Int
  /// Whether the run has a time limit or can be cancelled, so that it may wait for others.
  package let isLimited: Bool
  /// What records each instruction of the run, which is the runtime's affair; nil where nobody asked.
  package let trace: (any AnyObject & Sendable)?

  /// A context over a run's values.
  package init(
    values: UnsafeMutableBufferPointer<Tensor?>, allocator: any OutputAllocator, workers: WorkerPool,
    resources: ResourceManager = ResourceManager(), functions: any FunctionRunner = NoFunctions(),
    files: FileAccess = .none,
    checkpoint: @escaping @Sendable () throws -> Void = {}, maximumLoopSteps: Int = .max,
    isLimited: Bool = false, trace: (any AnyObject & Sendable)? = nil
  ) {
    self.values = values
    self.allocator = allocator
    self.workers = workers
    self.resources = resources
    self.functions = functions
    self.files = files
    self.checkpoint = checkpoint
    self.maximumLoopSteps = maximumLoopSteps
    self.isLimited = isLimited
    self.trace = trace
    inputSlots = UnsafeBufferPointer(start: nil, count: 0)
    outputs = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// A context over other values that shares all else with this one.
  package func nested(
    over values: UnsafeMutableBufferPointer<Tensor?>, allocator: any OutputAllocator
  ) -> KernelContext {
    KernelContext(
      values: values, allocator: allocator, workers: workers, resources: resources, functions: functions,
      files: files, checkpoint: checkpoint, maximumLoopSteps: maximumLoopSteps,
      isLimited: isLimited, trace: trace)
  }

  /// Points the context at an instruction: where its inputs and outputs lie among the values.
  @inline(__always)
  package func begin(
    _ instruction: Int, inputs: UnsafeBufferPointer<Int32>, outputs: Range<Int>
  ) {
    self.instruction = instruction
    if !scratchTensors.isEmpty { scratchTensors.removeAll(keepingCapacity: true) }
    inputSlots = inputs
    self.outputs = UnsafeMutableBufferPointer(rebasing: values[outputs])
  }

  /// How many inputs the node has.
  package var inputCount: Int { inputSlots.count }

  /// How many outputs the node has.
  package var outputCount: Int { outputs.count }

  /// An input's value.
  ///
  /// - Throws: `GraftError` when the node has no such input, or the input has no value.
  package func input(_ index: Int) throws -> Tensor {
    guard index >= 0, index < inputSlots.count else {
      throw GraftError(
        .invalidArgument, "The node has \(inputSlots.count) inputs and needs input \(index).")
    }
    guard let tensor = values[Int(inputSlots[index])] else {
      throw GraftError(.internalError, "Input \(index) has no value.", at: .init(input: index))
    }
    return tensor
  }

  /// The value of an input that is a handle, taken out of its slot where nobody reads it afterwards: a
  /// kernel that then is its only holder may change what it refers to.
  package func takeHandle(_ index: Int) throws -> Tensor {
    let tensor = try input(index)
    guard case .handle = tensor.dtype.layout else { return tensor }
    let slot = inputSlots[index]
    if allocator.isLastUse(slot: Int(slot), of: instruction), inputSlots.count(where: { $0 == slot }) == 1 {
      values[Int(slot)] = nil
    }
    return tensor
  }

  /// Makes sure that a fused op has as many inputs as its attributes say.
  func requireInputs(_ count: Int) throws {
    guard inputCount == count else {
      throw GraftError(
        .invalidArgument, "The fused op has \(inputCount) inputs where \(count) are expected.")
    }
  }

  /// All inputs' values.
  package func inputs() throws -> [Tensor] {
    try (0..<inputCount).map { try input($0) }
  }

  /// Memory for an output, which the kernel then writes whole; the output's value already.
  ///
  /// For an op with the `inPlace` trait it may be the memory of an input.
  package func allocate(_ index: Int, _ dtype: DataType, _ shape: Shape) throws -> Tensor {
    let tensor = try allocator.allocate(output: index, of: instruction, dtype: dtype, shape: shape)
    try setOutput(index, tensor)
    return tensor
  }

  /// Memory that the kernel needs while it runs only.
  package func scratch(_ dtype: DataType, _ shape: Shape) throws -> Tensor {
    let tensor = try allocator.scratch(dtype: dtype, shape: shape)
    scratchTensors.append(tensor)
    return tensor
  }

  /// Gives an output a value: an input passed on, a view of one, or something made elsewhere.
  package func setOutput(_ index: Int, _ tensor: Tensor) throws {
    guard index >= 0, index < outputs.count else {
      throw GraftError(
        .internalError, "The kernel gives output \(index) of a node that has \(outputs.count).")
    }
    guard tensor.rank <= Shape.maximumRank else { throw Shape.tooManyDimensions(tensor.rank) }
    outputs[index] = tensor
  }

  /// What the kernel prepared for this instruction in an earlier run with the same input shapes (a
  /// library's primitive, packed weights), made now where there is nothing yet.
  ///
  /// The result is shared by overlapping runs, so it may not change. It must depend on nothing but the
  /// node, the shapes and the inputs that `isConstant(_:)` says are constant.
  package func prepared<P: AnyObject & Sendable>(_ make: () throws -> P) throws -> P {
    if let found = allocator.prepared(instruction), type(of: found) == P.self {
      return unsafeDowncast(found, to: P.self)
    }
    isPassing = false
    let made = try make()
    if !isPassing { allocator.setPrepared(instruction, made) }
    return made
  }

  /// From how many bytes on a constant's part of its file is given back to the system even when the next run is to
  /// read it again.
  private static let releasedBytes = 2 << 20

  /// What the kernel made of a constant input, such as packed weights: made once for all programs and sessions
  /// of the graph, whatever the shapes of their other inputs. To be called within ``prepared(_:)``.
  ///
  /// A first run does not keep it: a process that runs a network once is over sooner when all its weights pass
  /// through the same memory than when the system has to find and clear memory for each.
  ///
  /// - Parameters:
  ///   - form: numbers that the result depends on beside the input, and that tell apart what is made of it.
  ///   - factors: a small constant that the result depends on.
  ///   - make: reads the constant, whose elements need not be aligned.
  package func packed<P: AnyObject & Sendable>(
    _ constant: Tensor, form: [Int], factors: Tensor? = nil, _ make: () throws -> P
  ) throws -> P {
    func pack() throws -> P {
      isPassing = !keepsPacked
      // Nobody looks at the constant as it was any more, or only the next run, for which a small one is left mapped.
      defer { if keepsPacked || constant.byteCount >= Self.releasedBytes { constant.storage.releasePages() } }
      return try make()
    }
    guard let derived = allocator.derived else { return try pack() }
    return try derived.value(of: constant, form: form, factors: factors, pack)
  }

  /// Whether there is likely to be another run that packed constants are kept for.
  package var keepsPacked: Bool { allocator.keepsPacked }

  /// Tells that this instruction reads so much of what it ``prepared(_:)`` once in every run, with little to compute for
  /// it: what runs before may have it brought into a cache meanwhile.
  func readsOnce(_ memory: UnsafeRawBufferPointer) { allocator.readsOnce(memory, instruction: instruction) }

  /// Whether this instruction's inputs and outputs have the same shapes and addresses each time it runs with
  /// this run's memory, so that ``bind(_:)`` is worth calling.
  package var isFixed: Bool { allocator.isFixed(instruction) }

  /// Gives what is to be done in the kernel's place from the next run on: the same from the same addresses to
  /// the same addresses, without looking anything up. Called only where ``isFixed``, when the outputs are
  /// set.
  package func bind(_ action: @escaping () -> Void) { allocator.bind(instruction, .always(action)) }

  /// Does the kernel's work, and where ``isFixed`` has it done in the kernel's place from the next run on.
  ///
  /// - Parameter binds: whether the action is all that the kernel does with any values; asked only where it matters.
  package func perform(
    binds: @autoclosure () -> Bool = true, _ action: @escaping () -> Void
  ) {
    action()
    if isFixed, binds() { bind(action) }
  }

  /// As ``bind(_:)``, for what cannot be done with every value: where the action gives false, the kernel runs.
  package func bind(attempting action: @escaping () -> Bool) {
    allocator.bind(instruction, .attempt(action))
  }

  /// Whether the input is the same tensor in every round of the loop that this run is part of, for as long as what is
  /// bound now stays bound.
  package func isHeld(_ index: Int) -> Bool {
    index >= 0 && index < inputSlots.count && allocator.isHeld(slot: Int(inputSlots[index]))
  }

  /// Whether the input is the same tensor in every run of this program.
  package func isConstant(_ index: Int) -> Bool {
    index >= 0 && index < inputSlots.count && allocator.isConstant(slot: Int(inputSlots[index]))
  }
}

/// Where kernels' memory comes from, and what is kept for them from run to run.
package protocol OutputAllocator: AnyObject {
  /// Memory for an output, in the arena where it was planned.
  func allocate(output: Int, of instruction: Int, dtype: DataType, shape: Shape) throws -> Tensor
  /// Memory for the kernel's own use until it returns.
  func scratch(dtype: DataType, shape: Shape) throws -> Tensor
  /// What was prepared for an instruction.
  func prepared(_ instruction: Int) -> AnyObject?
  /// Keeps what was prepared for an instruction.
  func setPrepared(_ instruction: Int, _ object: AnyObject & Sendable)
  /// Takes note of what an instruction reads once in every run.
  func readsOnce(_ memory: UnsafeRawBufferPointer, instruction: Int)
  /// What was made of the graph's constants.
  var derived: DerivedConstants? { get }
  /// Whether there is likely to be another run that packed constants are kept for.
  var keepsPacked: Bool { get }
  /// Whether a slot's value is the same in every run.
  func isConstant(slot: Int) -> Bool
  /// Whether a slot's value is the same in every round of a loop.
  func isHeld(slot: Int) -> Bool
  /// Whether nobody reads the slot's value after the instruction.
  func isLastUse(slot: Int, of instruction: Int) -> Bool
  /// Whether an instruction's shapes and addresses are the same each time.
  func isFixed(_ instruction: Int) -> Bool
  /// Keeps what is to be done in the place of an instruction's kernel.
  func bind(_ instruction: Int, _ action: BoundAction)
}

/// What is done in the place of an instruction's kernel.
package enum BoundAction {
  /// All that the kernel would do.
  case always(() -> Void)
  /// The same, or nothing where it gives false.
  case attempt(() -> Bool)
}

extension OutputAllocator {
  /// By default each output has memory of its own, and so has what is scratch.
  package func allocate(
    output: Int, of instruction: Int, dtype: DataType, shape: Shape
  ) throws -> Tensor {
    try Tensor(uninitialized: dtype, shape: shape)
  }
  package func scratch(dtype: DataType, shape: Shape) throws -> Tensor {
    try Tensor(uninitialized: dtype, shape: shape)
  }
  /// By default there are no rounds.
  package func isHeld(slot: Int) -> Bool { false }
  /// By default nothing is taken out of its slot.
  package func isLastUse(slot: Int, of instruction: Int) -> Bool { false }
  /// By default nothing is brought into caches.
  package func readsOnce(_ memory: UnsafeRawBufferPointer, instruction: Int) {}
  /// By default nothing is shared.
  package var derived: DerivedConstants? { nil }
  /// By default everything is kept.
  package var keepsPacked: Bool { true }
  /// By default nothing is bound to addresses.
  package func isFixed(_ instruction: Int) -> Bool { false }
  package func bind(_ instruction: Int, _ action: BoundAction) {}
}
