/// Ops that TensorFlow had taken out already when it wrote the graph, by the graph's own version.
///
/// TensorFlow refuses such a graph. The ops keep their meaning here, so that what was changed by hand or by
/// an old tool runs all the same; what is told of them lets nobody wonder why it does not elsewhere.
struct RemovedOps {
  private let producer: Int32
  private var counts: [(op: String, removal: OpSignature.Deprecation, count: Int)] = []
  /// How many ops are told one by one.
  private static let most = 20

  /// Looks for ops that were gone in the version of the graph's writer; 0 for a graph that does not say.
  init(producer: Int32) {
    self.producer = producer
  }

  /// Notes a node of an op.
  mutating func add(_ signature: OpSignature) {
    guard let removal = signature.deprecation, producer >= removal.version else { return }
    if let place = counts.firstIndex(where: { $0.op == signature.name }) {
      counts[place].count += 1
    } else if counts.count < Self.most {
      counts.append((signature.name, removal, 1))
    }
  }

  /// What is told of them, as sentences.
  var notes: [String] {
    counts.map { op, removal, count in
      let advice = removal.explanation.hasSuffix(".") ? removal.explanation : removal.explanation + "."
      let writer = TensorFlowRelease.describe(producer: producer)
      return
        "\(count) node\(count == 1 ? " is" : "s are") of \(op), which TensorFlow removed in graph version "
        + "\(removal.version) and refuses in a graph of \(writer); Graft takes it as it was. "
        + "TensorFlow's advice: \(advice)"
    }
  }
}
