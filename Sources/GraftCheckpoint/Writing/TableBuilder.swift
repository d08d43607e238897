import GraftTensor

/// Builds a sorted-string table in memory, not compressed.
package struct TableBuilder {
  private var bytes: [UInt8] = []
  private let restartInterval: Int
  private var block: BlockBuilder
  private var index = BlockBuilder(restartInterval: 1)

  /// A block ends when it has as many bytes.
  private static let blockSize = 256 << 10

  /// An empty table.
  ///
  /// - Parameter restartInterval: after how many entries a key is written whole again; as TensorFlow does it.
  package init(restartInterval: Int = 16) {
    self.restartInterval = restartInterval
    block = BlockBuilder(restartInterval: restartInterval)
  }

  /// Appends an entry.
  ///
  /// - Precondition: the key comes after all that were added before.
  package mutating func add(_ key: [UInt8], _ value: [UInt8]) {
    block.add(key, value)
    if block.size >= Self.blockSize { endBlock() }
  }

  /// Ends the table: all of its bytes.
  package mutating func finish() -> [UInt8] {
    if !block.isEmpty { endBlock() }
    // The list of blocks that are no data blocks: there are none.
    let meta = write(BlockBuilder(restartInterval: 1).finished())
    let list = write(index.finished())
    var footer = meta + list
    footer += [UInt8](repeating: 0, count: TableFile.footerSize - 8 - footer.count)
    footer.append(littleEndian: TableFile.magic)
    return bytes + footer
  }

  private mutating func endBlock() {
    let lastKey = block.lastKey
    index.add(lastKey, write(block.finished()))
    block = BlockBuilder(restartInterval: restartInterval)
  }

  /// Appends a block, and what stands after it; returns its place as it is listed.
  private mutating func write(_ block: [UInt8]) -> [UInt8] {
    var place: [UInt8] = []
    place.append(varint: UInt64(bytes.count))
    place.append(varint: UInt64(block.count))
    let start = bytes.count
    bytes += block
    bytes.append(0)
    let checksum = bytes.withUnsafeBytes { CRC32C(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    bytes.append(littleEndian: checksum.masked)
    return place
  }
}

/// Builds one block: entries with what their keys share with the key before left out.
private struct BlockBuilder {
  private var bytes: [UInt8] = []
  private var restarts: [UInt32] = [0]
  private var sinceRestart = 0
  private let restartInterval: Int
  private(set) var lastKey: [UInt8] = []

  init(restartInterval: Int) {
    self.restartInterval = restartInterval
  }

  var isEmpty: Bool { bytes.isEmpty }

  /// The bytes that the block has so far.
  var size: Int { bytes.count + 4 * restarts.count + 4 }

  mutating func add(_ key: [UInt8], _ value: [UInt8]) {
    var shared = 0
    if sinceRestart == restartInterval {
      restarts.append(UInt32(truncatingIfNeeded: bytes.count))
      sinceRestart = 0
    } else {
      shared = lastKey.commonPrefixCount(with: key)
    }
    bytes.append(varint: UInt64(shared))
    bytes.append(varint: UInt64(key.count - shared))
    bytes.append(varint: UInt64(value.count))
    bytes += key[shared...]
    bytes += value
    lastKey = key
    sinceRestart += 1
  }

  func finished() -> [UInt8] {
    var result = bytes
    for restart in restarts { result.append(littleEndian: restart) }
    result.append(littleEndian: UInt32(truncatingIfNeeded: restarts.count))
    return result
  }
}
