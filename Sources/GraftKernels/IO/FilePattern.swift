import Glibc
import GraftTensor

/// A path with wildcards, as `glob` knows them but for two things: names may begin with a dot, and what is
/// not there matches nothing.
struct FilePattern {
  private let text: String
  private let lead: String
  private let parts: [String]

  init(_ pattern: String) {
    var parts = pattern.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    // TensorFlow names what a relative pattern finds in the current folder so.
    var lead = pattern.hasPrefix("/") ? "/" : parts.first.map(Self.hasWildcard) == true ? "./" : ""
    // What comes before the first wildcard is one folder.
    while let first = parts.first, parts.count > 1, !Self.hasWildcard(first) {
      lead += first + "/"
      parts.removeFirst()
    }
    text = pattern
    self.lead = lead
    self.parts = parts
  }

  /// The paths that match.
  ///
  /// - Throws: `GraftError` (`permissionDenied`) where the folder may not be read.
  func matches(_ files: FileAccess, checkpoint: () throws -> Void) throws -> [String] {
    guard !text.isEmpty else { return [] }
    guard Self.hasWildcard(text) else {
      return access(try files.placeForReading(text), F_OK) == 0 ? [text] : []
    }
    _ = try files.placeForReading(lead.isEmpty ? "." : lead)
    var found = [lead]
    for (index, part) in parts.enumerated() {
      var next: [String] = []
      for folder in found {
        try checkpoint()
        guard let place = try? files.placeForReading(folder.isEmpty ? "." : folder) else { continue }
        for name in FolderContents.names(in: place) where fnmatch(part, name, FNM_PATHNAME) == 0 {
          next.append(folder + name + (index == parts.count - 1 ? "" : "/"))
        }
      }
      found = next
    }
    return found
  }

  private static func hasWildcard(_ text: String) -> Bool {
    text.contains { "*?[\\".contains($0) }
  }
}
