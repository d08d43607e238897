import Glibc
import GraftProto
import GraftTensor
import SwiftProtobuf

/// Writes a V2 checkpoint, which TensorFlow reads.
///
/// Tensors are gathered first, without a copy, and then written at once: aside, brought to the disk, and
/// put in their places, the index last. Where that fails, what was there before is still there.
public struct CheckpointWriter: Sendable {
  private var items: [Bytes: Tensor] = [:]
  private var partitioned: [Bytes: Partitioned] = [:]

  private struct Partitioned: Sendable {
    let dtype: DataType
    let shape: Shape
    var slices: [TensorSlice]
    var boxes: [Box]
  }

  /// A writer with no tensors.
  public init() {}

  /// Adds a tensor.
  ///
  /// - Throws: `GraftError`: `alreadyExists` for a key that is there, `invalidArgument` for an empty key or a
  ///   tensor of resources.
  public mutating func add(_ key: String, _ tensor: Tensor) throws {
    let bytes = Bytes(key)
    try check(key, tensor)
    guard items[bytes] == nil, partitioned[bytes] == nil else { throw Self.exists(key) }
    items[bytes] = tensor
  }

  /// Adds a part of a tensor that is stored in parts.
  ///
  /// - Parameters:
  ///   - slice: where the part lies.
  ///   - shape: the shape of the whole.
  /// - Throws: `GraftError`: `alreadyExists` for a key that is there as a whole, `invalidArgument` for parts
  ///   that do not fit the shape, the dtype or each other.
  public mutating func add(_ key: String, _ tensor: Tensor, as slice: TensorSlice, of shape: Shape) throws {
    try check(key, tensor)
    let box = try slice.box(in: shape)
    guard box.shape == tensor.shape else {
      throw GraftError(
        .invalidArgument,
        "The part '\(slice)' of '\(key)' has the shape \(box.shape); the tensor given has \(tensor.shape).")
    }
    if box == Box(shape) { return try add(key, tensor) }
    let bytes = Bytes(key)
    guard items[bytes] == nil else { throw Self.exists(key) }
    var whole = partitioned[bytes] ?? Partitioned(dtype: tensor.dtype, shape: shape, slices: [], boxes: [])
    guard whole.dtype == tensor.dtype, whole.shape == shape else {
      throw GraftError(
        .invalidArgument,
        "The part '\(slice)' of '\(key)' is \(tensor.dtype) of the whole shape \(shape); parts before are "
          + "\(whole.dtype) of \(whole.shape).")
    }
    if let other = whole.boxes.firstIndex(where: { $0.intersection(box) != nil || $0 == box }) {
      throw GraftError(
        .invalidArgument, "The parts '\(whole.slices[other])' and '\(slice)' of '\(key)' overlap.")
    }
    whole.slices.append(slice)
    whole.boxes.append(box)
    partitioned[bytes] = whole
    items[Bytes(OrderedCode.key(of: bytes.bytes, slice))] = tensor
  }

  private func check(_ key: String, _ tensor: Tensor) throws(GraftError) {
    guard !key.isEmpty else {
      throw GraftError(
        .invalidArgument, "A tensor is to be saved under the empty name, which the index needs.")
    }
    guard tensor.dtype != .resource else {
      throw GraftError(
        .invalidArgument, "'\(key)' is a resource: a reference to something, not a value.",
        remedy: "Save the variable's value.")
    }
  }

  private static func exists(_ key: String) -> GraftError {
    GraftError(
      .alreadyExists, "The tensor '\(key)' is there already.", remedy: "Give every tensor a name of its own.")
  }
}

// MARK: - Writing

