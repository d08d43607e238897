import Glibc
import Graft
import GraftCheckpoint
import GraftTensor

/// What is read from files.
enum FileTargets {
  static func metaGraph(_ bytes: [UInt8]) throws {
    try withFiles(["model.meta": bytes]) { folder in
      try Graph().importMetaGraph(try MetaGraph(contentsOf: folder + "model.meta"))
    }
  }

  static func savedModel(_ bytes: [UInt8]) throws {
    try withFiles(["saved_model.pb": bytes]) { folder in
      _ = try SavedModel.load(folder, tags: nil, into: Session(options: .tight))
    }
  }

  static func checkpoint(_ bytes: [UInt8]) throws {
    let (index, data) = halves(bytes)
    try withFiles([
      "model.ckpt.index": Checksums.ofTable(index), "model.ckpt.data-00000-of-00001": data,
    ]) { try readAll(try Checkpoint(path: $0 + "model.ckpt")) }
  }

  /// Takes the bytes as lengths with keys and values after them.
  static func checkpointEntries(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    var entries: [(key: [UInt8], value: [UInt8])] = []
    while let keyLength = rest.popFirst(), let valueLength = rest.popFirst() {
      let key = Array(rest.prefix(Int(keyLength)))
      rest = rest.dropFirst(Int(keyLength))
      entries.append((key, Array(rest.prefix(Int(valueLength)))))
      rest = rest.dropFirst(Int(valueLength))
    }
    var table = TableBuilder()
    var last: [UInt8]?
    for entry in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) where entry.key != last {
      table.add(entry.key, entry.value)
      last = entry.key
    }
    let index = table.finish()
    try withFiles([
      "model.ckpt.index": index,
      "model.ckpt.data-00000-of-00001": [UInt8](repeating: 7, count: 4096),
    ]) { folder in
      do { try readAll(try Checkpoint(path: folder + "model.ckpt")) } catch { _ = "\(error)" }
    }
    try withFiles(["model.ckpt": index]) { try readAll(try Checkpoint(path: $0 + "model.ckpt")) }
  }

  static func sliceFile(_ bytes: [UInt8]) throws {
    try withFiles(["model.ckpt": Checksums.ofTable(bytes)]) {
      try readAll(try Checkpoint(path: $0 + "model.ckpt"))
    }
  }

  static func checkpointState(_ bytes: [UInt8]) throws {
    try withFiles(["checkpoint": bytes]) { folder in
      _ = try CheckpointState(contentsOf: folder + "checkpoint")
      _ = try Checkpoint(path: folder)
    }
  }

  static func arrays(_ bytes: [UInt8]) throws {
    do { _ = "\(try Tensor(npyBytes: bytes))" } catch { _ = "\(error)" }
    try withFiles(["arrays.npz": bytes]) { folder in
      for (_, tensor) in try NPZ.read(folder + "arrays.npz") { _ = tensor.elementCount }
    }
  }

  static func records(_ bytes: [UInt8]) throws {
    for contents in [bytes, Checksums.ofRecords(bytes)] {
      try withFiles(["a.tfrecord": contents]) { folder in
        var reader = try TFRecordReader(path: folder + "a.tfrecord")
        do { while try reader.next() != nil {} } catch { _ = "\(error)" }
      }
    }
  }

  // MARK: - Parts

  /// What stands before a line of dashes, and what stands after it.
  static func halves(_ bytes: [UInt8]) -> ([UInt8], [UInt8]) {
    let dashes = Array("----".utf8)
    guard let cut = bytes.firstRange(of: dashes) else { return (bytes, []) }
    return (Array(bytes[..<cut.lowerBound]), Array(bytes[cut.upperBound...]))
  }

  /// Calls the closure with a folder that holds the given files.
  private static func withFiles(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
    let folder = "/dev/shm/graft-fuzz-\(getpid())/"
    mkdir(folder, 0o700)
    defer {
      for name in files.keys { unlink(folder + name) }
      rmdir(folder)
    }
    for (name, bytes) in files {
      guard let file = fopen(folder + name, "w") else { continue }
      _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
      fclose(file)
    }
    try body(folder)
  }

  private static func readAll(_ checkpoint: Checkpoint) throws {
    for entry in checkpoint.entries {
      do { _ = "\(try checkpoint.tensor(entry.key))" } catch { _ = "\(error)" }
    }
    _ = checkpoint.verify()
    _ = try checkpoint.objectGraph()
  }
}
