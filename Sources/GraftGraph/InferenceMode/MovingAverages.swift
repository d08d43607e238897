import GraftTensor

/// What became of batch normalisations that were set to train.
struct MovingAverageUse {
  /// Those that use their moving averages now.
  var used: [TrainingPart] = []
  /// Those whose moving averages are nowhere in the graph: they stay as they were.
  var lost: [TrainingPart] = []
}

extension NodeScope {
  /// Lets batch normalisations use their moving averages, and keeps these as they are.
  ///
  /// The averages of a `FusedBatchNorm` are its own inputs, where these are more than empty constants; else what the
  /// graph updates with its results; else what stands beside its scale and offset by the name of `moving_mean` and
  /// `moving_variance`. Where a normalisation is written out, as Keras 3 does it, they are what the graph updates with
  /// the mean and the variance that it computes.
  ///
  /// - Parameter find: finds a node by its name.
  mutating func useMovingAverages(_ find: (String) -> Int?) -> MovingAverageUse {
    let updates = Dictionary(grouping: AverageUpdate.all(in: self), by: \.source)
    var result = MovingAverageUse()
    for index in own where trains(nodes[index]) {
      guard let message = message(index), message.dataInputCount == 5,
        let averages = ownAverages(index, message) ?? AverageUpdate.averages(of: index, updates)
          ?? beside(index, find)
      else {
        result.lost.append(TrainingPart(index: index, name: nodes[index].name))
        continue
      }
      change(index) { message in
        message.inputs.replaceSubrange(3..<5, with: [averages.mean, averages.variance])
        message.set("is_training", false)
      }
      result.used.append(TrainingPart(index: index, name: nodes[index].name))
      for result in AverageUpdate.results(of: index) {
        for update in updates[result] ?? [] { stop(update.assignment) }
      }
    }
    for (mean, variance) in AverageUpdate.moments(updates, in: self) {
      for update in [mean, variance] {
        guard let average = update.average else { continue }
        pass(average, inPlaceOf: Int(update.statistic.node))
        stop(update.assignment)
      }
      let index = Int(variance.source.node)
      let name = nodes[index].name
      result.used.append(
        TrainingPart(index: index, name: name.lastIndex(of: "/").map { String(name[..<$0]) } ?? name))
    }
    return result
  }

  private func trains(_ node: GraphNode) -> Bool {
    guard AverageUpdate.normalizations.contains(node.op), node.inputs.count == 5 else { return false }
    if case .bool(let isTraining)? = node.attribute("is_training") { return isTraining }
    return false
  }

  private func ownAverages(_ index: Int, _ message: NodeMessage) -> AverageUpdate.Averages? {
    let isEmpty = nodes[index].inputs[3...].contains { edge in
      constant(origin(of: edge))?.shape.dimensions?.contains(0) == true
    }
    return isEmpty ? nil : (message.inputs[3], message.inputs[4])
  }

  /// The averages by their names, beside scale and offset or beside the operation itself.
  private mutating func beside(_ index: Int, _ find: (String) -> Int?) -> AverageUpdate.Averages? {
    let node = nodes[index]
    guard !isFunction, let dtype = node.inputTypes[3].dtype else { return nil }
    let names = [node.inputs[1], node.inputs[2]].map { nodes[Int(origin(of: $0).node)].name } + [node.name]
    for name in names {
      guard let slash = name.lastIndex(of: "/"), let mean = find(name[...slash] + "moving_mean"),
        let variance = find(name[...slash] + "moving_variance"), let mean = value(of: mean, dtype),
        let variance = value(of: variance, dtype)
      else { continue }
      return (mean, variance)
    }
    return nil
  }

  /// How the value of a constant or variable is written as an input.
  private mutating func value(of index: Int, _ dtype: DataType) -> String? {
    guard own.contains(index), let message = message(index) else { return nil }
    let node = nodes[index]
    switch node.op {
    case "Const", "Variable", "VariableV2": return node.outputTypes.first?.dtype == dtype ? message.name : nil
    case "VarHandleOp":
      guard case .type(let type)? = node.attribute("dtype"), type.dtype == dtype else { return nil }
      let name = message.name + "/inference_mode/ReadVariableOp"
      add(
        NodeMessage(
          name: name, op: "ReadVariableOp", inputs: [message.name],
          attributes: [("dtype", NodeMessage.attribute(dtype))]))
      return name
    default: return nil
    }
  }

