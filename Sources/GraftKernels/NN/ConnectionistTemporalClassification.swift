import GraftGraph
import GraftTensor

/// Connectionist temporal classification: labels for sequences whose alignment is not known.
enum ConnectionistTemporalClassificationOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "CTCGreedyDecoder",
      "The most likely class at each step, without blanks and, where `merge_repeated` is set, without repetitions.",
      types: ["T": [.float32, .float64]],
      shape: {
        [PartialShape([nil, 2]), PartialShape([nil]), PartialShape([2]), PartialShape([$0.input(0)[1], 1])]
      }
    ) { node in
      let merges = try node.bool("merge_repeated")
      let blank = try node.int("blank_index")
      return { context in
        let logits = try CTCLogits(try context.input(0), try context.input(1))
        let blank = blank < 0 ? blank + logits.classes : blank
        guard (0..<logits.classes).contains(blank) else {
          throw GraftError(
            .invalidArgument, "'blank_index' is \(blank), outside of the \(logits.classes) classes.")
        }
        var (paths, scores): ([[Int]], [Double]) = ([], [])
        for row in 0..<logits.batch {
          var (path, score, previous): ([Int], Double, Int) = ([], 0, -1)
          for step in 0..<logits.lengths[row] {
            let best = logits.best(step, row)
            score -= logits[step, row, best]
            if best != blank, !(merges && best == previous) { path.append(best) }
            previous = best
          }
          paths.append(path)
          scores.append(score)
        }
        try CTCPaths.write(paths, 0, 1, 2, context)
        let probability = try context.allocate(3, logits.dtype, [logits.batch, 1])
        DoubleConversion.write(scores, into: probability)
      }
    },
    OpDefinition(
      "CTCLoss",
      """
      The negative logarithm of the probability of each row's labels under all alignments, and its gradient by the \
      logits. The last class is the blank.
      """,
      types: ["T": [.float32, .float64]], shape: { [PartialShape([$0.input(0)[1]]), $0.input(0)] }
    ) { node in
      let options = try CTCLossTask(node)
      return { context in try options.run(context) }
    },
    OpDefinition(
      "CTCBeamSearchDecoder",
      "The most likely label sequences, found by a search that keeps the best beginnings. The last class is the blank.",
      types: ["T": [.float32, .float64]],
      shape: { context in
        let paths = max((context.node.outputTypes.count - 1) / 3, 0)
        return [PartialShape](repeating: PartialShape([nil, 2]), count: paths)
          + [PartialShape](repeating: PartialShape([nil]), count: paths)
          + [PartialShape](repeating: PartialShape([2]), count: paths)
          + [PartialShape([context.input(0)[1], paths])]
      }
    ) { node in
      let search = try CTCBeamSearch(node)
      return { context in try search.run(context) }
    },
  ]
}

/// Logits `[steps, batch, classes]`, and how many steps of each row count.
struct CTCLogits {
  let steps: Int
  let batch: Int
  let classes: Int
  let lengths: [Int]
  let dtype: DataType
  private let values: [Double]

  init(_ logits: Tensor, _ lengths: Tensor) throws {
    guard logits.rank == 3, logits.shape[2] > 0 else {
      throw GraftError(
        .invalidArgument, "Logits [steps, batch, classes] are expected, and shape \(logits.shape) was found.",
        at: .init(input: 0))
    }
    (steps, batch, classes) = (logits.shape[0], logits.shape[1], logits.shape[2])
    guard lengths.rank == 1, lengths.elementCount == batch else {
      throw GraftError(
        .invalidArgument, "Lengths of shape \(lengths.shape) were found for a batch of \(batch).")
    }
    self.lengths = try lengths.integers()
    for (row, length) in self.lengths.enumerated() where length < 0 || length > steps {
      throw GraftError(
        .invalidArgument, "Row \(row) has a length of \(length), and there are \(steps) steps.")
    }
    dtype = logits.dtype
    values = DoubleConversion.read(logits)
  }

  subscript(step: Int, row: Int, label: Int) -> Double { values[(step * batch + row) * classes + label] }

  /// The class with the largest logit, the first of equal ones.
  func best(_ step: Int, _ row: Int) -> Int {
    var best = 0
    for label in 0..<classes where self[step, row, label] > self[step, row, best] { best = label }
    return best
  }

  /// The logarithms of the softmax of one step.
  func logProbabilities(_ step: Int, _ row: Int) -> [Double] {
    let logits = (0..<classes).map { self[step, row, $0] }
    let largest = logits.max() ?? 0
    let shift = largest + Double.logarithm(logits.reduce(0) { $0 + Double.exponential($1 - largest) })
    return logits.map { $0 - shift }
  }

  /// As ``logProbabilities(_:_:)``, but minus infinity for what is no normal number of the dtype as a probability.
  func logShares(_ step: Int, _ row: Int) -> [Double] {
    let least = dtype == .float32 ? Double(Float.leastNormalMagnitude) : .leastNormalMagnitude
    return logProbabilities(step, row).map { Double.exponential($0) < least ? -.infinity : $0 }
  }
}

/// Label sequences as the three tensors of a sparse one.
enum CTCPaths {
  /// Writes the outputs of the given positions.
  static func write(
    _ paths: [[Int]], _ indices: Int, _ values: Int, _ shape: Int, _ context: KernelContext
  ) throws {
    let count = paths.reduce(0) { $0 + $1.count }
    let places = try context.allocate(indices, .int64, [count, 2]).mutableBuffer(as: Int64.self)
    let labels = try context.allocate(values, .int64, [count]).mutableBuffer(as: Int64.self)
    let sizes = try context.allocate(shape, .int64, [2]).mutableBuffer(as: Int64.self)
    var next = 0
    for (row, path) in paths.enumerated() {
      for (column, label) in path.enumerated() {
        (places[2 * next], places[2 * next + 1], labels[next]) = (Int64(row), Int64(column), Int64(label))
        next += 1
      }
    }
    (sizes[0], sizes[1]) = (Int64(paths.count), Int64(paths.map(\.count).max() ?? 0))
  }
}
