import Glibc
import GraftTensor

/// The list of cases that do not pass yet: one path on a line, from the folder that is verified, in order.
///
/// A line that begins with `#` says something of the lines after it, and stays where it is. The list only shrinks:
/// cases are taken off it, and none is put on it once the file is there.
struct ExpectedFailures {
  /// The cases that are listed.
  let paths: Set<String>
  private let lines: [String]
  private let file: String
  /// Whether the file is there.
  let exists: Bool

  /// Reads the list; one that is not there is empty.
  ///
  /// - Throws: `GraftError` when the file is there and cannot be read.
  init(file: String) throws {
    self.file = file
    exists = access(file, F_OK) == 0
    lines =
      exists
      ? try FileBytes.read(file).split(separator: UInt8(ascii: "\n")).map {
        String(decoding: $0, as: UTF8.self)
      }
      : []
    paths = Set(lines.filter { !$0.hasPrefix("#") })
  }

  /// Writes the list anew, with what it held and what fails still; with all that fails when it was not there.
  ///
  /// - Throws: `GraftError` when the file cannot be written.
  func update(failing: Set<String>) throws {
    let kept =
      exists ? lines.filter { $0.hasPrefix("#") || failing.contains($0) } : Self.header + failing.sorted()
    try FileBytes.write(Array(kept.map { $0 + "\n" }.joined().utf8), to: file)
  }

  private static let header = [
    "# Recorded cases that do not pass yet. `graft verify --expected-failures THIS --update-expected` takes those",
    "# off that pass now, and puts none on.",
  ]
}
