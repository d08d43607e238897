import Glibc

/// Whole files in and out, with errors that name the file.
package enum FileBytes {
  /// All bytes of a file. Pipes and devices are read to their end.
  ///
  /// - Throws: `GraftError`: `notFound`, `wrongFileKind` for a directory, `inputOutput` for what the system
  ///   refuses.
  package static func read(_ path: String) throws(GraftError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("opened", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("examined", path) }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw GraftError(
        .wrongFileKind, "'\(path)' is a directory where a file is expected.", at: .init(file: path),
        remedy: "Name a file inside of it.")
    }
    let size = min(max(Int(status.st_size), 0), 1 << 32)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    // Pipes and devices say nothing of their size; of a small file one byte more finds the end.
    var chunk = [UInt8](repeating: 0, count: min(max(size + 1, 1 << 14), 1 << 20))
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("read", path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Writes a file anew, in place of one that is there.
  ///
  /// - Throws: `GraftError` (`inputOutput` or `notFound`) for what the system refuses.
  package static func write(_ bytes: [UInt8], to path: String) throws(GraftError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("created", path) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let error = failure("written", path)
        close(descriptor)
        throw error
      }
      written += count
    }
    guard close(descriptor) == 0 else { throw failure("written", path) }
  }

  private static func failure(_ action: String, _ path: String) -> GraftError {
    let number = errno
    let reason = String(cString: strerror(number))
    if number == ENOENT {
      return GraftError(
        .notFound, "The file '\(path)' could not be \(action): \(reason).", at: .init(file: path),
        remedy: "Check the path; a relative one begins at the current directory.")
    }
    return GraftError(
      .inputOutput, "The file '\(path)' could not be \(action): \(reason).", at: .init(file: path),
      remedy: "Check the file's and its folder's permissions, and the space on the disk.")
  }
}
