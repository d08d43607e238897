import GraftGraph
import GraftTensor
import Synchronization

/// Datasets that choose from other datasets' elements, and put them in another order.
enum OrderDatasets {
  static let all: [OpDefinition] =
    [
      .dataset("TakeDataset", "The first elements; -1 for all.") { _ in
        return { context in
          let (source, count) = (try context.dataset(0), try context.number(1))
          guard count >= 0 else { return source }
          let cardinality: Dataset.Cardinality =
            source.cardinality == .infinite ? .count(count) : source.cardinality.map { min($0, count) }
          return Dataset(cardinality) {
            let elements = source.elements()
            var left = count
            return { context in
              guard left > 0 else { return nil }
              left -= 1
              return try elements(context)
            }
          }
        }
      },
      .dataset("SkipDataset", "The elements after the first ones; -1 for none.") { _ in
        return { context in
          let (source, count) = (try context.dataset(0), try context.number(1))
          guard count >= 0 else { return SourceDatasets.list([]) }
          return Dataset(source.cardinality.map { max($0 - count, 0) }) {
            let elements = source.elements()
            var left = count
            return { context in
              while left > 0 {
                left -= 1
                try context.checkpoint()
                guard try elements(context) != nil else {
                  left = 0
                  return nil
                }
              }
              return try elements(context)
            }
          }
        }
      },
      .dataset("RepeatDataset", "The elements again and again; -1 for ever.") { _ in
        return { context in repeated(try context.dataset(0), try context.number(1)) }
      },
      .dataset("ShardDataset", "Every so many-th element.") { _ in
        return { context in
          let (source, count, index) = (try context.dataset(0), try context.number(1), try context.number(2))
          guard count > 0, (0..<count).contains(index) else {
            throw GraftError(.invalidArgument, "Shard \(index) of \(count) is asked for.")
          }
          return Dataset(source.cardinality.map { $0 / count + ($0 % count > index ? 1 : 0) }) {
            let elements = source.elements()
            var position = 0
            return { context in
              while let element = try elements(context) {
                defer { position += 1 }
                if position % count == index { return element }
                try context.checkpoint()
              }
              return nil
            }
          }
        }
      },
      .dataset("ZipDataset", "The elements of several datasets side by side, up to the end of the shortest.")
      { _ in
        return { context in
          let sources = try (0..<context.inputCount).map { try context.dataset($0) }
          return Dataset(shortest(sources)) {
            let iterators = sources.map { $0.elements() }
            return { context in
              var whole: [Tensor] = []
              for elements in iterators {
                guard let element = try elements(context) else { return nil }
                whole += element
              }
              return iterators.isEmpty ? nil : whole
            }
          }
        }
      },
      .dataset("ConcatenateDataset", "The elements of one dataset, and then those of another.") { _ in
        return { context in
          let (first, second) = (try context.dataset(0), try context.dataset(1))
          return Dataset(sum(first.cardinality, second.cardinality)) {
            var elements = first.elements()
            var isSecond = false
            return { context in
              if let element = try elements(context) { return element }
              guard !isSecond else { return nil }
              isSecond = true
              elements = second.elements()
              return try elements(context)
            }
          }
        }
      },
      unique("UniqueDataset"), unique("ExperimentalUniqueDataset"),
      cache("CacheDataset"), cache("CacheDatasetV2"),
    ]
    + ShuffleDatasets.all
    + [
      "PrefetchDataset", "OptionsDataset", "ModelDataset", "OptimizeDataset", "OptimizeDatasetV2",
      "FinalizeDataset",
      "PrivateThreadPoolDataset", "MaxIntraOpParallelismDataset", "ThreadPoolDataset",
      "NonSerializableDataset",
      "AssertNextDataset", "LatencyStatsDataset", "BytesProducedStatsDataset", "SetStatsAggregatorDataset",
      "AssertPrevDataset", "RewriteDataset", "SleepDataset", "ExperimentalAssertNextDataset",
      "ExperimentalBytesProducedStatsDataset", "ExperimentalLatencyStatsDataset",
      "ExperimentalMaxIntraOpParallelismDataset", "ExperimentalNonSerializableDataset",
      "ExperimentalPrivateThreadPoolDataset", "ExperimentalSetStatsAggregatorDataset",
      "ExperimentalSleepDataset", "ExperimentalThreadPoolDataset",
    ].map { name in
      .dataset(name, "The elements as they are: what it says about how they are made changes none of them.") {
        _ in
        return { context in try context.dataset(0) }
      }
    }

