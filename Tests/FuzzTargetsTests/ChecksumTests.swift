import Foundation
import GraftTensor
import Testing

@testable import FuzzTargets

/// What the fuzzer makes right has to be right: else nothing would ever get past the readers' first look.
@Suite struct ChecksumTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures", directoryHint: .isDirectory)

  private func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: Self.fixtures.appending(path: path)))
  }

  /// Where the list of blocks is compressed, they are not looked for.
  @Test func checksumsOfTablesWithCompressedListsStay() throws {
    let good = try bytes("checkpoints/v2/compressed.index")
    let isKept = Checksums.ofTable(good) == good
    #expect(isKept)
  }

  @Test(arguments: ["checkpoints/v2/dtypes.index", "checkpoints/v1/dtypes"])
  func checksumsOfTablesAreMadeRight(path: String) throws {
    let good = try bytes(path)
    let isKept = Checksums.ofTable(good) == good
    #expect(isKept)
    var bad = good
    bad[0] ^= 1
    let signed = Checksums.ofTable(bad)
    let isSigned = signed != bad && Checksums.ofTable(signed) == signed
    #expect(isSigned)
  }

  @Test func checksumsOfRecordsAreMadeRight() throws {
    let path = NSTemporaryDirectory() + "graft-\(UUID().uuidString).tfrecord"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var writer = TFRecordWriter(path: path)
    for text in ["one", "", "three"] { writer.append(Bytes(Array(text.utf8))) }
    try writer.close()
    let good = [UInt8](try Data(contentsOf: URL(filePath: path)))
    #expect(Checksums.ofRecords(good) == good)
    var bad = good
    bad[12] ^= 1
    bad[bad.count - 1] ^= 1
    #expect(Checksums.ofRecords(bad)[12...15] != good[12...15])
    #expect(Checksums.ofRecords(bad).suffix(9) == good.suffix(9))
  }

  @Test func checksumsOfPicturesAreMadeRight() throws {
    let good = try bytes("../../Examples/Digits/pictures/digit-0-004.png")
    var bad = good
    bad[29] ^= 1
    #expect(Checksums.ofPNG(good) == good && Checksums.ofPNG(bad) == good)
  }
}