  /// Lets an assignment change nothing.
  private mutating func stop(_ index: Int) {
    guard nodes[index].outputTypes.first?.isReference == true, let variable = text(ofInput: 0, of: index)
    else {
      return replace(index, by: "NoOp", inputs: [])
    }
    replace(index, by: "RefIdentity", inputs: [variable], keeping: ["T"])
  }
}

/// An operation that changes a moving average.
struct AverageUpdate {
  /// How the values of the moving averages are written as inputs.
  typealias Averages = (mean: String, variance: String)

  let assignment: Int
  /// What goes into the average, as the arithmetic takes it.
  let statistic: Edge
  /// What computes that: a result of a `FusedBatchNorm`, or a `Mean`.
  let source: Edge
  /// How the average's old value is written, where it is read.
  let average: String?

  static let normalizations: Set<String> = ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"]

  /// The operations that change moving averages.
  static func all(in scope: NodeScope) -> [AverageUpdate] {
    scope.own.compactMap { index in
      let node = scope.nodes[index]
      guard node.op.hasPrefix("Assign"), node.inputs.count == 2 else { return nil }
      var search = Search(scope: scope, variable: scope.origin(of: node.inputs[0]).node)
      search.visit(node.inputs[1])
      guard let found = search.found, scope.own.contains(Int(found.statistic.node)) else { return nil }
      return AverageUpdate(
        assignment: index, statistic: found.statistic, source: found.source, average: search.average)
    }
  }

  /// The results of a `FusedBatchNorm` that go into averages: the mean, and the variance.
  static func results(of normalization: Int) -> [Edge] {
    [1, 2].map { Edge(node: Int32(normalization), output: $0) }
  }

  /// The averages that are updated with the results of a `FusedBatchNorm`.
  static func averages(of normalization: Int, _ updates: [Edge: [AverageUpdate]]) -> Averages? {
    let averages = results(of: normalization).compactMap { result in
      updates[result]?.first { $0.average != nil }?.average
    }
    return averages.count == 2 ? (averages[0], averages[1]) : nil
  }

  /// The updates with a mean, and with the mean of the squared differences from it, in the order of the nodes.
  static func moments(_ updates: [Edge: [AverageUpdate]], in scope: NodeScope)
    -> [(mean: AverageUpdate, variance: AverageUpdate)]
  {
    let means = updates.compactMapValues { updates in
      // What a conditional's switch gives is not to be replaced: the conditional is.
      updates.first { update in
        scope.nodes[Int(update.source.node)].op == "Mean" && update.average != nil
          && scope.nodes[Int(update.statistic.node)].outputTypes.count == 1
      }
    }
    return means.values.sorted { $0.assignment < $1.assignment }.compactMap { variance in
      guard let values = scope.nodes[Int(variance.source.node)].inputs.first else { return nil }
      let difference = scope.nodes[Int(scope.origin(of: values).node)]
      guard difference.op == "SquaredDifference", difference.inputs.count == 2 else { return nil }
      let center = scope.origin(of: difference.inputs[1])
      return means[center].map { ($0, variance) }
    }
  }

  /// Looks through the arithmetic behind an average's new value.
  private struct Search {
    let scope: NodeScope
    let variable: Int32
    var found: (statistic: Edge, source: Edge)?
    var average: String?
    private var steps = 0

    init(scope: NodeScope, variable: Int32) { (self.scope, self.variable) = (scope, variable) }

    mutating func visit(_ statistic: Edge) {
      steps += 1
      guard steps <= 32 else { return }
      let edge = scope.origin(of: statistic)
      let node = scope.nodes[Int(edge.node)]
      let isNormalized = AverageUpdate.normalizations.contains(node.op) && (1...2).contains(edge.output)
      if isNormalized || node.op == "Mean" { found = (statistic, edge) }
      guard ["Add", "AddV2", "Sub", "Mul", "RealDiv"].contains(node.op) else { return }
      for (position, input) in node.inputs.enumerated() {
        guard scope.origin(of: input).node == variable else {
          visit(input)
          continue
        }
        // What waits for something may wait for the normalisation itself.
        guard scope.nodes[Int(input.node)].controlInputs.isEmpty else { continue }
        average = scope.text(ofInput: position, of: Int(edge.node))
      }
    }
  }
}