  /// A dataset's elements, so many times.
  static func repeated(_ source: Dataset, _ count: Int) -> Dataset {
    let cardinality: Dataset.Cardinality =
      switch source.cardinality {
      case .count(let each) where count >= 0:
        .count(each.multipliedReportingOverflow(by: count).overflow ? .max : each * count)
      case .count(let each): each == 0 ? .count(0) : .infinite
      case .infinite: count == 0 ? .count(0) : .infinite
      case .unknown: count == 0 ? .count(0) : .unknown
      }
    return Dataset(cardinality) {
      var elements = source.elements()
      var left = count
      var isFresh = true
      return { context in
        guard left != 0 else { return nil }
        while true {
          try context.checkpoint()
          if let element = try elements(context) {
            isFresh = false
            return element
          }
          // Nothing, however often it is repeated.
          if isFresh, left < 0 {
            left = 0
            return nil
          }
          if left > 0 { left -= 1 }
          guard left != 0 else { return nil }
          elements = source.elements()
          isFresh = true
        }
      }
    }
  }

  private static func unique(_ name: String) -> OpDefinition {
    .dataset(name, "The elements that were not there before.") { _ in
      return { context in
        let source = try context.dataset(0)
        return Dataset(.unknown) {
          let elements = source.elements()
          var seen: Set<[Bytes]> = []
          return { context in
            while let element = try elements(context) {
              try context.checkpoint()
              if seen.insert(element.flatMap(content)).inserted { return element }
            }
            return nil
          }
        }
      }
    }
  }

  private static func shortest(_ sources: [Dataset]) -> Dataset.Cardinality {
    if sources.contains(where: { $0.cardinality == .unknown }) { return .unknown }
    let counts = sources.compactMap { if case .count(let count) = $0.cardinality { count } else { nil } }
    return counts.min().map { .count($0) } ?? .infinite
  }

  private static func sum(_ a: Dataset.Cardinality, _ b: Dataset.Cardinality) -> Dataset.Cardinality {
    switch (a, b) {
    case (.infinite, _), (_, .infinite): .infinite
    case (.count(let a), .count(let b)): .count(a.addingReportingOverflow(b).overflow ? .max : a + b)
    default: .unknown
    }
  }

  /// A tensor's values, to be compared.
  private static func content(_ tensor: Tensor) -> [Bytes] {
    if tensor.dtype == .string { return Array(tensor.buffer(as: Bytes.self)) }
    return tensor.withUnsafeBytes { [Bytes(Array($0))] }
  }

  private static func cache(_ name: String) -> OpDefinition {
    .dataset(name, "The elements, kept in memory from the second time on.") { _ in
      return { context in
        let source = try context.dataset(0)
        guard try context.scalarString(1, named: "filename").count == 0 else {
          throw GraftError(
            .unimplemented, "The dataset is to be cached in a file, which Graft does not do.",
            remedy: "Cache it in memory, with an empty filename.")
        }
        let cached = Cached()
        return Dataset(source.cardinality) {
          if let all = cached.elements.withLock({ $0 }) { return SourceDatasets.list(all).elements() }
          let elements = source.elements()
          var all: [[Tensor]] = []
          return { context in
            guard let element = try elements(context) else {
              let complete = all
              cached.elements.withLock { $0 = complete }
              return nil
            }
            all.append(element)
            return element
          }
        }
      }
    }
  }

  private final class Cached: Sendable {
    let elements = Mutex<[[Tensor]]?>(nil)
  }
}
