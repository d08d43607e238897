import GraftGraph
import GraftKernels
import GraftTensor

/// Puts variables' values in the place of what reads them, where the plan itself cannot change them, so that
/// passes and kernels find constants. The plan then holds for these values only: its facts say so.
///
/// What reads a variable after an effect stays: the effect must come first, and may be to wait for another run
/// that changes the variable.
struct VariableSpecialization {
  private let changed: ChangedVariables
  private var facts: VariableFacts
  /// The values that were looked up so far.
  private var values: [VariableName: Tensor?] = [:]

  /// Rewrites a graph whose functions are in place.
  static func run(_ graph: inout PlanGraph, _ facts: inout VariableFacts, functions: FunctionLibrary) throws {
    guard graph.hasVariables else { return }
    var pass = VariableSpecialization(
      changed: try ChangedVariables(graph, functions: functions), facts: facts)
    try pass.rewrite(&graph, feeds: [:], isAfterWaiting: false)
    facts = pass.facts
  }

  private init(changed: ChangedVariables, facts: VariableFacts) {
    self.changed = changed
    self.facts = facts
  }

  /// - Parameters:
  ///   - feeds: what the graph's feeds refer to, where it is a body.
  ///   - isAfterWaiting: whether the run may have waited for another one when the graph runs.
  private mutating func rewrite(
    _ graph: inout PlanGraph, feeds: [Int: HandleReferents.Referent], isAfterWaiting: Bool
  ) throws {
    let order = try graph.order()
    let referents = HandleReferents(graph, order, feeds: feeds)
    let operands = graph.operands(order)
    // Whether a node, or one that it comes after, has effects, and may wait.
    var hasEffects = [Bool](repeating: false, count: graph.nodes.count)
    var waits = hasEffects
    var replaced: Set<Int> = []
    for index in order where graph.nodes[index].constants == nil {
      let node = graph.nodes[index]
      for before in node.inputs.map(\.node) + node.controlInputs {
        if hasEffects[before] { hasEffects[index] = true }
        if waits[before] { waits[index] = true }
      }
      if let kind = node.structured {
        let waitsInside = node.bodies.contains(where: \.mayWait)
        let isAfter = isAfterWaiting || waits[index] || (kind == .whileLoop && waitsInside)
        let inner = referents.feeds(ofBodiesOf: node)
        var bodies = node.bodies
        for position in bodies.indices {
          try rewrite(&bodies[position], feeds: inner, isAfterWaiting: isAfter)
        }
        graph.nodes[index].setBodies(bodies)
        if waitsInside { waits[index] = true }
      } else if node.mayWait {
        waits[index] = true
      } else if !isAfterWaiting, !waits[index], !hasEffects[index], let input = node.inputs.first,
        case .variable(let name, let dtype) = referents[input],
        try replace(index, name, dtype, isOperand: operands.contains(index), &graph)
      {
        replaced.insert(index)
      }
      if graph.nodes[index].hasEffects { hasEffects[index] = true }
    }
    graph.targets.removeAll { replaced.contains($0) && graph.nodes[$0].constants != nil }
  }

  /// Makes a node that reads a variable one that does not.
  ///
  /// - Returns: whether it could be.
  private mutating func replace(
    _ index: Int, _ name: VariableName, _ dtype: DataType, isOperand: Bool, _ graph: inout PlanGraph
  ) throws -> Bool {
    let node = graph.nodes[index]
    switch node.op {
    case "ReadVariableOp", "_Dereference":
      guard isOperand, node.outputTypes == [dtype], let value = value(of: name, dtype) else { return false }
      graph.nodes[index] = PlanNode(constants: [value], name: node.name)
    case "VariableShape":
      guard let type = node.outputTypes.first, let value = value(of: name, dtype),
        let shape = try? Tensor.shape(value.shape, as: type)
      else { return false }
      graph.nodes[index] = PlanNode(constants: [shape], name: node.name)
    case "ResourceGather":
      guard node.inputs.count == 2, node.outputTypes == [dtype], let value = value(of: name, dtype),
        case .int(let batch)? = node.attributes["batch_dims"], batch >= 0,
        let axis = try? Tensor(Int32(clamping: batch))
      else { return false }
      // Along the axis behind the batch dimensions.
      graph.makeGather(
        index, "GatherV2", [value, axis],
        ["Taxis": .type(ElementType(.int32)), "batch_dims": .int(batch)])
    case "ResourceGatherNd":
      guard node.inputs.count == 2, node.outputTypes == [dtype], let value = value(of: name, dtype) else {
        return false
      }
      graph.makeGather(index, "GatherNd", [value], [:])
    default: return false
    }
    return true
  }

