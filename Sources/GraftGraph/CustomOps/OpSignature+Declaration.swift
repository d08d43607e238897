import GraftTensor

extension OpSignature {
  /// The op that is declared in the words of TensorFlow's `REGISTER_OP`: inputs and outputs as `x: T`,
  /// `rows: N * float` or `parts: types`, attributes as `T: {float, int32} = DT_FLOAT` or `N: int >= 1`.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for words that mean nothing.
  package convenience init(
    declaring name: String, inputs: [String], outputs: [String], attributes: [String], isStateful: Bool
  ) throws {
    guard let first = name.first, first.isLetter || first == "_" || first == ">",
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ">") })
    else {
      throw GraftError(
        .invalidArgument, "'\(name)' is no name for an op.",
        remedy: "Names of ops are made of letters, digits and underscores, as 'ZeroOut'.")
    }
    let declared = try attributes.map { try AttributeDeclaration($0, of: name).attribute }
    let names = declared.map(\.name)
    self.init(
      name: name, flags: isStateful ? .stateful : [], deprecation: nil,
      inputs: try inputs.map { try Self.argument($0, of: name, names, declared) },
      outputs: try outputs.map { try Self.argument($0, of: name, names, declared) }, attributes: declared)
  }

  private static func argument(
    _ text: String, of op: String, _ names: [String], _ attributes: [Attribute]
  ) throws -> Argument {
    func wrong(_ reason: String) -> GraftError {
      GraftError(
        .invalidArgument, "The argument '\(text)' cannot be understood: \(reason).", at: .init(op: op),
        remedy: "Write it as 'x: float', 'x: T', 'xs: N * T' or 'xs: types', and declare T, N and types.")
    }
    guard let colon = text.firstIndex(of: ":") else { throw wrong("it has no colon") }
    let name = text[..<colon].trimmed
    guard !name.isEmpty else { throw wrong("it has no name") }
    var parts = text[text.index(after: colon)...].split(separator: "*", omittingEmptySubsequences: false)
      .map(\.trimmed)
    guard let type = parts.popLast(), parts.count <= 1 else { throw wrong("it has more than one '*'") }
    var count: Int?
    if let number = parts.first {
      guard let index = names.firstIndex(of: number), attributes[index].kind == .int else {
        throw wrong("'\(number)' is no attribute of kind int")
      }
      count = index
    }
    let source: Argument.TypeSource
    if let index = names.firstIndex(of: type), attributes[index].kind == .type {
      source = attributes[index].isList ? .list(index) : .attribute(index)
    } else if let dtype = DataType(name: type) {
      source = .fixed(ElementType(dtype))
    } else {
      throw wrong("'\(type)' is neither a dtype nor an attribute of kind type")
    }
    return Argument(name: name, isReference: false, type: source, count: count)
  }
}

/// An attribute as `REGISTER_OP` declares it.
private struct AttributeDeclaration {
  let attribute: OpSignature.Attribute

  /// The sets of types that have a name of their own.
  private static let typeSets: [String: [DataType]] = [
    "numbertype": [
      .float16, .bfloat16, .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32,
      .uint64, .complex64, .complex128,
    ],
    "realnumbertype": [
      .float16, .bfloat16, .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32,
      .uint64,
    ],
  ]

  init(_ text: String, of op: String) throws {
    func wrong(_ reason: String) -> GraftError {
      GraftError(
        .invalidArgument, "The attribute '\(text)' cannot be understood: \(reason).", at: .init(op: op),
        remedy: "Write it as 'T: {float, int32}', 'N: int >= 1', 'alpha: float = 0.5' or 'f: func'.")
    }
    guard let colon = text.firstIndex(of: ":") else { throw wrong("it has no colon") }
    let name = text[..<colon].trimmed
    guard !name.isEmpty else { throw wrong("it has no name") }
    var (specification, defaultText) = (text[text.index(after: colon)...].trimmed, String?.none)
    // A default is behind the sign; `>=` is another sign.
    if let equals = specification.indices.first(where: {
      specification[$0] == "="
        && ($0 == specification.startIndex || specification[specification.index(before: $0)] != ">")
    }) {
      defaultText = specification[specification.index(after: equals)...].trimmed
      specification = specification[..<equals].trimmed
    }
    var minimum: Int64?
    if let sign = specification.range(of: ">=") {
      minimum = Int64(specification[sign.upperBound...].trimmed)
      if minimum == nil { throw wrong("the least value is no number") }
      specification = specification[..<sign.lowerBound].trimmed
    }
    let isList = specification.hasPrefix("list(") && specification.hasSuffix(")")
    if isList { specification = specification.dropFirst(5).dropLast().trimmed }

    let kind: AttributeKind
    var allowed: OpSignature.Allowed?
    if specification.hasPrefix("{"), specification.hasSuffix("}") {
      let items = specification.dropFirst().dropLast().split(separator: ",").map(\.trimmed)
      if let first = items.first, first.hasPrefix("'") || first.hasPrefix("\"") {
        kind = .string
        allowed = .strings(items.map { Bytes(Array($0.dropFirst().dropLast().utf8)) })
      } else {
        kind = .type
        let types = items.compactMap { DataType(name: $0) }
        guard types.count == items.count else { throw wrong("not all of the choices are dtypes") }
        allowed = .types(TypeSet(types.map(\.rawValue)))
      }
    } else if let types = Self.typeSets[specification] {
      (kind, allowed) = (.type, .types(TypeSet(types.map(\.rawValue))))
    } else if let known = AttributeKind(name: specification) {
      kind = known
    } else {
      throw wrong("'\(specification)' is no kind of attribute")
    }
    let value = try defaultText.map { defaultText in
      guard let value = Self.value(kind, isList: isList, defaultText) else {
        throw wrong("the default '\(defaultText)' is no \(isList ? "list(\(kind.name))" : kind.name)")
      }
      return value
    }
    attribute = OpSignature.Attribute(
      name: name, kind: kind, isList: isList, defaultValue: value, allowed: allowed, minimum: minimum)
  }

  private static func value(_ kind: AttributeKind, isList: Bool, _ text: String) -> AttributeValue? {
    guard isList else { return value(kind, text) }
    guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
    let items = text.dropFirst().dropLast().split(separator: ",").map(\.trimmed)
    if items.isEmpty { return .emptyList }
    let values = items.compactMap { value(kind, $0) }
    return values.count == items.count ? AttributeValue(list: values, of: kind) : nil
  }

  private static func value(_ kind: AttributeKind, _ text: String) -> AttributeValue? {
    switch kind {
    case .int: Int64(text).map { .int($0) }
    case .float: Float(text).map { .float($0) }
    case .bool: Bool(text).map { .bool($0) }
    case .type: DataType(name: text).map { .type(ElementType($0)) }
    case .string:
      text.count >= 2 && (text.hasPrefix("'") || text.hasPrefix("\""))
        ? .string(Bytes(Array(text.dropFirst().dropLast().utf8))) : nil
    case .shape, .tensor, .function: nil
    }
  }
}

extension StringProtocol {
  /// The text without white space around it.
  fileprivate var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(self[first...last])
  }

  /// Where a sign of two letters stands first.
  fileprivate func range(of sign: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(sign) { return start..<index(start, offsetBy: sign.count) }
      start = index(after: start)
    }
    return nil
  }
}
