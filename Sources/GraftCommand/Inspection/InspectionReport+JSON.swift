import Graft
import GraftGraph
import GraftTensor

extension InspectionReport {
  /// All that is known of the model, for programs.
  var json: JSONValue {
    .object([
      "file": .string(model.source.path),
      "kind": .string(model.source.format.rawValue),
      "encoding": .string(model.source.isText ? "text" : "binary"),
      "bytes": .integer(model.source.size),
      "producer": .integer(inspection.producer),
      "min_consumer": .integer(inspection.minConsumer),
      "written_by": writer.map { .string($0) },
      "tensorflow_version": model.metaGraph?.tensorFlowVersion.map { .string($0) },
      "tag_sets": model.tagSets.isEmpty ? nil : .array(model.tagSets.map { .strings($0.sorted()) }),
      "tags": model.metaGraph.map { .strings($0.tags.sorted()) },
      "signatures": model.metaGraph == nil ? nil : signatureJSON,
      "operations": .integer(inspection.operationCount),
      "inputs": .array(inspection.inputs.map(json)),
      "outputs": .array(inspection.outputs.map(json)),
      "functions": .strings(inspection.functions.map(\.name)),
      "ops": json(inspection.operationCounts),
      "function_ops": json(inspection.functionOperationCounts),
      "parameters": .integer(inspection.parameters),
      "variables": .array(inspection.variables.map(json)),
      "tables": .array(inspection.tables.map(json)),
      "assets": assetJSON,
      "constants": .integer(inspection.constants.count),
      "constant_bytes": .integer(inspection.constantBytes),
      "largest_constants": .array(inspection.constants.prefix(Self.shown).map(json)),
      "checkpoint": model.checkpoint.map { .string($0) },
      "missing": .array(inspection.missing.map(json)),
      "notes": .strings(model.notes),
    ])
  }

  private var signatureJSON: JSONValue {
    .object(
      model.signatures.sorted { $0.key < $1.key }.map { key, signature in
        JSONValue.Member(
          name: key,
          value: .object([
            "method": .string(signature.methodName), "inputs": json(signature.inputs),
            "outputs": json(signature.outputs),
          ]))
      })
  }

  private func json(_ tensors: [String: SignatureDef.TensorInfo]) -> JSONValue {
    .object(
      tensors.sorted { $0.key < $1.key }.map { name, info in
        JSONValue.Member(
          name: name,
          value: .object([
            "tensor": .string(info.name), "dtype": info.dtype.map { .string($0.name) },
            "shape": .shape(info.shape),
          ]))
      })
  }

  private var assetJSON: JSONValue {
    .array(
      assets.map { asset, bytes in
        .object([
          "file": .string(asset.filename), "tensor": .string(asset.tensor),
          "bytes": bytes.map { .integer($0) } ?? .null,
        ])
      })
  }

  private func json(_ counts: [(op: String, count: Int)]) -> JSONValue {
    .object(counts.map { JSONValue.Member(name: $0.op, value: .integer($0.count)) })
  }

  private func json(_ port: GraphInspection.Port) -> JSONValue {
    .object([
      "name": .string(port.name), "dtype": port.dtype.map { .string($0.name) }, "shape": .shape(port.shape),
      "optional": port.isOptional ? .bool(true) : nil,
    ])
  }

  private func json(_ variable: VariableSize) -> JSONValue {
    .object([
      "name": .string(variable.name), "dtype": .string(variable.dtype.name), "shape": .shape(variable.shape),
      "parameters": variable.elements.map { .integer($0) } ?? .null,
      "bytes": variable.bytes.map { .integer($0) } ?? .null,
    ])
  }

  private func json(_ table: LookupTable) -> JSONValue {
    .object([
      "name": .string(table.node), "op": .string(table.op), "key": table.key.map { .string($0.name) },
      "value": table.value.map { .string($0.name) }, "filled_by": .strings(table.initializers),
    ])
  }

  private func json(_ constant: GraphInspection.Constant) -> JSONValue {
    .object([
      "name": .string(constant.name), "dtype": constant.dtype.map { .string($0.name) },
      "shape": .shape(constant.shape), "bytes": .integer(constant.bytes),
    ])
  }

  private func json(_ entry: MissingOp) -> JSONValue {
    .object([
      "op": .string(entry.op), "reason": .string(entry.reason), "count": .integer(entry.nodes.count),
      "needed": .bool(entry.isNeeded), "nodes": .strings(Array(entry.nodes.prefix(Self.shown))),
    ])
  }
}

extension JSONValue {
  /// Sizes, null where unknown; null as a whole where not even the rank is known.
  static func shape(_ shape: PartialShape) -> JSONValue {
    guard let dimensions = shape.dimensions else { return .null }
    return .array(dimensions.map { $0.map { .integer($0) } ?? .null })
  }
}
