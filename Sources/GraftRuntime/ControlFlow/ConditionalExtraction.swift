import GraftGraph
import GraftKernels
import GraftTensor

/// Finds the conditionals of TensorFlow 1 that are what `tf.cond` writes, and those of more branches that a
/// frozen `tf.switch_case` has, and makes each one node.
///
/// What hangs on output 1 of a `Switch` runs where the predicate holds, what hangs on output 0 where it does
/// not, and a `Merge` of one of each is there in any case; a `_SwitchN` has an output for each number. From that
/// follows when each node runs. Nodes that run on the sides of one predicate, with the merges that they end in,
/// become one conditional, the innermost ones first. What does not fit stays as it is, for the interpreter.
struct ConditionalExtraction {
  /// What chooses between sides: a truth, or a number.
  private struct Predicate: Hashable {
    let value: ValueReference
    /// How many sides there are.
    let count: Int
  }

  /// A side of a predicate.
  private struct Side: Hashable {
    let predicate: Predicate
    /// Of a truth 0 or 1.
    let branch: Int
  }

  private var graph: PlanGraph
  private var replacements = Replacements()
  /// When each node runs: a number into `conditions`; -1 where it cannot be said.
  private var conditionOf: [Int]
  private var conditions: [[Side]] = [[]]
  private var numbers: [[Side]: Int] = [[]: 0]
  /// The predicate that a merge ends, and which of its inputs comes from each side.
  private var merges: [Int: (predicate: Predicate, inputs: [Int])] = [:]
  /// The switches on each predicate.
  private var switches: [Predicate: Set<Int>] = [:]
  /// The merges of which somebody reads which input they passed on.
  private var indexReads: Set<Int> = []

  /// Under how many predicates a node may run: more than conditionals are nested in each other, and few enough
  /// that thousands of nested ones are told soon.
  private static let maximumConditions = 2 * Structured.maximumNesting

  /// How many branches a conditional may have: each of them gets all values that any of them sees.
  private static let maximumBranches = 64

  /// Makes every conditional that is well formed a node.
  static func run(_ graph: inout PlanGraph) throws {
    guard graph.nodes.contains(where: { $0.op == "Merge" || $0.op == "RefMerge" }) else { return }
    let order = try graph.order()
    var extraction = ConditionalExtraction(graph)
    extraction.findConditions(order)
    extraction.findReaders()
    try extraction.extract(order)
    graph = extraction.graph
    extraction.replacements.apply(to: &graph)
  }

  private init(_ graph: PlanGraph) {
    self.graph = graph
    conditionOf = Array(repeating: 0, count: graph.nodes.count)
  }

  private static func isSwitch(_ node: PlanNode) -> Bool {
    node.op == "Switch" || node.op == "RefSwitch" || node.op == "_SwitchN"
  }
  private static func isMerge(_ node: PlanNode) -> Bool { node.op == "Merge" || node.op == "RefMerge" }

  // MARK: - When nodes run

  private mutating func number(_ sides: Set<Side>) -> Int {
    let list = sorted(sides)
    if let known = numbers[list] { return known }
    numbers[list] = conditions.count
    conditions.append(list)
    return conditions.count - 1
  }

  /// A predicate without the identities that only pass it on.
  private func root(_ value: ValueReference) -> ValueReference {
    var value = value
    while graph.nodes[value.node].op == "Identity", graph.nodes[value.node].controlInputs.isEmpty,
      graph.nodes[value.node].constants == nil, let input = graph.nodes[value.node].inputs.first
    {
      value = input
    }
    return value
  }

  /// What a switch asks.
  private func predicate(of node: PlanNode) -> Predicate {
    Predicate(value: root(node.inputs[1]), count: node.outputTypes.count)
  }

  /// When a value is there; nil where it cannot be said.
  private func sides(of value: ValueReference) -> Set<Side>? {
    let condition = conditionOf[value.node]
    guard condition >= 0 else { return nil }
    var sides = Set(conditions[condition])
    let node = graph.nodes[value.node]
    if Self.isSwitch(node), node.constants == nil {
      sides.insert(Side(predicate: predicate(of: node), branch: value.output))
    }
    return sides
  }

  private mutating func findConditions(_ order: [Int]) {
    for index in order {
      let node = graph.nodes[index]
      guard node.constants == nil else { continue }
      if Self.isMerge(node) {
        conditionOf[index] = merge(index)
        continue
      }
      var sides: Set<Side> = []
      var isKnown = node.definition?.traits.contains(.dataflow) != true || Self.isSwitch(node)
      for input in node.inputs {
        guard let more = self.sides(of: input) else {
          isKnown = false
          continue
        }
        sides.formUnion(more)
      }
      for control in node.controlInputs {
        // A switch runs on both sides, and so is waited for on both.
        guard conditionOf[control] >= 0 else {
          isKnown = false
          continue
        }
        sides.formUnion(conditions[conditionOf[control]])
      }
      let isContradiction = Set(sides.lazy.map(\.predicate)).count < sides.count
      let isFew = sides.count <= Self.maximumConditions
      conditionOf[index] = isKnown && !isContradiction && isFew ? number(sides) : -1
    }
  }

