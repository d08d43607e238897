import Synchronization

/// What was made of constant tensors, packed weights above all: made once for all who want the same, and kept
/// for as long as one of them holds it.
package final class DerivedConstants: Sendable {
  private struct Key: Hashable {
    let address: Int
    let byteCount: Int
    let type: ObjectIdentifier
    let form: [Int]
    let factors: [UInt8]
  }

  private struct Entry: @unchecked Sendable {
    weak var value: (any AnyObject & Sendable)?
    /// While it lives, nothing else has its address.
    weak var source: TensorStorage?
  }

  private let entries = Mutex<[Key: Entry]>([:])

  package init() {}

  /// What was made of a tensor, by somebody else or now.
  ///
  /// - Parameters:
  ///   - form: tells apart what is made of the same tensor in different ways.
  ///   - factors: a small tensor that goes into it as well.
  package func value<P: AnyObject & Sendable>(
    of tensor: Tensor, form: [Int], factors: Tensor? = nil, _ make: () throws -> P
  ) rethrows -> P {
    let key = Key(
      address: Int(bitPattern: tensor.base), byteCount: tensor.byteCount, type: ObjectIdentifier(P.self),
      form: form, factors: factors?.withUnsafeBytes { Array($0) } ?? [])
    let found = entries.withLock { entries -> (any AnyObject & Sendable)? in
      guard let entry = entries[key], entry.source != nil else { return nil }
      return entry.value
    }
    if let found = found as? P { return found }
    let made = try make()
    let entry = Entry(value: made, source: tensor.storage)
    entries.withLock { entries in
      if entries.count & (entries.count + 1) == 0 {
        entries = entries.filter { $0.value.value != nil && $0.value.source != nil }
      }
      entries[key] = entry
    }
    return made
  }
}
