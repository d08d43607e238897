import GraftGraph
import GraftTensor

/// Datasets that call functions on another dataset's elements.
enum MappingDatasets {
  static let all: [OpDefinition] = [
    map("MapDataset", parallel: false), map("ExperimentalMapDataset", parallel: false),
    map("ParallelMapDataset", parallel: true), map("ParallelMapDatasetV2", parallel: true),
    choosing("FilterDataset", "The elements that a function accepts.", endsAtFirst: false),
    choosing("ParallelFilterDataset", "The elements that a function accepts.", extra: 1, endsAtFirst: false),
    choosing(
      "TakeWhileDataset", "The elements before the first that a function refuses.", endsAtFirst: true),
    choosing(
      "ExperimentalTakeWhileDataset", "The elements before the first that a function refuses.",
      endsAtFirst: true),
    scan("ScanDataset"), scan("ExperimentalScanDataset"), flatMap,
    interleave("InterleaveDataset", extra: 2), interleave("ParallelInterleaveDataset", extra: 5),
    interleave("ExperimentalParallelInterleaveDataset", extra: 5),
    interleave("LegacyParallelInterleaveDatasetV2", extra: 4),
    interleave("ParallelInterleaveDatasetV2", extra: 3),
    interleave("ParallelInterleaveDatasetV3", extra: 3), interleave("ParallelInterleaveDatasetV4", extra: 5),
    mapAndBatch("MapAndBatchDataset"), mapAndBatch("ExperimentalMapAndBatchDataset"), generator,
  ]

  private static func map(_ name: String, parallel: Bool) -> OpDefinition {
    .dataset(name, "What a function makes of each element.") { node in
      let function = try node.function("f")
      return { context in
        let source = try context.dataset(0)
        let captured = try context.kept(from: 1, to: context.inputCount - (parallel ? 1 : 0))
        return Dataset(source.cardinality) {
          let elements = source.elements()
          return { context in
            try context.checkpoint()
            return try elements(context).map { try context.call(function, $0 + captured) }
          }
        }
      }
    }
  }

  private static func choosing(
    _ name: String, _ summary: String, extra: Int = 0, endsAtFirst: Bool
  ) -> OpDefinition {
    .dataset(name, summary) { node in
      let function = try node.function("predicate")
      return { context in
        let source = try context.dataset(0)
        let captured = try context.kept(from: 1, to: context.inputCount - extra)
        return Dataset(.unknown) {
          let elements = source.elements()
          var isOver = false
          return { context in
            while !isOver, let element = try elements(context) {
              try context.checkpoint()
              if try context.decide(function, element + captured) { return element }
              isOver = endsAtFirst
            }
            isOver = true
            return nil
          }
        }
      }
    }
  }

  private static func scan(_ name: String) -> OpDefinition {
    .dataset(name, "What a function makes of a state and each element, with the next state.") { node in
      let function = try node.function("f")
      let stateCount = try node.types("Tstate").count
      return { context in
        let source = try context.dataset(0)
        guard context.inputCount > stateCount else {
          throw GraftError(
            .invalidArgument, "The node has \(context.inputCount) inputs, too few for its state.")
        }
        let initial = try context.kept(from: 1, to: 1 + stateCount)
        let captured = try context.kept(from: 1 + stateCount, to: context.inputCount)
        return Dataset(source.cardinality) {
          let elements = source.elements()
          var state = initial
          return { context in
            try context.checkpoint()
            guard let element = try elements(context) else { return nil }
            let results = try context.call(function, state + element + captured)
            guard results.count >= stateCount else {
              throw GraftError(
                .invalidArgument,
                "The function '\(function.name)' gave \(results.count) results, fewer than its state.")
            }
            state = Array(results.prefix(stateCount))
            return Array(results.dropFirst(stateCount))
          }
        }
      }
    }
  }

  /// The dataset that a function makes of an element.
  static func inner(
    _ function: FunctionReference, _ arguments: [Tensor], _ context: KernelContext
  ) throws -> Dataset.Elements {
    guard let result = try context.call(function, arguments).first,
      let dataset = result.handled(as: Dataset.self)
    else {
      throw GraftError(
        .invalidArgument, "The function '\(function.name)' is to make a dataset, and gave none.")
    }
    return dataset.elements()
  }

