import GraftKernels

/// Makes reads of a variable by reference one where the same changes of variables have run before each of them: a run
/// that changes variables reads them for every operation that computes with them.
///
/// A change that neither of two reads waits for, and that does not wait for both of their readers, may come between them
/// or not: TensorFlow promises nothing then.
enum ReadMerging: PlanPass {
  private struct Read: Hashable {
    let node: Int
    let output: Int
    /// A bit for each change that has run before.
    let changes: [UInt64]
  }

  /// How many words of bits are kept for all nodes together; beyond that reads stay as they are.
  private static let maximumWords = 1 << 22

  static func run(_ graph: inout PlanGraph) throws {
    let reads = graph.nodes.count { $0.constants == nil && $0.op == "_Dereference" }
    guard reads > 1 else { return }
    let order = try graph.order()
    var bits: [Int: Int] = [:]
    for index in order where changesReference(graph.nodes[index], graph) { bits[index] = bits.count }
    let words = (bits.count + 63) / 64
    guard words * graph.nodes.count <= maximumWords else { return }
    var changes = [[UInt64]](repeating: [], count: graph.nodes.count)
    var first: [Read: Int] = [:]
    var replacements = ReferenceMap<ValueReference>()
    for index in order {
      let node = graph.nodes[index]
      guard node.constants == nil else { continue }
      var before: [UInt64] = []
      for earlier in node.inputs.map(\.node) + node.controlInputs where before != changes[earlier] {
        before = union(before, changes[earlier])
      }
      if node.op == "_Dereference", let input = node.inputs.first {
        let variable = graph.origin(of: input)
        let read = Read(node: variable.node, output: variable.output, changes: before)
        if let known = first[read] {
          replacements[ValueReference(node: index, output: 0)] = ValueReference(node: known, output: 0)
        } else {
          first[read] = index
        }
      }
      if let bit = bits[index] {
        before += Array(repeating: 0, count: words - before.count)
        before[bit / 64] |= 1 << UInt64(bit % 64)
      }
      changes[index] = before
    }
    graph.replace(replacements)
    // In bodies everything that is not pure is a target.
    graph.targets.removeAll { replacements[ValueReference(node: $0, output: 0)] != nil }
  }

  private static func union(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
    if a.isEmpty { return b }
    if b.isEmpty { return a }
    return zip(a, b).map { $0 | $1 }
  }

  /// Whether a node takes a reference for more than to read it or to pass it on.
  private static func changesReference(_ node: PlanNode, _ graph: PlanGraph) -> Bool {
    guard node.constants == nil, !node.passesInputsOn, !ChangedVariables.readers.contains(node.op) else {
      return false
    }
    return node.inputs.contains { graph.isReference($0) }
  }
}
