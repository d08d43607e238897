import Glibc
import GraftTensor

/// Finds out what the nodes of a GraphDef or of a function's body are: the types of their inputs and outputs,
/// and whether edges join what belongs together.
///
/// Errors are collected. What is wrong with one node is not told again of those that take its outputs: such a
/// node is opaque, and nothing is checked against it.
struct NodeResolver {
  /// What is known of a node.
  enum State: UInt8 {
    /// The types of its inputs and outputs are.
    case typed
    /// An attribute is missing that may follow from its inputs.
    case pending
    /// Nobody knows the op, or its attributes are wrong.
    case opaque
  }

  /// An op, of which there may be many nodes.
  struct Op {
    let name: String
    let signature: OpSignature?
    let isMerge: Bool
    let isNextIteration: Bool
    let isConstant: Bool
  }

  /// Why no edge leads to an input.
  static let unresolved: Int32 = -1
  /// The output that stands for a control edge.
  static let control: Int32 = -1

  let scan: GraphDefScan
  let document: GraphBytes
  /// The nodes that are there before those of the scan, whose numbers come first.
  let before: [GraphNode]
  let problems: GraphProblems
  /// In a function's body the values of its attributes; nil in a graph.
  let bindings: [String: AttributeValue]?
  /// In a function's body, the function.
  let function: String?

  /// The ops that occur.
  private(set) var ops: [Op] = []
  /// Which of the ops each node has.
  private(set) var opOfNode: [Int32] = []
  var states: [State]
  var inputTypes: [[ElementType]]
  var outputTypes: [[ElementType]]
  private var sharedTypes = SharedTypes()
  /// Attributes that go before those in the document.
  var overrides: [Int: [String: AttributeValue]] = [:]
  /// For each input of the scan the number of a node, those before the scan's included.
  var sources: [Int32]
  /// For each input of the scan which output of the node, or ``control``.
  var sourceOutputs: [Int32]
  /// Which key of an input map has replaced an input.
  var mappedBy: [Int: String] = [:]
  /// How many outputs of unknown ops before the scan's nodes are used.
  var usedBefore: [Int: Int] = [:]
  /// How many outputs all nodes have.
  var outputTotal = 0
  /// What had to be guessed, as sentences.
  var notes: [String] = []

  /// The number of the scan's first node.
  var offset: Int { before.count }

  init(
    scan: GraphDefScan, before: [GraphNode], problems: GraphProblems, function: String? = nil,
    bindings: [String: AttributeValue]? = nil
  ) {
    self.scan = scan
    self.before = before
    self.problems = problems
    self.function = function
    self.bindings = bindings
    document = scan.document
    let count = scan.nodes.count
    states = [State](repeating: .opaque, count: count)
    inputTypes = [[ElementType]](repeating: [], count: count)
    outputTypes = [[ElementType]](repeating: [], count: count)
    sources = [Int32](repeating: Self.unresolved, count: scan.inputs.count)
    sourceOutputs = [Int32](repeating: 0, count: scan.inputs.count)
  }

  /// A node's op.
  @inline(__always)
  func op(_ index: Int) -> Op { ops[Int(opOfNode[index])] }

  /// The places of a node's inputs among the scan's.
  @inline(__always)
  func inputs(_ index: Int) -> Range<Int> {
    let node = scan.nodes[index]
    return node.firstInput..<node.firstInput + node.inputCount
  }

  /// A node's attributes.
  @inline(__always)
  func attributes(_ index: Int) -> ArraySlice<MapEntry> {
    let node = scan.nodes[index]
    return scan.attributes[node.firstAttribute..<node.firstAttribute + node.attributeCount]
  }

  // MARK: - Ops

