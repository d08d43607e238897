import GraftTensor

/// What nodes ask for, found without reading the functions that they call: their ops, and those functions.
package struct CallScan: Sendable {
  /// A node of a function, as far as its message says it.
  package struct Node: Sendable {
    package let name: String
    package let op: String
    /// The functions that its attributes name.
    fileprivate let functions: [String]
    fileprivate let source: NodeSource

    /// The node's own value of an attribute.
    package func attribute(_ name: String) -> AttributeValue? { source.attribute(name) }
  }

  /// A function that is called, with its nodes.
  package struct Function: Sendable {
    package let name: String
    package let nodes: [Node]
  }

  /// The functions that some nodes call, and those that these call; each once, whatever calls what.
  ///
  /// - Complexity: O(size of the functions).
  /// - Parameter indices: which of the nodes.
  package static func functions(
    calledBy indices: [Int], of nodes: [GraphNode], in library: FunctionLibrary
  ) -> [Function] {
    guard !library.names.isEmpty else { return [] }
    var waiting: [String] = []
    for index in indices {
      let node = nodes[index]
      waiting.append(node.op)
      for attribute in node.signature?.attributes ?? [] where attribute.kind == .function {
        node.attribute(attribute.name).map { waiting += names(in: $0) }
      }
    }
    var seen: Set<String> = []
    var result: [Function] = []
    while let name = waiting.popLast() {
      guard let definition = library[name], seen.insert(name).inserted else { continue }
      let nodes = definition.scannedNodes
      result.append(Function(name: name, nodes: nodes))
      for node in nodes { waiting += [node.op] + node.functions }
    }
    return result
  }

  fileprivate static func names(in value: AttributeValue) -> [String] {
    switch value {
    case .function(let reference): reference.allNames
    case .functions(let references): references.flatMap(\.allNames)
    default: []
    }
  }
}

extension FunctionReference {
  /// The function's name, and those of functions that are bound to its attributes.
  fileprivate var allNames: [String] {
    attributes.values.reduce(into: [name]) { $0 += CallScan.names(in: $1) }
  }
}

extension FunctionDefinition {
  /// The nodes of the body, up to the first that cannot be read: that one is reported when the body is.
  fileprivate var scannedNodes: [CallScan.Node] {
    var result: [CallScan.Node] = []
    var reader = document.reader(range)
    while !reader.isAtEnd, let tag = try? reader.tag() {
      if tag.raw == WireTag.field(3, WireTag.block) {
        guard let block = try? reader.block(), let node = try? scannedNode(block) else { break }
        result.append(node)
      } else if (try? reader.skip(tag)) == nil {
        break
      }
    }
    return result
  }

  private func scannedNode(_ range: ByteRange) throws(WireError) -> CallScan.Node {
    var scan = GraphDefScan(document: document, limits: limits)
    try scan.addNode(range)
    var functions: [String] = []
    for entry in scan.attributes {
      let attribute = try ScannedAttribute(document, entry.value)
      guard attribute.element == .function, let value = attribute.value(in: document) else { continue }
      functions += CallScan.names(in: value)
    }
    let node = scan.nodes[0]
    return CallScan.Node(
      name: document.string(node.name), op: document.string(node.op), functions: functions,
      source: NodeSource(document: document, range: range))
  }
}
