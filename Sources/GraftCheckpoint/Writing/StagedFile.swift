import Glibc
import GraftTensor

/// A file that is written aside, under a name of its own, and takes its place only when it is whole and on
/// the disk.
package struct StagedFile: ~Copyable {
  /// The name that it is to have.
  let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var isCommitted = false
  /// How many bytes have been written.
  private(set) var count = 0

  /// Creates the file under its name aside, which TensorFlow's leftovers have too.
  ///
  /// - Throws: `GraftError` for what the system refuses.
  init(_ path: String) throws(GraftError) {
    self.path = path
    temporaryPath = path + ".tempstate" + String(UInt64.random(in: 0 ... .max))
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.failure("created", path) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporaryPath) }
  }

  /// Appends bytes.
  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(GraftError) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let written = Glibc.write(descriptor, base, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw Self.failure("written", path) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      count += written
    }
  }

  /// Makes sure that the bytes are on the disk, and ends the writing.
  mutating func finish() throws(GraftError) {
    let open = descriptor
    descriptor = -1
    guard fsync(open) == 0 else {
      let error = Self.failure("brought to the disk", path)
      close(open)
      throw error
    }
    guard close(open) == 0 else { throw Self.failure("written", path) }
  }

  /// Gives the file its name, in place of one that has it.
  mutating func commit() throws(GraftError) {
    guard rename(temporaryPath, path) == 0 else { throw Self.failure("put in its place", path) }
    isCommitted = true
  }

  /// Writes a whole file: aside, synced, and put in its place.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    var file = try StagedFile(path)
    try bytes.withUnsafeBytes { try file.append($0) }
    try file.finish()
    try file.commit()
    syncFolder(of: path)
  }

  /// Makes sure that new names in a file's folder are on the disk. Systems that cannot say so are believed.
  static func syncFolder(of path: String) {
    let lead = Folder.split(path).lead
    let folder = open(lead.isEmpty ? "." : lead, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  /// Creates a folder and those above it, where they are not there.
  package static func createFolder(_ path: String) throws(GraftError) {
    var end = path.startIndex
    while end < path.endIndex {
      end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
      let part = String(path[..<end])
      if mkdir(part, 0o777) != 0 && errno != EEXIST {
        let error = failure("created", part)
        // A root that may not be written to need not be, when the folder is there.
        if case .folder = PathKind(part) { continue }
        throw error
      }
    }
    guard case .folder = PathKind(path) else {
      throw GraftError(
        .inputOutput, "'\(path)' is in the way: it is no folder.", at: .init(file: path),
        remedy: "Save to another place.")
    }
  }

  static func failure(_ action: String, _ path: String) -> GraftError {
    let number = errno
    let remedy =
      switch number {
      case ENOSPC, EDQUOT: "Make room on the disk, or save to another one."
      case ENOENT: "Check the path: its folder is not there."
      default: "Check the folder's permissions, and the disk."
      }
    return GraftError(
      .inputOutput, "The file could not be \(action): \(String(cString: strerror(number))).",
      at: .init(file: path), remedy: remedy)
  }
}
