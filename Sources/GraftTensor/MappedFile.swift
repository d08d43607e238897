import Glibc

/// A file's bytes, mapped into memory: read when they are looked at, shared with other processes, and given
/// back to the system when memory is short.
///
/// The mapping is private and only read. A file must not be shortened by others while it is mapped: the
/// system ends a process that looks at bytes that are gone. Replace files by renaming, as savers do.
public final class MappedFile: @unchecked Sendable {
  /// The file, as the caller named it.
  public let path: String
  /// The file's bytes, valid as long as this object.
  public let bytes: UnsafeRawBufferPointer

  /// Maps a file.
  ///
  /// - Parameter allowsEmpty: whether a file without a byte is fine; its `bytes` are then empty.
  /// - Throws: `GraftError`: `notFound`, `permissionDenied`, `wrongFileKind` for a directory or device,
  ///   `dataLoss` for an empty file, `inputOutput` for what the system refuses.
  /// - Complexity: O(1); nothing is read.
  public init(path: String, allowsEmpty: Bool = false) throws(GraftError) {
    // A path with a zero byte would reach the system cut short.
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw GraftError(
        .notFound,
        path.isEmpty ? "The path of the file is empty." : "The path of the file has a zero byte in it.",
        remedy: "Name a file.")
    }
    // Opening a pipe must not wait for somebody to write to it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.openingFailed(path, errno) }
    defer { close(descriptor) }

    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failed("read", path, errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
      throw GraftError(
        .wrongFileKind, "This is a directory; a file was expected.", at: .init(file: path),
        remedy:
          "Name the file inside of it; a directory with a saved_model.pb is opened with SavedModel.load.")
    default:
      throw GraftError(
        .wrongFileKind, "This is a pipe, a socket or a device; a regular file was expected.",
        at: .init(file: path), remedy: "Write the bytes to a file first.")
    }
    self.path = path
    guard status.st_size > 0 else {
      guard allowsEmpty else {
        throw GraftError(
          .dataLoss, "The file is empty (0 bytes).", at: .init(file: path),
          remedy: "Download or export it again.")
      }
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let size = Int(status.st_size)
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw Self.failed("map", path, errno)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  /// Lets the system take back the pages that lie within a part of the bytes; they are read again from the
  /// file when somebody looks at them.
  package func releasePages(_ part: UnsafeRawBufferPointer) {
    guard let start = part.baseAddress, let first = bytes.baseAddress, start >= first,
      start + part.count <= first + bytes.count
    else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let begin = (Int(bitPattern: start) + page - 1) / page * page
    let end = Int(bitPattern: start + part.count) / page * page
    guard end > begin else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: begin), end - begin, MADV_DONTNEED)
  }

  deinit {
    if let address = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
  }

  private static func openingFailed(_ path: String, _ code: Int32) -> GraftError {
    switch code {
    case ENOENT, ENOTDIR:
      var remedy = "Check the path."
      if let existing = nearestParent(of: path) {
        remedy = "Check the path: '\(existing)' exists, what follows does not."
      }
      return GraftError(.notFound, "There is no such file.", at: .init(file: path), remedy: remedy)
    case EACCES, EPERM:
      return GraftError(
        .permissionDenied, "The file may not be read by this user.", at: .init(file: path),
        remedy: "Change its permissions (chmod), or run as a user who may read it.")
    default:
      return failed("open", path, code)
    }
  }

  private static func failed(_ action: String, _ path: String, _ code: Int32) -> GraftError {
    GraftError(
      .inputOutput, "The system could not \(action) the file: \(String(cString: strerror(code))).",
      at: .init(file: path))
  }

  /// The longest part of a path, ended by a slash, that is there.
  private static func nearestParent(of path: String) -> String? {
    var end = path.endIndex
    while let slash = path[..<end].lastIndex(of: "/"), slash > path.startIndex {
      let parent = String(path[..<slash])
      if access(parent, F_OK) == 0 { return parent }
      end = slash
    }
    return nil
  }
}
