import Foundation
import GraftTensor
import Testing

/// TFRecord files.
struct RecordTests {
  // tf.io.TFRecordWriter of b'x' and b''.
  private static let bytes: [UInt8] = [
    1, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x75, 0xDE, 0x41, 0x78, 0x50, 0x3D, 0xAA, 0x61,
    0, 0, 0, 0, 0, 0, 0, 0, 0x29, 0x03, 0x98, 0x07, 0xD8, 0xEA, 0x82, 0xA2,
  ]

  private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString)")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url.path)
  }

  private func error(_ bytes: [UInt8]) throws -> GraftError? {
    var found: GraftError?
    try withFile(bytes) { path in
      do {
        _ = try TFRecordReader.records(path: path)
      } catch let error as GraftError {
        found = error
      }
    }
    return found
  }

  @Test func readsWhatTensorFlowWrote() throws {
    try withFile(Self.bytes) { path in
      #expect(try TFRecordReader.records(path: path) == ["x", ""])
      var reader = try TFRecordReader(path: path, compression: RecordCompression.none)
      _ = try reader.next()
      #expect(reader.offset == 17)
    }
    try withFile([]) { path in
      let records = try TFRecordReader.records(path: path)
      #expect(records.isEmpty)
    }
  }

  @Test func writesAndReadsEveryCompression() throws {
    let records: [Bytes] = ["x", "", Bytes([UInt8](repeating: 7, count: 1_000_000))]
    for compression in RecordCompression.allCases {
      try withFile([]) { path in
        var writer = TFRecordWriter(path: path, compression: compression)
        for record in records { writer.append(record) }
        try writer.close()
        #expect(try TFRecordReader.records(path: path) == records)
        #expect(try TFRecordReader.records(path: path, compression: compression) == records)
      }
    }
    try withFile([]) { path in
      var writer = TFRecordWriter(path: path)
      writer.append("x")
      writer.append("")
      try writer.close()
      #expect(try Array(Data(contentsOf: URL(filePath: path))) == Self.bytes)
    }
  }

  @Test func damageIsToldWithItsPlace() throws {
    for position in Self.bytes.indices {
      var damaged = Self.bytes
      damaged[position] ^= 0x10
      let error = try #require(try error(damaged), "byte \(position)")
      #expect(error.code == .dataLoss)
      #expect(error.place.offset == (position < 17 ? 0 : 17))
    }
    for count in 1..<Self.bytes.count where count != 17 {
      #expect(try error(Array(Self.bytes.prefix(count)))?.code == .dataLoss)
    }
    #expect(try error([0x1F, 0x8B, 8, 0, 1, 2, 3])?.code == .dataLoss)
  }
}
