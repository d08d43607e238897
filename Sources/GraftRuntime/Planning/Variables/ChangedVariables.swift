import GraftGraph
import GraftKernels
import GraftTensor

/// The variables that a run of a plan may change, as far as that can be said before: too many rather than
/// too few.
struct ChangedVariables {
  /// Ops that look at the variable that their first input refers to, and do nothing else with it.
  static let readers: Set<String> = [
    "ReadVariableOp", "_Dereference", "ResourceGather", "ResourceGatherNd", "VariableShape",
    "VarIsInitializedOp", "IsVariableInitialized", "ReadVariableXlaSplitND",
  ]

  private let functions: FunctionLibrary
  private var names: Set<VariableName> = []
  /// Something is changed of which it cannot be said what it is.
  private var changesAnything = false
  private var seenFunctions: Set<String> = []

  /// What a graph changes, and the functions that it calls.
  init(_ graph: PlanGraph, functions: FunctionLibrary) throws {
    self.functions = functions
    try collect(graph, feeds: [:])
  }

  /// Whether a variable may be changed.
  func contains(_ name: VariableName) -> Bool { changesAnything || names.contains(name) }

  private mutating func collect(_ graph: PlanGraph, feeds: [Int: HandleReferents.Referent]) throws {
    let order = try graph.order()
    let referents = HandleReferents(graph, order, feeds: feeds)
    for index in order {
      let node = graph.nodes[index]
      guard node.constants == nil, node.feed == nil, !node.isVariable, !node.passesInputsOn,
        !Self.readers.contains(node.op)
      else { continue }
      if let kind = node.structured {
        let held = Set(node.heldVariables)
        if kind == .whileLoop {
          for variable in node.outputTypes.indices where !held.contains(variable) {
            note(referents[node.inputs[variable]])
          }
        }
        let feeds = referents.feeds(ofBodiesOf: node)
        for body in node.bodies {
          try collect(body, feeds: feeds)
          // What leaves a body by another way than it came is followed no further.
          let inner = HandleReferents(body, try body.order(), feeds: feeds)
          for (position, fetch) in body.fetches.enumerated() where !held.contains(position) {
            note(inner[fetch])
          }
        }
        continue
      }
      for (position, input) in node.inputs.enumerated() {
        if let referent = referents[input] {
          note(referent)
        } else if position < node.inputTypes.count, node.inputTypes[position] == .resource {
          changesAnything = true
        }
      }
      collect(node.attributes.functions)
    }
  }

  private mutating func note(_ referent: HandleReferents.Referent?) {
    if case .variable(let name, _) = referent { names.insert(name) }
  }

  /// The variables whose nodes are in functions that stay calls.
  private mutating func collect(_ references: [FunctionReference]) {
    var worklist = references
    while let reference = worklist.popLast() {
      guard seenFunctions.insert(reference.name).inserted else { continue }
      guard let body = try? functions.body(of: reference) else {
        changesAnything = true
        continue
      }
      for node in body.nodes {
        if let (container, name) = VariableBinding.resource(of: node) {
          names.insert(VariableName(container: container, name: name))
        }
        if functions[node.op] != nil {
          worklist.append(FunctionReference(name: node.op, attributes: node.ownAttributes))
        }
        worklist += node.functions
      }
    }
  }
}
