import Foundation
import Testing

@testable import GraftTensor

/// Files that lose bytes while they are mapped.
@Suite struct MappedFileDamageTests {
  private static let size = 100_000

  /// A file that ends in so many zeros.
  private func file(zeros: Int) throws -> (path: String, file: MappedFile, bytes: [UInt8]) {
    let path = NumpyFixtures.temporaryFile("mapped-\(zeros)-\(UUID().uuidString)")
    let bytes = (0..<Self.size).map { $0 < Self.size - zeros ? UInt8($0 % 255 + 1) : 0 }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return (path, try MappedFile(path: path), bytes)
  }

  @Test(arguments: [0, 1, 1000, 5000, 99_999, 100_000]) func aWholeFileIsWhole(zeros: Int) throws {
    let (path, file, bytes) = try file(zeros: zeros)
    defer { unlink(path) }
    try file.checkWhole()
    #expect(Array(file.bytes) == bytes)
    try file.checkWhole()
  }

  @Test(arguments: [0, 1, 1000, 5000, 99_999], [1, 900, 2000, 6000, 60_000, 100_000])
  func whatIsLostIsSaidWhereItMatters(zeros: Int, lost: Int) throws {
    let (path, file, bytes) = try file(zeros: zeros)
    defer { unlink(path) }
    try file.checkWhole()
    #expect(truncate(path, off_t(Self.size - lost)) == 0)
    let found = Array(file.bytes)
    do {
      try file.checkWhole()
      #expect(found == bytes)
    } catch {
      #expect(error.code == .dataLoss)
    }
    if lost > zeros { #expect(throws: GraftError.self) { try file.checkWhole() } }
  }
}