extension CheckpointWriter {
  /// Writes everything, in place of a checkpoint that has the prefix.
  ///
  /// At every moment one of the two is there whole, whatever ends the process: the new data files lie beside
  /// the old ones, and with the index the checkpoint is another. Where both would have the same names, the
  /// new one gets an empty data file more, and so other names.
  ///
  /// - Parameters:
  ///   - prefix: what the files' names begin with; its folder is created where it is not there.
  ///   - shards: how many data files there are. Large ones restore side by side.
  ///   - progress: called with the bytes that are written, and those that are to be written; what it throws
  ///     ends the work, and nothing is changed.
  /// - Throws: `GraftError` for what the system refuses.
  public func write(
    to prefix: String, shards: Int = 1, progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
  ) throws {
    guard !prefix.isEmpty, !prefix.utf8.contains(0) else {
      throw GraftError(
        .invalidArgument, "A checkpoint needs a name.", remedy: "Give a prefix as 'folder/model'.")
    }
    guard (1...99_999).contains(shards) else {
      throw GraftError(.invalidArgument, "A checkpoint has 1 to 99999 data files; \(shards) were asked for.")
    }
    let lead = Folder.split(prefix).lead
    if !lead.isEmpty { try StagedFile.createFolder(String(lead.dropLast())) }

    var files = StagedFiles()
    var entries: [Bytes: Tensorflow_BundleEntryProto] = [:]
    let total = items.values.reduce(0) { $0 + Self.weight($1) }
    var done = 0
    let count = Self.untakenCount(shards, at: prefix)
    let none = [[Bytes]](repeating: [], count: count - shards)
    for (shard, keys) in (distributed(over: shards) + none).enumerated() {
      try files.begin(ShardName.v2(prefix, shard, of: count))
      for key in keys {
        guard let tensor = items[key] else { continue }
        try progress?(done, total)
        entries[key] = try files.append(tensor, key: key.string, shard: shard)
        done += Self.weight(tensor)
      }
      try files.end()
    }
    for (key, whole) in partitioned {
      entries[key] = Tensorflow_BundleEntryProto.with {
        $0.dtype = Tensorflow_DataType(rawValue: Int(whole.dtype.rawValue)) ?? .dtInvalid
        $0.shape = whole.shape.message
        $0.slices = whole.slices.map(\.message)
      }
    }
    try files.begin(prefix + ".index")
    try files.append(try Self.index(entries, shards: count))
    try files.end()
    try progress?(done, total)
    try files.commit()
    Self.removeOtherShards(of: prefix, count: count)
  }

  /// Keys for each data file: the largest tensors first, each to the file that has least so far.
  private func distributed(over shards: Int) -> [[Bytes]] {
    let keys = items.keys.sorted()
    guard shards > 1 else { return [keys] }
    var result = [[Bytes]](repeating: [], count: shards)
    var weights = [Int](repeating: 0, count: shards)
    let sized = keys.map { ($0, items[$0].map(Self.weight) ?? 0) }
    for (key, weight) in sized.sorted(by: { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }) {
      let lightest = weights.indices.min { weights[$0] < weights[$1] } ?? 0
      result[lightest].append(key)
      weights[lightest] += weight
    }
    return result.map { $0.sorted() }
  }

  /// About as many bytes as a tensor takes in a file.
  private static func weight(_ tensor: Tensor) -> Int {
    guard tensor.dtype == .string else { return tensor.byteCount }
    return tensor.buffer(as: Bytes.self).reduce(0) { $0 + $1.count + 1 }
  }

  static func index(_ entries: [Bytes: Tensorflow_BundleEntryProto], shards: Int) throws -> [UInt8] {
    var table = TableBuilder()
    let header = Tensorflow_BundleHeaderProto.with {
      $0.numShards = Int32(clamping: shards)
      $0.version.producer = 1
    }
    table.add([], try header.serializedBytes())
    for (key, entry) in entries.sorted(by: { $0.key < $1.key }) {
      table.add(key.bytes, try entry.serializedBytes())
    }
    return table.finish()
  }

  /// How many data files a checkpoint is to have for its names to differ from those of one that is there.
  static func untakenCount(_ shards: Int, at prefix: String) -> Int {
    let index = try? BundleIndex(try MappedFile(path: prefix + ".index"))
    return index?.shardCount == shards ? shards + 1 : shards
  }

  /// Removes data files of an earlier checkpoint of that name, which had more or fewer.
  static func removeOtherShards(of prefix: String, count: Int) {
    let (lead, name) = Folder.split(prefix)
    for candidate in Folder(lead: lead).names {
      if let shard = ShardName(candidate), shard.isData, shard.stem == name, shard.count != count {
        unlink(lead + candidate)
      }
    }
  }
}

extension Shape {
  /// The shape as files have it.
  var message: Tensorflow_TensorShapeProto {
    Tensorflow_TensorShapeProto.with { message in
      message.dim = dimensions.map { size in Tensorflow_TensorShapeProto.Dim.with { $0.size = Int64(size) } }
    }
  }
}
