import GraftTensor

/// Makes the checksums of a table's blocks right again, as far as its end says where they are: what is wrong in
/// them would else be all that readers ever see.
func withRightChecksums(_ table: [UInt8]) -> [UInt8] {
  var table = table
  guard table.count >= 48 else { return table }
  var position = table.count - 48
  guard number(table, &position) != nil, number(table, &position) != nil,
    let offset = number(table, &position), let size = number(table, &position)
  else { return table }
  for place in blocks(in: table, offset, size) + [(offset, size)] { sign(&table, place.0, place.1) }
  // The magic number, so that it is a table at all.
  let magic: UInt64 = 0xDB47_7524_8B80_FB57
  withUnsafeBytes(of: magic.littleEndian) { table.replaceSubrange((table.count - 8)..., with: $0) }
  return table
}

/// Where the blocks lie that a block lists.
private func blocks(in table: [UInt8], _ offset: Int, _ size: Int) -> [(Int, Int)] {
  guard size >= 4, offset <= table.count, size <= table.count - offset else { return [] }
  var places: [(Int, Int)] = []
  var position = offset
  while position < offset + size - 4, places.count < 1000 {
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

private func sign(_ table: inout [UInt8], _ offset: Int, _ size: Int) {
  guard offset <= table.count, size <= table.count - offset, table.count - offset - size >= 5 else { return }
  let checksum = table[offset...(offset + size)].withUnsafeBytes { CRC32C($0) }.masked
  withUnsafeBytes(of: checksum.littleEndian) {
    table.replaceSubrange((offset + size + 1)..<(offset + size + 5), with: $0)
  }
}

private func number(_ bytes: [UInt8], _ position: inout Int) -> Int? {
  var value = 0
  for shift in stride(from: 0, to: 35, by: 7) {
    guard position < bytes.count else { return nil }
    value |= Int(bytes[position] & 0x7F) << shift
    position += 1
    if bytes[position - 1] < 0x80 { return value }
  }
  return nil
}
