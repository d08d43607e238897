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
}
