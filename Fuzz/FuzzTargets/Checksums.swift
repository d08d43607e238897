import CZlib
import GraftTensor

/// Checksums made right again, as far as the bytes say where they are: that they are wrong would else be all
/// that readers ever see.
enum Checksums {
  /// Of the blocks of a checkpoint's table.
  static func ofTable(_ table: [UInt8]) -> [UInt8] {
    var table = table
    guard table.count >= 48 else { return table }
    var position = table.count - 48
    guard number(table, &position) != nil, number(table, &position) != nil,
      let offset = number(table, &position), let size = number(table, &position)
    else { return table }
    for place in blocks(in: table, offset, size) + [(offset, size)] { sign(&table, place.0, place.1) }
    // The magic number, so that it is a table at all.
    put(0xDB47_7524_8B80_FB57 as UInt64, &table, table.count - 8)
    return table
  }

  /// Of a file of records: of each record's length, and of its bytes.
  static func ofRecords(_ file: [UInt8]) -> [UInt8] {
    var file = file
    var position = 0
    while position <= file.count - 12 {
      put(file[position..<position + 8].withUnsafeBytes { CRC32C($0) }.masked, &file, position + 8)
      let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(file[position + $1]) << UInt64(8 * $1) }
      position += 12
      guard length <= UInt64(file.count - position) else { break }
      let end = position + Int(length)
      guard end <= file.count - 4 else { break }
      put(file[position..<end].withUnsafeBytes { CRC32C($0) }.masked, &file, end)
      position = end + 4
    }
    return file
  }

  /// Of a PNG's chunks; other bytes stay as they are.
  static func ofPNG(_ file: [UInt8]) -> [UInt8] {
    guard file.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return file }
    var file = file
    var position = 8
    while position <= file.count - 12 {
      let length = file[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= file.count - position - 12 else { break }
      let chunk = file[(position + 4)..<(position + 8 + length)]
      let sum = chunk.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
      put(UInt32(sum).bigEndian, &file, position + 8 + length)
      position += length + 12
    }
    return file
  }

  /// Where the blocks lie that a block lists.
  private static func blocks(in table: [UInt8], _ offset: Int, _ size: Int) -> [(Int, Int)] {
    // The byte after a block says whether it is compressed; then it lists nothing that could be read here.
    guard size >= 4, offset <= table.count, size < table.count - offset, table[offset + size] == 0 else {
      return []
    }
    var places: [(Int, Int)] = []
    var position = offset
    // Behind the entries stands where some of them begin, and how many of these numbers there are.
    let restarts = (1...4).reduce(0) { $0 << 8 | Int(table[offset + size - $1]) }
    let end = offset + size - 4 - 4 * restarts
    while position < end, places.count < 1000 {
      guard number(table, &position) != nil, let length = number(table, &position),
        let valueLength = number(table, &position), length <= table.count - position
      else { break }
      position += length
      let next = position + valueLength
      guard let start = number(table, &position), let count = number(table, &position), next <= table.count
      else { break }
      places.append((start, count))
      position = next
    }
    return places
  }

  private static func sign(_ table: inout [UInt8], _ offset: Int, _ size: Int) {
    guard offset <= table.count, size <= table.count - offset, table.count - offset - size >= 5 else {
      return
    }
    put(table[offset...(offset + size)].withUnsafeBytes { CRC32C($0) }.masked, &table, offset + size + 1)
  }

  private static func put(_ number: some FixedWidthInteger, _ bytes: inout [UInt8], _ offset: Int) {
    withUnsafeBytes(of: number) { bytes.replaceSubrange(offset..<(offset + $0.count), with: $0) }
  }

  private static func number(_ bytes: [UInt8], _ position: inout Int) -> Int? {
    var value = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard position < bytes.count else { return nil }
      value |= Int(bytes[position] & 0x7F) << shift
      position += 1
      if bytes[position - 1] < 0x80 { return value }
    }
    return nil
  }
}
