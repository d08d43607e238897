import GraftGraph
import GraftTensor

/// Datasets that leave elements out, look at them, or take them from several datasets by turns.
enum SelectingDatasets {
  static let all: [OpDefinition] = [
    directedInterleave("DirectedInterleaveDataset"),
    directedInterleave("ExperimentalDirectedInterleaveDataset"),
    ignoreErrors("IgnoreErrorsDataset"), ignoreErrors("ExperimentalIgnoreErrorsDataset"),
    assertCardinality, sampling,
    random("RandomDataset"), random("RandomDatasetV2"), random("ExperimentalRandomDataset"),
    list, firstOf("ChooseFastestDataset"), firstOf("ExperimentalChooseFastestDataset"),
  ]

  private static func directedInterleave(_ name: String) -> OpDefinition {
    .dataset(name, "Elements of several datasets; a dataset of numbers says which one gives the next.") {
      node in
      let stops =
        node.has("stop_on_empty_dataset") ? try node.bool("stop_on_empty_dataset") : false
      return { context in
        let selector = try context.dataset(0)
        let sources = try (1..<max(context.inputCount, 1)).map { try context.dataset($0) }
        return Dataset(.unknown) {
          let choices = selector.elements()
          var iterators = sources.map { Optional($0.elements()) }
          return { context in
            while iterators.contains(where: { $0 != nil }) {
              try context.checkpoint()
              guard let choice = try choices(context) else { return nil }
              let index = try choice.first?.integer() ?? -1
              guard iterators.indices.contains(index) else {
                throw GraftError(
                  .invalidArgument, "Dataset \(index) of \(iterators.count) is chosen, which is not there.")
              }
              if let element = try iterators[index]?(context) { return element }
              if stops { iterators = [] } else { iterators[index] = nil }
            }
            return nil
          }
        }
      }
    }
  }

  /// What no dataset may hide.
  private static let lasting: Set<GraftError.Code> = [
    .cancelled, .deadlineExceeded, .resourceExhausted, .permissionDenied, .unimplemented,
  ]

  private static func ignoreErrors(_ name: String) -> OpDefinition {
    .dataset(name, "The elements that can be made; those that cannot are left out.") { _ in
      return { context in
        let source = try context.dataset(0)
        let limit = 1 << 20
        return Dataset(.unknown) {
          let elements = source.elements()
          return { context in
            for failures in 0... {
              try context.checkpoint()
              do {
                return try elements(context)
              } catch let error as GraftError where failures < limit && !lasting.contains(error.code) {
                continue
              }
            }
            return nil
          }
        }
      }
    }
  }

  private static let assertCardinality = OpDefinition.dataset(
    "AssertCardinalityDataset", "The elements, which must be as many as is said; -1: without end, -2: any."
  ) { _ in
    return { context in
      let (source, expected) = (try context.dataset(0), try context.number(1))
      let cardinality: Dataset.Cardinality =
        expected >= 0 ? .count(expected) : expected == -1 ? .infinite : .unknown
      return Dataset(cardinality) {
        let elements = source.elements()
        var given = 0
        return { context in
          let element = try elements(context)
          if element != nil { given += 1 }
          guard expected == -2 || (element == nil ? given == expected : expected < 0 || given <= expected)
          else {
            throw GraftError(
              .failedPrecondition,
              "The dataset was to have \(expected < 0 ? "no end" : "\(expected) elements"), and has "
                + "\(element == nil ? "only \(given)" : "more").")
          }
          return element
        }
      }
    }
  }

  private static let sampling = OpDefinition.dataset(
    "SamplingDataset", "A random share of the elements.", traits: .random
  ) { _ in
    return { context in
      let source = try context.dataset(0)
      let rate = try context.scalarFloat(1, named: "rate")
      let seeds = SeedGenerator(try context.number(2), try context.number(3), reshuffles: false)
      return Dataset(.unknown) {
        let elements = source.elements()
        var numbers = PhiloxNumbers(seeds.next())
        return { context in
          while let element = try elements(context) {
            try context.checkpoint()
            if UniformNumber.float(numbers.next()) < rate { return element }
          }
          return nil
        }
      }
    }
  }

  private static func random(_ name: String) -> OpDefinition {
    .dataset(name, "Random numbers without end, the same for the same seeds.", traits: .random) { _ in
      return { context in
        let seeds = SeedGenerator(try context.number(0), try context.number(1), reshuffles: false)
        return Dataset(.infinite) {
          var numbers = PhiloxNumbers(seeds.next())
          return { _ in [try Tensor(Int64(numbers.next()))] }
        }
      }
    }
  }

  private static let list = OpDefinition.dataset(
    "ListDataset", "Elements that are given one after the other, component by component."
  ) { node in
    let count = try node.types("output_types").count
    return { context in
      let tensors = try context.kept(from: 0, to: context.inputCount)
      guard count > 0, tensors.count % count == 0 else {
        throw GraftError(
          .invalidArgument, "\(tensors.count) tensors do not make elements of \(count) components.")
      }
      return SourceDatasets.list(
        stride(from: 0, to: tensors.count, by: count).map { Array(tensors[$0..<$0 + count]) })
    }
  }

  private static func firstOf(_ name: String) -> OpDefinition {
    .dataset(name, "The first of several datasets, which all have the same elements.") { _ in
      return { context in try context.dataset(0) }
    }
  }
}
