import GraftTensor

extension NodeResolver {
  /// Checks that every edge comes from an output that is there and has the type that is expected, and
  /// finds what is known of unknown ops from their neighbours.
  ///
  /// - Parameter takesValuesForVariables: whether a value is taken where a variable is expected.
  mutating func checkEdges(takesValuesForVariables: Bool = false) {
    for index in scan.nodes.indices {
      let types = inputTypes[index]
      let isTyped = states[index] == .typed
      var input = 0
      var hasControl = false
      for position in inputs(index) {
        if sourceOutputs[position] == Self.control {
          hasControl = true
          continue
        }
        defer { input += 1 }
        if hasControl {
          report(
            index, input: input,
            "The input '\(inputText(position))' stands after a control input; control inputs ('^name') come "
              + "last.", remedy: "Put the node's control inputs behind all others.")
          // Told once for a node.
          hasControl = false
        }
        guard sources[position] != Self.unresolved else { continue }
        let expected = isTyped && input < types.count ? types[input] : nil
        checkEdge(
          index, input, position,
          takesValuesForVariables && expected?.isVariable == true ? nil : expected)
      }
    }
    for index in scan.nodes.indices where states[index] == .opaque && op(index).signature == nil {
      describeUnknown(index)
    }
  }

  private mutating func checkEdge(_ index: Int, _ input: Int, _ position: Int, _ expected: ElementType?) {
    let global = Int(sources[position])
    let output = Int(sourceOutputs[position])
    let source = global - offset
    let isUnknown = source < 0 ? before[global].signature == nil : op(source).signature == nil
    let isTyped = source < 0 || states[source] == .typed
    let count = source < 0 ? before[global].outputTypes.count : outputTypes[source].count
    if isUnknown {
      let added = max(output + 1 - count, 0)
      guard added <= NodeTyper.maximumArguments - outputTotal else {
        report(
          index, input: input, "The input '\(inputText(position))' is beyond what an op may have of outputs.",
          remedy: "Correct the number after the colon.")
        return
      }
      outputTotal += added
      if source < 0 {
        if added > 0 { usedBefore[global] = max(usedBefore[global] ?? 0, output + 1) }
        return
      }
      outputTypes[source].append(contentsOf: repeatElement(.unknown, count: added))
      if let expected, outputTypes[source][output] == .unknown {
        outputTypes[source][output] = expected
      }
      return
    }
    // A node whose own attributes are wrong has perhaps other outputs than it says.
    guard isTyped else { return }
    guard output < count else {
      reportOutput(index, input, position, count: count)
      return
    }
    guard let expected, let found = sourceType(position), found != .unknown else { return }
    let fits = expected.isReference ? found == expected : found.dtype == expected.dtype
    if !fits { reportType(index, input, position, found: found, expected: expected) }
  }

  /// The types of an unknown op's inputs are those that it gets.
  private mutating func describeUnknown(_ index: Int) {
    inputTypes[index] = inputs(index).filter { sourceOutputs[$0] != Self.control }.map {
      sourceType($0) ?? .unknown
    }
    if outputTypes[index].isEmpty { outputTypes[index] = [.unknown] }
  }

  // MARK: - Reports

  /// An input as it is written.
  func inputText(_ position: Int) -> String { document.string(scan.inputs[position]) }

  private func reportOutput(_ index: Int, _ input: Int, _ position: Int, count: Int) {
    let source = describe(sources[position])
    let outputs =
      switch count {
      case 0: "no outputs"
      case 1: "one output, number 0"
      default: "\(count) outputs, numbers 0 to \(count - 1)"
      }
    report(
      index, input: input,
      "The input '\(inputText(position))' is output \(sourceOutputs[position]) of \(source), which has "
        + "\(outputs)."
        + mapping(position),
      remedy: count == 0
        ? "Write it as a control input, '^name', or take it out." : "Correct the number after the colon.")
  }

