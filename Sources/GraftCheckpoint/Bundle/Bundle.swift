import GraftTensor
import Synchronization

/// A V2 checkpoint: the index, and its data files mapped.
final class Bundle: TensorStore {
  let tensors: [StoredTensor]
  let problems: [GraftError]
  private let index: BundleIndex
  private let shards: [Int: MappedFile]
  /// Per record, whether its checksum was found good: values stay as they are while the file is mapped.
  private let verified: Mutex<Set<Int>>

  /// Opens a checkpoint and holds its data files against the index.
  ///
  /// - Throws: what is wrong with the index; missing or short data files are `problems`.
  init(prefix: String) throws {
    let index = try BundleIndex(try MappedFile(path: prefix + ".index"))
    var ends: [Int: Int] = [:]
    for record in index.records {
      ends[record.shard] = max(ends[record.shard] ?? 0, record.offset + record.size)
    }

    var shards: [Int: MappedFile] = [:]
    var failures: [Int: (reason: String, cause: GraftError?)] = [:]
    for (shard, end) in ends {
      do throws(GraftError) {
        let file = try MappedFile(
          path: ShardName.v2(prefix, shard, of: index.shardCount), allowsEmpty: true)
        shards[shard] = file
        if file.bytes.count < end {
          failures[shard] = ("has \(file.bytes.count) bytes; the index expects \(end) at least", nil)
        }
      } catch {
        failures[shard] = (error.code == .notFound ? "is missing" : "cannot be opened", error)
      }
    }
    self.index = index
    self.shards = shards
    tensors = index.tensors
    verified = Mutex([])
    problems = failures.keys.sorted().map { shard in
      Self.problem(
        shard, failures[shard]?.reason ?? "", failures[shard]?.cause, prefix: prefix, index: index,
        file: shards[shard])
    }
  }

  private static func problem(
    _ shard: Int, _ reason: String, _ cause: GraftError?, prefix: String, index: BundleIndex,
    file: MappedFile?
  ) -> GraftError {
    let available = file?.bytes.count ?? 0
    var expected = 0
    var hit: [String] = []
    for tensor in index.tensors {
      let records = tensor.parts.map { index.records[$0.id] }.filter { $0.shard == shard }
      for record in records { expected = max(expected, record.offset + record.size) }
      if records.contains(where: { $0.offset + $0.size > available || file == nil }) {
        hit.append(tensor.entry.key)
      }
    }
    let path = ShardName.v2(prefix, shard, of: index.shardCount)
    var message = "Data file \(shard + 1) of \(index.shardCount), '\(Folder.split(path).name)', \(reason)."
    if file == nil { message += " It should have \(expected) bytes at least." }
    message +=
      " \(hit.count) of \(index.tensors.count) tensors cannot be read: \(CheckpointLocation.listed(hit))."
    return GraftError(
      file == nil ? cause?.code ?? .notFound : .dataLoss, message,
      at: .init(file: path, offset: file.map(\.bytes.count)),
      remedy: "Copy or download the file again; all data files belong beside the index.", cause: cause)
  }

  var fileCount: Int { index.shardCount }

  func isAvailable(_ id: Int) -> Bool {
    let record = index.records[id]
    guard let file = shards[record.shard] else { return false }
    return record.offset + record.size <= file.bytes.count
  }

  func order(_ id: Int) -> (file: Int, offset: Int) {
    (index.records[id].shard, index.records[id].offset)
  }

  func part(_ id: Int, of tensor: StoredTensor) throws(GraftError) -> Tensor {
    let record = index.records[id]
    guard let file = shards[record.shard], isAvailable(id) else {
      throw problems.first { $0.place.file.map { ShardName($0)?.index == record.shard } ?? false }
        ?? GraftError(.notFound, "The data of \(KeyText.quoted(tensor.key)) is not there.")
    }
    let held = HeldBytes(
      bytes: UnsafeRawBufferPointer(rebasing: file.bytes[record.offset..<record.offset + record.size]),
      owner: file, fileOffset: record.offset)
    do throws(GraftError) {
      let (values, checksum) = try values(of: record, id, in: held)
      if let checksum {
        guard checksum.masked == record.checksum else {
          throw GraftError(
            .dataLoss,
            "The \(record.size) bytes of the tensor are damaged: their checksum is "
              + "\(hexadecimal(checksum.value)), the "
              + "index has \(hexadecimal(CRC32C.unmasked(record.checksum))).",
            remedy: "Copy or download the file again, or restore without this tensor.")
        }
        _ = verified.withLock { $0.insert(id) }
      }
      try file.checkWhole()
      return values
    } catch {
      try file.checkWhole()
      throw GraftError(
        error.code, "Tensor \(KeyText.quoted(tensor.key)): \(error.message)",
        at: .init(file: file.path, offset: record.offset), remedy: error.remedy, cause: error.cause)
    }
  }

  /// A record's values and the checksum of its bytes; no checksum where it was found good before.
  private func values(
    of record: BundleIndex.Record, _ id: Int, in held: HeldBytes
  ) throws(GraftError) -> (Tensor, CRC32C?) {
    switch record.dtype {
    case .string: return try BundleStrings.decode(held.bytes, shape: record.shape)
    case .variant: return try BundleVariants.decode(held.bytes, shape: record.shape)
    case .resource:
      throw GraftError(
        .dataLoss, "it is a resource, which no checkpoint can hold.",
        remedy: "The index is damaged, or was not written by TensorFlow.")
    default:
      let isVerified = verified.withLock { $0.contains(id) }
      // Sums before values are looked at: what is made of damaged bytes is not worth making.
      let checksum = isVerified ? nil : CRC32C(held.bytes)
      return (try PlainValues.tensor(held, dtype: record.dtype, shape: record.shape), checksum)
    }
  }
}
