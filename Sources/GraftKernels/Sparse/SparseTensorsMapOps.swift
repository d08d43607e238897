import GraftTensor
import Synchronization

/// Sparse tensors that a session keeps by number, from one operation to another.
final class SparseTensorsMap: SessionResource {
  static let kind = "map of sparse tensors"

  private struct Contents {
    var next: Int64 = 0
    var tensors: [Int64: SparseInput] = [:]
  }

  private let contents = Mutex(Contents())

  /// Keeps a tensor; the result is its number.
  func add(_ tensor: SparseInput) -> Int64 {
    contents.withLock { contents in
      let number = contents.next
      contents.next += 1
      contents.tensors[number] = tensor
      return number
    }
  }

  /// Gives a tensor away, which is not kept any longer.
  func take(_ number: Int64) -> SparseInput? {
    contents.withLock { $0.tensors.removeValue(forKey: number) }
  }
}

/// Ops that keep sparse tensors and take them out again.
enum SparseTensorsMapOps {
  static let all: [OpDefinition] = [addOne, addMany, takeMany]

  private static func map(_ setup: NodeSetup) throws -> @Sendable (KernelContext) throws -> SparseTensorsMap {
    let container = try setup.string("container")
    let sharedName = try setup.string("shared_name")
    let name = sharedName.isEmpty ? setup.name : sharedName
    return { context in
      try context.resources.resource(SparseTensorsMap.self, container: container, name: name) {
        SparseTensorsMap()
      }
    }
  }

  private static let addOne = OpDefinition(
    "AddSparseToTensorsMap", "Keeps a sparse tensor in the session's map; the number under which it is kept.",
    types: ["T": .anything], traits: [.stateful, .keepsInputs], shape: ShapeRules.scalar,
    prepare: { setup in
      let map = try map(setup)
      return { context in
        let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
        let number = try map(context).add(
          SparseInput(indices: input.indices, values: try input.values.persistent(), shape: input.shape))
        try context.setIntegers(0, .int64, .scalar, [Int(number)])
      }
    })

  private static let addMany = OpDefinition(
    "AddManySparseToTensorsMap",
    "Keeps each row of a sparse tensor in the session's map; the numbers under which they are kept.",
    types: ["T": .anything], traits: [.stateful], shape: { [PartialShape([$0.ints(2)?.first])] },
    prepare: { setup in
      let map = try map(setup)
      return { context in
        let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
        guard input.rank >= 2 else {
          throw ArrayArguments.invalid(
            "The sparse tensor must have two dimensions or more, and its shape is \(input.shape).", input: 2)
        }
        _ = try input.flatPlaces(input: 0)
        let rank = input.rank
        try MemoryAccount.requireRoom(for: input.shape[0], bytesEach: 2 * MemoryLayout<[Int]>.stride)
        var places = [[Int]](repeating: [], count: input.shape[0])
        for place in 0..<input.count { places[input.indices[place * rank]].append(place) }
        let kept = try map(context)
        let numbers = try places.map { places in
          let values = try Tensor(uninitialized: input.values.dtype, shape: Shape([places.count]))
          for (target, place) in places.enumerated() {
            try StridedCopy(sizes: [], sourceSteps: [], targetSteps: [])
              .run(from: input.values, at: place, to: values, startingAt: target, context.workers)
          }
          return Int(
            kept.add(
              SparseInput(
                indices: places.flatMap { input.row($0).dropFirst() }, values: values,
                shape: Array(input.shape.dropFirst()))))
        }
        try context.setIntegers(0, .int64, Shape([numbers.count]), numbers)
      }
    })

  private static let takeMany = OpDefinition(
    "TakeManySparseFromTensorsMap", "Takes sparse tensors out of the session's map, as the rows of one.",
    types: ["dtype": .anything], traits: [.stateful],
    shape: { _ in [.ofRank(2), .ofRank(1), .ofRank(1)] },
    prepare: { setup in
      let map = try map(setup)
      let dtype = try setup.type("dtype")
      return { context in
        let numbers = try ArrayArguments.vector(context, 0, "sparse_handles")
        let kept = try map(context)
        let parts = try numbers.map { number in
          guard let tensor = kept.take(Int64(number)) else {
            throw GraftError(
              .notFound,
              "The session keeps no sparse tensor under the number "
                + "\(number).", at: .init(input: 0))
          }
          guard tensor.values.dtype == dtype else {
            throw ArrayArguments.invalid(
              "The sparse tensor under \(number) holds \(tensor.values.dtype), and \(dtype) is "
                + "expected.", input: 0)
          }
          return tensor
        }
        try SparseRows.write(parts, dtype, context)
      }
    })
}

/// Sparse tensors as the rows of one with a dimension more.
enum SparseRows {
  /// Gives the first three outputs the tensor whose rows the parts are, as large as the largest of them.
  static func write(_ parts: [SparseInput], _ dtype: DataType, _ context: KernelContext) throws {
    guard let first = parts.first else {
      throw ArrayArguments.invalid("Without a sparse tensor the shape of the result is not known.", input: 0)
    }
    var shape = first.shape
    var indices: [Int] = []
    for (row, part) in parts.enumerated() {
      guard part.rank == first.rank else {
        throw ArrayArguments.invalid(
          "The sparse tensors have \(first.rank) and \(part.rank) dimensions, and must have the same number.",
          input: 0)
      }
      shape = zip(shape, part.shape).map { max($0, $1) }
      for place in 0..<part.count { indices += [row] + part.row(place) }
    }
    let total = parts.reduce(0) { $0 + $1.count }
    try context.setIntegers(0, .int64, Shape([total, shape.count + 1]), indices)
    let values = try context.allocate(1, dtype, Shape([total]))
    var start = 0
    for part in parts {
      try StridedCopy(sizes: [part.count], sourceSteps: [1], targetSteps: [1])
        .run(from: part.values, to: values, startingAt: start, context.workers)
      start += part.count
    }
    try context.setIntegers(2, .int64, Shape([shape.count + 1]), [parts.count] + shape)
  }
}
