import GraftTensor

extension OpSignature {
  /// The op that a line of ``OpSignatureData`` describes; nil for a line of another form.
  convenience init?(line: UnsafeBufferPointer<UInt8>) {
    let fields = Array(line.parts(at: "\t"))
    guard fields.count == 6 else { return nil }
    var flags: Flags = []
    for letter in fields[1] {
      switch UnicodeScalar(letter) {
      case "S": flags.insert(.stateful)
      case "C": flags.insert(.commutative)
      case "A": flags.insert(.aggregate)
      case "U": flags.insert(.allowsUninitializedInput)
      case "D": flags.insert(.distributed)
      default: return nil
      }
    }
    var deprecation: Deprecation?
    if let (number, explanation) = fields[2].halves(at: "|"), let version = Int(number.text) {
      deprecation = Deprecation(version: version, explanation: Self.unescape(explanation).string)
    }
    var (names, attributes): ([UnsafeBufferPointer<UInt8>], [Attribute]) = ([], [])
    for item in fields[5].parts(at: ";") where !item.isEmpty {
      let parts = Array(item.parts(at: "|"))
      guard let attribute = Self.attribute(parts) else { return nil }
      names.append(parts[0])
      attributes.append(attribute)
    }
    guard let inputs = Self.arguments(fields[3], names), let outputs = Self.arguments(fields[4], names) else {
      return nil
    }
    self.init(
      name: fields[0].text, flags: flags, deprecation: deprecation, inputs: inputs, outputs: outputs,
      attributes: attributes)
  }

  private static func arguments(
    _ text: UnsafeBufferPointer<UInt8>, _ attributes: [UnsafeBufferPointer<UInt8>]
  ) -> [Argument]? {
    func index(of name: UnsafeBufferPointer<UInt8>) -> Int? {
      attributes.firstIndex { $0.count == name.count && $0.elementsEqual(name) }
    }
    var result: [Argument] = []
    for item in text.parts(at: ";") where !item.isEmpty {
      guard let (name, declared) = item.halves(at: "=") else { return nil }
      var source = declared
      let isReference = source.begins(with: "&")
      if isReference { source = source.dropping(1) }
      var count: Int?
      if let (number, type) = source.halves(at: "*") {
        guard let index = index(of: number) else { return nil }
        (count, source) = (index, type)
      }
      let type: Argument.TypeSource
      if source.begins(with: "#") {
        guard let number = source.dropping(1).number else { return nil }
        type = .fixed(ElementType(wireValue: number))
      } else if source.begins(with: "@") {
        guard let index = index(of: source.dropping(1)) else { return nil }
        type = .list(index)
      } else {
        guard let index = index(of: source) else { return nil }
        type = .attribute(index)
      }
      result.append(Argument(name: name.text, isReference: isReference, type: type, count: count))
    }
    return result
  }

  /// The attribute of the given name, kind, default, choice of values and least value.
  private static func attribute(_ parts: [UnsafeBufferPointer<UInt8>]) -> Attribute? {
    guard parts.count >= 2 else { return nil }
    var kindName = parts[1].text[...]
    let isList = kindName.hasPrefix("list(")
    if isList { kindName = kindName.dropFirst(5).dropLast() }
    guard let kind = AttributeKind(name: kindName) else { return nil }
    var defaultValue: AttributeValue?
    if parts.count > 2, parts[2].begins(with: "=") {
      let text = parts[2].dropping(1)
      defaultValue = isList ? list(kind, text) : value(kind, text)
      if defaultValue == nil { return nil }
    }
    var allowed: Allowed?
    if parts.count > 3, !parts[3].isEmpty {
      let values = parts[3].parts(at: ",")
      switch kind {
      case .type: allowed = .types(types(values))
      default:
        allowed = .strings(values.filter { !$0.isEmpty }.map { $0.isQuotedEmpty ? Bytes() : unescape($0) })
      }
    }
    return Attribute(
      name: parts[0].text, kind: kind, isList: isList, defaultValue: defaultValue, allowed: allowed,
      minimum: parts.count > 4 ? Int64(parts[4].text) : nil)
  }

  private static func types(_ values: UnsafeBufferPointer<UInt8>.Parts) -> TypeSet {
    var types: TypeSet = []
    for value in values {
      if let number = value.number { types.insert(number) }
    }
    return types
  }

