import GraftGraph
import GraftTensor

/// Datasets that put elements together by keys, in windows and in other batches.
enum GroupingDatasets {
  static let all: [OpDefinition] = [
    byWindow("GroupByWindowDataset"), byWindow("ExperimentalGroupByWindowDataset"),
    byReducer("GroupByReducerDataset"), byReducer("ExperimentalGroupByReducerDataset"),
    rebatch, sparseSlices,
  ]

  /// The key of an element: one int64.
  private static func key(
    _ function: FunctionReference, _ arguments: [Tensor], _ context: KernelContext
  ) throws -> Tensor {
    guard let key = try context.call(function, arguments).first, key.dtype == .int64, key.elementCount == 1
    else {
      throw GraftError(
        .invalidArgument, "The function '\(function.name)' is to give a key, one int64, and gave none.")
    }
    return key
  }

  /// The captured inputs of a node's functions, one list after the other.
  private static func captured(
    _ node: NodeSetup, _ names: [String]
  ) throws -> @Sendable (KernelContext) throws -> [[Tensor]] {
    let counts = try names.map { try node.types($0).count }
    return { context in
      var first = 1
      return try counts.map { count in
        defer { first += count }
        return try context.kept(from: first, to: first + count)
      }
    }
  }

  private static func byWindow(_ name: String) -> OpDefinition {
    .dataset(name, "What a function makes of each group of elements of one key, when it is full.") { node in
      let (keyOf, reduce, sizeOf) = (
        try node.function("key_func"), try node.function("reduce_func"),
        try node.function("window_size_func")
      )
      let captured = try captured(
        node,
        [
          "Tkey_func_other_arguments", "Treduce_func_other_arguments", "Twindow_size_func_other_arguments",
        ])
      return { context in
        let source = try context.dataset(0)
        let extra = try captured(context)
        return Dataset(.unknown) {
          let elements = source.elements()
          var groups: [Int: (key: Tensor, size: Int, elements: [[Tensor]])] = [:]
          var current: Dataset.Elements?
          var isOver = false
          func flush(_ number: Int, _ context: KernelContext) throws {
            guard let group = groups.removeValue(forKey: number) else { return }
            let dataset = try SourceDatasets.list(group.elements).tensor()
            current = try MappingDatasets.inner(reduce, [group.key, dataset] + extra[1], context)
          }
          return { context in
            while true {
              try context.checkpoint()
              if let element = try current?(context) { return element }
              current = nil
              guard !isOver else {
                guard let number = groups.keys.min() else { return nil }
                try flush(number, context)
                continue
              }
              guard let element = try elements(context) else {
                isOver = true
                continue
              }
              let key = try key(keyOf, element + extra[0], context)
              let number = try key.integer()
              var group = groups.removeValue(forKey: number) ?? (key, 0, [])
              if group.size == 0 {
                group.size = try context.call(sizeOf, [key] + extra[2]).first?.integer() ?? 0
                guard group.size > 0 else {
                  throw GraftError(
                    .invalidArgument, "The window of key \(number) has \(group.size) elements; one at least.")
                }
              }
              group.elements.append(element)
              let isFull = group.elements.count == group.size
              groups[number] = group
              if isFull { try flush(number, context) }
            }
          }
        }
      }
    }
  }

  private static func byReducer(_ name: String) -> OpDefinition {
    .dataset(name, "What functions make of all elements of a key, one element for each key.") { node in
      let (keyOf, begin) = (try node.function("key_func"), try node.function("init_func"))
      let (reduce, finish) = (try node.function("reduce_func"), try node.function("finalize_func"))
      let captured = try captured(
        node,
        [
          "Tkey_func_other_arguments", "Tinit_func_other_arguments", "Treduce_func_other_arguments",
          "Tfinalize_func_other_arguments",
        ])
      return { context in
        let source = try context.dataset(0)
        let extra = try captured(context)
        return Dataset(.unknown) {
          var results: ArraySlice<[Tensor]>?
          return { context in
            if results == nil {
              let elements = source.elements()
              var states: [Int: [Tensor]] = [:]
              while let element = try elements(context) {
                try context.checkpoint()
                let key = try key(keyOf, element + extra[0], context)
                let number = try key.integer()
                let state = try states.removeValue(forKey: number) ?? context.call(begin, [key] + extra[1])
                states[number] = try context.call(reduce, state + element + extra[2])
              }
              results = states.sorted { $0.key < $1.key }.map(\.value)[...]
            }
            guard let state = results?.popFirst() else { return nil }
            return try context.call(finish, state + extra[3])
          }
        }
      }
    }
  }

  private static let rebatch = OpDefinition.dataset(
    "RebatchDatasetV2", "The rows of batches in batches of other sizes, which take turns."
  ) { _ in
    return { context in
      let (source, sizes) = (try context.dataset(0), try context.input(1).integers())
      let dropsRemainder = try context.truth(2)
      guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }) else {
        throw GraftError(
          .invalidArgument, "'batch_sizes' is \(sizes); positive numbers are expected.", at: .init(input: 1))
      }
      return Dataset(.unknown) {
        let elements = source.elements()
        var rows: [[Tensor]] = []
        var turn = 0
        return { context in
          let size = sizes[turn % sizes.count]
          while rows.count < size {
            try context.checkpoint()
            guard let element = try elements(context) else { break }
            rows += try TensorBatch.slices(of: element)
          }
          guard !rows.isEmpty, rows.count >= size || !dropsRemainder else { return nil }
          let batch = Array(rows.prefix(size))
          rows.removeFirst(batch.count)
          turn += 1
          return try BatchDatasets.stacked(batch)
        }
      }
    }
  }

  private static let sparseSlices = OpDefinition.dataset(
    "SparseTensorSliceDataset", "The slices of a sparse tensor along its first dimension."
  ) { _ in
    return { context in
      let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
      guard input.rank > 0, input.shape[0] >= 0 else {
        throw GraftError(
          .invalidArgument,
          "A sparse tensor of one dimension or more is expected; its shape is \(input.shape)."
        )
      }
      let rank = input.rank - 1
      let values = try input.values.persistent()
      let (indices, shape) = (Array(input.indices), Array(input.shape.dropFirst()))
      let (count, rows) = (input.count, input.shape[0])
      for place in 1..<max(count, 1) where indices[place * (rank + 1)] < indices[(place - 1) * (rank + 1)] {
        throw GraftError(
          .unimplemented, "The indices of value \(place) come before those of the one before it.",
          at: .init(input: 0), remedy: "Order the sparse tensor first.")
      }
      return Dataset(.count(rows)) {
        var (row, next) = (0, 0)
        return { _ in
          guard row < rows else { return nil }
          let first = next
          while next < count, indices[next * (rank + 1)] == row { next += 1 }
          row += 1
          var own: [Int64] = []
          for place in first..<next {
            for axis in 1..<rank + 1 { own.append(Int64(indices[place * (rank + 1) + axis])) }
          }
          let sizes = shape.map { Int64($0) }
          return [
            try Tensor(shape: [next - first, rank], scalars: own),
            values.view(firstElement: first, shape: Shape([next - first])),
            try Tensor(shape: [rank], scalars: sizes),
          ]
        }
      }
    }
  }
}
