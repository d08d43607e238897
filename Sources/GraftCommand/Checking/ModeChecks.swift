import GraftGraph
import GraftKernels
import GraftRuntime
import GraftTensor

/// Whether a graph is set to train: what makes its outputs depend on the batch, on chance, or on a switch.
enum ModeChecks {
  /// What is found in the nodes that a call needs.
  ///
  /// - Parameters:
  ///   - arguments: tensors that the call feeds in any case, as a signature's arguments.
  ///   - command: the beginning of a command line that runs the call.
  static func findings(
    in needed: NeededNodes, arguments: Set<String> = [], command: String, registry: OpRegistry = .standard
  ) -> [Finding] {
    let switches = ModeSwitch.all(in: needed)
    var findings = batchNormalization(needed)
    let random = randomNodes(needed, registry)
    let dropout = random.filter { $0.lowercased().contains("dropout") }
    let others = random.filter { !$0.lowercased().contains("dropout") }
    if !dropout.isEmpty, !switches.contains(where: \.isOfDropout) {
      findings.append(
        .problem(
          .dropout,
          "Dropout is on: \(counted(dropout.count, "random operation")) of it run every time, so that "
            + "outputs change from run to run.", at: dropout,
          advice: "Export the model for inference (training=False), or fetch a tensor before it."))
    }
    if !others.isEmpty {
      findings.append(
        .note(
          .random,
          "\(counted(others.count, "operation")) draw random numbers: outputs may change from run to run.",
          at: others))
    }
    findings += switches.compactMap { $0.finding(arguments: arguments, command: command) }
    return findings
  }

  private static func batchNormalization(_ needed: NeededNodes) -> [Finding] {
    func trains(_ node: GraphNode) -> Bool {
      guard node.op.hasPrefix("FusedBatchNorm"), !node.op.contains("Grad") else { return false }
      if case .bool(let isTraining)? = node.attribute("is_training") { return isTraining }
      return true
    }
    var names = needed.indices.filter {
      trains(needed.graph.nodes[$0]) && !needed.isConditional($0, within: 1)
    }.map { needed.graph.nodes[$0].name }
    for body in needed.functions {
      names += body.nodes.filter(trains).map { "\(body.name)/\($0.name)" }
    }
    guard !names.isEmpty else { return [] }
    return [
      .problem(
        .trainingMode,
        "\(counted(names.count, "batch normalisation")) run\(names.count == 1 ? "s" : "") in training mode: "
          + "outputs depend on what else is in the batch, and the moving averages are not used.", at: names,
        advice: "Export the model with is_training false (Keras: training=False) and freeze it again.")
    ]
  }

  private static func randomNodes(_ needed: NeededNodes, _ registry: OpRegistry) -> [String] {
    func isRandom(_ op: String) -> Bool { registry[op]?.traits.contains(.random) == true }
    let own = needed.indices.filter { index in
      let node = needed.graph.nodes[index]
      return isRandom(node.op) && !needed.isConditional(index, within: 4)
        && !node.name.split(separator: "/").contains { $0.hasPrefix("cond") }
    }.map { needed.graph.nodes[$0].name }
    return own
      + needed.functions.flatMap { body in
        body.nodes.filter { isRandom($0.op) }.map { "\(body.name)/\($0.name)" }
      }
  }

  /// Devices that the nodes ask for, which means nothing here.
  static func devices(in needed: NeededNodes) -> [Finding] {
    var counts: [String: Int] = [:]
    for node in needed.nodes where !node.device.isEmpty { counts[node.device, default: 0] += 1 }
    guard !counts.isEmpty else { return [] }
    let list = counts.sorted { $0.key < $1.key }.prefix(6).map { "\($0.key) (\($0.value.grouped))" }
    return [
      .note(
        .device,
        "\(counted(counts.values.reduce(0, +), "operation")) ask for a device: everything runs on this "
          + "machine's processor all the same.", at: Array(list))
    ]
  }
}

/// A placeholder that turns something on or off, as `is_training` or `keep_prob`.
struct ModeSwitch {
  let name: String
  let dtype: DataType?
  /// The value that stands in the graph for the case that none is fed; nil where one must be.
  let fallback: String?
  /// The value for inference.
  let value: String

  /// Whether it says how much dropout drops.
  var isOfDropout: Bool { dtype != .bool }

  /// All of those that a call needs.
  static func all(in needed: NeededNodes) -> [ModeSwitch] {
    needed.nodes.compactMap { ModeSwitch($0, needed.graph) }
  }

  private init?(_ node: GraphNode, _ graph: GraphSnapshot) {
    guard node.op.hasPrefix("Placeholder"), let type = node.outputTypes.first else { return nil }
    let shape = placeholderShape(node, producer: graph.versions.producer)
    guard shape.rank == nil || shape.rank == 0 else { return nil }
    guard let value = Self.inferenceValue(node.name, type.dtype) else { return nil }
    name = node.name
    dtype = type.dtype
    self.value = value
    guard node.op == "PlaceholderWithDefault" else {
      fallback = nil
      return
    }
    fallback = node.inputs.first.flatMap { Self.constant($0, graph) } ?? "a computed value"
  }

  /// What to feed for inference; nil for a placeholder that is no switch.
  private static func inferenceValue(_ name: String, _ dtype: DataType?) -> String? {
    let last = (name.split(separator: "/").last ?? "").lowercased()
    if dtype == .bool { return last.contains("infer") || last.contains("test") ? "true" : "false" }
    guard dtype?.isFloatingPoint == true else { return nil }
    if last.contains("keep") { return "1" }
    return last.contains("drop") ? "0" : nil
  }

  private static func constant(_ edge: Edge, _ graph: GraphSnapshot) -> String? {
    let node = graph.nodes[Int(edge.node)]
    guard node.op == "Const", case .tensor(let value)? = node.attribute("value"),
      let tensor = try? value.tensor(), tensor.elementCount == 1, let number = try? tensor.doubles().first
    else { return nil }
    guard tensor.dtype == .bool else {
      return number == number.rounded() && abs(number) < 1e6 ? "\(Int(number))" : "\(number)"
    }
    return number == 0 ? "false" : "true"
  }

  /// What to say about it: a problem where it must be fed and nothing says so, or stands for training.
  func finding(arguments: Set<String>, command: String) -> Finding? {
    let kind = dtype == .bool ? "a switch" : "how much dropout keeps or drops"
    if let fallback {
      guard fallback != value else { return nil }
      return .problem(
        .modeSwitch, "The placeholder '\(name)' is \(kind), and is \(fallback) where nothing is fed.",
        at: [name], advice: "For inference feed \(value).", command: "\(command) --feed \(name)=\(value)")
    }
    guard !arguments.contains(name + ":0") else {
      return .note(
        .modeSwitch, "The argument '\(name)' is \(kind): for inference feed \(value).", at: [name],
        command: "\(command) --feed \(name)=\(value)")
    }
    return .problem(
      .modeSwitch, "The placeholder '\(name)' is \(kind), and must be fed.", at: [name],
      advice: "For inference feed \(value).", command: "\(command) --feed \(name)=\(value)")
  }
}
