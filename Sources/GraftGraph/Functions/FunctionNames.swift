import GraftTensor

/// What the inputs in a function's body name: arguments, and outputs of nodes by the names that the op gives
/// them.
struct FunctionNames {
  private let document: GraphBytes
  /// Arguments and nodes by name.
  private(set) var table = NameTable()
  private var arguments: [String: Range<Int>] = [:]
  private var indices: [String: Int] = [:]
  private var outputs: [Int: [(name: String, range: Range<Int>)]] = [:]
  /// Outputs of unknown ops get numbers in the order in which they are met.
  private var unknown: Set<Int> = []

  init(document: GraphBytes) {
    self.document = document
  }

  /// Adds an argument, of as many tensors as there are numbers in the range.
  mutating func setArgument(_ name: String, _ range: Range<Int>) {
    arguments[name] = range
    if range.count == 1 {
      table.insert(NameTable.hash(name), range.lowerBound)
      indices[name] = range.lowerBound
    } else {
      for (part, index) in range.enumerated() { table.insert(NameTable.hash("\(name)_\(part)"), index) }
    }
  }

  /// Adds a node; the result is whether the name was not there.
  mutating func insert(_ range: ByteRange, _ index: Int) -> Bool {
    let name = document.string(range)
    guard indices[name] == nil, arguments[name] == nil else { return false }
    indices[name] = index
    table.insert(NameTable.hash(name), index)
    return true
  }

  /// Tells what a node's outputs are called; nil where nobody knows.
  mutating func setOutputs(_ list: [(name: String, range: Range<Int>)]?, of index: Int) {
    outputs[index] = list ?? []
    if list == nil { unknown.insert(index) }
  }

  /// The number of a node or argument.
  func index(of name: String) -> Int? { indices[name] ?? arguments[name]?.first }

  /// Where an input comes from: one tensor, or all of a list; nil for what is not there.
  func find(_ range: ByteRange) -> [Edge]? { find(document.bytes(range)) }

  /// Where an input comes from: one tensor, or all of a list; nil for what is not there.
  func find(_ text: String) -> [Edge]? {
    var text = text
    return text.withUTF8 { find(UnsafeRawBufferPointer($0)) }
  }

  /// `^name`, `argument`, `argument:number`, `node:output` or `node:output:number`.
  private func find(_ text: UnsafeRawBufferPointer) -> [Edge]? {
    if text.first == UInt8(ascii: "^") {
      return index(of: String(decoding: text.dropFirst(), as: UTF8.self)).map {
        [Edge(node: Int32($0), output: NodeResolver.control)]
      }
    }
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    if let range = arguments[parts[0]] {
      switch parts.count {
      case 1: return range.map { Edge(node: Int32($0), output: 0) }
      case 2:
        guard let part = Int(parts[1]), part >= 0, part < range.count else { return nil }
        return [Edge(node: Int32(range.lowerBound + part), output: 0)]
      default: return nil
      }
    }
    guard let node = indices[parts[0]], parts.count == 2 || parts.count == 3 else { return nil }
    if unknown.contains(node) {
      // Of an op that nobody knows, one output list is all that can be told.
      guard let part = parts.count == 3 ? Int32(parts[2]) : 0, part >= 0 else { return nil }
      return [Edge(node: Int32(node), output: part)]
    }
    guard let output = outputs[node]?.first(where: { $0.name == parts[1] })?.range else { return nil }
    if parts.count == 2 { return output.map { Edge(node: Int32(node), output: Int32($0)) } }
    guard let part = Int(parts[2]), part >= 0, part < output.count else { return nil }
    return [Edge(node: Int32(node), output: Int32(output.lowerBound + part))]
  }
}

extension NodeResolver {
  /// Reads which outputs the nodes have, by the names of the op's outputs; nil where it is not known.
  mutating func readOutputs(_ body: (Int, [(name: String, range: Range<Int>)]?) -> Void) throws {
    var typer = NodeTyper(document: document)
    for index in scan.nodes.indices {
      guard let signature = op(index).signature else {
        body(index, nil)
        continue
      }
      try typer.read(signature, attributes(index), bindings: bindings) { _ in }
      var list: [(name: String, range: Range<Int>)] = []
      var next = 0
      for argument in signature.outputs {
        guard let count = typer.count(of: argument), count <= NodeTyper.maximumArguments - next else { break }
        list.append((argument.name, next..<next + count))
        next += count
      }
      body(index, list)
    }
  }

  /// The node of a function's body, with the function's attributes put in.
  func makeNode(_ index: Int, _ bindings: [String: AttributeValue]) -> GraphNode {
    var overrides = overrides[index] ?? [:]
    for entry in attributes(index) {
      guard let scanned = try? ScannedAttribute(document, entry.value),
        scanned.kind == .placeholder || scanned.element == .function,
        let value = scanned.value(in: document)
      else { continue }
      overrides[document.string(entry.key)] = value.bound(bindings)
    }
    var edges: [Edge] = []
    var controls: [Int32] = []
    for position in inputs(index) {
      if sourceOutputs[position] == Self.control {
        if !controls.contains(sources[position]) { controls.append(sources[position]) }
      } else {
        edges.append(Edge(node: sources[position], output: sourceOutputs[position]))
      }
    }
    let op = op(index)
    return GraphNode(
      name: name(index), op: op.name, device: document.string(scan.nodes[index].device), inputs: edges,
      controlInputs: controls, inputTypes: inputTypes[index], outputTypes: outputTypes[index],
      signature: op.signature, source: NodeSource(document: document, range: scan.nodes[index].range),
      overrides: overrides, isChanged: true)
  }
}

extension AttributeValue {
  /// The value with a function's attributes in place of placeholders, inside of function references too.
  func bound(_ bindings: [String: AttributeValue]) -> AttributeValue {
    switch self {
    case .placeholder(let name): bindings[name] ?? self
    case .function(let reference): .function(reference.bound(bindings))
    case .functions(let references): .functions(references.map { $0.bound(bindings) })
    default: self
    }
  }
}

extension FunctionReference {
  /// The reference with a function's attributes in place of placeholders.
  func bound(_ bindings: [String: AttributeValue]) -> FunctionReference {
    FunctionReference(name: name, attributes: attributes.mapValues { $0.bound(bindings) })
  }
}
