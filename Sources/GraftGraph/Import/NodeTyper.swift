import GraftTensor

/// Reads what a node's attributes say about the types of its inputs and outputs, and checks them against the
/// op's signature.
struct NodeTyper {
  /// What is known of an attribute that types may come from.
  struct Slot {
    var isSet = false
    /// The value of an int or a type.
    var number: Int64 = 0
    /// The elements of a list of types.
    var types: [ElementType] = []
  }

  let document: GraphBytes
  /// How many messages may lie inside of one another.
  private let nesting: Int
  private(set) var slots: [Slot] = []
  /// Attributes that have neither a value nor a default, by their place in the signature.
  private(set) var missing: [Int] = []
  /// Names of attributes that the op does not have, but for private ones, which begin with `_`.
  private(set) var unknown: [ByteRange] = []

  /// The outputs that one graph may have; more is not a graph but an attack.
  static let maximumArguments = 1 << 24

  init(document: GraphBytes, nesting: Int = ImportLimits.deepestNesting) {
    self.document = document
    self.nesting = nesting
  }

  /// Reads a node's attributes.
  ///
  /// - Parameters:
  ///   - bindings: in a function's body, the values of its attributes; nil in a graph.
  ///   - report: is told what is wrong, as sentences.
  mutating func read(
    _ signature: OpSignature, _ entries: ArraySlice<MapEntry>, bindings: [String: AttributeValue]? = nil,
    report: (String) -> Void
  ) throws(WireError) {
    let attributes = signature.attributes
    slots.removeAll(keepingCapacity: true)
    slots.append(contentsOf: repeatElement(Slot(), count: attributes.count))
    missing.removeAll(keepingCapacity: true)
    unknown.removeAll(keepingCapacity: true)
    for entry in entries {
      let scanned: ScannedAttribute
      do {
        scanned = try ScannedAttribute(document, entry.value, nesting: nesting)
      } catch {
        guard case .value(let text) = error.reason else { throw error }
        // What the op does not have may be whatever it is.
        if let index = index(of: entry.key, in: signature) {
          report("In the attribute '\(signature.attributes[index].name)' \(text).")
          slots[index].isSet = true
        }
        continue
      }
      guard let index = index(of: entry.key, in: signature) else {
        try document.checkUTF8(entry.key)
        if document.bytes(entry.key).first != UInt8(ascii: "_") { unknown.append(entry.key) }
        continue
      }
      let attribute = attributes[index]
      if scanned.kind == .placeholder {
        guard let bindings else {
          report(
            "The attribute '\(attribute.name)' is the placeholder '\(document.string(scanned.block))', which "
              + "means something inside of a function only.")
          slots[index].isSet = true
          continue
        }
        let name = document.string(scanned.block)
        guard let value = bindings[name] else {
          report(
            "The attribute '\(attribute.name)' is the function's '\(name)', which the call does not give.")
          slots[index].isSet = true
          continue
        }
        set(index, value, attribute, report)
        continue
      }
      set(index, scanned, attribute, report)
    }
    for (index, attribute) in attributes.enumerated() where !slots[index].isSet {
      if let value = attribute.defaultValue {
        setDefault(index, value)
      } else {
        missing.append(index)
      }
    }
  }

  private func index(of key: ByteRange, in signature: OpSignature) -> Int? {
    let bytes = document.bytes(key)
    return signature.attributeKeys.firstIndex { $0.count == bytes.count && bytes.elementsEqual($0) }
  }

  // MARK: - Values

  private mutating func set(
    _ index: Int, _ value: ScannedAttribute, _ attribute: OpSignature.Attribute, _ report: (String) -> Void
  ) {
    slots[index].isSet = true
    let fits =
      switch value.kind {
      case .one: !attribute.isList && value.element == attribute.kind
      case .list: attribute.isList && (value.element == nil || value.element == attribute.kind)
      case .none, .placeholder: false
      }
    guard fits else {
      let found =
        switch value.kind {
        case .none: "has no value"
        case .list: "is of kind list(\(value.element?.name ?? ""))"
        default: "is of kind \(value.element?.name ?? "placeholder")"
        }
      report("The attribute '\(attribute.name)' \(found); \(attribute.kindName) is expected.")
      return
    }
    if attribute.isList {
      if attribute.kind == .type, value.count > 0 {
        slots[index].types = value.numbers(in: document).map {
          ElementType(wireValue: Int32(truncatingIfNeeded: $0))
        }
      }
      checkList(attribute, value.count, slots[index].types, report)
      if attribute.kind == .string, case .strings? = attribute.allowed {
        if case .strings(let values)? = value.value(in: document) {
          for value in values { checkString(attribute, value, report) }
        }
      }
      return
    }
    switch attribute.kind {
    case .type:
      slots[index].number = Int64(Int32(truncatingIfNeeded: value.scalar))
      checkType(attribute, ElementType(wireValue: Int32(truncatingIfNeeded: value.scalar)), report)
    case .int:
      slots[index].number = Int64(bitPattern: value.scalar)
      checkMinimum(attribute, slots[index].number, report)
    case .string:
      if attribute.allowed != nil { checkString(attribute, Bytes(document.array(value.block)), report) }
    default: break
    }
  }

