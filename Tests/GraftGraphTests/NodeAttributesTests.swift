import GraftGraph
import GraftTensor
import Testing

/// Attributes of planned nodes: read where they stand, in whatever way they are written, and changed.
@Suite struct NodeAttributesTests {
  /// How an attribute may be written: fields of its entry in any order and number, of which the last counts.
  enum Writing: CaseIterable {
    case keyAndValue, valueAndKey, twoKeys, twoValues, withAFieldMore
  }

  private func entry(_ writing: Writing) -> [UInt8] {
    var entry = WireWriter()
    func key(_ name: String) { entry.field(1, bytes: Array(name.utf8)) }
    func value(_ type: DataType) {
      var message = WireWriter()
      message.field(6, varint: UInt64(type.rawValue))
      entry.field(2, bytes: message.bytes)
    }
    switch writing {
    case .keyAndValue:
      key("dtype")
      value(.int32)
    case .valueAndKey:
      value(.int32)
      key("dtype")
    case .twoKeys:
      key("shape")
      key("dtype")
      value(.int32)
    case .twoValues:
      key("dtype")
      value(.float32)
      value(.int32)
    case .withAFieldMore:
      key("dtype")
      value(.int32)
      entry.field(9, varint: 1)
    }
    return entry.bytes
  }

  private func placeholder(_ writing: Writing = .keyAndValue) throws -> GraphNode {
    var node = WireWriter()
    node.field(1, bytes: Array("x".utf8))
    node.field(2, bytes: Array("Placeholder".utf8))
    node.field(5, bytes: entry(writing))
    var document = WireWriter()
    document.field(1, bytes: node.bytes)
    let graph = Graph()
    _ = try graph.importGraphDef(bytes: document.bytes, options: ImportOptions())
    return try #require(graph.snapshot.nodes.first)
  }

  @Test(arguments: Writing.allCases)
  func anAttributeIsFoundInWhateverWayItIsWritten(_ writing: Writing) throws {
    let node = try placeholder(writing)
    let attributes = NodeAttributes(of: node)
    #expect(node.outputTypes.map(\.dtype) == [.int32])
    #expect(attributes["dtype"]?.description == "int32" && attributes.all["dtype"]?.description == "int32")
    #expect(attributes["shape"]?.description == attributes.all["shape"]?.description)
    #expect(attributes["no such"] == nil)
  }

  @Test func whatIsSetGoesBeforeWhatTheNodeSaysUntilItIsTakenOut() throws {
    var attributes = NodeAttributes(of: try placeholder())
    attributes["dtype"] = .type(ElementType(.float64))
    attributes["more"] = .int(3)
    #expect(attributes["dtype"]?.description == "float64" && attributes.all["more"]?.description == "3")
    attributes["dtype"] = nil
    #expect(attributes["dtype"] == nil && attributes.all["dtype"] == nil)
    #expect(attributes["shape"] != nil && attributes["more"] != nil)
  }
}
