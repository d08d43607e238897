import GraftTensor

extension OpSignature {
  /// The op that a `tensorflow.OpDef` describes, as functions have one.
  convenience init(opDef range: ByteRange, in document: GraphBytes) throws(WireError) {
    var name = ByteRange.empty
    var flags: Flags = []
    var inputs: [ByteRange] = []
    var outputs: [ByteRange] = []
    var attributes: [Attribute] = []
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): name = try reader.block()
      case WireTag.field(2, WireTag.block): inputs.append(try reader.block())
      case WireTag.field(3, WireTag.block): outputs.append(try reader.block())
      case WireTag.field(4, WireTag.block):
        attributes.append(try Self.attribute(try reader.block(), in: document))
      case WireTag.field(16, WireTag.varint): if try reader.varint() != 0 { flags.insert(.aggregate) }
      case WireTag.field(17, WireTag.varint): if try reader.varint() != 0 { flags.insert(.stateful) }
      case WireTag.field(18, WireTag.varint): if try reader.varint() != 0 { flags.insert(.commutative) }
      case WireTag.field(19, WireTag.varint):
        if try reader.varint() != 0 { flags.insert(.allowsUninitializedInput) }
      case WireTag.field(21, WireTag.varint): if try reader.varint() != 0 { flags.insert(.distributed) }
      default: try reader.skip(tag)
      }
    }
    try document.checkUTF8(name)
    let names = attributes.map(\.name)
    var arguments: [[Argument]] = []
    for ranges in [inputs, outputs] {
      var list: [Argument] = []
      for range in ranges { list.append(try Self.argument(range, names, in: document)) }
      arguments.append(list)
    }
    self.init(
      name: document.string(name), flags: flags, deprecation: nil, inputs: arguments[0],
      outputs: arguments[1],
      attributes: attributes)
  }

  private static func argument(
    _ range: ByteRange, _ attributes: [String], in document: GraphBytes
  ) throws(WireError) -> Argument {
    var name = ""
    var type: Int32 = 0
    var typeAttribute = ""
    var numberAttribute = ""
    var listAttribute = ""
    var isReference = false
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): name = document.string(try reader.block())
      case WireTag.field(3, WireTag.varint): type = Int32(truncatingIfNeeded: try reader.varint())
      case WireTag.field(4, WireTag.block): typeAttribute = document.string(try reader.block())
      case WireTag.field(5, WireTag.block): numberAttribute = document.string(try reader.block())
      case WireTag.field(6, WireTag.block): listAttribute = document.string(try reader.block())
      case WireTag.field(16, WireTag.varint): isReference = try reader.varint() != 0
      default: try reader.skip(tag)
      }
    }
    func index(_ attribute: String) throws(WireError) -> Int {
      guard let index = attributes.firstIndex(of: attribute) else {
        throw WireError(
          .value("the argument '\(name)' refers to the attribute '\(attribute)', which is not declared"),
          at: range.offset)
      }
      return index
    }
    let source: Argument.TypeSource =
      if !listAttribute.isEmpty {
        .list(try index(listAttribute))
      } else if !typeAttribute.isEmpty {
        .attribute(try index(typeAttribute))
      } else {
        .fixed(ElementType(wireValue: type))
      }
    return Argument(
      name: name, isReference: isReference, type: source,
      count: numberAttribute.isEmpty ? nil : try index(numberAttribute))
  }

  private static func attribute(_ range: ByteRange, in document: GraphBytes) throws(WireError) -> Attribute {
    var name = ""
    var kindName: Substring = ""
    var defaultValue: AttributeValue?
    var allowed: Allowed?
    var hasMinimum = false
    var minimum: Int64 = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): name = document.string(try reader.block())
      case WireTag.field(2, WireTag.block): kindName = Substring(document.string(try reader.block()))
      case WireTag.field(3, WireTag.block):
        defaultValue = try ScannedAttribute(document, try reader.block()).value(in: document)
      case WireTag.field(5, WireTag.varint): hasMinimum = try reader.varint() != 0
      case WireTag.field(6, WireTag.varint): minimum = Int64(bitPattern: try reader.varint())
      case WireTag.field(7, WireTag.block):
        switch try ScannedAttribute(document, try reader.block()).value(in: document) {
        case .types(let types): allowed = .types(TypeSet(types.map(\.wireValue)))
        case .strings(let strings): allowed = .strings(strings)
        default: break
        }
      default: try reader.skip(tag)
      }
    }
    let isList = kindName.hasPrefix("list(")
    guard let kind = AttributeKind(name: isList ? kindName.dropFirst(5).dropLast() : kindName) else {
      throw WireError(
        .value("the attribute '\(name)' is declared as '\(kindName)', which is no kind"), at: range.offset)
    }
    return Attribute(
      name: name, kind: kind, isList: isList, defaultValue: defaultValue, allowed: allowed,
      minimum: hasMinimum ? minimum : nil)
  }
}