  private mutating func findReaders() {
    for (index, node) in graph.nodes.enumerated() {
      if Self.isSwitch(node), conditionOf[index] >= 0 {
        switches[predicate(of: node), default: []].insert(index)
      }
      for input in node.inputs where input.output == 1 { indexReads.insert(input.node) }
    }
    for fetch in graph.fetches where fetch.output == 1 { indexReads.insert(fetch.node) }
  }

  private mutating func merge(_ index: Int) -> Int {
    let inputs = graph.nodes[index].inputs
    guard inputs.count <= Self.maximumBranches else { return -1 }
    let all = inputs.compactMap { sides(of: $0) }
    guard let first = all.first, all.count == inputs.count else { return -1 }
    let common = all.dropFirst().reduce(first) { $0.intersection($1) }
    let own = all.map { $0.subtracting(common) }
    guard let predicate = own[0].first?.predicate, predicate.count == inputs.count else { return -1 }
    var order = [Int](repeating: -1, count: predicate.count)
    for (input, sides) in own.enumerated() {
      guard sides.count == 1, let side = sides.first, side.predicate == predicate, order[side.branch] < 0
      else {
        return -1
      }
      order[side.branch] = input
    }
    merges[index] = (predicate, order)
    return number(common)
  }

  // MARK: - Extraction

  private mutating func extract(_ order: [Int]) throws {
    // Merges by what they end and when they run, those that run under most conditions first.
    var groups: [[Int]] = []
    var groupOf: [String: Int] = [:]
    for index in order {
      guard let merge = merges[index], conditionOf[index] >= 0 else { continue }
      let predicate = merge.predicate
      let key = "\(conditionOf[index]) \(predicate.value.node) \(predicate.value.output) \(predicate.count)"
      if let known = groupOf[key] {
        groups[known].append(index)
      } else {
        groupOf[key] = groups.count
        groups.append([index])
      }
    }
    var nodesOf: [Int: [Int]] = [:]
    for index in order where graph.nodes[index].constants == nil && conditionOf[index] > 0 {
      nodesOf[conditionOf[index], default: []].append(index)
    }
    let depths = groups.map { conditions[conditionOf[$0[0]]].count }
    for group in groups.indices.sorted(by: { (depths[$0], $1) > (depths[$1], $0) }) {
      try PlanningLimit.check()
      extract(groups[group], &nodesOf)
    }
  }

  private mutating func extract(_ group: [Int], _ nodesOf: inout [Int: [Int]]) {
    guard let predicate = merges[group[0]]?.predicate else { return }
    let outer = Set(conditions[conditionOf[group[0]]])
    var regions: [Set<Int>] = []
    for branch in 0..<predicate.count {
      let condition = numbers[sorted(outer.union([Side(predicate: predicate, branch: branch)]))]
      regions.append(Set(condition.flatMap { nodesOf[$0] } ?? []))
    }
    for part in parts(of: group, regions) { extract(part.merges, part.regions, predicate, &nodesOf) }
  }

  private func sorted(_ sides: Set<Side>) -> [Side] {
    sides.sorted {
      ($0.predicate.value.node, $0.predicate.value.output, $0.predicate.count, $0.branch)
        < ($1.predicate.value.node, $1.predicate.value.output, $1.predicate.count, $1.branch)
    }
  }

  /// Conditionals on the same predicate may stand one after the other: those that share no nodes but
  /// switches are apart.
  private func parts(of group: [Int], _ regions: [Set<Int>]) -> [(merges: [Int], regions: [Set<Int>])] {
    var parents: [Int: Int] = [:]
    func find(_ node: Int) -> Int {
      var node = node
      while let parent = parents[node], parent != node { node = parent }
      return node
    }
    func join(_ a: Int, _ b: Int) {
      let (a, b) = (find(a), find(b))
      if a != b { parents[a] = b }
    }
    let inside = regions.reduce(into: Set<Int>()) { $0.formUnion($1) }
    func isJoining(_ node: Int) -> Bool { inside.contains(node) && !Self.isSwitch(graph.nodes[node]) }
    for index in inside where isJoining(index) {
      let node = graph.nodes[index]
      for input in node.inputs.map({ replacements.value($0).node }) where isJoining(input) {
        join(index, input)
      }
      for control in node.controlInputs.map({ replacements.node($0) }) where isJoining(control) {
        join(index, control)
      }
    }
    for merge in group {
      let node = graph.nodes[merge]
      for input in node.inputs.map({ replacements.value($0).node }) where isJoining(input) {
        join(merge, input)
      }
      for control in node.controlInputs.map({ replacements.node($0) }) where isJoining(control) {
        join(merge, control)
      }
    }
    var result: [(merges: [Int], regions: [Set<Int>])] = []
    var places: [Int: Int] = [:]
    for merge in group {
      let root = find(merge)
      if let place = places[root] {
        result[place].merges.append(merge)
      } else {
        places[root] = result.count
        result.append(([merge], Array(repeating: [], count: regions.count)))
      }
    }
    for side in regions.indices {
      for node in regions[side] where !Self.isSwitch(graph.nodes[node]) {
        if let place = places[find(node)] { result[place].regions[side].insert(node) }
      }
    }
    return result
  }

