import GraftGraph
import GraftKernels
import GraftTensor

/// What the handles and references in a plan's graph refer to, as far as that can be said before a run.
///
/// They come from the nodes of variables, or into a body from outside of it, and travel through what passes
/// its inputs on.
struct HandleReferents {
  /// What a handle refers to.
  enum Referent: Hashable {
    /// A variable, with the dtype that its node declares.
    case variable(VariableName, DataType)
    /// Something that is no variable of the session.
    case other
  }

  private var referents = ReferenceMap<Referent>()

  /// - Parameters:
  ///   - order: the graph's nodes that are needed, each after those it needs itself.
  ///   - feeds: what feeds refer to.
  /// - Complexity: O(nodes + edges), those of bodies not included.
  init(_ graph: PlanGraph, _ order: [Int], feeds: [Int: Referent]) {
    for index in order where graph.nodes[index].constants == nil {
      let node = graph.nodes[index]
      func set(_ output: Int, _ referent: Referent?) {
        referents[ValueReference(node: index, output: output)] = referent
      }
      if let feed = node.feed {
        set(0, feeds[feed])
      } else if node.isVariable {
        set(0, Self.referent(node))
      } else if node.structured == .whileLoop {
        for variable in node.heldVariables { set(variable, self[node.inputs[variable]]) }
      } else if node.passesInputsOn {
        for output in node.outputTypes.indices where output < node.inputs.count {
          set(output, self[node.inputs[output]])
        }
      } else if node.makesItsResources {
        for (output, type) in node.outputTypes.enumerated() where type == .resource { set(output, .other) }
      }
    }
  }

  /// What a value refers to; nil where that is not known, and for values that are no handles.
  subscript(value: ValueReference) -> Referent? { referents[value] }

  /// What the feeds of a loop's or conditional's bodies refer to.
  func feeds(ofBodiesOf node: PlanNode) -> [Int: Referent] {
    guard node.structured == .whileLoop else {
      return known(node.inputs.dropFirst().enumerated().map { ($0.offset, $0.element) })
    }
    let feeds = node.heldVariables + node.inputs.indices.dropFirst(node.outputTypes.count)
    return known(feeds.map { ($0, node.inputs[$0]) })
  }

  private func known(_ inputs: [(feed: Int, value: ValueReference)]) -> [Int: Referent] {
    var result: [Int: Referent] = [:]
    for (feed, value) in inputs { result[feed] = self[value] }
    return result
  }

  /// What a variable's node refers to.
  private static func referent(_ node: PlanNode) -> Referent? {
    do {
      let dtype = try node.setup.type("dtype")
      guard let name = try VariableName(node.setup) else { return .other }
      return .variable(name, dtype)
    } catch {
      // A node whose attributes cannot be read is reported when its kernel is made.
      return nil
    }
  }
}

extension PlanNode {
  /// Whether it gives a handle or reference to a variable.
  var isVariable: Bool { self.inputs.isEmpty && VariableBinding.ops.contains(self.op) }

  /// Whether running it does anything beside its outputs. A variable's node has no effect but that the variable is
  /// there, without a value.
  var hasEffects: Bool { !isPure && !isVariable }

  /// Whether each output is the input at its place.
  var passesInputsOn: Bool {
    self.definition?.traits.contains(.passesThrough) == true
  }

  /// Whether the handles that it gives are to resources of its own: none can have come in.
  fileprivate var makesItsResources: Bool {
    self.definition?.traits.contains(.stateful) == true && !callsFunctions
      && self.inputTypes.allSatisfy { if case .plain = $0.layout { true } else { false } }
  }

  /// Whether its kernel runs functions of the library.
  var callsFunctions: Bool { !self.attributes.functions.isEmpty }

  /// A loop's variables that a round passes on as they are.
  var heldVariables: [Int] {
    guard structured == .whileLoop else { return [] }
    let body = self.bodies[1]
    return self.outputTypes.indices.filter { body.feedPassedOn(by: body.fetches[$0]) == $0 }
  }
}

extension PlanGraph {
  /// The feed that a value is, unchanged.
  fileprivate func feedPassedOn(by value: ValueReference) -> Int? { nodes[origin(of: value).node].feed }

  /// The value that another one is, passed on.
  func origin(of value: ValueReference) -> ValueReference {
    var value = value
    for _ in nodes.indices {
      let node = nodes[value.node]
      guard node.constants == nil, node.passesInputsOn, value.output < node.inputs.count else { break }
      value = node.inputs[value.output]
    }
    return value
  }
}
