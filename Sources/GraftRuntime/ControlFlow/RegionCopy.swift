import GraftGraph
import GraftKernels
import GraftTensor

/// What was done to a graph's values and nodes so far, while structure is found in it: applied once, at the
/// end.
struct Replacements {
  var values = ReferenceMap<ValueReference>()
  var nodes: [Int: Int] = [:]

  /// Where a value is now.
  func value(_ value: ValueReference) -> ValueReference {
    var value = value
    while let next = values[value] { value = next }
    return value
  }

  /// What has run when a node has.
  func node(_ node: Int) -> Int {
    var node = node
    while let next = nodes[node] { node = next }
    return node
  }

  /// Rewrites a graph's edges.
  func apply(to graph: inout PlanGraph) {
    graph.replace(values)
    for index in graph.nodes.indices {
      let controls = graph.nodes[index].controlInputs
      if controls.contains(where: { nodes[$0] != nil }) {
        graph.nodes[index].controlInputs = Set(controls.map(node)).subtracting([index]).sorted()
      }
    }
    graph.targets = graph.targets.map(node)
  }
}

/// Copies a part of a graph out of it, to be a body: values from outside become feeds.
struct RegionCopy {
  private let graph: PlanGraph
  private let replacements: Replacements
  /// Nodes that pass their first input on in this region: switches on the predicate that it runs under.
  private let passing: Set<Int>
  /// The nodes that are copied when something needs them.
  private let region: Set<Int>
  /// Values that have a meaning of their own in the body: the number of a feed.
  private let given: ReferenceMap<Int>
  private let givenTypes: [DataType]
  private(set) var body = PlanGraph()
  private var copies: [Int: Int] = [:]

  init(
    of graph: PlanGraph, _ replacements: Replacements, passing: Set<Int> = [],
    region: Set<Int>, given: ReferenceMap<Int>,
    types: [DataType]
  ) {
    self.graph = graph
    self.replacements = replacements
    self.passing = passing
    self.region = region
    self.given = given
    givenTypes = types
    let references = Set(given.pairs.filter { graph.isReference($0.value) }.map(\.element))
    for (position, type) in types.enumerated() {
      body.nodes.append(
        .feed(
          position, name: "argument \(position)", type: type, isReference: references.contains(position)))
    }
  }

  /// Where a value is now, for this region.
  private func source(of value: ValueReference) -> ValueReference {
    var value = replacements.value(value)
    while passing.contains(value.node) { value = replacements.value(graph.nodes[value.node].inputs[0]) }
    return value
  }

  /// Copies what is needed for values and effects.
  ///
  /// - Parameter captures: the values from outside by the number of their feed, added to as they are met.
  /// - Returns: whether everything could be found.
  mutating func copy(
    fetches: [ValueReference], targets: [Int], captures: inout Captures
  ) -> Bool {
    // Numbers first, then edges: the copies may be read before they are made.
    var needed: [Int] = []
    var worklist = fetches.map { source(of: $0) }.filter { given[$0] == nil }.map(\.node) + targets
    while let node = worklist.popLast() {
      guard region.contains(node), copies[node] == nil else { continue }
      copies[node] = body.nodes.count + needed.count
      needed.append(node)
      let entry = graph.nodes[node]
      guard entry.constants == nil else { continue }
      worklist += entry.inputs.map { source(of: $0) }.filter { given[$0] == nil }.map(\.node)
      worklist += entry.controlInputs.map { replacements.node($0) }
    }
    // Feeds that are met while edges are written come after the copies.
    var added: [PlanNode] = []
    let firstAdded = body.nodes.count + needed.count
    func reference(_ value: ValueReference) -> ValueReference? {
      let value = source(of: value)
      if let feed = given[value] { return ValueReference(node: feed, output: 0) }
      if let copy = copies[value.node] { return ValueReference(node: copy, output: value.output) }
      guard let position = captures.position(of: value, in: graph) else { return nil }
      if let place = captures.places[position] { return ValueReference(node: place, output: 0) }
      let place = firstAdded + added.count
      captures.places[position] = place
      added.append(
        .feed(
          givenTypes.count + position, name: graph.nodes[value.node].name, type: captures.types[position],
          isReference: graph.isReference(value)))
      return ValueReference(node: place, output: 0)
    }
    for index in needed {
      var node = graph.nodes[index]
      if node.constants == nil {
        let inputs = node.inputs.compactMap(reference)
        guard inputs.count == node.inputs.count else { return false }
        node.inputs = inputs
      }
      node.controlInputs = node.controlInputs.compactMap { copies[replacements.node($0)] }
      body.nodes.append(node)
    }
    let results = fetches.compactMap(reference)
    guard results.count == fetches.count else { return false }
    body.nodes += added
    body.fetches = results
    body.targets = targets.compactMap { copies[$0] }
    return true
  }

  /// Gives the body feeds for all captures, those too that it does not read.
  mutating func complete(_ captures: Captures) {
    for (position, type) in captures.types.enumerated() where captures.places[position] == nil {
      body.nodes.append(.feed(givenTypes.count + position, name: "argument", type: type))
    }
  }
}

/// Values from outside that bodies see.
struct Captures {
  private(set) var values: [ValueReference] = []
  private(set) var types: [DataType] = []
  /// The feeds' nodes in the body that is being copied.
  var places: [Int: Int] = [:]
  private var positions = ReferenceMap<Int>()

  mutating func position(of value: ValueReference, in graph: PlanGraph) -> Int? {
    if let known = positions[value] { return known }
    let types = graph.nodes[value.node].outputTypes
    guard types.indices.contains(value.output) else { return nil }
    positions[value] = values.count
    values.append(value)
    self.types.append(types[value.output])
    return values.count - 1
  }
}
