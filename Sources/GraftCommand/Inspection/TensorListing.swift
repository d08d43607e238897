import GraftGraph
import GraftKernels
import GraftRuntime
import GraftTensor

/// Every tensor of a graph with what is known of it before any run.
struct TensorListing {
  struct Row {
    let name: String
    let op: String
    /// As TensorFlow writes it, references with `_ref`.
    let type: String
    let shape: PartialShape
  }

  let rows: [Row]

  init(_ graph: GraphSnapshot, registry: OpRegistry = .standard) {
    let shapes = ShapeInference(graph: graph, registry: registry)
    rows = graph.nodes.enumerated().flatMap { index, node in
      node.outputTypes.enumerated().map { output, type in
        Row(
          name: "\(node.name):\(output)", op: node.op, type: "\(type)",
          shape: shapes.shape(of: Endpoint(node: index, output: output)))
      }
    }
  }

  var text: String {
    var table = TextTable(.left, .left, .left, .left)
    for row in rows { table.append(row.name, row.op, row.type, "\(row.shape)") }
    return table.text
  }

  var json: JSONValue {
    .array(
      rows.map { row in
        .object([
          "tensor": .string(row.name), "op": .string(row.op), "dtype": .string(row.type),
          "shape": .shape(row.shape),
        ])
      })
  }
}
