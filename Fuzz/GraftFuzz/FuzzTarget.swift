import Glibc
import Graft
import GraftCheckpoint
import GraftTensor

/// What bytes from outside are fed to.
enum FuzzTarget: String, CaseIterable {
  /// A GraphDef, binary or text: imported, described, exported.
  case graph
  /// A GraphDef that is run as well, under limits.
  case run
  /// A `.meta` file.
  case metaGraph = "meta"
  /// A `saved_model.pb`.
  case savedModel
  /// The index of a checkpoint and, behind a line of dashes, its data; the index's checksums made right.
  case checkpoint
  /// Keys and values of a checkpoint's index, made into a table whose checksums are right.
  case checkpointEntries
  /// A checkpoint of the first version.
  case sliceFile
  /// `.npy` and `.npz`.
  case numpy
  /// A TFRecord file, compressed or not.
  case records
  /// Records, pictures and sounds, each to the ops that decode it.
  case decoders

  func run(_ bytes: [UInt8]) throws {
    switch self {
    case .graph: try importGraph(bytes)
    case .run: try runGraph(bytes)
    case .metaGraph:
      try withFiles(["model.meta": bytes]) { folder in
        try Graph().importMetaGraph(try MetaGraph(contentsOf: folder + "model.meta"))
      }
    case .savedModel:
      try withFiles(["saved_model.pb": bytes]) { folder in
        _ = try SavedModel.load(folder, tags: nil, into: Session(options: .tight))
      }
    case .checkpoint: try readCheckpoint(bytes)
    case .checkpointEntries: try readEntries(bytes)
    case .sliceFile:
      try withFiles(["model.ckpt": withRightChecksums(bytes)]) {
        try readAll(try Checkpoint(path: $0 + "model.ckpt"))
      }
    case .numpy: try readArrays(bytes)
    case .records:
      try withFiles(["a.tfrecord": bytes]) { folder in
        var reader = try TFRecordReader(path: folder + "a.tfrecord")
        while try reader.next() != nil {}
      }
    case .decoders: try decode(bytes)
    }
  }
}

extension SessionOptions {
  /// One thread, and limits that end what would take long.
  static var tight: SessionOptions {
    SessionOptions(
      threads: 1,
      limits: SessionLimits(
        totalBytes: 256 << 20, tensorBytes: 64 << 20, loopSteps: 1000, functionDepth: 40,
        runTime: .milliseconds(500)))
  }
}

extension RunOptions {
  static var tight: RunOptions { RunOptions(timeout: .milliseconds(500)) }
}

// MARK: - Graphs

private func importGraph(_ bytes: [UInt8]) throws {
  let graph = Graph()
  try graph.importGraphDef(bytes: bytes)
  for operation in graph.operations { _ = operation.name }
  let again = Graph()
  try again.importGraphDef(bytes: try graph.graphDef())
}

private func runGraph(_ bytes: [UInt8]) throws {
  let graph = Graph()
  try graph.importGraphDef(bytes: bytes)
  for optimize in [false, true] {
    var options = SessionOptions.tight
    options.optimize = optimize
    let session = Session(graph: graph, options: options)
    let feed = try Tensor(shape: [2, 2], scalars: [1, -1, 0.5, 2] as [Float])
    let feeds = graph.operations.filter { $0.type == "Placeholder" }.prefix(4)
    for operation in graph.operations.suffix(8) where !operation.outputs.isEmpty {
      _ = try? session.run(
        [operation.name + ":0"],
        feeding: Dictionary(feeds.map { ($0.name, feed) }, uniquingKeysWith: { first, _ in first }),
        options: .tight)
    }
  }
}

// MARK: - Files

/// Calls the closure with a folder that holds the given files.
private func withFiles(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
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

private func readAll(_ checkpoint: Checkpoint) throws {
  for entry in checkpoint.entries { _ = try? checkpoint.tensor(entry.key) }
  _ = try checkpoint.objectGraph()
}

private func readCheckpoint(_ bytes: [UInt8]) throws {
  let dashes = Array("----".utf8)
  let cut = bytes.indices.first { bytes[$0...].starts(with: dashes) } ?? bytes.endIndex
  try withFiles([
    "model.ckpt.index": withRightChecksums(Array(bytes[..<cut])),
    "model.ckpt.data-00000-of-00001": Array(bytes[cut...].dropFirst(dashes.count)),
  ]) { try readAll(try Checkpoint(path: $0 + "model.ckpt")) }
}

/// Takes the bytes as lengths with keys and values after them.
private func readEntries(_ bytes: [UInt8]) throws {
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
  ]) { try readAll(try Checkpoint(path: $0 + "model.ckpt")) }
  try withFiles(["model.ckpt": index]) { try readAll(try Checkpoint(path: $0 + "model.ckpt")) }
}

private func readArrays(_ bytes: [UInt8]) throws {
  _ = try? Tensor(npyBytes: bytes)
  try withFiles(["arrays.npz": bytes]) { folder in
    for (_, tensor) in try NPZ.read(folder + "arrays.npz") { _ = tensor.elementCount }
  }
}

// MARK: - Decoders

private let unicode =
  "attr { key: \"input_encoding\" value { s: \"UTF-16\" } } "
  + "attr { key: \"output_encoding\" value { s: \"UTF-8\" } }"

/// Graphs of one op that takes bytes.
private let decoders: [Session] = [
  ("DecodeImage", ""), ("DecodeJpeg", ""), ("DecodePng", ""), ("DecodeGif", ""), ("DecodeBmp", ""),
  ("DecodeWav", ""), ("DecodeCompressed", "attr { key: \"compression_type\" value { s: \"ZLIB\" } }"),
  ("ParseTensor", "attr { key: \"out_type\" value { type: DT_FLOAT } }"), ("DecodeJSONExample", ""),
  ("DecodeBase64", ""), ("StringToNumber", ""), ("UnicodeTranscode", unicode),
  ("DecodeRaw", "attr { key: \"out_type\" value { type: DT_FLOAT } }"),
].compactMap { op, attributes in
  let text = """
    node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_STRING } } }
    node { name: "y" op: "\(op)" input: "x" \(attributes) }
    """
  let graph = Graph()
  guard (try? graph.importGraphDef(bytes: Array(text.utf8))) != nil else { return nil }
  return Session(graph: graph, options: .tight)
}

private func decode(_ bytes: [UInt8]) throws {
  let value = try Tensor(shape: [], scalars: [Bytes(bytes)])
  for session in decoders { _ = try? session.run(["y:0"], feeding: ["x": value], options: .tight) }
}
