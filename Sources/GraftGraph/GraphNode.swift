import GraftTensor

/// Where an input of a node comes from.
package struct Edge: Sendable, Hashable {
  /// The index of the node in its graph or function body.
  package let node: Int32
  /// Which of that node's outputs.
  package let output: Int32

  /// An output of a node.
  package init(node: Int32, output: Int32) {
    self.node = node
    self.output = output
  }
}

/// An operation of a graph or of a function's body, with its inputs as numbers.
///
/// It never changes, and is one reference to all who read it: planning hands nodes about by the thousand.
package final class GraphNode: Sendable {
  /// The name.
  package let name: String
  /// The op's type.
  package let op: String
  /// The device that was asked for, which means nothing here.
  package let device: String
  /// Where the inputs come from, in order.
  package let inputs: [Edge]
  /// The nodes that run before this one, each once.
  package let controlInputs: [Int32]
  /// The types that the inputs must have; of an unknown op those that they have.
  package let inputTypes: [ElementType]
  /// The types of the outputs. Of an unknown op as many as are used, of types that their users expect.
  package let outputTypes: [ElementType]
  /// The op's arguments and attributes; nil for an unknown op.
  package let signature: OpSignature?

  /// Where the attributes stand; nil for a node that was not read.
  let source: NodeSource?
  /// Values that go before those of the source: what was inferred, renamed or bound.
  let overrides: [String: AttributeValue]
  /// Whether name or inputs are other than in the source.
  let isChanged: Bool

  init(
    name: String, op: String, device: String, inputs: [Edge], controlInputs: [Int32],
    inputTypes: [ElementType], outputTypes: [ElementType], signature: OpSignature?, source: NodeSource?,
    overrides: [String: AttributeValue], isChanged: Bool
  ) {
    self.name = name
    self.op = op
    self.device = device
    self.inputs = inputs
    self.controlInputs = controlInputs
    self.inputTypes = inputTypes
    self.outputTypes = outputTypes
    self.signature = signature
    self.source = source
    self.overrides = overrides
    self.isChanged = isChanged
  }

  /// The value of an attribute: the node's own, else the op's default; nil for one that neither has.
  ///
  /// - Complexity: O(size of the node).
  package func attribute(_ name: String) -> AttributeValue? {
    if let value = overrides[name] { return value }
    if let value = source?.attribute(name) { return value }
    return signature?.attribute(named: name)?.defaultValue
  }

  /// The value of a constant, as ``EncodedTensor/view()`` gives it; nil where it is not read from the document as it
  /// stands there, or cannot be.
  ///
  /// Of a third of a graph's nodes nothing else is asked.
  package var constantView: Tensor? {
    guard overrides.isEmpty, let source, let value = source.value(of: "value") else { return nil }
    guard let message = ScannedAttribute.tensorMessage(source.document, value) else { return nil }
    return try? TensorDecoder(
      document: source.document, range: message, viewsFrom: EncodedTensor.largeByteCount
    )
    .decode()
  }

  /// All attributes: the node's own, and the op's defaults of others.
  ///
  /// - Complexity: O(size of the node).
  package var attributes: [String: AttributeValue] {
    var result = ownAttributes
    for attribute in signature?.attributes ?? [] {
      guard let value = attribute.defaultValue, result[attribute.name] == nil else { continue }
      result[attribute.name] = value
    }
    return result
  }

  /// The functions that its attributes name.
  package var functions: [FunctionReference] {
    guard let signature else { return ownAttributes.values.flatMap(\.functions) }
    return signature.attributes.flatMap { attribute in
      attribute.kind == .function ? self.attribute(attribute.name)?.functions ?? [] : []
    }
  }

  /// The attributes without the op's defaults.
  package var ownAttributes: [String: AttributeValue] {
    let written = source?.attributes(expecting: signature?.attributes.count ?? 0) ?? [:]
    return overrides.isEmpty ? written : written.merging(overrides) { $1 }
  }
}

/// Where a node's `NodeDef` stands.
struct NodeSource: Sendable {
  /// The document.
  let document: GraphBytes
  /// The message's bytes, without tag and length.
  let range: ByteRange

  /// Calls the closure with every attribute but those to leave out, in the order of the bytes.
  ///
  /// - Parameter leavesOut: is asked before an attribute is read.
  private func forEachAttribute(
    unless leavesOut: (ByteRange) -> Bool = { _ in false },
    _ body: (_ key: ByteRange, _ value: ByteRange) -> Void
  ) {
    var reader = document.reader(range)
    while let tag = try? reader.tag() {
      if tag.raw == WireTag.field(5, WireTag.block) {
        guard let block = try? reader.block() else { return }
        if leavesOut(block) { continue }
        guard let entry = try? MapEntry(document.reader(block)) else { return }
        body(entry.key, entry.value)
      } else if (try? reader.skip(tag)) == nil {
        return
      }
    }
  }

  /// Whether an attribute has another name, as far as its first bytes say: a key, a value and nothing else, as all
  /// programs write it. Planning asks for single attributes of thousands of nodes that have ten.
  private func isNamedOtherwise(_ block: ByteRange, than name: UnsafeBufferPointer<UInt8>) -> Bool {
    let bytes = document.bytes(block)
    guard bytes.count >= 2, UInt32(bytes[0]) == WireTag.field(1, WireTag.block), bytes[1] < 0x80 else {
      return false
    }
    var position = 2 + Int(bytes[1])
    guard position < bytes.count, UInt32(bytes[position]) == WireTag.field(2, WireTag.block) else {
      return false
    }
    var (length, shift) = (0, 0)
    repeat {
      position += 1
      guard position < bytes.count, shift < 35 else { return false }
      length |= Int(bytes[position] & 0x7F) << shift
      shift += 7
    } while bytes[position] >= 0x80
    guard length == bytes.count - position - 1 else { return false }
    return !equal(
      UnsafeRawBufferPointer(rebasing: bytes[2..<2 + Int(bytes[1])]), UnsafeRawBufferPointer(name))
  }

  /// Where the value of an attribute stands; the last one, where it is there more than once.
  func value(of name: String) -> ByteRange? {
    var name = name
    var found: ByteRange?
    name.withUTF8 { name in
      forEachAttribute(unless: { isNamedOtherwise($0, than: name) }) { key, value in
        if equal(document.bytes(key), UnsafeRawBufferPointer(name)) { found = value }
      }
    }
    return found
  }

  /// The value of an attribute.
  func attribute(_ name: String) -> AttributeValue? {
    guard let value = value(of: name), let scanned = try? ScannedAttribute(document, value) else {
      return nil
    }
    return scanned.value(in: document)
  }

  /// All attributes that have a value.
  ///
  /// - Parameter count: how many there may well be.
  func attributes(expecting count: Int) -> [String: AttributeValue] {
    var result = Dictionary<String, AttributeValue>(minimumCapacity: count)
    forEachAttribute { key, value in
      if let scanned = try? ScannedAttribute(document, value), let value = scanned.value(in: document) {
        result[document.string(key)] = value
      }
    }
    return result
  }
}
