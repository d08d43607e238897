import Glibc
import GraftTensor

/// What there is at a path.
enum PathKind {
  case nothing
  case file
  case folder
  /// A pipe, a socket or a device.
  case other

  /// Looks at a path; links are followed.
  init(_ path: String) {
    var status = stat()
    guard !path.utf8.contains(0), stat(path, &status) == 0 else {
      self = .nothing
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .folder
    default: self = .other
    }
  }
}

/// A folder, and the names of what is in it.
struct Folder {
  /// What stands before a name to make a path: empty, or ends with a slash.
  let lead: String
  /// The names, sorted.
  let names: [String]

  /// Lists a folder; one that cannot be listed has no names.
  init(lead: String) {
    self.lead = lead
    names = FolderContents.names(in: lead.isEmpty ? "." : lead).sorted()
  }

  /// Lists a folder named with or without a slash at its end.
  init(path: String) {
    self.init(lead: path.isEmpty || path.hasSuffix("/") ? path : path + "/")
  }

  /// A path's folder, as the lead of paths in it, and its name there.
  static func split(_ path: String) -> (lead: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
    let next = path.utf8.index(after: slash)
    return (String(path[..<next]), String(path[next...]))
  }

  /// How the folder is named in messages.
  var title: String { lead.isEmpty ? "the current folder" : "'\(lead)'" }
}
