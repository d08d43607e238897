import GraftGraph
import GraftTensor

/// What the parts of a graph say of each other and is not so: it shows in the runs that need it, the import takes it.
enum ContentChecks {
  /// Constants that are of another dtype than they say, calls that give a function other arguments than it takes, and
  /// functions that call themselves without end.
  static func findings(in needed: NeededNodes) -> [Finding] {
    constants(needed) + calls(needed) + endlessCalls(needed)
  }

  private static func constants(_ needed: NeededNodes) -> [Finding] {
    // One that is not needed is wrong all the same.
    let all = needed.graph.nodes.map { ($0.name, $0) } + needed.namedInFunctions
    return all.compactMap { name, node in
      guard node.op == "Const", let value = node.constantView, let declared = node.outputTypes.first?.dtype,
        value.dtype != declared
      else { return nil }
      return .problem(
        .cannotRun, "The value of a constant is \(value.dtype), and its attribute 'dtype' says \(declared).",
        at: [name], advice: "Export the graph again; it was edited by hand.")
    }
  }

  private static func calls(_ needed: NeededNodes) -> [Finding] {
    let library = needed.graph.functions
    let usual = Dictionary(needed.functions.map { ($0.name, $0.argumentTypes) }) { first, _ in first }
    return needed.named.compactMap { name, node in
      guard let reference = NeededNodes.call(node, library), let given = types(node.attribute("Tin")),
        given != usual[reference.name],
        // What a function takes may hang on the attributes of its call.
        let expected = (try? library.body(of: reference))?.argumentTypes, given != expected
      else { return nil }
      func list(_ types: [ElementType]) -> String {
        types.isEmpty ? "nothing" : types.map { "\($0)" }.joined(separator: ", ")
      }
      return .problem(
        .cannotRun,
        "A call gives the function '\(reference.name)' \(list(given)), and it takes \(list(expected)).",
        at: [name], advice: "The graph and its functions do not belong together: export it again.")
    }
  }

  private static func types(_ attribute: AttributeValue?) -> [ElementType]? {
    switch attribute {
    case .types(let types): types
    case .emptyList: []
    default: nil
    }
  }

  /// - Complexity: O(functions and their calls).
  private static func endlessCalls(_ needed: NeededNodes) -> [Finding] {
    let names = Set(needed.functions.map(\.name))
    var callees: [String: Set<String>] = [:]
    for body in needed.functions {
      // Whether a call behind a `Switch` runs is decided by a value.
      let calls = body.nodes.contains { $0.op == "Switch" } ? [] : body.nodes
      callees[body.name] = names.intersection(
        calls.compactMap { NeededNodes.call($0, needed.graph.functions)?.name })
    }
    // What calls nobody that is left comes to an end; what remains calls itself, or one that does.
    var callers: [String: [String]] = [:]
    for (name, others) in callees { for other in others { callers[other, default: []].append(name) } }
    var left = callees.mapValues(\.count)
    var ending = left.filter { $0.value == 0 }.map(\.key)
    while let name = ending.popLast() {
      left[name] = nil
      for caller in callers[name] ?? [] {
        guard let count = left[caller] else { continue }
        left[caller] = count - 1
        if count == 1 { ending.append(caller) }
      }
    }
    guard !left.isEmpty else { return [] }
    return [
      .problem(
        .cannotRun, "Functions call themselves, or others that do, and no condition ends it.",
        at: left.keys.sorted(), advice: "Export the model without recursion.")
    ]
  }
}
