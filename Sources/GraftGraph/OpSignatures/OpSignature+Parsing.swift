import GraftTensor

extension OpSignature {
  /// The op that a line of ``OpSignatureData`` describes; nil for a line of another form.
  convenience init?(line: Substring) {
    let fields = line.parts(at: "\t")
    guard fields.count == 6 else { return nil }
    var flags: Flags = []
    for letter in fields[1].unicodeScalars {
      switch letter {
      case "S": flags.insert(.stateful)
      case "C": flags.insert(.commutative)
      case "A": flags.insert(.aggregate)
      case "U": flags.insert(.allowsUninitializedInput)
      case "D": flags.insert(.distributed)
      default: return nil
      }
    }
    var deprecation: Deprecation?
    if let bar = fields[2].utf8.firstIndex(of: UInt8(ascii: "|")), let version = Int(fields[2][..<bar]) {
      deprecation = Deprecation(
        version: version, explanation: Self.unescape(fields[2][fields[2].index(after: bar)...]).string)
    }
    var attributes: [Attribute] = []
    for item in fields[5].parts(at: ";") where !item.isEmpty {
      guard let attribute = Self.attribute(item) else { return nil }
      attributes.append(attribute)
    }
    let names = attributes.map(\.name)
    guard let inputs = Self.arguments(fields[3], names), let outputs = Self.arguments(fields[4], names) else {
      return nil
    }
    self.init(
      name: String(fields[0]), flags: flags, deprecation: deprecation, inputs: inputs, outputs: outputs,
      attributes: attributes)
  }

  private static func arguments(_ text: Substring, _ attributes: [String]) -> [Argument]? {
    var result: [Argument] = []
    for item in text.parts(at: ";") where !item.isEmpty {
      guard let equals = item.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      var source = item[item.index(after: equals)...]
      let isReference = source.hasPrefix("&")
      if isReference { source = source.dropFirst() }
      var count: Int?
      if let star = source.utf8.firstIndex(of: UInt8(ascii: "*")) {
        guard let index = attributes.firstIndex(of: String(source[..<star])) else { return nil }
        count = index
        source = source[source.index(after: star)...]
      }
      let type: Argument.TypeSource
      switch source.unicodeScalars.first {
      case "#":
        guard let number = Int32(source.dropFirst()) else { return nil }
        type = .fixed(ElementType(wireValue: number))
      case "@":
        guard let index = attributes.firstIndex(of: String(source.dropFirst())) else { return nil }
        type = .list(index)
      default:
        guard let index = attributes.firstIndex(of: String(source)) else { return nil }
        type = .attribute(index)
      }
      result.append(
        Argument(name: String(item[..<equals]), isReference: isReference, type: type, count: count))
    }
    return result
  }

  private static func attribute(_ item: Substring) -> Attribute? {
    let parts = item.parts(at: "|")
    guard parts.count >= 2 else { return nil }
    var kindName = parts[1]
    let isList = kindName.hasPrefix("list(")
    if isList { kindName = kindName.dropFirst(5).dropLast() }
    guard let kind = AttributeKind(name: kindName) else { return nil }
    var defaultValue: AttributeValue?
    if parts.count > 2, parts[2].hasPrefix("=") {
      let text = parts[2].dropFirst()
      defaultValue = isList ? list(kind, text) : value(kind, text)
      if defaultValue == nil { return nil }
    }
    var allowed: Allowed?
    if parts.count > 3, !parts[3].isEmpty {
      let values = parts[3].parts(at: ",").filter { !$0.isEmpty }
      switch kind {
      case .type: allowed = .types(Set(values.compactMap { Int32($0) }))
      default: allowed = .strings(values.map { $0 == "\"\"" ? Bytes() : unescape($0) })
      }
    }
    return Attribute(
      name: String(parts[0]), kind: kind, isList: isList, defaultValue: defaultValue, allowed: allowed,
      minimum: parts.count > 4 ? Int64(parts[4]) : nil)
  }

  private static func list(_ kind: AttributeKind, _ text: Substring) -> AttributeValue? {
    guard !text.isEmpty else { return .emptyList }
    var values: [AttributeValue] = []
    for part in text.parts(at: ",") {
      guard let value = value(kind, part == "\"\"" ? "" : part) else { return nil }
      values.append(value)
    }
    return AttributeValue(list: values, of: kind)
  }

  private static func value(_ kind: AttributeKind, _ text: Substring) -> AttributeValue? {
    switch kind {
    case .string: return .string(unescape(text))
    case .int: return Int64(text).map { .int($0) }
    case .float: return Float(text).map { .float($0) }
    case .bool: return .bool(text == "1")
    case .type: return Int32(text).map { .type(ElementType(wireValue: $0)) }
    case .shape: return shape(text).map { .shape($0) }
    case .tensor:
      guard let document = document(hexadecimal: text) else { return nil }
      return (try? EncodedTensor(document: document, range: document.all)).map { .tensor($0) }
    case .function:
      guard let document = document(hexadecimal: text) else { return nil }
      return .function(FunctionReference(document, document.all))
    }
  }

  private static func shape(_ text: Substring) -> PartialShape? {
    if text == "?" { return .unknown }
    if text == "." { return .scalar }
    let sizes = text.split(separator: "x").map { Int($0) }
    guard !sizes.contains(nil) else { return nil }
    return PartialShape(sizes.map { size in size.flatMap { $0 < 0 ? nil : $0 } })
  }

  private static func document(hexadecimal text: Substring) -> GraphBytes? {
    var bytes: [UInt8] = []
    var rest = text
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return try? GraphBytes(copying: bytes)
  }

  /// Text with `%` and two hexadecimal digits for bytes that are no plain letters.
  private static func unescape(_ text: Substring) -> Bytes {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(Substring(rest.prefix(2)), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return Bytes(bytes)
  }
}

extension Substring {
  /// The text between separators, what is empty included. Bytes are compared, for the bounds of characters are long to
  /// find, and each program that opens a graph parses a line for each op in it.
  fileprivate func parts(at separator: Unicode.Scalar) -> [Substring] {
    utf8.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false).map(Substring.init)
  }
}

extension AttributeValue {
  /// A list of values that are all of the given kind; nil where one is not.
  init?(list values: [AttributeValue], of kind: AttributeKind) {
    func collect<T>(_ read: (AttributeValue) -> T?) -> [T]? {
      let result = values.compactMap(read)
      return result.count == values.count ? result : nil
    }
    let list: AttributeValue?
    switch kind {
    case .string:
      list = collect { if case .string(let value) = $0 { value } else { nil } }.map { .strings($0) }
    case .int: list = collect { if case .int(let value) = $0 { value } else { nil } }.map { .ints($0) }
    case .float: list = collect { if case .float(let value) = $0 { value } else { nil } }.map { .floats($0) }
    case .bool: list = collect { if case .bool(let value) = $0 { value } else { nil } }.map { .bools($0) }
    case .type: list = collect { if case .type(let value) = $0 { value } else { nil } }.map { .types($0) }
    case .shape: list = collect { if case .shape(let value) = $0 { value } else { nil } }.map { .shapes($0) }
    case .tensor:
      list = collect { if case .tensor(let value) = $0 { value } else { nil } }.map { .tensors($0) }
    case .function:
      list = collect { if case .function(let value) = $0 { value } else { nil } }.map { .functions($0) }
    }
    guard let list else { return nil }
    self = list
  }
}
