import GraftTensor

extension UnsafeMutablePointer {
  /// More bytes than this the C library copies with string instructions, which take ten times as long on some processors
  /// where the target lies a few bytes further on in its page than the source.
  private static var piece: Int { 2048 }

  /// Copies elements from elsewhere; plain ones may lie at any address.
  @inline(__always)
  func copyRow(from source: UnsafePointer<Pointee>, count: Int) {
    guard _isPOD(Pointee.self) else { return update(from: source, count: count) }
    let size = count * MemoryLayout<Pointee>.stride
    let (from, to) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(self))
    guard size > Self.piece else { return to.copyMemory(from: from, byteCount: size) }
    var done = 0
    while done < size {
      let bytes = Swift.min(Self.piece, size - done)
      (to + done).copyMemory(from: from + done, byteCount: bytes)
      done += bytes
    }
  }

  /// Repeats an element. Long rows of plain ones are copies of what their beginning has: the C library has wider
  /// vectors at hand than the loop of a binary for every processor.
  @inline(__always)
  func fillRow(with element: Pointee, count: Int) {
    guard _isPOD(Pointee.self) else { return update(repeating: element, count: count) }
    let filled = Swift.min(count, Swift.max(256 / MemoryLayout<Pointee>.stride, 1))
    update(repeating: element, count: filled)
    let size = count * MemoryLayout<Pointee>.stride
    let row = UnsafeMutableRawPointer(self)
    var done = filled * MemoryLayout<Pointee>.stride
    while done < size {
      let bytes = Swift.min(done, Self.piece, size - done)
      (row + done).copyMemory(from: row, byteCount: bytes)
      done += bytes
    }
  }
}
