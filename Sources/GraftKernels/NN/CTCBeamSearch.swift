import GraftGraph
import GraftTensor

/// A search for the most likely label sequences: step by step the best beginnings are kept, each with the probability
/// that it ends in a blank and that it ends in its last label.
struct CTCBeamSearch: Sendable {
  private let width: Int
  private let paths: Int
  private let mergesRepeated: Bool

  init(_ node: NodeSetup) throws {
    width = try node.int("beam_width")
    paths = try node.int("top_paths")
    mergesRepeated = try node.bool("merge_repeated")
    guard width > 0, paths > 0, paths <= width else {
      throw node.invalid(
        "'top_paths' is \(paths) and 'beam_width' \(width): the first must be at most the second.")
    }
  }

  func run(_ context: KernelContext) throws {
    let logits = try CTCLogits(try context.input(0), try context.input(1))
    var found = [[[Int]]](repeating: [], count: paths)
    var scores: [Double] = []
    for row in 0..<logits.batch {
      let best = try search(logits, row, context)
      guard best.count >= paths else {
        throw GraftError(
          .invalidArgument, "\(paths) paths were asked for, and row \(row) has \(best.count) only.")
      }
      for (path, beam) in best.prefix(paths).enumerated() {
        found[path].append(mergesRepeated ? Self.merged(beam.labels) : beam.labels)
        scores.append(beam.score)
      }
    }
    for path in 0..<paths { try CTCPaths.write(found[path], path, paths + path, 2 * paths + path, context) }
    let probability = try context.allocate(3 * paths, logits.dtype, [logits.batch, paths])
    DoubleConversion.write(scores, into: probability)
  }

  private static func merged(_ labels: [Int]) -> [Int] {
    labels.enumerated().filter { $0.offset == 0 || labels[$0.offset - 1] != $0.element }.map(\.element)
  }

  /// The label sequences of a row and the logarithms of their probabilities, the best first.
  private func search(
    _ logits: CTCLogits, _ row: Int, _ context: KernelContext
  ) throws -> [(labels: [Int], score: Double)] {
    var tree = BeginningTree()
    var beams = [Beam(node: BeginningTree.root, blank: 0)]
    for step in 0..<logits.lengths[row] {
      try context.checkpoint()
      beams = advance(beams, logits.logProbabilities(step, row), blank: logits.classes - 1, &tree)
    }
    return beams.map { (tree.labels(of: $0.node), $0.total) }
  }

  /// A beginning of a label sequence, with logarithms of probabilities.
  private struct Beam {
    let node: Int
    let blank: Double
    let label: Double
    let total: Double

    init(node: Int, blank: Double = -.infinity, label: Double = -.infinity) {
      self.node = node
      self.blank = blank
      self.label = label
      total = CTCLossTask.logSum(blank, label)
    }
  }

  /// The best beginnings when one more step has been seen.
  private func advance(
    _ beams: [Beam], _ scores: [Double], blank: Int, _ tree: inout BeginningTree
  ) -> [Beam] {
    let places = Dictionary(uniqueKeysWithValues: beams.enumerated().map { ($1.node, $0) })
    /// What a beginning gives to the one that is longer by a label: the same label comes anew after a blank only.
    func longer(_ beam: Beam, _ label: Int) -> Double {
      (label == tree.last(beam.node) ? beam.blank : beam.total) + scores[label]
    }
    // Those that stay as they are, or were made longer to what is among them already.
    var next: [Beam] = []
    var known = [Set<Int>](repeating: [], count: beams.count)
    for beam in beams {
      var label = -Double.infinity
      if let last = tree.last(beam.node) {
        label = beam.label + scores[last]
        if let parent = places[tree.parent(beam.node)] {
          label = CTCLossTask.logSum(label, longer(beams[parent], last))
          known[parent].insert(last)
        }
      }
      next.append(Beam(node: beam.node, blank: beam.total + scores[blank], label: label))
    }
    // Those that are new; when the beam is full, only what is better than its worst.
    let limit = next.count < width ? -Double.infinity : next.map(\.total).min() ?? -.infinity
    var added: [(parent: Int, label: Int, score: Double)] = []
    for (place, beam) in beams.enumerated() {
      for label in 0..<blank where !known[place].contains(label) {
        let score = longer(beam, label)
        if score >= limit || score.isNaN { added.append((place, label, score)) }
      }
    }
    if added.count > width {
      // Equal ones at the end are told apart below.
      added.sort { $0.score > $1.score }
      let last = added[width - 1].score
      added = Array(added.prefix { $0.score >= last })
    }
    next += added.map { Beam(node: tree.child(of: beams[$0.parent].node, $0.label), label: $0.score) }
    next.sort {
      $0.total == $1.total
        ? tree.labels(of: $0.node).lexicographicallyPrecedes(tree.labels(of: $1.node)) : $0.total > $1.total
    }
    next.removeLast(max(next.count - width, 0))
    return next
  }
}

/// Label sequences by what they begin with.
private struct BeginningTree {
  static let root = 0

  private struct Node: Hashable {
    let parent: Int
    let label: Int
  }

  private var nodes = [Node(parent: -1, label: -1)]
  private var numbers: [Node: Int] = [:]

  func parent(_ node: Int) -> Int { nodes[node].parent }

  /// The last label; nil for the empty sequence.
  func last(_ node: Int) -> Int? { node == Self.root ? nil : nodes[node].label }

  /// The sequence that is longer by one label.
  mutating func child(of node: Int, _ label: Int) -> Int {
    let child = Node(parent: node, label: label)
    if let number = numbers[child] { return number }
    numbers[child] = nodes.count
    nodes.append(child)
    return nodes.count - 1
  }

  func labels(of node: Int) -> [Int] {
    var labels: [Int] = []
    var node = node
    while let label = last(node) {
      labels.append(label)
      node = parent(node)
    }
    return labels.reversed()
  }
}