  /// Finds the signatures of the nodes' ops, which may be functions.
  mutating func findOps(_ functions: FunctionLibrary) throws(WireError) {
    var table = NameTable(capacity: 64)
    var names: [ByteRange] = []
    opOfNode.reserveCapacity(scan.nodes.count)
    for (index, node) in scan.nodes.enumerated() {
      let bytes = document.bytes(node.op)
      if node.op.count == 0 {
        report(index, "The node has no op.", remedy: "Every node says what it computes, as op: \"MatMul\".")
      }
      let hash = NameTable.hash(bytes)
      if let known = table.find(hash, { equal(bytes, document.bytes(names[$0])) }) {
        opOfNode.append(Int32(known))
        continue
      }
      try document.checkUTF8(node.op)
      let name = document.string(node.op)
      let signature = functions.signature(of: name)
      table.insert(hash, ops.count)
      opOfNode.append(Int32(ops.count))
      names.append(node.op)
      ops.append(
        Op(
          name: signature?.name ?? name, signature: signature, isMerge: name == "Merge" || name == "RefMerge",
          isNextIteration: name == "NextIteration" || name == "RefNextIteration", isConstant: name == "Const")
      )
    }
  }

  // MARK: - Types

  /// Reads the attributes and finds the types that follow from them.
  mutating func findTypes() throws {
    var typer = NodeTyper(document: document, nesting: scan.limits.nesting)
    var unknown = UnknownAttributes()
    var removed = RemovedOps(producer: scan.versions.producer)
    for index in scan.nodes.indices {
      let op = op(index)
      guard let signature = op.signature else {
        try checkUnknown(index)
        continue
      }
      removed.add(signature)
      let problemsBefore = problems.count
      try typer.read(signature, attributes(index), bindings: bindings) { text in
        report(index, text, remedy: "Correct the attribute, or export the graph again.")
      }
      if !typer.missing.isEmpty { reportMissing(index, signature, typer) }
      for attribute in typer.unknown { unknown.add(document.string(attribute), of: op.name) }
      if op.isConstant { try checkConstant(index) }
      guard problems.count == problemsBefore else { continue }
      if typer.missing.isEmpty {
        setTypes(index, signature, typer)
      } else {
        states[index] = .pending
      }
    }
    notes += removed.notes + unknown.notes
  }

  /// Takes the types that a node's attributes say.
  mutating func setTypes(_ index: Int, _ signature: OpSignature, _ typer: NodeTyper) {
    guard let count = typer.count(of: signature.outputs), count <= NodeTyper.maximumArguments - outputTotal,
      let outputs = typer.types(of: signature.outputs)
    else {
      report(
        index,
        "By its attributes the node brings the graph's outputs to more than \(NodeTyper.maximumArguments), "
          + "which is the limit.",
        remedy: "Check the attribute that says how many outputs the node has.")
      return
    }
    outputTotal += outputs.count
    // A count that is much too high is told below, where inputs are compared; it costs no memory.
    let given = dataInputCount(index)
    guard let expected = typer.count(of: signature.inputs), expected == given,
      let inputs = typer.types(of: signature.inputs)
    else {
      reportInputCount(index, signature, typer, given: given)
      outputTypes[index] = outputs
      return
    }
    inputTypes[index] = sharedTypes.list(inputs)
    outputTypes[index] = sharedTypes.list(outputs)
    states[index] = .typed
  }

  /// How many of a node's inputs are tensors.
  func dataInputCount(_ index: Int) -> Int {
    var count = 0
    for position in inputs(index) where document.bytes(scan.inputs[position]).first != UInt8(ascii: "^") {
      count += 1
    }
    return count
  }

  /// Of an unknown op nothing is checked but that its attributes can be read.
  private func checkUnknown(_ index: Int) throws(WireError) {
    for entry in attributes(index) {
      try document.checkUTF8(entry.key)
      do {
        _ = try ScannedAttribute(document, entry.value, nesting: scan.limits.nesting)
      } catch {
        // Values that mean nothing are nobody's business here; bytes that cannot be read are.
        guard case .value = error.reason else { throw error }
      }
    }
  }

