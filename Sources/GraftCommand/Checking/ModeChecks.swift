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
    let switches = SwitchPlaceholder.all(in: needed)
    let parts = trainingParts(needed)
    var findings = batchNormalization(parts.normalizations, command)
    let random = randomNodes(needed, registry)
    var dropout = random.filter { $0.lowercased().contains("dropout") }
    if dropout.isEmpty { dropout = parts.dropouts }
    let others = random.filter { !$0.lowercased().contains("dropout") }
    if !dropout.isEmpty, !switches.contains(where: \.isOfDropout) {
      findings.append(
        .problem(
          .dropout,
          "Dropout is on: \(counted(dropout.count, "random operation")) of it run every time, so that "
            + "outputs change from run to run.", at: dropout,
          advice: "Export the model for inference (training=False), or leave it out:",
          command: "\(command) --inference-mode"))
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

  private static func batchNormalization(_ names: [String], _ command: String) -> [Finding] {
    guard !names.isEmpty else { return [] }
    return [
      .problem(
        .trainingMode,
        "\(counted(names.count, "batch normalisation")) run\(names.count == 1 ? "s" : "") in training mode: "
          + "outputs depend on what else is in the batch, and the moving averages are not used.", at: names,
        advice: "Export the model with is_training false (Keras: training=False), or run it so:",
        command: "\(command) --inference-mode")
    ]
  }

  /// The names of what trains in a graph and in the functions that it calls, where a call needs it and no conditional
  /// decides.
  private static func trainingParts(_ needed: NeededNodes) -> (normalizations: [String], dropouts: [String]) {
    let indices = Set(needed.indices)
    func namesNeeded(_ parts: [TrainingPart]) -> [String] {
      parts.filter { part in
        // Of what is written out as several operations the first takes the conditional's value.
        let steps = needed.graph.nodes[part.index].op.hasPrefix("FusedBatchNorm") ? 1 : 4
        return indices.contains(part.index) && !needed.isConditional(part.index, within: steps)
      }.map(\.name)
    }
    let own = TrainingParts(needed.graph)
    var names = (normalizations: namesNeeded(own.normalizations), dropouts: namesNeeded(own.dropouts))
    for body in needed.functions {
      let parts = TrainingParts(body)
      names.normalizations += parts.normalizations.map { "\(body.name)/\($0.name)" }
      names.dropouts += parts.dropouts.map { "\(body.name)/\($0.name)" }
    }
    return names
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
struct SwitchPlaceholder {
  let name: String
  /// Whether it says how much dropout drops.
  let isOfDropout: Bool
  /// The value that stands in the graph for the case that none is fed; nil where one must be.
  let fallback: String?
  /// The value for inference.
  let value: String

  /// All of those that a call needs.
  static func all(in needed: NeededNodes) -> [SwitchPlaceholder] {
    needed.nodes.compactMap { SwitchPlaceholder($0, needed.graph) }
  }

  private init?(_ node: GraphNode, _ graph: GraphSnapshot) {
    guard let found = ModeSwitch(node, producer: graph.versions.producer) else { return nil }
    name = node.name
    isOfDropout = found.kind != .mode
    value = found.value
    guard node.op == "PlaceholderWithDefault" else {
      fallback = nil
      return
    }
    fallback = node.inputs.first.flatMap { Self.constant($0, graph) } ?? "a computed value"
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
    let kind = isOfDropout ? "how much dropout keeps or drops" : "a switch"
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
