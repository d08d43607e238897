import Glibc
import GraftTensor

/// Which files a run's operations may touch: none, unless the caller opened folders to it.
package struct FileAccess: Sendable {
  private let readable: [String]
  private let writable: [String]

  /// No file at all.
  package static let none = FileAccess()

  /// Files below the given folders, symbolic links resolved. What may be written may be read, too.
  package init(readingBelow readable: [String] = [], writingBelow writable: [String] = []) {
    self.readable = readable + writable
    self.writable = writable
  }

  /// Whether there is any file that may be read.
  package var allowsReading: Bool { !readable.isEmpty }
  /// Whether there is any file that may be written.
  package var allowsWriting: Bool { !writable.isEmpty }

  /// - Throws: `GraftError` (`permissionDenied`) for a file that the run may not read.
  package func checkReading(_ path: String) throws {
    try check(path, readable, "read", option: "readableFolders")
  }

  /// - Throws: `GraftError` (`permissionDenied`) for a file that the run may not write.
  package func checkWriting(_ path: String) throws {
    try check(path, writable, "write", option: "writableFolders")
  }

  private func check(_ path: String, _ folders: [String], _ verb: String, option: String) throws {
    let place = Self.resolved(path)
    let isAllowed = folders.contains { folder in
      guard let root = Self.real(folder), let place else { return false }
      return place == root || place.hasPrefix(root == "/" ? root : root + "/")
    }
    guard isAllowed else {
      throw GraftError(
        .permissionDenied, "The graph asks to \(verb) '\(path)', and it was not given permission.",
        remedy: "If you trust the graph, name the folder in the session's `\(option)`.")
    }
  }

  /// Where a path leads, the file itself not needing to be there.
  private static func resolved(_ path: String) -> String? {
    guard !path.utf8.contains(0) else { return nil }
    if let whole = real(path) { return whole }
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    guard let name = parts.last, name != "..", name != "." else { return nil }
    let folder = parts.dropLast().joined(separator: "/")
    let lead = path.hasPrefix("/") ? "/" + folder : (folder.isEmpty ? "." : folder)
    return resolved(lead).map { $0 == "/" ? "/" + name : $0 + "/" + name }
  }

  private static func real(_ path: String) -> String? {
    guard let buffer = realpath(path.isEmpty ? "." : path, nil) else { return nil }
    defer { free(buffer) }
    return String(cString: buffer)
  }
}
