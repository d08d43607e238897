import Glibc
import GraftProto
import GraftTensor

extension CheckpointWriter {
  /// Makes one V2 checkpoint of several, whose data files it takes over: the last step of a sharded save.
  ///
  /// - Throws: `GraftError`: what is wrong with one of them, and `alreadyExists` for a tensor that is in two.
  package static func merge(_ prefixes: [String], into merged: String) throws {
    var entries: [Bytes: Tensorflow_BundleEntryProto] = [:]
    var renames: [(from: String, shard: Int)] = []
    for prefix in prefixes {
      let path = prefix + ".index"
      var shards: [Int32: Int] = [:]
      var count = 0
      try TableFile(try MappedFile(path: path)).forEach { (key: [UInt8], value) throws(GraftError) in
        if key.isEmpty {
          let header: Tensorflow_BundleHeaderProto = try decoded(value, "the header")
          guard header.endianness == .little else {
            throw GraftError(.unimplemented, "The checkpoint is big-endian.")
          }
          try header.version.checkReadable()
          count = Int(header.numShards)
          return
        }
        var entry: Tensorflow_BundleEntryProto = try decoded(value, "the entry of \(KeyText.quoted(key))")
        if var whole = entries[Bytes(key)] {
          guard !whole.slices.isEmpty, !entry.slices.isEmpty, whole.dtype == entry.dtype,
            whole.shape == entry.shape
          else {
            throw GraftError(
              .alreadyExists, "The tensor \(KeyText.quoted(key)) is in two of the checkpoints to be merged.")
          }
          whole.slices += entry.slices
          entries[Bytes(key)] = whole
          return
        }
        if entry.slices.isEmpty {
          guard entry.shardID >= 0, entry.shardID < count else {
            throw GraftError(
              .dataLoss,
              "The tensor \(KeyText.quoted(key)) is listed in data file \(entry.shardID) of \(count).")
          }
          let shard = shards[entry.shardID] ?? renames.count
          if shards[entry.shardID] == nil {
            shards[entry.shardID] = shard
            renames.append((ShardName.v2(prefix, Int(entry.shardID), of: count), shard))
          }
          entry.shardID = Int32(clamping: shard)
        }
        entries[Bytes(key)] = entry
      }
    }
    let shards = max(renames.count, 1)
    let lead = Folder.split(merged).lead
    if !lead.isEmpty { try StagedFile.createFolder(String(lead.dropLast())) }
    let count = untakenCount(shards, at: merged)
    let index = try index(entries, shards: count)
    for (from, shard) in renames {
      let path = ShardName.v2(merged, shard, of: count)
      guard rename(from, path) == 0 else { throw StagedFile.failure("moved to '\(path)'", from) }
    }
    for shard in shards..<count { try StagedFile.write([], to: ShardName.v2(merged, shard, of: count)) }
    try StagedFile.write(index, to: merged + ".index")
    for prefix in prefixes where prefix != merged { unlink(prefix + ".index") }
    removeOtherShards(of: merged, count: count)
  }
}