  private static func list(_ kind: AttributeKind, _ text: UnsafeBufferPointer<UInt8>) -> AttributeValue? {
    guard !text.isEmpty else { return .emptyList }
    var values: [AttributeValue] = []
    for part in text.parts(at: ",") {
      guard let value = value(kind, part.isQuotedEmpty ? part.dropping(part.count) : part) else { return nil }
      values.append(value)
    }
    return AttributeValue(list: values, of: kind)
  }

  private static func value(_ kind: AttributeKind, _ text: UnsafeBufferPointer<UInt8>) -> AttributeValue? {
    switch kind {
    case .string: return .string(unescape(text))
    case .int: return Int64(text.text).map { .int($0) }
    case .float: return Float(text.text).map { .float($0) }
    case .bool: return .bool(text.text == "1")
    case .type: return text.number.map { .type(ElementType(wireValue: $0)) }
    case .shape: return shape(text.text).map { .shape($0) }
    case .tensor:
      guard let document = document(hexadecimal: text.text) else { return nil }
      return (try? EncodedTensor(document: document, range: document.all)).map { .tensor($0) }
    case .function:
      guard let document = document(hexadecimal: text.text) else { return nil }
      return .function(FunctionReference(document, document.all))
    }
  }

  private static func shape(_ text: String) -> PartialShape? {
    if text == "?" { return .unknown }
    if text == "." { return .scalar }
    let sizes = text.split(separator: "x").map { Int($0) }
    guard !sizes.contains(nil) else { return nil }
    return PartialShape(sizes.map { size in size.flatMap { $0 < 0 ? nil : $0 } })
  }

  private static func document(hexadecimal text: String) -> GraphBytes? {
    var bytes: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return try? GraphBytes(copying: bytes)
  }

  /// Text with `%` and two hexadecimal digits for bytes that are no plain letters.
  private static func unescape(_ text: UnsafeBufferPointer<UInt8>) -> Bytes {
    guard text.contains(UInt8(ascii: "%")) else { return Bytes(Array(text)) }
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.first {
      if byte == UInt8(ascii: "%"), let value = UInt8(rest.dropping(1).prefix(2).text, radix: 16) {
        bytes.append(value)
        rest = rest.dropping(3)
      } else {
        bytes.append(byte)
        rest = rest.dropping(1)
      }
    }
    return Bytes(bytes)
  }
}

/// Parts of lines stay bytes where that does: each program that opens a graph parses a line for each op in it.
extension UnsafeBufferPointer<UInt8> {
  /// The text between separators, what is empty included.
  fileprivate func parts(at separator: UnicodeScalar) -> Parts {
    Parts(rest: self, separator: UInt8(ascii: separator))
  }

  fileprivate struct Parts: Sequence, IteratorProtocol {
    var rest: UnsafeBufferPointer<UInt8>?
    let separator: UInt8

    mutating func next() -> UnsafeBufferPointer<UInt8>? {
      guard let text = rest else { return nil }
      guard let end = text.firstIndex(of: separator) else {
        rest = nil
        return text
      }
      rest = text.dropping(end + 1)
      return UnsafeBufferPointer(rebasing: text[..<end])
    }
  }

  /// What is before the first separator and what is after it; nil where there is none.
  fileprivate func halves(at separator: UnicodeScalar) -> (Self, Self)? {
    firstIndex(of: UInt8(ascii: separator)).map { (Self(rebasing: self[..<$0]), dropping($0 + 1)) }
  }

  fileprivate func dropping(_ count: Int) -> Self { Self(rebasing: dropFirst(count)) }

  fileprivate func begins(with letter: UnicodeScalar) -> Bool { first == UInt8(ascii: letter) }

  /// Whether it stands for an empty string in a list.
  fileprivate var isQuotedEmpty: Bool { count == 2 && allSatisfy { $0 == UInt8(ascii: "\"") } }

  /// A number without a sign; nil where it is none, or too large.
  fileprivate var number: Int32? {
    guard !isEmpty, count <= 9 else { return nil }
    var number: Int32 = 0
    for byte in self {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int32(byte - UInt8(ascii: "0"))
    }
    return number
  }
}

extension Collection<UInt8> {
  fileprivate var text: String { String(decoding: self, as: UTF8.self) }
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
