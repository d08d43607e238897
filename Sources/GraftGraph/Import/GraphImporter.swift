import GraftTensor

/// Makes a graph with the nodes of a GraphDef in it, besides those that it has.
///
/// The steps, each of which collects errors and leaves it to the last check to throw them:
/// functions join the library, nodes get their names, inputs become numbers, attributes become types, and
/// edges are checked.
struct GraphImporter {
  let scan: GraphDefScan
  let document: GraphBytes
  let base: GraphSnapshot
  let options: ImportOptions
  let problems = GraphProblems()
  /// The functions of the graph and of the GraphDef.
  var functions: FunctionLibrary
  /// The GraphDef's nodes by their names in it.
  var localNames: NameTable
  /// What the nodes' names begin with, the slash included.
  var prefix = ""
  /// The nodes' names in the graph; empty where they are those in the GraphDef.
  var finalNames: [String] = []
  /// All nodes by their names in the graph.
  var names: NameTable

  init(scan: GraphDefScan, base: GraphSnapshot, options: ImportOptions) {
    self.scan = scan
    document = scan.document
    self.base = base
    self.options = options
    functions = base.functions
    localNames = NameTable(capacity: scan.nodes.count)
    names = base.names
  }

  /// Makes the graph.
  ///
  /// - Throws: `GraftError`, with all that is wrong.
  mutating func run() throws -> (GraphSnapshot, ImportResult) {
    let place = GraftError.Place(file: document.file)
    guard scan.nodes.count + base.nodes.count < Int(Int32.max) else {
      throw GraftError(
        .resourceExhausted, "The graph would have \(scan.nodes.count + base.nodes.count) nodes.", at: place,
        remedy: "Up to \(Int32.max - 1) are possible.")
    }
    do {
      try checkVersions(scan.versions)
      try addFunctions()
      addGradients()
      findLocalNames()
      try findFinalNames()
      let inputMap = try InputMap(options.inputMap, base: base)
      let controls = try controlDependencies()

      var resolver = NodeResolver(scan: scan, before: base.nodes, problems: problems)
      try resolver.findOps(functions)
      try resolver.findTypes()
      let uses = findSources(&resolver, inputMap)
      try resolver.inferAttributes()
      resolver.checkEdges(takesValuesForVariables: options.takesValuesForVariables)
      resolver.checkCycles()
      try inputMap.checkUses(uses) {
        localIndex(named: $0).map { resolver.outputTypes[$0].count }
      } names: {
        scan.nodes.indices.map { resolver.name($0) }
      }
      try problems.check(place, what: "The graph")
      resolver.noteMappedShapes(inputMap) { localIndex(named: $0) }

      let snapshot = build(resolver, controls)
      let result = ImportResult(
        returnElements: try returnElements(snapshot, inputMap), operationCount: scan.nodes.count,
        prefix: prefix, inputMapUses: inputMap.describe(uses), notes: resolver.notes)
      return (snapshot, result)
    } catch let error as WireError {
      throw GraftError(
        error.code, "The graph cannot be read: \(error.message).",
        at: .init(file: document.file, offset: error.offset), remedy: error.remedy)
    } catch let error as GraftError {
      throw error.at(place)
    }
  }

  // MARK: - Functions

  private mutating func addFunctions() throws(WireError) {
    var left = options.limits.nodes - scan.nodes.count
    for (index, range) in scan.functions.enumerated() {
      let definition = try FunctionDefinition(document: document, range: range, limits: options.limits)
      left -= definition.nodeCount
      guard left >= 0 else {
        throw .beyondLimit(
          "there are more nodes than allowed, those of functions included", options.limits.nodes, "nodes",
          at: range.offset)
      }
      let place = GraftError.Place(function: definition.name)
      func report(_ message: String, _ remedy: String) {
        problems.add(
          GraphProblems.Problem(
            order: index - scan.functions.count, place: place, message: message, remedy: remedy))
      }
      if OpSignature.named(definition.name) != nil {
        report(
          "The library has a function '\(definition.name)', and there is an op of the same name.",
          "Give the function another name.")
      } else if !functions.insert(definition), functions[definition.name]?.isEqual(to: definition) == false {
        report(
          "There are two different functions '\(definition.name)'.",
          "Import the graphs into different graphs, or give one of the functions another name.")
      }
    }
  }

