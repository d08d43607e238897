import GraftTensor

/// Decision trees whose leaves are added up: what a `tensorflow.boosted_trees.TreeEnsemble` message says.
struct TreeEnsemble: Sendable {
  /// A node of a tree.
  enum Node: Sendable {
    case leaf([Float])
    /// Left where the feature's bucket is no more than the threshold.
    case bucketized(feature: Int, dimension: Int, threshold: Int, left: Int, right: Int)
    /// Left where the feature is the value.
    case categorical(feature: Int, dimension: Int, value: Int, left: Int, right: Int)
  }

  /// The trees, each its nodes; the first is the root.
  private(set) var trees: [[Node]] = []
  /// What each tree's leaves are multiplied by.
  private(set) var weights: [Float] = []
  /// How many trees will not change any more, and how many layers were tried.
  private(set) var finalizedTrees = 0
  private(set) var attemptedLayers = 0
  /// The nodes of the last layer, from the first to before the last.
  private(set) var lastLayer = (0, 0)

  /// Reads a message; nil for bytes that are none.
  init?(_ bytes: Bytes) {
    guard let ensemble = bytes.bytes.withUnsafeBytes({ Self(reading: RecordReader($0, isStrict: true)) })
    else {
      return nil
    }
    self = ensemble
  }

  private init?(reading reader: RecordReader) {
    let isWhole = reader.readFields { number, field in
      switch (number, field) {
      case (1, .block(let tree)):
        var nodes: [Node] = []
        let isTree = tree.readFields { number, field in
          guard number == 1, case .block(let node) = field else { return true }
          guard let node = Self.node(node) else { return false }
          nodes.append(node)
          return true
        }
        trees.append(nodes)
        return isTree
      case (2, let field): return field.appendFloats(to: &weights)
      case (3, .block(let metadata)):
        var isFinalized = false
        defer { finalizedTrees += isFinalized ? 1 : 0 }
        return metadata.readFields { number, field in
          if number == 3, case .number(let value) = field { isFinalized = value != 0 }
          return true
        }
      case (4, .block(let metadata)):
        return metadata.readFields { number, field in
          guard case .number(let value) = field else { return true }
          switch number {
          case 2: attemptedLayers = value
          case 3: lastLayer.0 = value
          case 4: lastLayer.1 = value
          default: break
          }
          return true
        }
      default: return true
      }
    }
    guard isWhole, trees.count == weights.count else { return nil }
    // What walks down a tree comes to an end: children come after their parents.
    for tree in trees {
      for (place, node) in tree.enumerated() {
        switch node {
        case .leaf: continue
        case .bucketized(let feature, let dimension, _, let left, let right),
          .categorical(let feature, let dimension, _, let left, let right):
          guard feature >= 0, dimension >= 0, left > place, right > place, max(left, right) < tree.count
          else { return nil }
        }
      }
    }
  }

  private static func node(_ reader: RecordReader) -> Node? {
    var result: Node?
    let isNode = reader.readFields { number, field in
      guard case .block(let body) = field else { return true }
      switch number {
      case 1:
        guard let values = leaf(body) else { return false }
        result = .leaf(values)
      case 2, 3:
        guard let split = split(body) else { return false }
        result =
          number == 2
          ? .bucketized(
            feature: split[1], dimension: split[5], threshold: split[2], left: split[3], right: split[4])
          : .categorical(
            feature: split[1], dimension: split[5], value: split[2], left: split[3], right: split[4])
      case 4: return false
      default: break
      }
      return true
    }
    return isNode ? result : nil
  }

  private static func leaf(_ reader: RecordReader) -> [Float]? {
    var (vector, scalar): ([Float], Float) = ([], 0)
    let isLeaf = reader.readFields { number, field in
      switch (number, field) {
      case (1, .block(let body)):
        return body.readFields { number, field in number != 1 || field.appendFloats(to: &vector) }
      case (2, _): return false
      case (3, .single(let bits)):
        scalar = Float(bitPattern: bits)
        return true
      default: return true
      }
    }
    guard isLeaf else { return nil }
    return vector.isEmpty ? [scalar] : vector
  }

  /// The numbers of fields 1 to 6.
  private static func split(_ reader: RecordReader) -> [Int]? {
    var numbers = [Int](repeating: 0, count: 7)
    let isSplit = reader.readFields { number, field in
      if case .number(let value) = field, numbers.indices.contains(number) { numbers[number] = value }
      return true
    }
    return isSplit ? numbers : nil
  }
}

/// A field of a message.
private enum MessageField {
  case number(Int)
  case single(UInt32)
  case block(RecordReader)

  /// The numbers of a list of floats, one by one or together; false where the field holds none.
  func appendFloats(to list: inout [Float]) -> Bool {
    switch self {
    case .single(let bits): list.append(Float(bitPattern: bits))
    case .block(let reader):
      let bytes = UnsafeRawBufferPointer(rebasing: reader.bytes[reader.position..<reader.end])
      guard bytes.count % 4 == 0 else { return false }
      for place in stride(from: 0, to: bytes.count, by: 4) {
        let bits = bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)
        list.append(Float(bitPattern: UInt32(littleEndian: bits)))
      }
    case .number: return false
    }
    return true
  }
}

extension RecordReader {
  /// Calls the closure with each field's number and value; false where the bytes are no message, or the closure
  /// says so.
  fileprivate func readFields(_ body: (Int, MessageField) -> Bool) -> Bool {
    var reader = self
    while !reader.isAtEnd {
      guard let tag = reader.varint() else { return false }
      let number = Int(truncatingIfNeeded: tag >> 3)
      let field: MessageField
      switch tag & 7 {
      case 0:
        guard let value = reader.varint() else { return false }
        field = .number(Int(Int32(truncatingIfNeeded: value)))
      case 2:
        guard let range = reader.block() else { return false }
        field = .block(RecordReader(bytes, range, isStrict: true))
      case 5:
        guard reader.position + 4 <= reader.end else { return false }
        let bits = bytes.loadUnaligned(fromByteOffset: reader.position, as: UInt32.self)
        field = .single(UInt32(littleEndian: bits))
        guard reader.skip(4) else { return false }
      case 1:
        guard reader.skip(8) else { return false }
        continue
      default: return false
      }
      guard body(number, field) else { return false }
    }
    return true
  }
}