  /// Reports attributes that are missing and can follow from no input.
  private func reportMissing(_ index: Int, _ signature: OpSignature, _ typer: NodeTyper) {
    var names: [String] = []
    for attribute in typer.missing where !signature.isUsedByInputs(attribute) {
      names.append("'\(signature.attributes[attribute].name)' (\(signature.attributes[attribute].kindName))")
    }
    guard let last = names.last else { return }
    let list = names.dropLast().joined(separator: ", ")
    report(
      index,
      names.count == 1
        ? "The attribute \(last) is missing; it has no default and follows from no input."
        : "The attributes \(list) and \(last) are missing; they have no default and follow from no input.",
      remedy: "The graph was stripped by hand or by a tool: export it again.")
  }

  /// Checks the shape of a constant, as TensorFlow does at the import; the values are looked at when they
  /// are used.
  private func checkConstant(_ index: Int) throws(WireError) {
    var sizes: [Int64]?
    var declared: ScannedAttribute?
    for entry in attributes(index) {
      if document.equals(entry.key, "value") {
        guard let tensor = tensorMessage(entry.value) else { continue }
        let header = try TensorHeader(document.reader(tensor))
        if let text = header.shapeProblem {
          report(index, text, remedy: "Export the graph again.")
        } else {
          sizes = header.sizes
        }
      } else if document.equals(entry.key, "_output_shapes") {
        declared = try? ScannedAttribute(document, entry.value)
      }
    }
    if let declared, case .shapes(let shapes)? = declared.value(in: document), let first = shapes.first,
      let shape = sizes.map({ PartialShape($0.map { Int($0) }) }), shape.merged(with: first) == nil
    {
      report(
        index,
        "The constant's value has the shape \(shape), and its attribute '_output_shapes' says \(first).",
        remedy: "The graph was changed after it was exported: export it again.")
    }
  }

  /// Where the tensor lies that an attribute holds; nil for an attribute that holds none.
  private func tensorMessage(_ attribute: ByteRange) -> ByteRange? {
    if let message = ScannedAttribute.tensorMessage(document, attribute) { return message }
    guard let value = try? ScannedAttribute(document, attribute), value.kind == .one, value.element == .tensor
    else { return nil }
    return value.block
  }

  // MARK: - Reports

  /// A node's name.
  func name(_ index: Int) -> String { document.string(scan.nodes[index].name) }

  /// Where a node is.
  func place(_ index: Int, input: Int? = nil) -> GraftError.Place {
    let op = document.string(scan.nodes[index].op)
    return GraftError.Place(node: name(index), op: op.isEmpty ? nil : op, input: input, function: function)
  }

  /// Collects an error of a node.
  func report(
    _ index: Int, input: Int? = nil, _ message: @autoclosure () -> String,
    remedy: @autoclosure () -> String? = nil
  ) {
    problems.add(
      GraphProblems.Problem(
        order: index, place: place(index, input: input), message: message(), remedy: remedy()))
  }

  private func reportInputCount(_ index: Int, _ signature: OpSignature, _ typer: NodeTyper, given: Int) {
    let expected = typer.count(of: signature.inputs).map(String.init) ?? "millions of"
    let arguments = signature.inputs.map { argument in
      let count = typer.count(of: argument) ?? 0
      return argument.count == nil && count == 1 ? argument.name : "\(count) × \(argument.name)"
    }
    let list = arguments.isEmpty ? "" : ": " + arguments.joined(separator: ", ")
    report(
      index,
      "The node has \(given) input\(given == 1 ? "" : "s"); by its op and attributes it takes "
        + "\(expected)\(list).",
      remedy: "Export the graph again, or correct the inputs.")
  }
}

/// Whether two names are the same bytes.
@inline(__always)
func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
  guard a.count == b.count else { return false }
  guard let first = a.baseAddress, let second = b.baseAddress else { return a.count == 0 }
  return memcmp(first, second, a.count) == 0
}
