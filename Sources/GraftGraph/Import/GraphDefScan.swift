import GraftTensor

/// Where the parts of a `tensorflow.GraphDef` lie in a document.
struct GraphDefScan {
  /// Where the parts of one `NodeDef` lie.
  struct Node {
    /// The message.
    var range: ByteRange
    var name = ByteRange.empty
    var op = ByteRange.empty
    var device = ByteRange.empty
    /// The first of its inputs in ``GraphDefScan/inputs``.
    var firstInput: Int
    var inputCount = 0
    /// The first of its attributes in ``GraphDefScan/attributes``.
    var firstAttribute: Int
    var attributeCount = 0
  }

  let document: GraphBytes
  /// How much there may be.
  let limits: ImportLimits
  private(set) var nodes: [Node] = []
  /// The inputs of all nodes, as text.
  private(set) var inputs: [ByteRange] = []
  /// The attributes of all nodes.
  private(set) var attributes: [MapEntry] = []
  /// The functions of the library.
  private(set) var functions: [ByteRange] = []
  /// The library's pairs of a function and the function that is its gradient.
  private(set) var gradients: [MapEntry] = []
  private(set) var versions = GraphVersions()
  private(set) var remainder = GraphRemainder()

  /// A scan of nothing, to which messages are added.
  init(document: GraphBytes, limits: ImportLimits) {
    self.document = document
    self.limits = limits
  }

  /// Finds the parts of the `GraphDef` that fills a part of the document.
  ///
  /// - Throws: `GraftError` (`dataLoss`) that names the node in which the bytes end or make no sense.
  /// - Complexity: O(nodes), without the constants' contents.
  init(
    graphDef range: ByteRange, in document: GraphBytes, limits: ImportLimits = ImportLimits()
  ) throws(GraftError) {
    self.document = document
    self.limits = limits
    var reader = document.reader(range)
    do {
      while !reader.isAtEnd {
        let begin = reader.position
        let tag = try reader.tag()
        switch tag.raw {
        case WireTag.field(1, WireTag.block): try addNode(reader.block())
        case WireTag.field(2, WireTag.block): try addLibrary(reader.block())
        case WireTag.field(4, WireTag.block):
          let block = try reader.block()
          try readVersions(block)
        default:
          try reader.skip(tag)
          remainder.graphFields.append((document, ByteRange(offset: begin, count: reader.position - begin)))
        }
      }
    } catch {
      throw Self.explain(error, nodesRead: nodes.count, document: document, end: range.end)
    }
  }

