/// Something for some of the values of a plan, or of the outputs of a graph.
///
/// A dictionary of plain numbers. One with keys of a type of their own takes a process, when it is the first of the
/// type, a tenth of a millisecond to set up, which a small network's start would notice.
package struct ReferenceMap<Element> {
  private var elements: [Int: Element] = [:]

  /// A map with nothing in it.
  package init() {}

  /// How many values it has something for.
  package var count: Int { elements.count }

  /// Whether it has nothing.
  package var isEmpty: Bool { elements.isEmpty }

  /// What it has for a value of a plan.
  package subscript(value: ValueReference) -> Element? {
    get { elements[Self.key(value.node, value.output)] }
    set { elements[Self.key(value.node, value.output)] = newValue }
  }

  /// What it has for an output of a graph's node.
  package subscript(endpoint: Endpoint) -> Element? {
    get { elements[Self.key(endpoint.node, endpoint.output)] }
    set { elements[Self.key(endpoint.node, endpoint.output)] = newValue }
  }

  /// Everything that it has, with the values of a plan for which it is.
  package var pairs: [(value: ValueReference, element: Element)] {
    elements.map { key, element in
      (ValueReference(node: key >> 32, output: key & 0xffff_ffff), element)
    }
  }

  private static func key(_ node: Int, _ output: Int) -> Int { node << 32 | output }
}

extension ReferenceMap: Sendable where Element: Sendable {}
