import Glibc

/// What is in a folder.
package enum FolderContents {
  /// The names in a folder, in no certain order; none where it cannot be listed.
  package static func names(in path: String) -> [String] {
    guard !path.utf8.contains(0), let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      // The name is an array of fixed size in the structure; it ends with a zero.
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
