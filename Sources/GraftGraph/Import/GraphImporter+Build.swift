import GraftTensor

extension GraphImporter {
  /// The graph with the resolved nodes in it.
  func build(_ resolver: NodeResolver, _ controls: [Int32]) -> GraphSnapshot {
    var nodes = base.nodes
    for (index, count) in resolver.usedBefore { nodes[index] = nodes[index].withOutputs(count) }
    nodes.reserveCapacity(base.nodes.count + scan.nodes.count)
    var devices = DeviceNames(document)
    for index in scan.nodes.indices {
      nodes.append(node(index, resolver, controls, &devices))
    }
    return GraphSnapshot(
      version: base.version + 1, nodes: nodes, functions: functions, versions: mergedVersions(),
      remainder: base.remainder.merged(with: scan.remainder), names: names,
      derived: base.derived, files: mergedFiles())
  }

  /// The files of all documents.
  private func mergedFiles() -> [MappedFile] {
    guard let file = document.owner as? MappedFile, file.isMapped,
      !base.files.contains(where: { $0 === file })
    else { return base.files }
    return base.files + [file]
  }

  private func node(
    _ index: Int, _ resolver: NodeResolver, _ controls: [Int32], _ devices: inout DeviceNames
  ) -> GraphNode {
    let node = scan.nodes[index]
    var inputs: [Edge] = []
    var controlInputs: [Int32] = []
    inputs.reserveCapacity(node.inputCount)
    var isChanged = !finalNames.isEmpty
    // Whoever takes a value of an imported node waits for what that one waits for.
    var inherits = false
    for position in node.firstInput..<node.firstInput + node.inputCount {
      let source = resolver.sources[position]
      if resolver.sourceOutputs[position] == NodeResolver.control {
        if !controlInputs.contains(source) { controlInputs.append(source) }
      } else {
        inputs.append(Edge(node: source, output: resolver.sourceOutputs[position]))
      }
      if Int(source) < base.nodes.count {
        isChanged = true
      } else if !(resolver.op(index).isMerge && resolver.op(Int(source) - base.nodes.count).isNextIteration) {
        inherits = true
      }
    }
    if !inherits {
      for control in controls where !controlInputs.contains(control) {
        controlInputs.append(control)
        isChanged = true
      }
    }
    var overrides = resolver.overrides[index] ?? [:]
    if !finalNames.isEmpty, let classes = renamedClasses(index, resolver) { overrides["_class"] = classes }
    let op = resolver.op(index)
    return GraphNode(
      name: finalName(index), op: op.name, device: devices[node.device], inputs: inputs,
      controlInputs: controlInputs, inputTypes: resolver.inputTypes[index],
      outputTypes: resolver.outputTypes[index], signature: op.signature,
      source: NodeSource(document: document, range: node.range), overrides: overrides, isChanged: isChanged)
  }

  /// The attribute that says which nodes share a device, with their names in the graph.
  private func renamedClasses(_ index: Int, _ resolver: NodeResolver) -> AttributeValue? {
    let marker = "loc:@"
    for entry in resolver.attributes(index) where document.equals(entry.key, "_class") {
      guard let value = try? ScannedAttribute(document, entry.value).value(in: document),
        case .strings(let strings) = value
      else { return nil }
      return .strings(
        strings.map { bytes in
          let text = bytes.string
          guard text.hasPrefix(marker) else { return bytes }
          let name = String(text.dropFirst(marker.count))
          return Bytes(marker + (localIndex(named: name).map { finalName($0) } ?? prefix + name))
        })
    }
    return nil
  }

