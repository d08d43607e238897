import GraftKernels
import GraftTensor

/// Runs single kernels, each value in memory of its own: while a plan is made, and in the dataflow
/// interpreter.
struct NodeEvaluator {
  private let workers: WorkerPool
  private let resources: ResourceManager
  private let functions: any FunctionRunner
  private let files: FileAccess
  private let checkpoint: @Sendable () throws -> Void
  private let maximumLoopSteps: Int
  private let isLimited: Bool
  private let trace: RunTrace?

  /// An evaluator of kernels that use what a session keeps; by default, of those that use nothing, and end
  /// soon.
  init(
    workers: WorkerPool = WorkerPool(threads: 1), resources: ResourceManager = ResourceManager(),
    functions: any FunctionRunner = NoFunctions(), files: FileAccess = .none,
    checkpoint: @escaping @Sendable () throws -> Void = {}, maximumLoopSteps: Int = 1_000,
    isLimited: Bool = false, trace: RunTrace? = nil
  ) {
    self.workers = workers
    self.resources = resources
    self.functions = functions
    self.files = files
    self.checkpoint = checkpoint
    self.maximumLoopSteps = maximumLoopSteps
    self.isLimited = isLimited
    self.trace = trace
  }

  /// A node's outputs for the given inputs.
  ///
  /// - Throws: what the kernel throws, with the node's place.
  func run(_ node: PlanNode, inputs: [Tensor]) throws -> [Tensor] {
    guard let definition = node.definition else { return node.constants ?? [] }
    let kernel: Kernel
    do {
      kernel = try definition.prepare(node.setup)
    } catch let error as GraftError {
      throw error.at(.init(node: node.name, op: node.op))
    }
    return try run(
      kernel, inputs: try inputs.map { try $0.aligned() }, outputTypes: node.valueTypes,
      flushes: FlushedArithmetic.applies(to: node.inputTypes, node.outputTypes),
      place: .init(node: node.name, op: node.op))
  }

  /// A kernel's outputs for the given inputs.
  ///
  /// - Parameters:
  ///   - flushes: whether it has ``FlushedArithmetic``.
  ///   - allocator: gives each value memory of its own.
  /// - Throws: what the kernel throws, with the place.
  func run(
    _ kernel: Kernel, inputs: [Tensor], outputTypes: [ValueType], flushes: Bool,
    allocator: any OutputAllocator = SeparateAllocator(), place: @autoclosure () -> GraftError.Place
  ) throws -> [Tensor] {
    let (inputCount, count) = (inputs.count, inputs.count + outputTypes.count)
    return try withUnsafeTemporaryAllocation(of: Tensor?.self, capacity: count) { values in
      values.initialize(repeating: nil)
      defer { values.deinitialize() }
      return try withUnsafeTemporaryAllocation(of: Int32.self, capacity: inputCount) { slots in
        for (index, input) in inputs.enumerated() {
          values[index] = input
          slots.initializeElement(at: index, to: Int32(index))
        }
        let context = KernelContext(
          values: values, allocator: allocator, workers: workers, resources: resources, functions: functions,
          files: files, checkpoint: checkpoint, maximumLoopSteps: maximumLoopSteps, isLimited: isLimited,
          trace: trace)
        do {
          context.begin(0, inputs: UnsafeBufferPointer(slots), outputs: inputCount..<count)
          try FlushedArithmetic.run(flushes) { try kernel(context) }
        } catch let error as GraftError {
          throw error.explained(by: inputs).at(place())
        }
        return try outputTypes.indices.map { output in
          guard let value = values[inputCount + output] else {
            throw GraftError(.internalError, "The kernel gave an output no value.", at: place())
          }
          guard outputTypes[output].accepts(value.dtype) else {
            throw GraftError.otherType(value.dtype, ofOutput: output, expected: outputTypes[output].dtype)
              .explained(by: inputs).at(place())
          }
          return value
        }
      }
    }
  }
}

/// Allocates every value by itself and keeps nothing: what a kernel would make of constants is used once.
private final class SeparateAllocator: OutputAllocator {
  func prepared(_ instruction: Int) -> AnyObject? { nil }
  func setPrepared(_ instruction: Int, _ object: any AnyObject & Sendable) {}
  func isConstant(slot: Int) -> Bool { false }
  func isLastUse(slot: Int, of instruction: Int) -> Bool { true }
}

extension GraftError {
  /// What a kernel gives can hang on more than its node's attributes: on a function, a variable, a list.
  static func otherType(_ found: DataType, ofOutput output: Int, expected: DataType) -> GraftError {
    GraftError(
      .invalidArgument,
      "Output \(output) is \(found), and by the node's attributes it is \(expected).",
      remedy: "What the node calls or reads (a function, a variable, a list, a queue) was made with another "
        + "dtype: export the graph again.")
  }

  /// The same error with the inputs' dtypes and shapes, where a kernel threw it.
  func explained(by inputs: [Tensor?]) -> GraftError {
    guard place.node == nil, code != .cancelled, code != .deadlineExceeded, !inputs.isEmpty else {
      return self
    }
    let list = inputs.map { $0.map { "\($0.dtype)\($0.shape)" } ?? "?" }.joined(separator: ", ")
    return GraftError(code, "\(message) Inputs: \(list).", at: place, remedy: remedy, cause: cause)
  }
}
