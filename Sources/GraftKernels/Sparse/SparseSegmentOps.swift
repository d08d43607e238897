import CGraftVector
import GraftTensor

/// Ops that put rows together which indices pick, segment by segment; and their gradients.
enum SparseSegmentOps {
  static let all: [OpDefinition] = Scale.allCases.flatMap { scale in
    [
      forward("SparseSegment\(scale.rawValue)", scale, isCounted: false),
      forward("SparseSegment\(scale.rawValue)WithNumSegments", scale, isCounted: true),
      gradient("SparseSegment\(scale.rawValue)Grad", scale, isCompact: false),
      gradient("SparseSegment\(scale.rawValue)GradV2", scale, isCompact: true),
    ]
  }

  /// What the sum of a segment's rows is divided by.
  private enum Scale: String, CaseIterable {
    case sum = "Sum"
    case mean = "Mean"
    case squareRoot = "SqrtN"

    var words: String {
      switch self {
      case .sum: "The sum"
      case .mean: "The mean"
      case .squareRoot: "The sum, divided by the square root of their number,"
      }
    }

    /// The divisor for a segment of some rows.
    func divisor(_ count: Int) -> Double {
      switch self {
      case .sum: 1
      case .mean: Double(max(count, 1))
      case .squareRoot: Double(max(count, 1)).squareRoot()
      }
    }
  }

  private static func segments(_ context: KernelContext) throws -> (indices: [Int], ids: [Int]) {
    let indices = try ArrayArguments.vector(context, 1, "indices")
    let ids = try ArrayArguments.vector(context, 2, "segment_ids")
    guard indices.count == ids.count else {
      throw ArrayArguments.invalid(
        "There are \(indices.count) indices and \(ids.count) segment ids; there must be as many.", input: 2)
    }
    return (indices, ids)
  }

  private static func check(_ indices: [Int], below count: Int) throws {
    for (place, index) in indices.enumerated() where index < 0 || index >= count {
      throw ArrayArguments.invalid("indices[\(place)] = \(index) is out of range [0, \(count)).", input: 1)
    }
  }

  // MARK: Forward

  private static func forward(_ name: String, _ scale: Scale, isCounted: Bool) -> OpDefinition {
    var types: [String: [DataType]] = [
      "T": scale == .sum ? .reals : .floats, "Tidx": .indices, "Tsegmentids": .indices,
    ]
    if isCounted { types["Tnumsegments"] = .indices }
    return OpDefinition(
      name,
      "\(scale.words) of the rows that the indices pick, for each segment; a segment without rows is "
        + "zero.",
      types: types,
      shape: { context in
        guard var sizes = context.input(0).dimensions, !sizes.isEmpty else { return [.unknown] }
        sizes[0] = isCounted ? context.ints(3)?.first.flatMap { $0 >= 0 ? $0 : nil } : nil
        return [PartialShape(sizes)]
      },
      prepare: { _ in
        { context in
          let data = try context.input(0)
          guard data.rank > 0 else { throw ArrayArguments.invalid("The data must have rows.", input: 0) }
          let (indices, ids) = try segments(context)
          var count = ids.last.map { $0 &+ 1 } ?? 0
          if isCounted {
            count = try ArrayArguments.scalar(context, 3, "num_segments")
            guard count >= 0 else {
              throw ArrayArguments.invalid("'num_segments' must be 0 or more, and is \(count).", input: 3)
            }
          }
          for (place, id) in ids.enumerated() {
            guard place == 0 || ids[place - 1] <= id else {
              throw ArrayArguments.invalid(
                "The segment ids must not decrease, and \(ids[place - 1]) is followed by \(id).", input: 2)
            }
            guard id >= 0, id < count else {
              throw ArrayArguments.invalid("Segment id \(id) is out of range [0, \(count)).", input: 2)
            }
          }
          try check(indices, below: data.shape[0])
          let shape = try Shape(validating: [count] + data.shape.dimensions.dropFirst())
          let output = try context.allocate(0, data.dtype, shape)
          guard output.elementCount > 0 else { return }
          output.clear()
          let length = ArrayArguments.product(shape.dimensions.dropFirst())
          let sums = SegmentSums(
            data: data, indices: indices, ids: ids, length: length, output: output, scale: scale)
          try sums.run(context.workers)
        }
      })
  }

  private struct SegmentSums {
    let data: Tensor
    let indices: [Int]
    let ids: [Int]
    let length: Int
    let output: Tensor
    let scale: Scale

    func run(_ workers: WorkerPool) throws {
      switch data.dtype {
      case .float32: addRows(workers)
      case .float64: add(Double.self, Double.self, { $0 }, { $0 / $1 })
      // Halves are added up as floats, and rounded once.
      case .float16: add(Float16.self, Float.self, { Float($0) }, { Float16($0 / Float($1)) })
      case .bfloat16: add(BFloat16.self, Float.self, { Float($0) }, { BFloat16($0 / Float($1)) })
      default: try data.dtype.withArithmeticElement(IntegerTask(sums: self))
      }
    }

