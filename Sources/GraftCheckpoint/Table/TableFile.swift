import GraftTensor

/// A sorted-string table in a file: keys in ascending order with a value each. The index of a V2 checkpoint
/// is one, and each file of a V1 checkpoint.
///
/// The file consists of blocks; after each stand a byte that says whether it is compressed, and a checksum.
/// One block lists the others with their last keys; the last 48 bytes of the file say where that one is.
struct TableFile: Sendable {
  /// The file.
  let file: MappedFile
  private let blocks: [ListedBlock]

  /// A block, and a key that none of its entries is beyond.
  private struct ListedBlock {
    let lastKey: [UInt8]
    let place: BlockPlace
  }

  /// Where a block is, without what stands after it.
  private struct BlockPlace {
    let offset: Int
    let size: Int
  }

  static let footerSize = 48
  static let magic: UInt64 = 0xDB47_7524_8B80_FB57
  /// The byte and the checksum after a block.
  static let trailerSize = 5

  /// Whether a file ends as a table does.
  static func isTable(_ file: MappedFile) -> Bool {
    file.withBytes { bytes in
      guard bytes.count >= footerSize else { return false }
      return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
        == magic
    }
  }

  /// Opens a table: reads where its blocks are.
  ///
  /// - Throws: `GraftError`: `wrongFileKind` for a file that does not end as a table does, `dataLoss` for
  ///   a damaged one.
  init(_ file: MappedFile) throws(GraftError) {
    self.file = file
    guard Self.isTable(file) else { throw Self.notATable(file) }
    let footer = UnsafeRawBufferPointer(rebasing: file.bytes.suffix(Self.footerSize))
    var reader = ByteReader(footer)
    // The first of the two lists blocks that nobody writes.
    guard reader.varint() != nil, reader.varint() != nil, let offset = reader.count(),
      let size = reader.count()
    else {
      throw Self.damaged(
        file, "The end of the file does not say where its blocks are", at: file.bytes.count - Self.footerSize)
    }
    let place = try Self.place(offset, size, in: file, listedAt: file.bytes.count - Self.footerSize)
    let index = try Self.block(place, in: file)
    var blocks: [ListedBlock] = []
    var budget = KeyBudget(file)
    try Self.scan(index, in: file) { (key: [UInt8], value) throws(GraftError) in
      try budget.spend(key.count)
      var reader = ByteReader(value)
      guard let offset = reader.count(), let size = reader.count() else {
        throw GraftError(.dataLoss, "The list of blocks has an entry that is no place of a block.")
      }
      let place = try Self.place(offset, size, in: file, listedAt: index.fileOffset)
      blocks.append(ListedBlock(lastKey: key, place: place))
    }
    self.blocks = blocks
  }

  /// Calls the closure with every entry, in ascending order of keys.
  ///
  /// - Throws: `GraftError` (`dataLoss`) for damaged blocks and for keys out of order; and whatever the
  ///   closure throws, with the file and the block's place filled in.
  func forEach(
    _ body: (_ key: [UInt8], _ value: UnsafeRawBufferPointer) throws(GraftError) -> Void
  ) throws(GraftError) {
    var last: [UInt8]?
    var budget = KeyBudget(file)
    for listed in blocks {
      let block = try Self.block(listed.place, in: file)
      try Self.scan(block, in: file) { (key: [UInt8], value) throws(GraftError) in
        if let last, !last.precedes(key) {
          throw GraftError(
            .dataLoss,
            "Keys are out of order: \(KeyText.quoted(key)) comes after \(KeyText.quoted(last)).")
        }
        last = key
        try budget.spend(key.count)
        try body(key, value)
      }
    }
  }

  /// The value of a key; nil where there is none.
  ///
  /// - Throws: `GraftError` (`dataLoss`) when the block that would hold it is damaged.
  /// - Complexity: O(log(blocks) + bytes of a block).
  func value(of key: [UInt8]) throws(GraftError) -> HeldBytes? {
    let place = blocks.partitioningIndex { !$0.lastKey.precedes(key) }
    guard place < blocks.count else { return nil }
    let block = try Self.block(blocks[place].place, in: file)
    var found: UnsafeRawBufferPointer?
    try Self.scan(block, in: file) { (candidate: [UInt8], value) throws(GraftError) in
      if candidate == key { found = value }
    }
    return found.map { block.part($0) }
  }

  // MARK: - Blocks

