import GraftGraph
import GraftTensor

/// A dataset of `tf.data`: tuples of tensors, each made when it is asked for.
///
/// It travels as a variant. What it needs of a run (functions, files, the time limit) it is given by the run that
/// asks for an element.
package final class Dataset: Sendable {
  /// Gives one tuple after the other; nil at the end.
  typealias Elements = (KernelContext) throws -> [Tensor]?

  /// How many elements there are.
  enum Cardinality: Sendable, Equatable {
    case count(Int)
    case infinite
    case unknown

    /// The number that TensorFlow gives it.
    var number: Int {
      switch self {
      case .count(let count): count
      case .infinite: -1
      case .unknown: -2
      }
    }

    /// The cardinality of a dataset that makes so many of so many elements.
    func map(_ transform: (Int) -> Int) -> Cardinality {
      if case .count(let count) = self { .count(transform(count)) } else { self }
    }
  }

  /// How the elements begin. It holds the datasets that this one takes from.
  private final class Source: Sendable {
    let begin: @Sendable () -> Elements

    init(_ begin: @escaping @Sendable () -> Elements) {
      self.begin = begin
    }
  }

  let cardinality: Cardinality
  // Nothing but the end of the dataset changes it.
  private nonisolated(unsafe) var source: Source?

  init(_ cardinality: Cardinality, _ begin: @escaping @Sendable () -> Elements) {
    self.cardinality = cardinality
    source = Source(begin)
  }

  deinit {
    NestedRelease.release(&source)
  }

  /// The elements from the first on.
  func elements() -> Elements {
    guard let source, StackRoom.isEnough else { return { _ in throw Self.tooDeep } }
    let next = source.begin()
    return { context in
      guard StackRoom.isEnough else { throw Self.tooDeep }
      return try next(context)
    }
  }

  private static let tooDeep = GraftError(
    .resourceExhausted, "Datasets take their elements from one another deeper than a thread's stack allows.",
    remedy: "Make fewer datasets of datasets.")

  /// The dataset as a variant.
  func tensor() throws -> Tensor {
    let tensor = try Tensor(uninitialized: .variant, shape: .scalar)
    tensor.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(self)
    return tensor
  }
}

extension KernelContext {
  /// The dataset that an input is.
  func dataset(_ index: Int) throws -> Dataset {
    let tensor = try input(index)
    guard tensor.dtype == .variant, let dataset = tensor.handled(as: Dataset.self) else {
      throw GraftError(
        .invalidArgument, "A dataset is expected, and \(tensor.dtype)\(tensor.shape) was found.",
        at: .init(input: index))
    }
    return dataset
  }

  /// The inputs from one on to before another, to be kept beyond the run.
  func kept(from first: Int, to end: Int) throws -> [Tensor] {
    try stride(from: first, to: end, by: 1).map { try input($0).persistent() }
  }

  /// An input's one number.
  func number(_ index: Int) throws -> Int {
    do {
      return try input(index).integer()
    } catch let error as GraftError {
      throw error.at(.init(input: index))
    }
  }

  /// An input's one truth value.
  func truth(_ index: Int) throws -> Bool {
    let tensor = try input(index)
    guard tensor.dtype == .bool, tensor.elementCount == 1 else {
      throw GraftError(
        .invalidArgument, "One bool is expected, and \(tensor.dtype)\(tensor.shape) was found.",
        at: .init(input: index))
    }
    return tensor.buffer(as: Bool.self)[0]
  }

  /// Calls a function of the graph.
  func call(_ function: FunctionReference, _ arguments: [Tensor]) throws -> [Tensor] {
    try functions.function(function)(arguments).map { try $0.persistent() }
  }

  /// The one truth value that a function gives.
  func decide(_ function: FunctionReference, _ arguments: [Tensor]) throws -> Bool {
    let results = try call(function, arguments)
    guard let result = results.first, result.dtype == .bool, result.elementCount == 1 else {
      throw GraftError(
        .invalidArgument, "The function '\(function.name)' decides, and gave no single bool.")
    }
    return result.buffer(as: Bool.self)[0]
  }
}

extension OpDefinition {
  /// An op that makes a dataset.
  static func dataset(
    _ name: String, _ summary: String, traits: Traits = [],
    _ prepare: @escaping @Sendable (NodeSetup) throws -> @Sendable (KernelContext) throws -> Dataset
  ) -> OpDefinition {
    OpDefinition(name, summary, traits: traits.union([.stateful, .keepsInputs]), shape: ShapeRules.scalar) {
      node in
      let make = try prepare(node)
      return { context in try context.setOutput(0, try make(context).tensor()) }
    }
  }
}
