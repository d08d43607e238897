import GraftTensor

/// A function of the library, as it stands in its document.
package final class FunctionDefinition: Sendable {
  /// The name.
  package let name: String
  let document: GraphBytes
  /// The `FunctionDef`.
  let range: ByteRange
  /// What its nodes are read with.
  let limits: ImportLimits
  /// How many nodes the body has.
  let nodeCount: Int
  /// The arguments, results and attributes.
  package let signature: OpSignature

  /// Reads the signature of the `FunctionDef` in a part of a document.
  init(document: GraphBytes, range: ByteRange, limits: ImportLimits) throws(WireError) {
    self.document = document
    self.range = range
    self.limits = limits
    var nodeCount = 0
    var definition = ByteRange.empty
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(1, WireTag.block) {
        definition = try reader.block()
      } else {
        if tag.raw == WireTag.field(3, WireTag.block) { nodeCount += 1 }
        try reader.skip(tag)
      }
    }
    self.nodeCount = nodeCount
    signature = try OpSignature(opDef: definition, in: document)
    name = signature.name
    guard name.utf8.count <= limits.nameLength else {
      throw .beyondLimit(
        "a function's name has \(name.utf8.count) bytes", limits.nameLength, "nameLength",
        at: range.offset)
    }
  }

  /// An attribute of the function itself, as `_noinline`; nil where there is none of that name.
  package func attribute(_ name: String) -> AttributeValue? {
    // They stand where those of nodes do.
    NodeSource(document: document, range: range).attribute(name)
  }
}
