import Glibc
import Graft
import GraftCheckpoint
import GraftTensor

/// A checkpoint's tensors under the keys that they get in another.
struct CheckpointConversion {
  /// How the new keys are made.
  enum Naming {
    /// As they are.
    case keys
    /// Of an object-based checkpoint, by variables' names.
    case variables
  }

  /// A tensor with its old and its new key.
  struct Item: Equatable {
    let key: String
    let newKey: String
  }

  let items: [Item]
  private let checkpoint: Checkpoint
  private let joinsParts: Bool

  init(_ checkpoint: Checkpoint, naming: Naming, joinsParts: Bool = false) throws {
    self.checkpoint = checkpoint
    self.joinsParts = joinsParts
    let objects = naming == .keys ? nil : try checkpoint.objectGraph()
    items = Self.items(checkpoint.entries.map(\.key), objects)
  }

  /// The new keys: variables' names where these tell them apart, else the old key without what only objects
  /// need.
  static func items(_ keys: [String], _ objects: ObjectGraph?) -> [Item] {
    guard let objects else { return keys.map { Item(key: $0, newKey: $0) } }
    var names: [String: String] = [:]
    var uses: [String: Int] = [:]
    for value in objects.nodes.flatMap(\.values) where !value.fullName.isEmpty {
      if names.updateValue(value.fullName, forKey: value.key) == nil { uses[value.fullName, default: 0] += 1 }
    }
    let suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    return keys.compactMap { key in
      guard key != ObjectGraph.key, !key.hasSuffix("/.OBJECT_CONFIG_JSON") else { return nil }
      if let name = names[key], uses[name] == 1 { return Item(key: key, newKey: name) }
      return Item(key: key, newKey: key.hasSuffix(suffix) ? String(key.dropLast(suffix.count)) : key)
    }
  }

  /// What was done, as a sentence.
  var summary: String {
    let renamed = items.count { $0.key != $0.newKey }
    let names = renamed > 0 ? ", \(renamed) of them under new keys" : ""
    return "\(items.count) tensors of \(checkpoint.prefix) in format V2\(names)"
  }

  /// Writes the new checkpoint.
  ///
  /// - Throws: `GraftError`: `alreadyExists` for one that is there, unless it is to be replaced; what reading
  ///   and writing throw. Nothing is changed then.
  func write(to prefix: String, shards: Int, replacing: Bool) throws {
    if !replacing, access(prefix + ".index", F_OK) == 0 {
      throw GraftError(
        .alreadyExists, "There is a checkpoint of that name.", at: .init(file: prefix + ".index"),
        remedy: "Name another one, or replace it with --force.")
    }
    var writer = CheckpointWriter()
    let total = items.reduce(0) { $0 + (checkpoint.entry($1.key)?.byteCount ?? 0) }
    try ProgressBar.during("Reading") { progress in
      var done = 0
      for item in items {
        progress(done, total)
        try add(item, to: &writer)
        done += checkpoint.entry(item.key)?.byteCount ?? 0
      }
    }
    try ProgressBar.during("Writing") { progress in
      try writer.write(to: prefix, shards: shards, progress: progress)
    }
  }

  private func add(_ item: Item, to writer: inout CheckpointWriter) throws {
    guard let entry = checkpoint.entry(item.key), !entry.slices.isEmpty, !joinsParts else {
      return try writer.add(item.newKey, checkpoint.tensor(item.key))
    }
    for slice in entry.slices {
      try writer.add(
        item.newKey, checkpoint.slice(item.key, slice), as: slice, of: entry.shape)
    }
  }
}