  private mutating func extract(
    _ merges: [Int], _ regions: [Set<Int>], _ predicate: Predicate, _ nodesOf: inout [Int: [Int]]
  ) {
    let inside = regions.reduce(into: Set<Int>()) { $0.formUnion($1) }
    // What is fetched on one side only has no conditional to come out of.
    // Nor has what holds a conditional that stayed as it is.
    guard graph.fetches.allSatisfy({ !inside.contains($0.node) }),
      !inside.contains(where: { Self.isMerge(graph.nodes[$0]) })
    else { return }
    let readsIndex = merges.map(indexReads.contains)
    var captures = Captures()
    var bodies: [PlanGraph] = []
    var known = 0
    for side in regions.indices {
      var copy = RegionCopy(
        of: graph, replacements, passing: switches[predicate] ?? [], region: regions[side],
        given: ReferenceMap(),
        types: [])
      let positions = merges.map { self.merges[$0]?.inputs[side] ?? 0 }
      let values = zip(merges, positions).map { graph.nodes[$0].inputs[$1] }
      let targets = regions[side].filter { !graph.nodes[$0].isPure }.sorted()
      captures.places = [:]
      guard copy.copy(fetches: values, targets: targets, captures: &captures) else { return }
      known = captures.values.count
      var body = copy.body
      let missing = (0..<known).filter { captures.places[$0] == nil }
      for position in missing {
        body.nodes.append(.feed(position, name: "argument", type: captures.types[position]))
      }
      for (position, isRead) in zip(positions, readsIndex) where isRead {
        guard let index = try? Tensor(Int32(position)) else { return }
        body.fetches.append(body.addConstant(index, name: "value_index"))
      }
      bodies.append(body)
    }
    // The first sides have not seen what later ones captured.
    for side in bodies.indices {
      let seen = bodies[side].nodes.count { $0.feed != nil }
      for position in seen..<max(known, seen) {
        bodies[side].nodes.append(.feed(position, name: "argument", type: captures.types[position]))
      }
    }
    // What is captured must be there whichever side is taken.
    let outer = Set(conditions[conditionOf[merges[0]]])
    guard bodies.allSatisfy({ $0.nesting < Structured.maximumNesting }),
      captures.values.allSatisfy({ !inside.contains($0.node) && sides(of: $0)?.isSubset(of: outer) == true })
    else { return }
    for value in captures.values where value.output == 1 { indexReads.insert(value.node) }
    let choice = graph.nodes.count
    let inner =
      inside.flatMap { graph.nodes[$0].controlInputs } + merges.flatMap { graph.nodes[$0].controlInputs }
    let controls = Set(inner.map { replacements.node($0) }).filter {
      !inside.contains($0) && !merges.contains($0) && !Self.isSwitch(graph.nodes[$0])
    }
    let types = merges.map { graph.nodes[$0].outputTypes[0] }
    let predicateType = graph.nodes[predicate.value.node].outputTypes[predicate.value.output]
    graph.nodes.append(
      PlanNode(
        predicateType == .bool ? .conditional : .choice, name: graph.nodes[merges[0]].name,
        inputs: [replacements.value(predicate.value)] + captures.values,
        controlInputs: controls.sorted(),
        inputTypes: [predicateType] + captures.types,
        outputTypes: types + readsIndex.filter { $0 }.map { _ in .int32 }, bodies: bodies))
    let targets = graph.targets.filter { !inside.contains($0) }
    graph.targets = targets.count < graph.targets.count ? targets + [choice] : targets
    let condition = conditionOf[merges[0]]
    conditionOf.append(condition)
    if condition > 0 { nodesOf[condition, default: []].append(choice) }
    var next = merges.count
    for (position, merge) in merges.enumerated() {
      replacements.values[ValueReference(node: merge, output: 0)] = ValueReference(
        node: choice, output: position)
      replacements.nodes[merge] = choice
      if readsIndex[position] {
        replacements.values[ValueReference(node: merge, output: 1)] = ValueReference(
          node: choice, output: next)
        next += 1
      }
    }
    if condition > 0 { nodesOf[condition]?.removeAll { merges.contains($0) } }
  }
}