  private static func place(
    _ offset: Int, _ size: Int, in file: MappedFile, listedAt listing: Int
  ) throws(GraftError) -> BlockPlace {
    let available = file.bytes.count - footerSize - trailerSize
    guard offset <= available, size <= available - offset else {
      throw damaged(
        file, "A block is listed as the \(size) bytes from byte \(offset) on, which are not all there",
        at: listing)
    }
    return BlockPlace(offset: offset, size: size)
  }

  /// A block's bytes, checked and unpacked.
  private static func block(_ place: BlockPlace, in file: MappedFile) throws(GraftError) -> HeldBytes {
    let end = place.offset + place.size
    let checked = UnsafeRawBufferPointer(rebasing: file.bytes[place.offset...end])
    let content = UnsafeRawBufferPointer(rebasing: checked.dropLast())
    let stored = UInt32(littleEndian: file.bytes.loadUnaligned(fromByteOffset: end + 1, as: UInt32.self))
    let computed = CRC32C(checked)
    guard computed.masked == stored else {
      try file.checkWhole()
      throw damaged(
        file,
        """
        A block of \(place.size) bytes is damaged: its checksum is \(hexadecimal(computed.value)), \
        \(hexadecimal(CRC32C.unmasked(stored))) is stored
        """, at: place.offset)
    }
    switch checked.last {
    case 0: return HeldBytes(bytes: content, owner: file, fileOffset: place.offset)
    case 1:
      do {
        let unpacked = try Snappy.unpack(content)
        return HeldBytes(
          bytes: UnsafeRawBufferPointer(start: unpacked.base, count: unpacked.byteCount), owner: unpacked,
          fileOffset: place.offset)
      } catch {
        throw located(error, in: file, at: place.offset)
      }
    default:
      throw GraftError(
        .unimplemented,
        "A block is compressed in a way with the number \(checked.last ?? 0); 0 (not at all) and 1 "
          + "(Snappy) are known.",
        at: .init(file: file.path, offset: place.offset))
    }
  }

  private static func scan(
    _ block: HeldBytes, in file: MappedFile,
    _ body: (_ key: [UInt8], _ value: UnsafeRawBufferPointer) throws(GraftError) -> Void
  ) throws(GraftError) {
    // The block stays until the last entry is looked at, also where it was unpacked.
    defer { withExtendedLifetime(block.owner) {} }
    do {
      var reader = try BlockReader(block.bytes)
      while let value = try reader.next() { try body(reader.key, value) }
    } catch {
      throw located(error, in: file, at: block.fileOffset)
    }
  }

  // MARK: - Errors

  /// An error with its place, and with what to do where the bytes are to blame.
  private static func located(_ error: GraftError, in file: MappedFile, at offset: Int) -> GraftError {
    GraftError(
      error.code, error.message, at: error.at(.init(file: file.path, offset: offset)).place,
      remedy: error.remedy ?? (error.code == .dataLoss ? copyAgain : nil), cause: error.cause)
  }

  private static let copyAgain = "Copy or download the file again."

  private static func notATable(_ file: MappedFile) -> GraftError {
    let kind = ForeignFile(file)
    let message =
      if let kind {
        "This is \(kind.name), not a checkpoint."
      } else if file.bytes.count < footerSize {
        "The file has \(file.bytes.count) bytes; even the smallest table of a checkpoint has \(footerSize)."
      } else {
        "The file does not end as the tables of checkpoints do (no magic number in its last 8 bytes)."
      }
    return GraftError(
      .wrongFileKind, message, at: .init(file: file.path),
      remedy: kind?.remedy
        ?? "Either it is something else, or it was cut off: compare its size with the original's.")
  }

  private static func damaged(_ file: MappedFile, _ message: String, at offset: Int) -> GraftError {
    GraftError(
      .dataLoss, message + ".", at: .init(file: file.path, offset: offset),
      remedy: copyAgain)
  }
}

/// A bound on the memory that keys take: prefix compression lets a small file spell out huge ones.
private struct KeyBudget {
  private var left: Int

  init(_ file: MappedFile) {
    left = (8 << 20) + file.bytes.count * 256
  }

  mutating func spend(_ bytes: Int) throws(GraftError) {
    left -= bytes
    guard left >= 0 else {
      throw GraftError(
        .resourceExhausted, "The keys of the table take far more memory than the file could honestly hold.",
        remedy: "The file is damaged, or made to exhaust memory.")
    }
  }
}
