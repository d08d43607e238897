import Graft
import GraftGraph
import GraftTensor

/// What `graft inspect` shows of a model, as text; as JSON see ``json``.
struct InspectionReport {
  let model: OpenedModel
  let inspection: GraphInspection

  /// How many of the largest constants, and of the nodes of a missing op, are shown.
  static let shown = 5
  /// How many variables and functions are listed for people.
  private static let listed = 20

  /// Looks at a model.
  init(_ model: OpenedModel) {
    self.model = model
    inspection = GraphInspection(model.graph.snapshot)
  }

  /// Who wrote the graph.
  var writer: String? {
    TensorFlowRelease.name(producer: inspection.producer)
  }

  /// The assets with the bytes that their files have; nil where a file is not there.
  var assets: [(asset: MetaGraph.Asset, bytes: Int?)] {
    (model.metaGraph?.assets ?? []).map { asset in
      let path = model.folder.map { "\($0)/assets/\(asset.filename)" }
      return (asset, path.flatMap { try? MappedFile(path: $0, allowsEmpty: true).bytes.count })
    }
  }
}

// MARK: - Text

extension InspectionReport {
  var text: String {
    let source = model.source
    var text = "\(source.path): \(source.format.rawValue), \(source.isText ? "text" : "binary"), "
    text += "\(source.size.bytesText)\n"
    text += "\(inspection.operationCount.grouped) operations"
    if !inspection.functions.isEmpty { text += ", \(inspection.functions.count) functions" }
    if let writer { text += ", written by \(writer) (producer version \(inspection.producer))" }
    text += "\n"
    if !model.tagSets.isEmpty { text += "Tags: \(tags)\n" }
    text += section("Signatures", signatures, none: nil)
    text += section("Inputs", table(of: inspection.inputs), none: "No placeholder.")
    text += section("Outputs", table(of: inspection.outputs), none: "Every tensor is taken by an operation.")
    text += section("Variables", variables, none: nil)
    text += section("Weights", weights, none: "None.")
    text += section("Tables", tables, none: nil)
    text += section("Assets", assetTable, none: nil)
    text += section("Functions", functions, none: nil)
    text += section("Operations", table(of: inspection.operationCounts), none: "None.")
    text += section("Operations of functions", table(of: inspection.functionOperationCounts), none: nil)
    text += section("Cannot run here", missing, none: "Nothing: every operation has a kernel.")
    text += section("Notes", model.notes.map { "  \($0)\n" }.joined(), none: nil)
    return text
  }

  private func section(_ title: String, _ body: String, none: String?) -> String {
    if !body.isEmpty { return "\n\(title)\n\(body)" }
    return none.map { "\n\(title)\n  \($0)\n" } ?? ""
  }

  private func rest(_ count: Int) -> String {
    count > Self.listed ? "  and \((count - Self.listed).grouped) more, which --json lists\n" : ""
  }

  /// The tags of the graph that is shown, and those of others.
  private var tags: String {
    func words(_ tags: Set<String>) -> String { tags.isEmpty ? "none" : tags.sorted().joined(separator: ",") }
    guard let own = model.metaGraph?.tags else { return "" }
    let others = model.tagSets.filter { $0 != own }.map(words)
    let more = others.isEmpty ? "" : "; other graphs: \(others.joined(separator: " and "))"
    return words(own) + more
  }

  private var signatures: String {
    var text = ""
    for (key, signature) in model.signatures.sorted(by: { $0.key < $1.key }) {
      text += "  \(key)\(signature.methodName.isEmpty ? "" : "  (\(signature.methodName))")\n"
      var table = TextTable(.left, .left, .left, .left, .left)
      for (direction, ports) in [("takes", signature.inputs), ("gives", signature.outputs)] {
        for (name, info) in ports.sorted(by: { $0.key < $1.key }) {
          table.append(
            "  \(direction)", name, info.dtype?.name ?? "?", info.shape.description, info.name)
        }
      }
      text += table.text
    }
    return text
  }

  private func table(of ports: [GraphInspection.Port]) -> String {
    var table = TextTable(.left, .left, .left, .left)
    for port in ports {
      table.append(
        port.name, port.dtype?.name ?? "?", port.shape.description, port.isOptional ? "has a default" : "")
    }
    return table.text
  }

  private func table(of counts: [(op: String, count: Int)]) -> String {
    var table = TextTable(.right, .left)
    for (op, count) in counts { table.append(count.grouped, op) }
    return table.text
  }

  private var variables: String {
    var table = TextTable(.left, .left, .left, .right, .right)
    for variable in inspection.variables.prefix(Self.listed) {
      table.append(
        variable.name, variable.dtype.name, variable.shape.description, variable.elements?.grouped ?? "?",
        variable.bytes?.bytesText ?? "?")
    }
    return table.text + rest(inspection.variables.count)
  }

  private var weights: String {
    var text = "  \(inspection.parameters.grouped) parameters"
    if !inspection.variables.isEmpty {
      let bytes = inspection.variables.reduce(0) { $0 + ($1.bytes ?? 0) }
      text += "; \(inspection.variables.count.grouped) variables of \(bytes.bytesText)"
    }
    text += "; \(inspection.constants.count) constants of \(inspection.constantBytes.bytesText)"
    guard !inspection.constants.isEmpty else { return text + "\n" }
    text += ", the largest:\n"
    var table = TextTable(.right, .left, .left, .left)
    for constant in inspection.constants.prefix(Self.shown) {
      table.append(
        constant.bytes.bytesText, constant.name, constant.dtype?.name ?? "?", constant.shape.description)
    }
    return text + table.text
  }

  private var tables: String {
    var table = TextTable(.left, .left, .left)
    for entry in inspection.tables {
      let filled =
        entry.initializers.isEmpty
        ? "" : "filled by " + entry.initializers.prefix(3).joined(separator: ", ")
      table.append(entry.node, "\(entry.key?.name ?? "?") to \(entry.value?.name ?? "?")", filled)
    }
    return table.text
  }

  private var assetTable: String {
    var table = TextTable(.left, .right, .left)
    for (asset, bytes) in assets {
      table.append(asset.filename, bytes?.bytesText ?? "missing", "its path is fed to \(asset.tensor)")
    }
    return table.text
  }

  private var functions: String {
    func types(_ arguments: [OpSignature.Argument], _ signature: OpSignature) -> String {
      arguments.map { argument in
        switch argument.type {
        case .fixed(let type): type.description
        case .attribute(let index), .list(let index):
          signature.attributes.indices.contains(index) ? signature.attributes[index].name : "?"
        }
      }.joined(separator: ", ")
    }
    var table = TextTable(.left, .left)
    for function in inspection.functions.prefix(Self.listed) {
      let signature = function.signature
      table.append(
        function.name, "(\(types(signature.inputs, signature))) → (\(types(signature.outputs, signature)))")
    }
    return table.text + rest(inspection.functions.count)
  }

  private var missing: String {
    var table = TextTable(.right, .left, .left)
    for entry in inspection.missing {
      let nodes = entry.nodes.prefix(2).joined(separator: ", ") + (entry.nodes.count > 2 ? ", ..." : "")
      let need = entry.isNeeded ? "" : "; no output needs it"
      table.append("\(entry.nodes.count)", entry.op, "\(entry.reason)\(need): \(nodes)")
    }
    return table.text
  }
}
