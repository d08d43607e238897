import GraftTensor

/// What is made of variants that may hold one another: once of each, however often it is held.
///
/// A list of a list twice, which holds another one twice, is soon more lists than anybody counts.
final class VariantWalk {
  private struct Key: Hashable {
    let first: ObjectIdentifier
    let second: ObjectIdentifier?
  }

  private var results: [Key: any VariantValue] = [:]
  private let checkpoint: () throws -> Void

  /// - Parameter checkpoint: is asked at each value.
  init(_ checkpoint: @escaping () throws -> Void) {
    self.checkpoint = checkpoint
  }

  /// What the closure makes of one value, or of two.
  ///
  /// - Throws: what the closure and `checkpoint` throw; `GraftError` (`resourceExhausted`) for values that lie in
  ///   one another too deeply.
  func result(
    of first: any VariantValue, _ second: (any VariantValue)? = nil, _ make: () throws -> any VariantValue
  ) throws -> any VariantValue {
    let key = Key(first: ObjectIdentifier(first), second: second.map { ObjectIdentifier($0) })
    if let known = results[key] { return known }
    try StackRoom.check("Variants")
    try checkpoint()
    let made = try make()
    results[key] = made
    return made
  }
}
