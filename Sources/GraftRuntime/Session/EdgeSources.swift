import GraftGraph
import GraftTensor

extension GraftError {
  /// The same error of a node's inputs with where they come from: what does not fit has two ends.
  func namingSources(in graph: GraphSnapshot) -> GraftError {
    guard code == .invalidArgument, place.function == nil, let name = place.node,
      let index = graph.nodeIndex(named: name)
    else { return self }
    let node = graph.nodes[index]
    guard node.op == place.op, (1...8).contains(node.inputs.count) else { return self }
    let sources = node.inputs.map { edge in
      let source = graph.nodes[Int(edge.node)]
      return "'\(source.name)\(edge.output == 0 ? "" : ":\(edge.output)")' (\(source.op))"
    }
    return GraftError(
      code, "\(message) They come from \(sources.joined(separator: ", ")).", at: place, remedy: remedy,
      cause: cause)
  }
}
