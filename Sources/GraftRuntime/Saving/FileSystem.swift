import Glibc
import GraftCheckpoint
import GraftTensor

/// What the loader asks of the file system.
enum FileSystem {
  static func isFile(_ path: String) -> Bool { kind(path) == S_IFREG }

  static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }

  private static func kind(_ path: String) -> mode_t? {
    guard !path.utf8.contains(0) else { return nil }
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// The folders in a folder, by name; none where it cannot be listed.
  static func folders(in path: String) -> [String] {
    FolderContents.names(in: path).filter { isFolder("\(path)/\($0)") }.sorted()
  }

  /// Where a path leads, symbolic links followed; nil where nothing is.
  static func real(_ path: String) -> String? {
    guard !path.utf8.contains(0), let buffer = realpath(path.isEmpty ? "." : path, nil) else { return nil }
    defer { free(buffer) }
    return String(cString: buffer)
  }

  /// Makes the folder that a path lies in, and those above it, where they are not there.
  ///
  /// - Returns: the folder.
  /// - Throws: `GraftError` (`inputOutput`) for what the system refuses.
  @discardableResult
  static func makeFolder(of path: String) throws -> String {
    let folder = parent(of: path)
    try makeFolder(folder)
    return folder
  }

  /// Makes a folder, and those above it, where they are not there.
  ///
  /// - Throws: `GraftError` (`inputOutput`) for what the system refuses.
  static func makeFolder(_ path: String) throws {
    try StagedFile.createFolder(path)
  }

  /// The folder that a path lies in.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
