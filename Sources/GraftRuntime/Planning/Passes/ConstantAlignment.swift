import GraftKernels
import GraftTensor

/// Copies constants whose elements are not aligned in the graph's file to where they are, but for those that
/// are read only to be packed.
enum ConstantAlignment: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    let candidates = graph.nodes.indices.filter { index in
      graph.nodes[index].constants?.contains { !$0.isAligned } == true
    }
    guard !candidates.isEmpty else { return }
    let uses = graph.uses(of: try graph.order())
    for index in candidates where !uses.readers[index].isEmpty || uses.pinned.contains(index) {
      let isPacked = uses.readers[index].allSatisfy { reader in
        let node = graph.nodes[reader]
        return node.definition?.traits.contains(.packsConstants) == true
          && (node.outputTypes == [.float32] || node.outputTypes == [.float64])
          && node.inputs.indices.allSatisfy { $0 == 1 || node.inputs[$0].node != index }
      }
      guard !isPacked || uses.pinned.contains(index) else { continue }
      graph.nodes[index].constants = try graph.nodes[index].constants?.map { try $0.aligned() }
    }
  }
}
