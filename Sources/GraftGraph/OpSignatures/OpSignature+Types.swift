extension OpSignature {
  /// The types of an input or output, one for each tensor; nil where the attributes do not say them.
  func types(of argument: Argument, _ values: [String: AttributeValue]) -> [ElementType]? {
    func value(_ index: Int) -> AttributeValue? {
      values[attributes[index].name] ?? attributes[index].defaultValue
    }
    var count = 1
    if let attribute = argument.count {
      guard case .int(let number)? = value(attribute), number >= 0, number <= NodeTyper.maximumArguments
      else { return nil }
      count = Int(number)
    }
    var types: [ElementType]
    switch argument.type {
    case .fixed(let type): types = [type]
    case .attribute(let index):
      guard case .type(let type)? = value(index) else { return nil }
      types = [type]
    case .list(let index):
      switch value(index) {
      case .types(let list): return list
      case .emptyList: return []
      default: return nil
      }
    }
    if argument.isReference { types = types.map { ElementType(wireValue: $0.wireValue &+ 100) } }
    return types.flatMap { repeatElement($0, count: count) }
  }
}
