import GraftTensor

/// A `tensorflow.AttrValue` as it stands in its document: which kind of value it is, and where.
///
/// Making one checks all of the value's bytes and copies none, so that reading the value later cannot fail;
/// ``value(in:)`` makes the ``AttributeValue``.
struct ScannedAttribute {
  enum Kind: UInt8 {
    case none
    case one
    case list
    case placeholder
  }

  /// Whether it is one value or a list.
  var kind = Kind.none
  /// Of what; nil for an empty list, and for placeholders.
  var element: AttributeKind?
  /// The bits of a number or bool.
  var scalar: UInt64 = 0
  /// Where other values lie.
  var block = ByteRange.empty
  /// How many elements a list has.
  var count = 0

  /// Reads the message that lies in a part of a document.
  ///
  /// - Parameter nesting: how many messages may lie inside of one another.
  init(
    _ document: GraphBytes, _ range: ByteRange, nesting: Int = ImportLimits.deepestNesting, depth: Int = 0
  ) throws(WireError) {
    // A function's attribute lies three messages deeper than the one before.
    guard depth <= nesting / 3 - 1 || depth == 0 else {
      throw .beyondLimit("messages lie deep inside of one another", nesting, "nesting", at: range.offset)
    }
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(6, WireTag.varint): set(.type, try reader.varint())
      case WireTag.field(3, WireTag.varint): set(.int, try reader.varint())
      case WireTag.field(5, WireTag.varint): set(.bool, try reader.varint())
      case WireTag.field(4, WireTag.fixed32): set(.float, UInt64(try reader.fixed32()))
      case WireTag.field(2, WireTag.block): set(.string, block: try reader.block())
      case WireTag.field(7, WireTag.block):
        set(.shape, block: try reader.block())
        try WireShape.check(document.reader(block))
      case WireTag.field(8, WireTag.block):
        set(.tensor, block: try reader.block())
        try Self.checkFields(document.reader(block))
      case WireTag.field(10, WireTag.block):
        set(.function, block: try reader.block())
        try Self.checkFunction(document, block, nesting: nesting, depth: depth)
      case WireTag.field(1, WireTag.block):
        block = try reader.block()
        kind = .list
        try scanList(document, nesting: nesting, depth: depth)
      case WireTag.field(9, WireTag.block):
        block = try reader.block()
        kind = .placeholder
        element = nil
        try document.checkUTF8(block)
      default: try reader.skip(tag)
      }
    }
  }

  /// Where the tensor of a message lies that says nothing else, as nearly all that hold one do: quicker than to scan
  /// what was scanned before. Nil for other messages.
  static func tensorMessage(_ document: GraphBytes, _ range: ByteRange) -> ByteRange? {
    var reader = document.reader(range)
    guard let tag = try? reader.tag(), tag.raw == WireTag.field(8, WireTag.block),
      let message = try? reader.block(), reader.isAtEnd
    else { return nil }
    return message
  }

  @inline(__always)
  private mutating func set(_ element: AttributeKind, _ scalar: UInt64) {
    kind = .one
    self.element = element
    self.scalar = scalar
  }

  @inline(__always)
  private mutating func set(_ element: AttributeKind, block: ByteRange) {
    kind = .one
    self.element = element
    self.block = block
  }

  private mutating func scanList(_ document: GraphBytes, nesting: Int, depth: Int) throws(WireError) {
    element = nil
    count = 0
    var reader = document.reader(block)
    while !reader.isAtEnd {
      let offset = reader.position
      let tag = try reader.tag()
      guard let kind = Self.listKind(tag.number), tag.type == WireTag.block || tag.type == Self.wireType(kind)
      else {
        try reader.skip(tag)
        continue
      }
      let before = count
      if tag.type != WireTag.block {
        try reader.skip(tag)
        count += 1
      } else {
        let part = try reader.block()
        switch kind {
        case .int, .bool, .type:
          var packed = document.reader(part)
          while !packed.isAtEnd {
            _ = try packed.varint()
            count += 1
          }
        case .float:
          guard part.count % 4 == 0 else { throw WireError(.truncated, at: part.offset) }
          count += part.count / 4
        case .string: count += 1
        case .shape:
          try WireShape.check(document.reader(part))
          count += 1
        case .tensor:
          try Self.checkFields(document.reader(part))
          count += 1
        case .function:
          try Self.checkFunction(document, part, nesting: nesting, depth: depth)
          count += 1
        }
      }
      guard count > before else { continue }
      if let element, element != kind {
        throw WireError(.value("a list holds \(element.name) and \(kind.name) values at once"), at: offset)
      }
      element = kind
    }
  }

  /// Which kind of elements a field of `ListValue` has.
  static func listKind(_ number: UInt32) -> AttributeKind? {
    switch number {
    case 2...8: AttributeKind(rawValue: UInt8(number))
    case 9: .function
    default: nil
    }
  }

  /// How one element that is not packed is encoded.
  private static func wireType(_ kind: AttributeKind) -> UInt32 {
    switch kind {
    case .int, .bool, .type: WireTag.varint
    case .float: WireTag.fixed32
    default: WireTag.block
    }
  }

  /// Goes over a message's fields and not into them.
  private static func checkFields(_ message: WireReader) throws(WireError) {
    var reader = message
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(2, WireTag.block) {
        // A tensor's shape is looked at before its values are.
        let block = try reader.block()
        try WireShape.scan(WireReader(start: reader.start, position: block.offset, end: block.end)) { _, _ in
        }
      } else {
        try reader.skip(tag)
      }
    }
  }

  private static func checkFunction(
    _ document: GraphBytes, _ range: ByteRange, nesting: Int, depth: Int
  ) throws(WireError) {
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): try document.checkUTF8(try reader.block())
      case WireTag.field(2, WireTag.block):
        let entry = try MapEntry(document.reader(try reader.block()))
        try document.checkUTF8(entry.key)
        _ = try ScannedAttribute(document, entry.value, nesting: nesting, depth: depth + 1)
      default: try reader.skip(tag)
      }
    }
  }
}

/// An entry of a map field with text as keys and messages or text as values.
struct MapEntry {
  var key = ByteRange.empty
  var value = ByteRange.empty

  /// Reads the entry's message.
  @inline(__always)
  init(_ message: WireReader) throws(WireError) {
    var reader = message
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): key = try reader.block()
      case WireTag.field(2, WireTag.block): value = try reader.block()
      default: try reader.skip(tag)
      }
    }
  }
}

extension GraphBytes {
  /// Checks that a part is text.
  @inline(__always)
  func checkUTF8(_ range: ByteRange) throws(WireError) {
    for index in range.offset..<range.end where (start + index).load(as: UInt8.self) >= 0x80 {
      guard String(validating: bytes(range), as: UTF8.self) != nil else {
        throw WireError(.notUTF8, at: range.offset)
      }
      return
    }
  }
}
