import CGraftMapping
import Glibc

/// A file's bytes, mapped into memory: read when they are looked at, shared with other processes, and given
/// back to the system when memory is short. Small files are read at once.
///
/// The mapping is private and only read. A file must not be changed by others while it is mapped: values
/// change with it. Bytes that are gone, as when a file is shortened, are zeros, and ``checkWhole()`` throws:
/// whoever made something of a file's bytes asks it before the result counts. Replace files by renaming, as
/// savers do.
public final class MappedFile: @unchecked Sendable {
  /// The file, as the caller named it.
  public let path: String
  /// The file's bytes, valid as long as this object.
  public let bytes: UnsafeRawBufferPointer
  /// The file as long as it is mapped, and where its mapping is guarded; nil where the bytes were read.
  private let mapping: (descriptor: Int32, slot: Int32)?
  /// The last byte that is not zero, where one is near the end of a mapped file. Wherever the file is cut that changes
  /// any of its bytes, a zero stands there afterwards, or no memory is there at all.
  private let witness: (offset: Int, value: UInt8)?

  /// How far from the end it is looked for.
  private static let witnessReach = 4096
  /// Files up to this size are read: as fast as to map them, and nothing that others do reaches them.
  private static let sizeToRead = 64 << 10

  /// Maps a file.
  ///
  /// - Parameter allowsEmpty: whether a file without a byte is fine; its `bytes` are then empty.
  /// - Throws: `GraftError`: `notFound`, `permissionDenied`, `wrongFileKind` for a directory or device,
  ///   `dataLoss` for an empty file, `inputOutput` for what the system refuses.
  /// - Complexity: O(1); no more than the last page is read.
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
    var isKept = false
    defer { if !isKept { close(descriptor) } }

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
      (mapping, witness) = (nil, nil)
      return
    }
    let size = Int(status.st_size)
    guard size > Self.sizeToRead else {
      bytes = try Self.read(size, of: descriptor, path)
      (mapping, witness) = (nil, nil)
      return
    }
    var slot: Int32 = 0
    guard let address = graft_mapping_create(descriptor, size, &slot) else {
      throw Self.failed("map", path, errno)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
    mapping = (descriptor, slot)
    let bytes = bytes
    witness = bytes.indices.suffix(Self.witnessReach).last { bytes[$0] != 0 }.map { ($0, bytes[$0]) }
    isKept = true
  }

  /// All bytes of a small file, in memory that ends at a page as that of mapped files does.
  private static func read(
    _ size: Int, of descriptor: Int32, _ path: String
  ) throws(GraftError) -> UnsafeRawBufferPointer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: TensorStorage.alignment)
    var count = 0
    while count < size {
      let part = Glibc.pread(descriptor, memory.baseAddress.map { $0 + count }, size - count, off_t(count))
      if part < 0 && errno == EINTR { continue }
      guard part > 0 else {
        let error = part < 0 ? failed("read", path, errno) : shortened(path, from: size, to: count)
        memory.deallocate()
        throw error
      }
      count += part
    }
    return UnsafeRawBufferPointer(memory)
  }

  // MARK: - Damage

  /// Whether any file that is mapped was found shortened. Costs next to nothing.
  package static var isAnyDamaged: Bool { graft_mapping_damaged_count() > 0 }

  /// Whether the file's bytes are the system's, and not a copy.
  package var isMapped: Bool { mapping != nil }

  /// Whether bytes of the file were gone when somebody looked at them.
  package var isDamaged: Bool { mapping.map { graft_mapping_is_damaged($0.slot) } ?? false }

  /// Makes sure that the file has not lost bytes since it was mapped.
  ///
  /// - Throws: `GraftError` (`dataLoss`).
  package func checkWhole() throws(GraftError) {
    guard let mapping else { return }
    // To ask the system takes as long as a small network's run.
    if let witness, bytes[witness.offset] == witness.value, !graft_mapping_is_damaged(mapping.slot) { return }
    var status = stat()
    let size = fstat(mapping.descriptor, &status) == 0 ? Int(status.st_size) : 0
    guard size < bytes.count || graft_mapping_is_damaged(mapping.slot) else { return }
    throw Self.shortened(path, from: bytes.count, to: min(size, bytes.count))
  }

  private static func shortened(_ path: String, from size: Int, to now: Int) -> GraftError {
    GraftError(
      .dataLoss,
      "The file was changed while it was in use: it had \(size) bytes, and "
        + (now < size ? "\(now) are left." : "not all of them could be read."),
      at: .init(file: path, offset: now < size ? now : nil),
      remedy:
        "Open it again. Who replaces a file that is in use writes a new one beside it, and renames that.")
  }

  /// Lets the system take back the pages that lie within a part of the bytes; they are read again from the
  /// file when somebody looks at them.
  package func releasePages(_ part: UnsafeRawBufferPointer) {
    guard mapping != nil, let start = part.baseAddress, let first = bytes.baseAddress, start >= first,
      start + part.count <= first + bytes.count
    else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let begin = (Int(bitPattern: start) + page - 1) / page * page
    let end = Int(bitPattern: start + part.count) / page * page
    guard end > begin else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: begin), end - begin, MADV_DONTNEED)
  }

  deinit {
    guard let address = bytes.baseAddress else { return }
    if let mapping {
      graft_mapping_destroy(address, bytes.count, mapping.slot)
      close(mapping.descriptor)
    } else {
      bytes.deallocate()
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
