import GraftTensor

/// Reads a function's body, for given values of its attributes.
///
/// In bodies an input is `argument`, `node:output_arg` or `node:output_arg:index`, where one that is a list
/// is all of its tensors if no index follows. The rules are those of TensorFlow's `InstantiateFunction`.
struct FunctionBodyReader {
  let definition: FunctionDefinition
  let library: FunctionLibrary
  /// The function's attributes, defaults included.
  let attributes: [String: AttributeValue]

  private var document: GraphBytes { definition.document }
  private var signature: OpSignature { definition.signature }
  private var place: GraftError.Place { .init(file: document.file, function: definition.name) }

  init(
    _ definition: FunctionDefinition, library: FunctionLibrary, attributes: [String: AttributeValue]
  ) throws(GraftError) {
    self.definition = definition
    self.library = library
    var values: [String: AttributeValue] = [:]
    for attribute in definition.signature.attributes {
      guard let value = attributes[attribute.name] ?? attribute.defaultValue else {
        throw GraftError(
          .invalidGraph,
          "The function's attribute '\(attribute.name)' (\(attribute.kindName)) is not given by the call.",
          at: .init(file: definition.document.file, function: definition.name))
      }
      values[attribute.name] = value
    }
    self.attributes = values
  }

  /// The parts of a `FunctionDef`.
  private struct Parts {
    var scan: GraphDefScan
    var results: [String: String] = [:]
    var controlResults: [(name: String, node: String)] = []
    var argumentAttributes: [Int: [String: AttributeValue]] = [:]
  }

  /// Reads the body.
  func read() throws -> FunctionBody {
    do {
      return try resolve(try parts())
    } catch let error as WireError {
      throw GraftError(
        error.code, "The function cannot be read: \(error.message).",
        at: .init(file: document.file, offset: error.offset, function: definition.name),
        remedy: error.remedy)
    } catch let error as GraftError {
      throw error.at(place)
    }
  }

  // MARK: - Messages

