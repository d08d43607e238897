/// The attributes of a node that is planned: the op's defaults, over them what the graph's node says, and over that
/// what was set since.
///
/// They are read where they stand when somebody asks for one. Most nodes of a frozen graph are folded or fused before
/// anybody asks for more than a dtype.
package struct NodeAttributes: Sendable {
  /// Whose attributes they were at first.
  private var node: GraphNode?
  private var changes: [String: AttributeValue]

  /// Those of a graph's node.
  package init(of node: GraphNode) {
    self.node = node
    changes = [:]
  }

  /// The given ones and no others.
  package init(_ values: [String: AttributeValue]) {
    changes = values
  }

  /// The value of an attribute, by its name; nil for one that is not there.
  package subscript(name: String) -> AttributeValue? {
    get { changes[name] ?? node?.attribute(name) }
    set {
      if newValue == nil, node != nil { self = NodeAttributes(all) }
      changes[name] = newValue
    }
  }

  /// All of them, by name.
  package var all: [String: AttributeValue] {
    node.map { $0.attributes.merging(changes) { $1 } } ?? changes
  }

  /// Reads all of them at once where the op has so many that a few of them one by one would take longer.
  package mutating func gather() {
    guard let attributes = node?.signature?.attributes, attributes.count >= 5 else { return }
    self = NodeAttributes(all)
  }

  /// The functions that they name.
  package var functions: [FunctionReference] {
    (node?.functions ?? []) + changes.values.flatMap(\.functions)
  }
}

extension NodeAttributes: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral values: (String, AttributeValue)...) {
    self.init(Dictionary(values) { $1 })
  }
}