  private static let flatMap = OpDefinition.dataset(
    "FlatMapDataset", "The elements of the datasets that a function makes of each element."
  ) { node in
    let function = try node.function("f")
    return { context in
      let source = try context.dataset(0)
      let captured = try context.kept(from: 1, to: context.inputCount)
      return Dataset(.unknown) {
        let outer = source.elements()
        var current: Dataset.Elements?
        return { context in
          while true {
            try context.checkpoint()
            if let element = try current?(context) { return element }
            guard let element = try outer(context) else {
              current = nil
              return nil
            }
            current = try inner(function, element + captured, context)
          }
        }
      }
    }
  }

  /// - Parameter extra: how many inputs come after the captured ones; the first two are `cycle_length` and
  ///   `block_length`.
  private static func interleave(_ name: String, extra: Int) -> OpDefinition {
    .dataset(name, "The elements of several of the datasets that a function makes, by turns.") { node in
      let function = try node.function("f")
      return { context in
        let source = try context.dataset(0)
        let first = context.inputCount - extra
        guard first >= 1 else {
          throw GraftError(.invalidArgument, "The node has \(context.inputCount) inputs, which are too few.")
        }
        let captured = try context.kept(from: 1, to: first)
        let (asked, block) = (try context.number(first), try context.number(first + 1))
        // -1 leaves it to TensorFlow, which asks the machine: here the order is the same for every machine.
        let cycle = asked == -1 && extra > 2 ? 1 : asked
        guard cycle > 0, cycle <= 1 << 20, block > 0 else {
          throw GraftError(
            .invalidArgument, "cycle_length is \(cycle) and block_length \(block); both must be positive.")
        }
        return Dataset(.unknown) {
          Interleaving(source.elements(), function, captured, cycle: cycle, block: block).next
        }
      }
    }
  }

  private final class Interleaving {
    private let outer: Dataset.Elements
    private let function: FunctionReference
    private let captured: [Tensor]
    private var current: [Dataset.Elements?]
    private let block: Int
    private var position = 0
    private var given = 0
    private var outerIsOver = false

    init(
      _ outer: @escaping Dataset.Elements, _ function: FunctionReference, _ captured: [Tensor], cycle: Int,
      block: Int
    ) {
      self.outer = outer
      self.function = function
      self.captured = captured
      self.block = block
      current = Array(repeating: nil, count: cycle)
    }

    func next(_ context: KernelContext) throws -> [Tensor]? {
      while true {
        try context.checkpoint()
        if let elements = current[position] {
          if let element = try elements(context) {
            given += 1
            if given == block { advance() }
            return element
          }
          current[position] = nil
          advance()
        } else if !outerIsOver {
          if let element = try outer(context) {
            current[position] = try inner(function, element + captured, context)
            given = 0
          } else {
            outerIsOver = true
          }
        } else if current.contains(where: { $0 != nil }) {
          advance()
        } else {
          return nil
        }
      }
    }

    private func advance() {
      given = 0
      position = (position + 1) % current.count
    }
  }

  private static func mapAndBatch(_ name: String) -> OpDefinition {
    .dataset(name, "Batches of what a function makes of each element.") { node in
      let function = try node.function("f")
      return { context in
        let source = try context.dataset(0)
        let first = context.inputCount - 3
        guard first >= 1 else {
          throw GraftError(.invalidArgument, "The node has \(context.inputCount) inputs, which are too few.")
        }
        let captured = try context.kept(from: 1, to: first)
        let mapped = Dataset(source.cardinality) {
          let elements = source.elements()
          return { context in try elements(context).map { try context.call(function, $0 + captured) } }
        }
        return try BatchDatasets.batched(
          mapped, try context.number(first), dropsRemainder: try context.truth(first + 2))
      }
    }
  }

  private static let generator = OpDefinition.dataset(
    "GeneratorDataset", "What a function gives, called with a state until it says that it is out of range."
  ) { node in
    let (initial, next) = (try node.function("init_func"), try node.function("next_func"))
    let initialCount = try node.types("Tinit_func_args").count
    let nextCount = try node.types("Tnext_func_args").count
    return { context in
      guard context.inputCount >= initialCount + nextCount else {
        throw GraftError(.invalidArgument, "The node has \(context.inputCount) inputs, which are too few.")
      }
      let initialArguments = try context.kept(from: 0, to: initialCount)
      let nextArguments = try context.kept(from: initialCount, to: initialCount + nextCount)
      return Dataset(.unknown) {
        var state: [Tensor]?
        var isOver = false
        return { context in
          guard !isOver else { return nil }
          try context.checkpoint()
          let known = try state ?? context.call(initial, initialArguments)
          state = known
          do {
            return try context.call(next, known + nextArguments)
          } catch let error as GraftError where error.code == .outOfRange {
            isOver = true
            return nil
          }
        }
      }
    }
  }
}