  private func parts() throws(WireError) -> Parts {
    var parts = Parts(scan: GraphDefScan(document: document, limits: definition.limits))
    var reader = document.reader(definition.range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(3, WireTag.block): try parts.scan.addNode(try reader.block())
      case WireTag.field(4, WireTag.block):
        let entry = try MapEntry(document.reader(try reader.block()))
        parts.results[document.string(entry.key)] = document.string(entry.value)
      case WireTag.field(6, WireTag.block):
        let entry = try MapEntry(document.reader(try reader.block()))
        parts.controlResults.append((document.string(entry.key), document.string(entry.value)))
      case WireTag.field(7, WireTag.block):
        try readArgumentAttributes(try reader.block(), into: &parts)
      default: try reader.skip(tag)
      }
    }
    return parts
  }

  private func readArgumentAttributes(_ range: ByteRange, into parts: inout Parts) throws(WireError) {
    var argument = 0
    var values: [String: AttributeValue] = [:]
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.varint): argument = Int(truncatingIfNeeded: try reader.varint())
      case WireTag.field(2, WireTag.block):
        var inner = document.reader(try reader.block())
        while !inner.isAtEnd {
          let tag = try inner.tag()
          if tag.raw == WireTag.field(1, WireTag.block) {
            let entry = try MapEntry(document.reader(try inner.block()))
            values[document.string(entry.key)] =
              try ScannedAttribute(document, entry.value).value(in: document)?.bound(attributes)
          } else {
            try inner.skip(tag)
          }
        }
      default: try reader.skip(tag)
      }
    }
    parts.argumentAttributes[argument] = values
  }

  // MARK: - Nodes

  private func resolve(_ parts: Parts) throws -> FunctionBody {
    let problems = GraphProblems()
    var names = FunctionNames(document: document)
    let arguments = try makeArguments(parts, &names)
    for (index, node) in parts.scan.nodes.enumerated() where !names.insert(node.name, arguments.count + index)
    {
      report(problems, parts.scan, index, "Another node or argument has the same name.")
    }

    // What the outputs are called has to be known before inputs can be numbers.
    var layout = NodeResolver(
      scan: parts.scan, before: arguments, problems: GraphProblems(), function: definition.name,
      bindings: attributes)
    try layout.findOps(library)
    try layout.readOutputs { index, outputs in names.setOutputs(outputs, of: arguments.count + index) }

    var sources: [Edge] = []
    let expanded = try parts.scan.expandingInputs { (node, text) throws(WireError) in
      guard let edges = names.find(text) else {
        report(
          problems, parts.scan, node, "The input '\(document.string(text))' is nothing that the body has.",
          remedy: "In functions an input is 'argument', or 'node:output_name:index'.")
        sources.append(Edge(node: NodeResolver.unresolved, output: 0))
        return 1
      }
      sources += edges
      return edges.count
    }
    var resolver = NodeResolver(
      scan: expanded, before: arguments, problems: problems, function: definition.name, bindings: attributes)
    for (position, edge) in sources.enumerated() {
      resolver.sources[position] = edge.node
      resolver.sourceOutputs[position] = edge.output
    }
    try resolver.findOps(library)
    try resolver.findTypes()
    try resolver.inferAttributes()
    resolver.checkEdges()
    resolver.checkCycles()
    let results = findResults(parts, names, problems)
    let controls = findControlResults(parts, names, problems)
    try problems.check(place, what: "The body of function '\(definition.name)'")

    let nodes = arguments + expanded.nodes.indices.map { resolver.makeNode($0, attributes) }
    let (edges, types) = try checkResults(results, nodes)
    return FunctionBody(
      name: definition.name, nodes: nodes, argumentCount: arguments.count, results: edges, resultTypes: types,
      controlResults: controls, isStateful: signature.isStateful, names: names.table)
  }

  private func report(
    _ problems: GraphProblems, _ scan: GraphDefScan, _ index: Int, _ message: String, remedy: String? = nil
  ) {
    let node = scan.nodes[index]
    problems.add(
      GraphProblems.Problem(
        order: index,
        place: .init(
          node: document.string(node.name), op: document.string(node.op), function: definition.name),
        message: message, remedy: remedy))
  }

  /// The nodes that stand for the arguments, one for each tensor.
  private func makeArguments(_ parts: Parts, _ names: inout FunctionNames) throws -> [GraphNode] {
    var nodes: [GraphNode] = []
    for (index, argument) in signature.inputs.enumerated() {
      let types = try types(of: argument)
      names.setArgument(argument.name, nodes.count..<nodes.count + types.count)
      for (part, type) in types.enumerated() {
        var overrides = types.count == 1 ? parts.argumentAttributes[index] ?? [:] : [:]
        overrides["T"] = .type(type)
        overrides["index"] = .int(Int64(nodes.count))
        nodes.append(
          GraphNode(
            name: types.count == 1 ? argument.name : "\(argument.name)_\(part)", op: "_Arg", device: "",
            inputs: [],
            controlInputs: [], inputTypes: [], outputTypes: [type], signature: OpSignature.named("_Arg"),
            source: nil, overrides: overrides, isChanged: true))
      }
    }
    return nodes
  }

  /// The types of an argument or result, one for each tensor.
  private func types(of argument: OpSignature.Argument) throws -> [ElementType] {
    guard let types = signature.types(of: argument, attributes) else { throw wrong(argument) }
    return types
  }

  private func wrong(_ argument: OpSignature.Argument) -> GraftError {
    GraftError(
      .invalidGraph,
      "The call does not say of which type the function's argument or result '\(argument.name)' is.",
      at: place)
  }

  // MARK: - Results

  private typealias Results = [(argument: OpSignature.Argument, edges: [Edge])]

  private func findResults(_ parts: Parts, _ names: FunctionNames, _ problems: GraphProblems) -> Results {
    var results: Results = []
    for argument in signature.outputs {
      guard let text = parts.results[argument.name] else {
        addProblem(problems, "Nothing says where the result '\(argument.name)' comes from.")
        continue
      }
      guard let edges = names.find(text) else {
        addProblem(
          problems, "The result '\(argument.name)' comes from '\(text)', which is nothing that the body has.")
        continue
      }
      results.append((argument, edges))
    }
    return results
  }

  private func findControlResults(_ parts: Parts, _ names: FunctionNames, _ problems: GraphProblems)
    -> [Int32]
  {
    var result: [Int32] = []
    for (name, node) in parts.controlResults {
      guard let index = names.index(of: node) else {
        addProblem(problems, "The control result '\(name)' is '\(node)', which is nothing that the body has.")
        continue
      }
      if !result.contains(Int32(index)) { result.append(Int32(index)) }
    }
    return result
  }

  private func addProblem(_ problems: GraphProblems, _ message: String) {
    problems.add(
      GraphProblems.Problem(
        order: Int.max, place: .init(function: definition.name), message: message,
        remedy: "Export the graph again."))
  }

  private func checkResults(_ results: Results, _ nodes: [GraphNode]) throws -> ([Edge], [ElementType]) {
    var edges: [Edge] = []
    var types: [ElementType] = []
    for (argument, found) in results {
      let expected = try self.types(of: argument)
      guard found.count == expected.count else {
        throw GraftError(
          .invalidGraph,
          "The result '\(argument.name)' is \(expected.count) tensors; \(found.count) are given.",
          at: place)
      }
      for (edge, type) in zip(found, expected) {
        let outputs = nodes[Int(edge.node)].outputTypes
        guard Int(edge.output) < outputs.count else {
          throw GraftError(
            .invalidGraph,
            "The result '\(argument.name)' comes from output \(edge.output) of "
              + "'\(nodes[Int(edge.node)].name)', which has \(outputs.count).", at: place)
        }
        let given = outputs[Int(edge.output)]
        guard given == .unknown || given.dtype == type.dtype else {
          throw GraftError(
            .invalidGraph,
            "The result '\(argument.name)' is \(type); '\(nodes[Int(edge.node)].name)', which it comes from, "
              + "gives \(given).", at: place)
        }
        edges.append(edge)
        types.append(type)
      }
    }
    return (edges, types)
  }
}
