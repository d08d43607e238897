import Glibc
import GraftTensor

/// A temporary folder that is removed, with all that is in it, when nobody holds this object any more.
final class ScratchFolder {
  /// Where it is.
  let path: String

  /// Makes a folder of its own in another; in the system's for temporary files unless told.
  ///
  /// - Throws: `GraftError` (`inputOutput`) when the system refuses.
  init(in parent: String? = nil) throws {
    let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((parent + "/graft-verify-XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw GraftError(
        .inputOutput, "No temporary folder could be made: \(String(cString: strerror(errno))).",
        at: .init(file: parent))
    }
    path = String(cString: made)
  }

  deinit {
    Self.remove(path)
  }

  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in FolderContents.names(in: path) { remove(path + "/" + name) }
    rmdir(path)
  }
}
