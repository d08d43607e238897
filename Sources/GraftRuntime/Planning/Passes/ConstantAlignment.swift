import GraftKernels
import GraftTensor

/// Copies constants whose elements are not aligned in the graph's file to where they are, but for those whose readers
/// all take them from any address: weights that are packed, and tables of which rows are copied.
enum ConstantAlignment: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    let candidates = graph.nodes.indices.filter { index in
      graph.nodes[index].constants?.contains { !$0.isAligned } == true
    }
    guard !candidates.isEmpty else { return }
    let uses = graph.uses(of: try graph.order())
    for index in candidates where !uses.readers(of: index).isEmpty || uses.isPinned(index) {
      let isTaken = uses.readers(of: index).allSatisfy { reader in
        let node = graph.nodes[reader]
        let input = inputFromAnyAddress(node)
        return node.inputs.indices.allSatisfy { $0 == input || node.inputs[$0].node != index }
      }
      guard !isTaken || uses.isPinned(index) else { continue }
      graph.nodes[index].constants = try graph.nodes[index].constants?.map { try copied($0) }
    }
  }

  /// A tensor with its elements aligned, whose place in the file the system may have back.
  private static func copied(_ tensor: Tensor) throws -> Tensor {
    guard !tensor.isAligned else { return tensor }
    let copy = try tensor.aligned()
    tensor.storage.releasePages()
    return copy
  }

  /// Which input of a node may lie at any address; nil where none may.
  private static func inputFromAnyAddress(_ node: PlanNode) -> Int? {
    guard let traits = node.definition?.traits else { return nil }
    if traits.contains(.copiesParts) { return 0 }
    let packs = node.outputTypes == [.float32] || node.outputTypes == [.float64]
    return traits.contains(.packsConstants) && packs ? 1 : nil
  }
}
