import Glibc
import GraftTensor

/// The terminal, or whatever stands in its place.
enum Console {
  /// Writes a text to standard output.
  ///
  /// - Throws: `BrokenPipe` when nobody reads it any more; `GraftError` (`inputOutput`) when it cannot be
  ///   written, as on a full disk.
  static func write(_ text: String) throws {
    let failure = write(text, to: STDOUT_FILENO)
    if failure == EPIPE { throw BrokenPipe() }
    if failure != 0 {
      throw GraftError(
        .inputOutput, "The output could not be written: \(String(cString: strerror(failure))).")
    }
  }

  /// Writes a text and a line's end to standard output; throws as ``write(_:)``.
  static func writeLine(_ text: String = "") throws { try write(text + "\n") }

  /// Writes a text and a line's end to standard error, where that can be written.
  static func writeErrorLine(_ text: String) { writeError(text + "\n") }

  /// Writes a text to standard error, where that can be written.
  static func writeError(_ text: String) {
    _ = write(text, to: STDERR_FILENO)
  }

  /// Whoever read our output has gone, as `head` does: the end of the work and no error.
  struct BrokenPipe: Error {}

  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if written < 0, errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
