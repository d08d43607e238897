import Glibc
import GraftGraph
import GraftTensor

/// The loss of connectionist temporal classification, by the sums over all alignments from both ends.
struct CTCLossTask: Sendable {
  /// Whether repeated labels are merged before anything else.
  private let collapsesLabels: Bool
  /// Whether a repeated class without a blank between is one label.
  private let mergesRepeated: Bool
  /// Whether rows whose labels do not fit their length count nothing.
  private let ignoresLong: Bool

  init(_ node: NodeSetup) throws {
    collapsesLabels = try node.bool("preprocess_collapse_repeated")
    mergesRepeated = try node.bool("ctc_merge_repeated")
    ignoresLong = try node.bool("ignore_longer_outputs_than_inputs")
  }

  func run(_ context: KernelContext) throws {
    let logits = try CTCLogits(try context.input(0), try context.input(3))
    let labels = try labels(try context.input(1), try context.input(2), logits)
    let loss = try context.allocate(0, logits.dtype, [logits.batch])
    let gradient = try context.allocate(1, logits.dtype, [logits.steps, logits.batch, logits.classes])
    var losses = [Double](repeating: 0, count: logits.batch)
    var gradients = [Double](repeating: 0, count: gradient.elementCount)
    for row in 0..<logits.batch where logits.lengths[row] > 0 {
      let sequence = collapsesLabels ? Self.collapsed(labels[row]) : labels[row]
      guard try fits(sequence, logits.lengths[row], row) else { continue }
      losses[row] = differentiate(logits, row, sequence, &gradients)
    }
    DoubleConversion.write(losses, into: loss)
    DoubleConversion.write(gradients, into: gradient)
  }

  private func fits(_ labels: [Int], _ length: Int, _ row: Int) throws -> Bool {
    // A repeated label needs a blank before it where repetitions are merged.
    let needed =
      labels.count
      + (mergesRepeated ? zip(labels, labels.dropFirst()).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) } : 0)
    if needed <= length { return true }
    guard ignoresLong else {
      throw GraftError(
        .invalidArgument, "Row \(row) has \(length) steps, and its \(labels.count) labels need \(needed).",
        remedy: "Set 'ignore_longer_outputs_than_inputs', or feed shorter labels.")
    }
    return false
  }

  private static func collapsed(_ labels: [Int]) -> [Int] {
    labels.enumerated().filter { $0.offset == 0 || labels[$0.offset - 1] != $0.element }.map(\.element)
  }

  private func labels(_ indices: Tensor, _ values: Tensor, _ logits: CTCLogits) throws -> [[Int]] {
    guard indices.rank == 2, indices.shape[1] == 2, values.rank == 1, values.elementCount == indices.shape[0]
    else {
      throw GraftError(
        .invalidArgument,
        "Labels with places [count, 2] are expected; shapes \(indices.shape) and \(values.shape) were found.")
    }
    let (places, numbers) = (try indices.integers(), try values.integers())
    guard !numbers.isEmpty || logits.batch == 0 else {
      throw GraftError(.invalidArgument, "There is not a single label.", at: .init(input: 2))
    }
    var rows = [[Int]](repeating: [], count: logits.batch)
    for (index, label) in numbers.enumerated() {
      let row = places[2 * index]
      guard (0..<logits.batch).contains(row) else {
        throw GraftError(
          .invalidArgument, "Label \(index) is for row \(row) of a batch of \(logits.batch).",
          at: .init(input: 1))
      }
      guard (0..<logits.classes - 1).contains(label) else {
        throw GraftError(
          .invalidArgument,
          "Label \(index) is \(label): it must be 0 or more and less than \(logits.classes - 1), the blank.",
          at: .init(input: 2))
      }
      rows[row].append(label)
    }
    return rows
  }

  /// The loss of one row; its gradient is put into `gradients`.
  private func differentiate(_ logits: CTCLogits, _ row: Int, _ labels: [Int], _ gradients: inout [Double])
    -> Double
  {
    let (blank, length) = (logits.classes - 1, logits.lengths[row])
    // Blanks before, between and after the labels.
    let states = [blank] + labels.flatMap { [$0, blank] }
    let scores = (0..<length).map { logits.logShares($0, row) }

    /// Whether a state may follow the one two before it.
    func skips(_ state: Int) -> Bool {
      state >= 2 && states[state] != blank && (!mergesRepeated || states[state] != states[state - 2])
    }
    let never = -Double.infinity
    var forward = [[Double]](repeating: [Double](repeating: never, count: states.count), count: length)
    for step in 0..<length {
      for state in states.indices {
        var sum = never
        if step == 0 {
          sum = state < 2 ? 0 : never
        } else {
          sum = Self.logSum(forward[step - 1][state], state > 0 ? forward[step - 1][state - 1] : never)
          if skips(state) { sum = Self.logSum(sum, forward[step - 1][state - 2]) }
          // Without merging a label may not stay.
          if !mergesRepeated, states[state] != blank {
            sum = state > 0 ? forward[step - 1][state - 1] : never
            if skips(state) { sum = Self.logSum(sum, forward[step - 1][state - 2]) }
          }
        }
        forward[step][state] = sum + scores[step][states[state]]
      }
    }
    var backward = [[Double]](repeating: [Double](repeating: never, count: states.count), count: length)
    for step in (0..<length).reversed() {
      for state in states.indices {
        guard step < length - 1 else {
          backward[step][state] = state >= states.count - 2 ? 0 : never
          continue
        }
        func after(_ next: Int) -> Double {
          next < states.count ? backward[step + 1][next] + scores[step + 1][states[next]] : never
        }
        var sum = mergesRepeated || states[state] == blank ? after(state) : never
        sum = Self.logSum(sum, after(state + 1))
        if state + 2 < states.count, skips(state + 2) { sum = Self.logSum(sum, after(state + 2)) }
        backward[step][state] = sum
      }
    }
    let total = forward[length - 1].suffix(2).reduce(never) { Self.logSum($0, $1) }
    for step in 0..<length {
      let base = (step * logits.batch + row) * logits.classes
      for label in 0..<logits.classes { gradients[base + label] = Double.exponential(scores[step][label]) }
      guard total > never else { continue }
      for state in states.indices {
        gradients[base + states[state]] -= Double.exponential(
          forward[step][state] + backward[step][state] - total)
      }
    }
    return -total
  }

  /// The logarithm of the sum of two numbers that are given by theirs. What the smaller one adds is rounded to
  /// single precision, as TensorFlow does it for doubles, too.
  static func logSum(_ a: Double, _ b: Double) -> Double {
    let (large, small) = a > b ? (a, b) : (b, a)
    return small == -.infinity ? large : large + Double(log1pf(expf(Float(small - large))))
  }
}
