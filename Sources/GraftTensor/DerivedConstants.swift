import Synchronization

/// What was made of constant tensors, packed weights above all: made once for all who want the same, and kept
/// for as long as one of them holds it.
package final class DerivedConstants: Sendable {
  private struct Key: Equatable {
    let byteCount: Int
    let type: ObjectIdentifier
    let form: [Int]
    let factors: [UInt8]
  }

  private struct Entry: @unchecked Sendable {
    let key: Key
    weak var value: (any AnyObject & Sendable)?
    /// While it lives, nothing else has its address.
    weak var source: TensorStorage?

    var isAlive: Bool { value != nil && source != nil }
  }

  /// By the tensor's address; what is made of one tensor in different ways together.
  private let entries = Mutex<(byAddress: [Int: [Entry]], count: Int)>(([:], 0))

  package init() {}

  /// What was made of a tensor, by somebody else or now.
  ///
  /// - Parameters:
  ///   - form: tells apart what is made of the same tensor in different ways.
  ///   - factors: a small tensor that goes into it as well.
  package func value<P: AnyObject & Sendable>(
    of tensor: Tensor, form: [Int], factors: Tensor? = nil, _ make: () throws -> P
  ) rethrows -> P {
    let address = Int(bitPattern: tensor.base)
    let key = Key(
      byteCount: tensor.byteCount, type: ObjectIdentifier(P.self), form: form,
      factors: factors?.withUnsafeBytes { Array($0) } ?? [])
    let found = entries.withLock { entries -> (any AnyObject & Sendable)? in
      guard let entry = entries.byAddress[address]?.first(where: { $0.key == key }), entry.source != nil
      else {
        return nil
      }
      return entry.value
    }
    if let found = found as? P { return found }
    let made = try make()
    let entry = Entry(key: key, value: made, source: tensor.storage)
    entries.withLock { entries in
      if entries.count & (entries.count + 1) == 0 {
        entries.byAddress = entries.byAddress.mapValues { $0.filter(\.isAlive) }.filter { !$0.value.isEmpty }
        entries.count = entries.byAddress.values.reduce(0) { $0 + $1.count }
      }
      var others = entries.byAddress[address, default: []].filter { $0.key != key }
      entries.count += 1
      others.append(entry)
      entries.byAddress[address] = others
    }
    return made
  }
}