  /// A variable's value, where the plan may take it for a constant.
  private mutating func value(of name: VariableName, _ dtype: DataType) -> Tensor? {
    guard !changed.contains(name) else { return nil }
    if values[name] == nil { values[name] = .some(facts.value(of: name)) }
    guard case let value?? = values[name], value.dtype == dtype else { return nil }
    // What a handle stands for may change though the handle does not.
    if case .handle = value.dtype.layout { return nil }
    return value
  }
}

extension PlanGraph {
  /// Whether it has nodes of variables, or bodies that have.
  fileprivate var hasVariables: Bool {
    nodes.contains { $0.constants == nil && ($0.isVariable || $0.bodies.contains(where: \.hasVariables)) }
  }

  /// Whether one of its nodes may wait for other runs.
  fileprivate var mayWait: Bool {
    nodes.contains { $0.constants == nil && ($0.mayWait || $0.bodies.contains(where: \.mayWait)) }
  }

  /// The nodes whose results others compute with, and do not only pass on, write or give back, and those that
  /// nobody reads: what it pays to know before a run.
  fileprivate func operands(_ order: [Int]) -> Set<Int> {
    var result: Set<Int> = []
    var unread = Set(order).subtracting(fetches.map(\.node))
    for index in order.reversed() {
      let node = nodes[index]
      guard node.constants == nil else { continue }
      let inputs = node.inputs.map(\.node)
      unread.subtract(inputs)
      let computes = node.passesInputsOn ? result.contains(index) : node.isPure || node.structured != nil
      if computes { result.formUnion(inputs) }
    }
    return result.union(unread)
  }

  /// Makes a node that picks parts of a variable one that picks them of a value.
  fileprivate mutating func makeGather(
    _ index: Int, _ op: String, _ constants: [Tensor], _ attributes: NodeAttributes
  ) {
    var node = nodes[index]
    let (indices, indexType) = (node.inputs[1], node.inputTypes[1])
    var inputs = constants.map { addConstant($0, name: node.name) }
    inputs.insert(indices, at: 1)
    node.inputs = inputs
    node.inputTypes = constants.map(\.dtype)
    node.inputTypes.insert(indexType, at: 1)
    node.op = op
    node.attributes = attributes
    node.attributes["Tparams"] = .type(ElementType(constants[0].dtype))
    node.attributes["Tindices"] = .type(ElementType(indexType))
    node.definition = OpRegistry.standard[op]
    nodes[index] = node
  }
}

extension PlanNode {
  /// Whether its kernel may wait for what another run does, or run what does.
  fileprivate var mayWait: Bool {
    guard let definition = self.definition else { return false }
    if definition.traits.contains(.waits) || callsFunctions { return true }
    let isOwn = OpRegistry.standard[self.op] == nil && structured == nil
    return isOwn || !isPure && (self.op == "MutexLock" || names("Iterator") || names("PyFunc"))
  }

  /// Whether a word is part of the op's name. `String.contains` would take a microsecond, and is asked for each node.
  private func names(_ word: StaticString) -> Bool {
    let (name, count) = (self.op.utf8, word.utf8CodeUnitCount)
    let bytes = UnsafeBufferPointer(start: word.utf8Start, count: count)
    var rest = name[...]
    while rest.count >= count {
      if rest.starts(with: bytes) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