  private mutating func addGradients() {
    for pair in scan.gradients {
      functions.setGradient(of: document.string(pair.key), to: document.string(pair.value))
    }
  }

  // MARK: - Edges

  /// Finds where the nodes' inputs come from.
  ///
  /// - Returns: how many inputs each key of the input map replaced.
  private func findSources(_ resolver: inout NodeResolver, _ inputMap: InputMap) -> [Int] {
    var uses = [Int](repeating: 0, count: inputMap.count)
    for index in scan.nodes.indices {
      for position in resolver.inputs(index) {
        let whole = document.bytes(scan.inputs[position])
        let isControl = whole.first == UInt8(ascii: "^")
        let bytes = isControl ? UnsafeRawBufferPointer(rebasing: whole.dropFirst()) : whole
        let (count, output) =
          isControl ? (bytes.count, NodeResolver.control) : NodeName.split(bytes) ?? (0, 0)
        let name = UnsafeRawBufferPointer(rebasing: bytes.prefix(count))
        if isControl { resolver.sourceOutputs[position] = NodeResolver.control }

        if inputMap.count > 0, let (key, edge) = inputMap.find(name, output) {
          uses[key] += 1
          resolver.sources[position] = edge.node
          resolver.sourceOutputs[position] = edge.output
          resolver.mappedBy[position] = inputMap.keys[key]
        } else if let source = localIndex(name) {
          resolver.sources[position] = Int32(truncatingIfNeeded: base.nodes.count + source)
          resolver.sourceOutputs[position] = output
        } else {
          reportUnknownInput(resolver, index, position)
        }
      }
    }
    return uses
  }

  private func reportUnknownInput(_ resolver: NodeResolver, _ index: Int, _ position: Int) {
    let text = resolver.inputText(position)
    let isControl = text.hasPrefix("^")
    var wanted = isControl ? String(text.dropFirst()) : text
    if !isControl, let (name, _) = NodeName.split(wanted) { wanted = name }
    let kind = isControl ? "control input" : "input"
    guard !wanted.isEmpty else {
      resolver.report(
        index, "The \(kind) '\(text)' names no node.",
        remedy: "An input is written 'name' or 'name:1', a control input '^name'.")
      return
    }
    if let colon = wanted.firstIndex(of: ":") {
      let name = String(wanted[..<colon])
      resolver.report(
        index,
        "The \(kind) '\(text)' is not written as inputs are"
          + (localIndex(named: name) == nil ? "." : "; the graph has a node '\(name)'."),
        remedy: isControl
          ? "A control input is '^name', without an output."
          : "An input is 'name' or 'name:1', with the number of the output; 'name:output:0' is for function "
            + "bodies."
      )
      return
    }
    let near = Suggestions.nearest(to: wanted, among: scan.nodes.lazy.map { document.string($0.name) })
    resolver.report(
      index, "The \(kind) '\(text)' comes from a node '\(wanted)', which the graph does not have.",
      remedy: Suggestions.question(near)
        ?? "The node was cut off: export the graph again, or map the input to a tensor with inputMap.")
  }

  /// The operations that all imported ones wait for.
  private func controlDependencies() throws(GraftError) -> [Int32] {
    var result: [Int32] = []
    for name in options.controlDependencies {
      guard let index = base.nodeIndex(named: name.hasPrefix("^") ? String(name.dropFirst()) : name) else {
        throw base.unknownOperation(name, what: "The control dependency")
      }
      if !result.contains(Int32(index)) { result.append(Int32(index)) }
    }
    return result
  }
}