  /// Adds the `NodeDef` that lies in a part of the document.
  mutating func addNode(_ range: ByteRange) throws(WireError) {
    var node = Node(range: range, firstInput: inputs.count, firstAttribute: attributes.count)
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): node.name = try reader.block()
      case WireTag.field(2, WireTag.block): node.op = try reader.block()
      case WireTag.field(3, WireTag.block):
        let input = try reader.block()
        try checkLength(of: input, "an input's name")
        inputs.append(input)
      case WireTag.field(4, WireTag.block): node.device = try reader.block()
      case WireTag.field(5, WireTag.block):
        attributes.append(try MapEntry(document.reader(try reader.block())))
      default: try reader.skip(tag)
      }
    }
    guard nodes.count < limits.nodes else {
      throw .beyondLimit("there are more nodes than allowed", limits.nodes, "nodes", at: range.offset)
    }
    try checkLength(of: node.name, "a node's name")
    try checkLength(of: node.op, "an op's name")
    try checkLength(of: node.device, "a device's name")
    node.inputCount = inputs.count - node.firstInput
    node.attributeCount = attributes.count - node.firstAttribute
    nodes.append(node)
  }

  private func checkLength(of name: ByteRange, _ what: String) throws(WireError) {
    guard name.count <= limits.nameLength else {
      throw .beyondLimit(
        "\(what) has \(name.count) bytes", limits.nameLength, "nameLength", at: name.offset)
    }
  }

  /// The same nodes with each input in as many places as the closure says that it has tensors.
  ///
  /// - Parameter count: is told the node and the input, in order.
  func expandingInputs(
    _ count: (_ node: Int, _ input: ByteRange) throws(WireError) -> Int
  ) throws(WireError) -> GraphDefScan {
    var result = self
    result.inputs = []
    for index in nodes.indices {
      result.nodes[index].firstInput = result.inputs.count
      for position in nodes[index].firstInput..<nodes[index].firstInput + nodes[index].inputCount {
        let count = try count(index, inputs[position])
        guard count <= NodeTyper.maximumArguments - result.inputs.count else {
          throw WireError(
            .value("the nodes have more than \(NodeTyper.maximumArguments) inputs"),
            at: inputs[position].offset)
        }
        result.inputs.append(contentsOf: repeatElement(inputs[position], count: count))
      }
      result.nodes[index].inputCount = result.inputs.count - result.nodes[index].firstInput
    }
    return result
  }

  private mutating func addLibrary(_ range: ByteRange) throws(WireError) {
    remainder.hasLibrary = true
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let begin = reader.position
      let tag = try reader.tag()
      if tag.raw == WireTag.field(1, WireTag.block) {
        guard functions.count < limits.functions else {
          throw .beyondLimit(
            "there are more functions than allowed", limits.functions, "functions", at: begin)
        }
        functions.append(try reader.block())
      } else {
        if tag.raw == WireTag.field(2, WireTag.block) {
          var pair = reader
          gradients.append(try MapEntry(document.reader(try pair.block())))
        }
        try reader.skip(tag)
        remainder.libraryFields.append((document, ByteRange(offset: begin, count: reader.position - begin)))
      }
    }
  }

  private mutating func readVersions(_ range: ByteRange) throws(WireError) {
    versions.isPresent = true
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let begin = reader.position
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.varint):
        versions.producer = Int32(truncatingIfNeeded: try reader.varint())
      case WireTag.field(2, WireTag.varint):
        versions.minConsumer = Int32(truncatingIfNeeded: try reader.varint())
      case WireTag.field(3, WireTag.varint):
        versions.badConsumers.append(Int32(truncatingIfNeeded: try reader.varint()))
      case WireTag.field(3, WireTag.block):
        var packed = document.reader(try reader.block())
        while !packed.isAtEnd {
          versions.badConsumers.append(Int32(truncatingIfNeeded: try packed.varint()))
        }
      default:
        try reader.skip(tag)
        versions.unknownFields += document.bytes(ByteRange(offset: begin, count: reader.position - begin))
      }
    }
  }

  private static func explain(
    _ error: WireError, nodesRead: Int, document: GraphBytes, end: Int
  ) -> GraftError {
    let place = GraftError.Place(file: document.file, offset: error.offset)
    let whole = document.file == nil ? "The bytes end" : "The file ends"
    switch error.reason {
    case .beyondEnd(let length) where length < 1 << 40:
      return GraftError(
        .dataLoss,
        "\(whole) inside node \(nodesRead) of the graph: a field of \(length) bytes begins at byte "
          + "\(error.offset), and the end is at byte \(end). It was truncated.",
        at: place, remedy: "Download or copy it again, and compare its size with the original's.")
    case .truncated:
      return GraftError(
        .dataLoss, "\(whole) inside node \(nodesRead) of the graph, at byte \(end). It was truncated.",
        at: place, remedy: "Download or copy it again, and compare its size with the original's.")
    case .limit:
      return GraftError(
        error.code, "The graph is refused at node \(nodesRead): \(error.message).", at: place,
        remedy: error.remedy)
    default:
      return GraftError(
        .dataLoss, "Node \(nodesRead) of the graph cannot be read as a GraphDef: \(error.message).",
        at: place,
        remedy: "The file is damaged, or no GraphDef: check where it comes from and get it again.")
    }
  }
}