  /// What the caller asked for by its name in the GraphDef.
  func returnElements(_ snapshot: GraphSnapshot, _ inputMap: InputMap) throws -> [ImportResult.ReturnElement]
  {
    try options.returnElements.map { text in
      guard let (name, output) = NodeName.split(text) else {
        throw GraftError(.notFound, "The return element '\(text)' has an output number beyond all outputs.")
      }
      if let output, let edge = inputMap.find(name, output) { return .tensor(snapshot.output(edge)) }
      guard let local = localIndex(named: name) else {
        let near = Suggestions.nearest(to: name, among: scan.nodes.lazy.map { document.string($0.name) })
        throw GraftError(
          .notFound, "The GraphDef has no '\(name)', which returnElements asks for.",
          remedy: Suggestions.question(near)
            ?? "Name tensors ('x:0') and operations ('x') as the GraphDef does.")
      }
      let index = base.nodes.count + local
      guard let output else { return .operation(Operation(snapshot: snapshot, index: index)) }
      let count = snapshot.nodes[index].outputTypes.count
      guard output < count else {
        throw GraftError(
          .notFound, "The return element '\(text)' is output \(output) of an operation that has \(count).",
          remedy: "Outputs are counted from 0.")
      }
      return .tensor(snapshot.output(Edge(node: Int32(index), output: Int32(output))))
    }
  }

  // MARK: - Versions

  /// Checks that the graph may be read by what Graft is: a reader of TensorFlow's current version.
  func checkVersions(_ versions: GraphVersions) throws(GraftError) {
    let current = OpSignatureTable.graphVersion
    if versions.minConsumer > current {
      throw GraftError(
        .invalidGraph,
        "The graph asks for a reader of graph version \(versions.minConsumer) or later; Graft reads graphs "
          + "up to version \(current), as TensorFlow \(OpSignatureTable.tensorFlowVersion) does. "
          + "It was written by \(TensorFlowRelease.describe(producer: versions.producer)).",
        remedy: "Use a later version of Graft, or export the graph with an earlier TensorFlow.")
    }
    if versions.badConsumers.contains(Int32(current)) {
      throw GraftError(
        .invalidGraph,
        "The graph says that readers of graph version \(current) get it wrong, and Graft is one. "
          + "It was written by \(TensorFlowRelease.describe(producer: versions.producer)).",
        remedy: "Export the graph again with another version of TensorFlow.")
    }
    if versions.producer < 0 {
      throw GraftError(
        .invalidGraph,
        "The graph says that graph version \(versions.producer) wrote it; there is none below 0.",
        remedy: "Export the graph again.")
    }
  }

  /// The versions of a graph of several parts: as old as the oldest writer, and for readers that may read
  /// all of them.
  private func mergedVersions() -> GraphVersions {
    if base.version == 0 || !base.versions.isPresent { return scan.versions }
    guard scan.versions.isPresent else { return base.versions }
    var merged = base.versions
    merged.producer = min(merged.producer, scan.versions.producer)
    merged.minConsumer = max(merged.minConsumer, scan.versions.minConsumer)
    for version in scan.versions.badConsumers where !merged.badConsumers.contains(version) {
      merged.badConsumers.append(version)
    }
    return merged
  }
}

/// The devices of a document as strings, each made once: many nodes name the same.
private struct DeviceNames {
  private let document: GraphBytes
  private var last = ByteRange.empty
  private var name = ""

  init(_ document: GraphBytes) {
    self.document = document
  }

  subscript(range: ByteRange) -> String {
    mutating get {
      if range.count == 0 { return "" }
      if !equal(document.bytes(range), document.bytes(last)) {
        last = range
        name = document.string(range)
      }
      return name
    }
  }
}

extension GraphNode {
  /// The same node with at least so many outputs, of types that nobody knows.
  func withOutputs(_ count: Int) -> GraphNode {
    GraphNode(
      name: name, op: op, device: device, inputs: inputs, controlInputs: controlInputs,
      inputTypes: inputTypes,
      outputTypes: outputTypes + repeatElement(.unknown, count: max(count - outputTypes.count, 0)),
      signature: signature, source: source, overrides: overrides, isChanged: isChanged)
  }
}

extension GraphRemainder {
  /// The fields of both.
  func merged(with other: GraphRemainder) -> GraphRemainder {
    GraphRemainder(
      graphFields: graphFields + other.graphFields, libraryFields: libraryFields + other.libraryFields,
      hasLibrary: hasLibrary || other.hasLibrary)
  }
}