  private func reportType(
    _ index: Int, _ input: Int, _ position: Int, found: ElementType, expected: ElementType
  ) {
    let source = describe(sources[position])
    let shape = shapeText(sources[position])
    var message =
      "Input \(input) comes from output \(sourceOutputs[position]) of \(source), which is \(found)\(shape); "
      + "\(op(index).name) expects \(expected) there"
    if let attribute = attributeBehind(index, input) {
      message +=
        overrides[index]?[attribute] == nil
        ? " (its attribute '\(attribute)' says so)"
        : " (its attribute '\(attribute)' is missing, and follows from another input)"
    }
    message += "." + mapping(position)
    var remedy: String?
    if expected.isReference, !found.isReference {
      remedy =
        "A variable was made a constant when the graph was frozen, and \(op(index).name), which writes to "
        + "it, was left: freeze the graph again for the outputs that you need, or take the node out. \(Self.completion)"
    } else if expected.dtype == .resource {
      remedy =
        "A variable was made a constant when the graph was frozen, and \(op(index).name), which reads or "
        + "writes it, was left: freeze the graph again with a tool that follows functions and control flow. "
        + Self.completion
    } else if mappedBy[position] != nil {
      remedy = "Map the key to a tensor of \(expected.dtype?.name ?? expected.description), or cast it first."
    } else {
      remedy = "Put a Cast between the two, or export the graph again."
    }
    report(index, input: input, message, remedy: remedy)
  }

  /// What makes a whole graph of one in which constants stand for variables.
  private static let completion =
    "FrozenGraph(completing:) puts values in the variables' places, as the command graft does."

  private func mapping(_ position: Int) -> String {
    guard let key = mappedBy[position] else { return "" }
    return " The input map's key '\(key)' put it there in place of '\(inputText(position))'."
  }

  /// A node in the words of a report.
  private func describe(_ global: Int32) -> String {
    let source = Int(global) - offset
    if source < 0 {
      let node = before[Int(global)]
      return "'\(node.name)' (\(node.op))"
    }
    return "'\(name(source))' (\(op(source).name))"
  }

  /// The shape of what a node's first output is said to be, in the words of a report.
  private func shapeText(_ global: Int32) -> String {
    declaredShape(global).map { " of shape \($0)" } ?? ""
  }

  /// The shape that a constant or placeholder gives, or that was noted when the graph was written; nil where nothing
  /// says it.
  private func declaredShape(_ global: Int32) -> PartialShape? {
    let source = Int(global) - offset
    func read(_ name: String) -> AttributeValue? {
      source < 0
        ? before[Int(global)].attribute(name)
        : NodeSource(document: document, range: scan.nodes[source].range).attribute(name)
    }
    if case .tensor(let tensor)? = read("value") { return tensor.shape }
    if case .shape(let shape)? = read("shape"), shape != .unknown { return shape }
    if case .shapes(let shapes)? = read("_output_shapes") { return shapes.first }
    return nil
  }

  /// Notes where an input map puts a tensor of another shape in the place of one whose shape is known. It is no error:
  /// the nodes that take it may do with both.
  ///
  /// - Parameter local: finds a node of the scan by its name.
  mutating func noteMappedShapes(_ inputMap: InputMap, _ local: (String) -> Int?) {
    for (key, name, edge) in inputMap.firstOutputs {
      guard let replaced = local(name), let expected = declaredShape(Int32(offset + replaced)),
        let found = declaredShape(edge.node), found.merged(with: expected) == nil
      else { continue }
      notes.append(
        "The input map's key '\(key)' puts \(describe(edge.node)) of shape \(found) in the place of "
          + "\(describe(Int32(offset + replaced))) of shape \(expected).")
    }
  }

  /// The attribute that says the type of an input.
  private func attributeBehind(_ index: Int, _ input: Int) -> String? {
    guard let signature = op(index).signature else { return nil }
    var typer = NodeTyper(document: document)
    guard (try? typer.read(signature, attributes(index), bindings: bindings, report: { _ in })) != nil else {
      return nil
    }
    var position = 0
    for argument in signature.inputs {
      let count = typer.count(of: argument) ?? 1
      if input < position + count {
        switch argument.type {
        case .attribute(let attribute), .list(let attribute): return signature.attributes[attribute].name
        case .fixed: return nil
        }
      }
      position += count
    }
    return nil
  }
}

extension ElementType {
  /// Nothing is known of the type.
  static let unknown = ElementType(wireValue: 0)

  /// Whether it is a variable, or refers to one.
  package var isVariable: Bool { isReference || dtype == .resource }
}