    /// Of float32, each segment's rows by one thread.
    private func addRows(_ workers: WorkerPool) {
      let starts = ids.indices.filter { $0 == 0 || ids[$0] != ids[$0 - 1] } + [ids.count]
      nonisolated(unsafe) let source = data.floats
      nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
      workers.forEach(starts.count - 1, cost: ids.count * length / (8 * starts.count)) { segments in
        for segment in segments {
          let places = starts[segment]..<starts[segment + 1]
          let row = target + ids[places.lowerBound] * length
          row.update(from: source + indices[places.lowerBound] * length, count: length)
          for place in places.dropFirst() {
            graft_f32_add(row, source + indices[place] * length, row, length)
          }
          guard scale != .sum else { continue }
          let divisor = Float(scale.divisor(places.count))
          for index in 0..<length { row[index] /= divisor }
        }
      }
    }

    struct IntegerTask: ArithmeticElementTask {
      let sums: SegmentSums
      func run<E: ArithmeticElement>(_ type: E.Type) throws {
        sums.add(type, type, { $0 }, { sum, _ in sum })
      }
    }

    @inline(__always)
    func add<E, S: ArithmeticElement>(
      _ type: E.Type, _ sumType: S.Type, _ load: (E) -> S, _ store: (S, Double) -> E
    ) {
      let source = data.buffer(as: type)
      let target = output.mutableBuffer(as: type)
      var row = [S](repeating: S.zero, count: length)
      var first = 0
      while first < ids.count {
        var end = first
        while end < ids.count, ids[end] == ids[first] {
          let base = indices[end] * length
          for i in 0..<length {
            row[i] = end == first ? load(source[base + i]) : S.add(row[i], load(source[base + i]))
          }
          end += 1
        }
        let divisor = scale.divisor(end - first)
        let base = ids[first] * length
        for i in 0..<length { target[base + i] = store(row[i], divisor) }
        first = end
      }
    }
  }

  // MARK: Gradients

  private static func gradient(_ name: String, _ scale: Scale, isCompact: Bool) -> OpDefinition {
    OpDefinition(
      name,
      "The gradient of SparseSegment\(scale.rawValue)"
        + (isCompact ? ", only of the rows that were picked, and which these are." : "."),
      types: ["T": .floats, "Tidx": .indices, "Tsegmentids": .indices],
      shape: { context in
        guard var sizes = context.input(0).dimensions, !sizes.isEmpty else {
          return isCompact ? [.unknown, .ofRank(1)] : [.unknown]
        }
        sizes[0] = isCompact ? nil : context.ints(3)?.first.flatMap { $0 >= 0 ? $0 : nil }
        return isCompact ? [PartialShape(sizes), .ofRank(1)] : [PartialShape(sizes)]
      },
      prepare: { setup in
        let indexType = try setup.inputType(1)
        return { context in
          let gradient = try context.input(0)
          guard gradient.rank > 0 else {
            throw ArrayArguments.invalid(
              "The gradient must have "
                + "rows.", input: 0)
          }
          let (indices, ids) = try segments(context)
          let rows = try ArrayArguments.scalar(context, 3, "output_dim0")
          try check(indices, below: rows)
          let count = gradient.shape[0]
          if let last = ids.last, last &+ 1 > count {
            throw ArrayArguments.invalid("Segment id \(last) is out of range [0, \(count)).", input: 2)
          }
          for id in ids where id < 0 || id >= count {
            throw ArrayArguments.invalid("Segment id \(id) is out of range [0, \(count)).", input: 2)
          }
          var targets = indices
          var height = rows
          if isCompact {
            let unique = Set(indices).sorted()
            let places = Dictionary(uniqueKeysWithValues: unique.enumerated().map { ($0.element, $0.offset) })
            targets = indices.map { places[$0] ?? 0 }
            height = unique.count
            try context.setIntegers(1, indexType, Shape([unique.count]), unique)
          }
          let shape = try Shape(validating: [height] + gradient.shape.dimensions.dropFirst())
          let output = try context.allocate(0, gradient.dtype, shape)
          guard gradient.elementCount > 0 else { return output.clear() }
          var sizes = [Int](repeating: 0, count: count)
          for id in ids { sizes[id] += 1 }
          let spread = GradientRows(
            gradient: gradient, targets: targets, ids: ids, factors: sizes.map { 1 / scale.divisor($0) },
            length: ArrayArguments.product(shape.dimensions.dropFirst()), output: output)
          switch gradient.dtype {
          case .float64: spread.run(Double.self)
          case .float16: spread.run(Float16.self)
          case .bfloat16: spread.run(BFloat16.self)
          default: spread.run(Float.self)
          }
        }
      })
  }

  private struct GradientRows {
    let gradient: Tensor
    let targets: [Int]
    let ids: [Int]
    let factors: [Double]
    let length: Int
    let output: Tensor

    func run<E: FloatElement>(_ type: E.Type) {
      let source = gradient.buffer(as: type)
      let target = output.mutableBuffer(as: type)
      var sums = [E.Compute](repeating: 0, count: output.elementCount)
      for (place, row) in targets.enumerated() {
        let factor = E.Compute(factors[ids[place]])
        for i in 0..<length { sums[row * length + i] += source[ids[place] * length + i].compute * factor }
      }
      for place in target.indices { target[place] = E(sums[place]) }
    }
  }
}
