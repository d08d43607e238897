import Glibc
import GraftTensor

/// Ops that put the values of a sparse tensor together along dimensions.
enum SparseReduceOps {
  static let all: [OpDefinition] = [
    reduce("SparseReduceSum", isMaximum: false, toSparse: false),
    reduce("SparseReduceMax", isMaximum: true, toSparse: false),
    reduce("SparseReduceSumSparse", isMaximum: false, toSparse: true),
    reduce("SparseReduceMaxSparse", isMaximum: true, toSparse: true), softmax,
  ]

  private static func reduce(_ name: String, isMaximum: Bool, toSparse: Bool) -> OpDefinition {
    let what = isMaximum ? "The largest of" : "The sum of"
    return OpDefinition(
      name,
      "\(what) a sparse tensor's values along dimensions, as a \(toSparse ? "sparse" : "dense") "
        + "tensor.",
      types: ["T": isMaximum ? .reals : .numbers],
      shape: { context in
        guard !toSparse else { return [.unknown, .ofRank(1), .ofRank(1)] }
        guard let shape = context.ints(2), let axes = context.ints(3),
          let kept = try? kept(rank: shape.count, axes)
        else { return [.unknown] }
        return [PartialShape(result(shape, kept, keepsDimensions: try context.node.bool("keep_dims")))]
      },
      prepare: { setup in
        let keepsDimensions = try setup.bool("keep_dims")
        return { context in
          let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
          let axes = try context.input(3)
          guard axes.rank <= 1 else {
            throw ArrayArguments.invalid(
              "The dimensions must be a scalar or a vector, and their shape is \(axes.shape).", input: 3)
          }
          let kept = try kept(rank: input.rank, try axes.integers())
          _ = try input.flatPlaces(input: 0)
          let groups = Groups(input, kept)
          let shape = try Shape(validating: result(input.shape, kept, keepsDimensions: keepsDimensions))
          let sums = try Tensor(uninitialized: input.values.dtype, shape: Shape([groups.members.count]))
          if isMaximum {
            try input.values.dtype.withOrderedElement(
              MaximumTask(values: input.values, groups: groups.members, output: sums))
          } else {
            try input.values.dtype.withArithmeticElement(
              SumTask(values: input.values, groups: groups.members, output: sums))
          }
          if toSparse {
            try context.setIntegers(
              0, .int64, Shape([groups.members.count, shape.rank]),
              groups.members.flatMap { members in
                indices(of: input, members[0], kept, keepsDimensions: keepsDimensions)
              })
            try context.setOutput(1, sums)
            try context.setIntegers(2, .int64, Shape([shape.rank]), shape.dimensions)
          } else {
            let output = try context.allocate(0, input.values.dtype, shape)
            output.clear()
            let strides = shape.strides
            for (group, members) in groups.members.enumerated() {
              let index = indices(of: input, members[0], kept, keepsDimensions: keepsDimensions)
              let place = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
              try StridedCopy(sizes: [], sourceSteps: [], targetSteps: [])
                .run(from: sums, at: group, to: output, startingAt: place, context.workers)
            }
          }
        }
      })
  }

  /// Of each dimension whether it stays.
  private static func kept(rank: Int, _ axes: [Int]) throws -> [Bool] {
    var kept = [Bool](repeating: true, count: rank)
    for value in axes {
      guard let axis = ArrayArguments.axis(value, rank: rank) else {
        throw ArrayArguments.invalid(
          "Dimension \(value) is out of range for a sparse tensor of \(rank) dimensions.", input: 3)
      }
      kept[axis] = false
    }
    return kept
  }

  private static func result(_ shape: [Int], _ kept: [Bool], keepsDimensions: Bool) -> [Int] {
    shape.indices.compactMap { kept[$0] ? shape[$0] : keepsDimensions ? 1 : nil }
  }

  private static func indices(
    of input: SparseInput, _ place: Int, _ kept: [Bool], keepsDimensions: Bool
  ) -> [Int] {
    let row = Array(input.row(place))
    return row.indices.compactMap { kept[$0] ? row[$0] : keepsDimensions ? 0 : nil }
  }

  /// The places of the values that agree in the dimensions that stay, in ascending order of these.
  private struct Groups {
    private(set) var members: [[Int]] = []

    init(_ input: SparseInput, _ kept: [Bool]) {
      var table: [[Int]: Int] = [:]
      var keys: [[Int]] = []
      for place in 0..<input.count {
        let row = Array(input.row(place))
        let key = row.indices.filter { kept[$0] }.map { row[$0] }
        if let group = table[key] {
          members[group].append(place)
        } else {
          table[key] = members.count
          keys.append(key)
          members.append([place])
        }
      }
      let order = keys.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }
      members = order.map { members[$0] }
    }
  }

  private struct SumTask: ArithmeticElementTask {
    let values: Tensor
    let groups: [[Int]]
    let output: Tensor

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      let source = values.buffer(as: type)
      let target = output.mutableBuffer(as: type)
      for (group, members) in groups.enumerated() {
        var sum = source[members[0]]
        for place in members.dropFirst() { sum = E.add(sum, source[place]) }
        target[group] = sum
      }
    }
  }

  private struct MaximumTask: OrderedElementTask {
    let values: Tensor
    let groups: [[Int]]
    let output: Tensor

    func run<E: OrderedElement>(_ type: E.Type) throws {
      let source = values.buffer(as: type)
      let target = output.mutableBuffer(as: type)
      for (group, members) in groups.enumerated() {
        var largest = source[members[0]]
        // Of equal values, and after NaN, the later one stays.
        for place in members.dropFirst() where !E.less(source[place], largest) { largest = source[place] }
        target[group] = largest
      }
    }
  }

  // MARK: SparseSoftmax

  private static let softmax = OpDefinition(
    "SparseSoftmax",
    "The softmax of the values in each row of a sparse tensor; what is not there counts for nothing.",
    types: ["T": [.float16, .float32, .float64]], shape: { [$0.input(1)] },
    prepare: { _ in
      { context in
        let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
        guard input.rank >= 2 else {
          throw ArrayArguments.invalid("The sparse tensor must have two dimensions or more.", input: 2)
        }
        _ = try input.flatPlaces(input: 0)
        let output = try context.allocate(0, input.values.dtype, Shape([input.count]))
        switch input.values.dtype {
        case .float64: normalize(Double.self, input, output, { exp($0) })
        case .float16: normalize(Float16.self, input, output, { expf($0) })
        default: normalize(Float.self, input, output, { expf($0) })
        }
      }
    })

  private static func normalize<E: FloatElement>(
    _ type: E.Type, _ input: SparseInput, _ output: Tensor, _ exponential: (E.Compute) -> E.Compute
  ) {
    let source = input.values.buffer(as: type)
    let target = output.mutableBuffer(as: type)
    var first = 0
    while first < input.count {
      var end = first + 1
      while end < input.count, input.row(end).dropLast().elementsEqual(input.row(first).dropLast()) {
        end += 1
      }
      var largest = source[first].compute
      for place in first..<end { largest = max(largest, source[place].compute) }
      var sum: E.Compute = 0
      for place in first..<end { sum += exponential(source[place].compute - largest) }
      for place in first..<end { target[place] = E(exponential(source[place].compute - largest) / sum) }
      first = end
    }
  }
}
