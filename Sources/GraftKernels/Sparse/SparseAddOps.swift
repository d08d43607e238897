import Glibc
import GraftTensor

/// Ops on two sparse tensors of one shape.
enum SparseAddOps {
  static let all: [OpDefinition] = [
    add, addGradient, extreme("SparseSparseMaximum", true), extreme("SparseSparseMinimum", false),
  ]

  private static func operands(_ context: KernelContext) throws -> (a: SparseInput, b: SparseInput) {
    let a = try SparseInput(context, indices: 0, values: 1, shape: 2)
    let b = try SparseInput(context, indices: 3, values: 4, shape: 5)
    guard a.shape == b.shape else {
      throw ArrayArguments.invalid(
        "The shapes of both operands must be equal, and are \(a.shape) and "
          + "\(b.shape).", input: 5)
    }
    return (a, b)
  }

  // MARK: SparseAdd

  private static let add = OpDefinition(
    "SparseAdd",
    "The sum of two sparse tensors; where both have a value, only if its magnitude reaches a threshold.",
    types: ["T": .signedIntegers + [.float32, .float64] + .complexes],
    shape: { context in
      let rank = context.input(2)[0]
      return [PartialShape([nil, rank]), .ofRank(1), PartialShape([rank])]
    },
    prepare: { _ in
      { context in
        let (a, b) = try operands(context)
        let threshold = try context.input(6)
        guard threshold.rank == 0 else {
          throw ArrayArguments.invalid(
            "The threshold must be a scalar, and its shape is "
              + "\(threshold.shape).", input: 6)
        }
        let merge = SparseMerge(a, b)
        let sums = try Tensor(uninitialized: a.values.dtype, shape: Shape([merge.first.count]))
        try a.values.dtype.withArithmeticElement(
          MergeTask(a: a.values, b: b.values, merge: merge, output: sums))
        let kept = try kept(sums, merge, threshold)
        let rank = a.rank
        try context.setSparse(
          0, indices: kept.flatMap { merge.indices[$0 * rank..<($0 + 1) * rank] }, valuesOf: sums, at: kept,
          shape: a.shape)
      }
    })

  private struct MergeTask: ArithmeticElementTask {
    let a: Tensor
    let b: Tensor
    let merge: SparseMerge
    let output: Tensor

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      let x = a.buffer(as: type)
      let y = b.buffer(as: type)
      let target = output.mutableBuffer(as: type)
      for place in target.indices {
        let i = merge.first[place]
        let j = merge.second[place]
        target[place] = i < 0 ? y[j] : j < 0 ? x[i] : E.add(x[i], y[j])
      }
    }
  }

  /// The places with a value of one operand, or a sum that is not below the threshold.
  private static func kept(_ values: Tensor, _ merge: SparseMerge, _ threshold: Tensor) throws -> [Int] {
    func large<T: Comparable>(_ type: T.Type, _ magnitude: (Int) -> T) -> [Int] {
      let limit = threshold.element(type, 0).pointee
      return (0..<values.elementCount).filter {
        merge.first[$0] < 0 || merge.second[$0] < 0 || limit <= magnitude($0)
      }
    }
    func integers<T: FixedWidthInteger & SignedInteger>(_ type: T.Type) -> [Int] {
      let buffer = values.buffer(as: type)
      return large(type) { buffer[$0] < 0 ? 0 &- buffer[$0] : buffer[$0] }
    }
    switch values.dtype {
    case .float32:
      let buffer = values.buffer(as: Float.self)
      return large(Float.self) { buffer[$0].magnitude }
    case .float64:
      let buffer = values.buffer(as: Double.self)
      return large(Double.self) { buffer[$0].magnitude }
    case .complex64:
      let buffer = values.buffer(as: Complex64.self)
      return large(Float.self) { hypotf(buffer[$0].real, buffer[$0].imaginary) }
    case .complex128:
      let buffer = values.buffer(as: Complex128.self)
      return large(Double.self) { hypot(buffer[$0].real, buffer[$0].imaginary) }
    case .int8: return integers(Int8.self)
    case .int16: return integers(Int16.self)
    case .int32: return integers(Int32.self)
    default: return integers(Int64.self)
    }
  }

  private static let addGradient = OpDefinition(
    "SparseAddGrad", "The gradients of the values of two sparse tensors, from those of their sum.",
    types: ["T": .numbers],
    shape: { [PartialShape([$0.input(1)[0]]), PartialShape([$0.input(2)[0]])] },
    prepare: { _ in
      { context in
        let gradient = try context.input(0)
        let tables = try (1...3).map { try context.input($0) }
        guard gradient.rank == 1, tables.allSatisfy({ $0.rank == 2 }),
          tables.allSatisfy({ $0.shape[1] == tables[2].shape[1] }),
          gradient.elementCount == tables[2].shape[0]
        else {
          throw ArrayArguments.invalid(
            "Gradients of shape \(gradient.shape) do not fit indices of shapes "
              + tables.map(\.shape.description).joined(separator: ", ") + ".")
        }
        let rank = tables[2].shape[1]
        var sums: [ArraySlice<Int>: Int] = [:]
        let indices = try tables[2].integers()
        for place in 0..<tables[2].shape[0] { sums[indices[place * rank..<(place + 1) * rank]] = place }
        for (number, table) in tables.prefix(2).enumerated() {
          let own = try table.integers()
          let output = try context.allocate(number, gradient.dtype, Shape([table.shape[0]]))
          output.clear()
          for place in 0..<table.shape[0] {
            // What the threshold took out has no gradient.
            guard let sum = sums[own[place * rank..<(place + 1) * rank]] else { continue }
            try StridedCopy(sizes: [], sourceSteps: [], targetSteps: [])
              .run(from: gradient, at: sum, to: output, startingAt: place, context.workers)
          }
        }
      }
    })

  // MARK: Maximum and minimum

  private static func extreme(_ name: String, _ isMaximum: Bool) -> OpDefinition {
    OpDefinition(
      name,
      "The \(isMaximum ? "larger" : "smaller") of two sparse tensors' values; what is not there is "
        + "zero.",
      types: ["T": .reals],
      shape: { [PartialShape([nil, $0.input(2)[0]]), .ofRank(1)] },
      prepare: { _ in
        { context in
          let (a, b) = try operands(context)
          _ = try a.flatPlaces(input: 0)
          _ = try b.flatPlaces(input: 3)
          let merge = SparseMerge(a, b)
          try context.setIntegers(0, .int64, Shape([merge.first.count, a.rank]), merge.indices)
          let output = try context.allocate(1, a.values.dtype, Shape([merge.first.count]))
          try a.values.dtype.withOrderedElement(
            ExtremeTask(a: a.values, b: b.values, merge: merge, isMaximum: isMaximum, output: output))
        }
      })
  }

  private struct ExtremeTask: OrderedElementTask {
    let a: Tensor
    let b: Tensor
    let merge: SparseMerge
    let isMaximum: Bool
    let output: Tensor

    func run<E: OrderedElement>(_ type: E.Type) throws {
      let first = a.buffer(as: type)
      let second = b.buffer(as: type)
      let target = output.mutableBuffer(as: type)
      for place in target.indices {
        let i = merge.first[place]
        let j = merge.second[place]
        let x = i < 0 ? E.zero : first[i]
        let y = j < 0 ? E.zero : second[j]
        target[place] = isMaximum ? (E.less(x, y) ? y : x) : (E.less(y, x) ? y : x)
      }
    }
  }
}