  private mutating func set(
    _ index: Int, _ value: AttributeValue, _ attribute: OpSignature.Attribute, _ report: (String) -> Void
  ) {
    slots[index].isSet = true
    let isEmptyList = if case .emptyList = value { true } else { false }
    guard value.kind == attribute.kindName || (isEmptyList && attribute.isList) else {
      report("The attribute '\(attribute.name)' is of kind \(value.kind); \(attribute.kindName) is expected.")
      return
    }
    switch value {
    case .type(let type):
      slots[index].number = Int64(type.wireValue)
      checkType(attribute, type, report)
    case .int(let number):
      slots[index].number = number
      checkMinimum(attribute, number, report)
    case .types(let types):
      slots[index].types = types
      checkList(attribute, types.count, types, report)
    case .string(let string): checkString(attribute, string, report)
    default: break
    }
  }

  private mutating func setDefault(_ index: Int, _ value: AttributeValue) {
    slots[index].isSet = true
    switch value {
    case .type(let type): slots[index].number = Int64(type.wireValue)
    case .int(let number): slots[index].number = number
    case .types(let types): slots[index].types = types
    default: break
    }
  }

  /// Takes a value that followed from the inputs.
  mutating func infer(_ index: Int, number: Int64 = 0, types: [ElementType] = []) {
    slots[index] = Slot(isSet: true, number: number, types: types)
    missing.removeAll { $0 == index }
  }

  // MARK: - Limits

  /// Checks values that were taken from the inputs.
  func check(_ signature: OpSignature, _ indices: [Int], report: (String) -> Void) {
    for index in indices.sorted() {
      let attribute = signature.attributes[index]
      if attribute.isList {
        checkList(attribute, slots[index].types.count, slots[index].types, report)
      } else if attribute.kind == .type {
        checkType(attribute, ElementType(wireValue: Int32(truncatingIfNeeded: slots[index].number)), report)
      } else {
        checkMinimum(attribute, slots[index].number, report)
      }
    }
  }

  private func checkType(
    _ attribute: OpSignature.Attribute, _ type: ElementType, _ report: (String) -> Void
  ) {
    guard type.wireValue != 0, let dtype = type.dtype else {
      report(
        "The attribute '\(attribute.name)' is the data type number \(type.wireValue), which "
          + (type.wireValue == 0 ? "stands for no type." : "is none that this version knows."))
      return
    }
    if type.isReference {
      report("The attribute '\(attribute.name)' is \(type); a type that is no reference is expected.")
    } else if case .types(let allowed)? = attribute.allowed, !allowed.contains(dtype) {
      let names = allowed.types.map(\.name).sorted()
      report(
        "The attribute '\(attribute.name)' is \(dtype); the op takes \(names.joined(separator: ", ")).")
    }
  }

  private func checkMinimum(
    _ attribute: OpSignature.Attribute, _ number: Int64, _ report: (String) -> Void
  ) {
    if let minimum = attribute.minimum, number < minimum {
      report("The attribute '\(attribute.name)' is \(number); the least that the op takes is \(minimum).")
    }
  }

  private func checkList(
    _ attribute: OpSignature.Attribute, _ count: Int, _ types: [ElementType], _ report: (String) -> Void
  ) {
    if let minimum = attribute.minimum, count < minimum {
      report(
        "The attribute '\(attribute.name)' has \(count) elements; the least that the op takes is \(minimum).")
    }
    for type in types { checkType(attribute, type, report) }
  }

  private func checkString(
    _ attribute: OpSignature.Attribute, _ value: Bytes, _ report: (String) -> Void
  ) {
    if case .strings(let allowed)? = attribute.allowed, !allowed.contains(value) {
      let names = allowed.map { "\"\($0.string)\"" }
      report(
        "The attribute '\(attribute.name)' is \"\(value.string)\"; the op takes "
          + names.joined(separator: ", ") + ".")
    }
  }

  // MARK: - Types

  /// How many tensors an argument is; nil while the attribute that says so is not known.
  func count(of argument: OpSignature.Argument) -> Int? {
    if let count = argument.count {
      guard slots[count].isSet else { return nil }
      return Int(clamping: max(slots[count].number, 0))
    }
    if case .list(let index) = argument.type {
      return slots[index].isSet ? slots[index].types.count : nil
    }
    return 1
  }

  /// How many tensors all arguments are; nil while it is not known, or for more than there may be.
  func count(of arguments: [OpSignature.Argument]) -> Int? {
    var total = 0
    for argument in arguments {
      guard let count = count(of: argument), count <= Self.maximumArguments - total else { return nil }
      total += count
    }
    return total
  }

  /// The types of all arguments, one for each tensor; nil while they are not known.
  func types(of arguments: [OpSignature.Argument]) -> [ElementType]? {
    guard let total = count(of: arguments) else { return nil }
    if total == 0 { return [] }
    var result: [ElementType] = []
    result.reserveCapacity(total)
    for argument in arguments {
      guard let count = count(of: argument) else { return nil }
      switch argument.type {
      case .fixed(let type):
        append(type, count, argument.isReference, to: &result)
      case .attribute(let index):
        guard slots[index].isSet else { return nil }
        let type = ElementType(wireValue: Int32(truncatingIfNeeded: slots[index].number))
        append(type, count, argument.isReference, to: &result)
      case .list(let index):
        for type in slots[index].types { append(type, 1, argument.isReference, to: &result) }
      }
    }
    return result
  }

  @inline(__always)
  private func append(_ type: ElementType, _ count: Int, _ isReference: Bool, to result: inout [ElementType])
  {
    let type =
      isReference && !type.isReference ? ElementType(wireValue: type.wireValue &+ 100) : type
    if count == 1 {
      result.append(type)
    } else {
      result.append(contentsOf: repeatElement(type, count: count))
    }
  }
}
