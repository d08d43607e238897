import Glibc
import GraftTensor

/// Which files a run's operations may touch, and where they lie: none, unless the caller opened folders.
package struct FileAccess: Sendable {
  private let readable: [String]
  private let writable: [String]
  private let scratch: String?

  /// No file at all.
  package static let none = FileAccess()

  /// Files below the given folders, symbolic links resolved. What may be written may be read, too.
  ///
  /// - Parameter scratch: a folder that stands for the whole file system where nothing else is allowed: what
  ///   the graph calls `/tmp/x` lies at `tmp/x` in it.
  package init(
    readingBelow readable: [String] = [], writingBelow writable: [String] = [], scratch: String? = nil
  ) {
    self.readable = readable + writable
    self.writable = writable
    self.scratch = scratch
  }

  /// Whether there is any file that may be read.
  package var allowsReading: Bool { !readable.isEmpty || scratch != nil }
  /// Whether there is any file that may be written.
  package var allowsWriting: Bool { !writable.isEmpty || scratch != nil }

  /// Where the file lies that the graph asks to read.
  ///
  /// - Throws: `GraftError` (`permissionDenied`) for a file that the run may not read.
  package func placeForReading(_ path: String) throws -> String {
    try place(path, readable, "read", option: "readableFolders")
  }

  /// Where the file lies that the graph asks to write.
  ///
  /// - Throws: `GraftError` (`permissionDenied`) for a file that the run may not write.
  package func placeForWriting(_ path: String) throws -> String {
    try place(path, writable, "write", option: "writableFolders")
  }

  private func place(_ path: String, _ folders: [String], _ verb: String, option: String) throws -> String {
    let local = path.hasPrefix("file://") ? String(path.dropFirst("file://".count)) : path
    if Self.isPlace(local, below: folders) { return local }
    if let scratch {
      let inside = scratch + (local.hasPrefix("/") ? local : "/" + local)
      if Self.isPlace(inside, below: [scratch]) { return inside }
    }
    throw GraftError(
      .permissionDenied, "The graph asks to \(verb) '\(path)', and it was not given permission.",
      remedy: "If you trust the graph, name the folder in the session's `\(option)`.")
  }

  private static func isPlace(_ path: String, below folders: [String]) -> Bool {
    guard !folders.isEmpty, let place = resolved(path) else { return false }
    return folders.contains { folder in
      guard let root = real(folder) else { return false }
      return place == root || place.hasPrefix(root == "/" ? root : root + "/")
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
