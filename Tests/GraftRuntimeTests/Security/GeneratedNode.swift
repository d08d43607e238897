import GraftGraph
import GraftTensor

/// A graph of one node of an op, with whatever inputs and attributes its signature asks for.
struct GeneratedNode {
  let text: GraphText
  /// The first output, or nil where the op has none.
  let fetch: String?

  /// - Parameter attributes: values that differ from the defaults, as text of an `AttrValue`.
  init?(_ op: String, attributes given: [String: String] = [:]) {
    guard let signature = OpSignature.named(op) else { return nil }
    var attributes = given
    for attribute in signature.attributes where attributes[attribute.name] == nil {
      guard attribute.defaultValue == nil else { continue }
      attributes[attribute.name] = Self.value(of: attribute)
    }
    var text = GraphText()
    var inputs: [String] = []
    for argument in signature.inputs {
      if case .list(let index) = argument.type, attributes[signature.attributes[index].name] == nil {
        continue
      }
      let type =
        switch argument.type {
        case .fixed(let type): Self.name(of: type)
        case .attribute(let index), .list(let index):
          Self.type(in: attributes[signature.attributes[index].name], signature.attributes[index])
        }
      let name = "in\(inputs.count)"
      text =
        argument.isReference
        ? text.node(name, "VariableV2", [], ["dtype": "type: \(type)", "shape": "shape { }"])
        : text.node(name, "Placeholder", [], ["dtype": "type: \(type)"])
      inputs.append(name)
    }
    self.text = text.node("node", op, inputs, attributes)
    fetch = signature.outputs.isEmpty ? nil : "node:0"
  }

  private static func name(of type: ElementType) -> String {
    "DT_" + "\(type)".uppercased().replacing("FLOAT32", with: "FLOAT").replacing("FLOAT64", with: "DOUBLE")
  }

  private static func type(in value: String?, _ attribute: OpSignature.Attribute) -> String {
    if let value, let start = value.firstRange(of: "DT_") {
      return String(value[start.lowerBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }
    if case .type(let type)? = attribute.defaultValue { return name(of: type) }
    return "DT_FLOAT"
  }

  private static func value(of attribute: OpSignature.Attribute) -> String {
    let count = max(attribute.minimum ?? 1, 1)
    let element =
      switch attribute.kind {
      case .string: "s: \"\(allowedString(attribute))\""
      case .int: attribute.isList ? "i: 1" : "i: \(count)"
      case .float: "f: 1"
      case .bool: "b: false"
      case .type: "type: \(allowedType(attribute))"
      case .shape: "shape { }"
      case .tensor: "tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 }"
      case .function: "func { name: \"Identity\" }"
      }
    return attribute.isList ? "list { \(element) }" : element
  }

  private static func allowedString(_ attribute: OpSignature.Attribute) -> String {
    if case .strings(let strings)? = attribute.allowed, let first = strings.first {
      first.string
    } else {
      "x"
    }
  }

  private static func allowedType(_ attribute: OpSignature.Attribute) -> String {
    guard case .types(let types)? = attribute.allowed, !types.contains(.float32),
      let first = types.types.first
    else {
      return "DT_FLOAT"
    }
    return name(of: ElementType(first))
  }
}
