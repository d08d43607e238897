import Graft
import GraftCheckpoint
import GraftTensor

/// What `graft checkpoint ls` shows.
struct CheckpointListing {
  private let checkpoint: Checkpoint
  /// Variables' names by key, where the checkpoint is object-based.
  private let variables: [String: String]
  private let isObjectBased: Bool

  init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    // A damaged tree of objects keeps nobody from seeing the list.
    let objects = try? checkpoint.objectGraph()
    isObjectBased = checkpoint.entry(ObjectGraph.key) != nil
    variables = Dictionary(
      (objects?.keysByVariableName ?? [:]).map { ($0.value, $0.key) }, uniquingKeysWith: { min($0, $1) })
  }

  /// The keys of values: without those that hold the tree of objects.
  static func shownKeys(of checkpoint: Checkpoint) -> [String] {
    checkpoint.entries.map(\.key).filter { $0 != ObjectGraph.key }
  }

  private var elements: Int {
    checkpoint.entries.reduce(0) { $1.key == ObjectGraph.key ? $0 : $0 + $1.shape.elementCount }
  }

  private var bytes: Int { checkpoint.entries.reduce(0) { $0 + ($1.byteCount ?? 0) } }

  private var formatName: String { checkpoint.format == .v1 ? "V1" : "V2" }

  var text: String {
    var text = "\(checkpoint.prefix): checkpoint \(formatName)\(isObjectBased ? ", object-based" : ""), "
    text += "\(checkpoint.entries.count.grouped) tensors, \(elements.grouped) elements, \(bytes.bytesText)"
    if checkpoint.fileCount > 1 { text += " in \(checkpoint.fileCount) files" }
    text += "\n\n"
    var table = TextTable(.left, .left, .left, .right, .left)
    for entry in checkpoint.entries {
      var notes: [String] = []
      let files = checkpoint.files(of: entry.key)
      if checkpoint.fileCount > 1 { notes.append("file " + files.map { "\($0)" }.joined(separator: ",")) }
      if !entry.slices.isEmpty {
        let slices = entry.slices.prefix(4).map(\.description).joined(separator: " ")
        notes.append("\(entry.slices.count) parts: \(slices)\(entry.slices.count > 4 ? " …" : "")")
      }
      if let name = variables[entry.key] { notes.append("variable \(name)") }
      table.append(
        entry.key, entry.dtype.name, entry.shape.description, entry.byteCount?.bytesText ?? "?",
        notes.joined(separator: "; "))
    }
    return text + table.text
  }

  var json: JSONValue {
    .object([
      "prefix": .string(checkpoint.prefix), "format": .string(formatName),
      "object_based": .bool(isObjectBased), "files": .integer(checkpoint.fileCount),
      "elements": .integer(elements), "bytes": .integer(bytes),
      "tensors": .array(
        checkpoint.entries.map { entry in
          .object([
            "key": .string(entry.key), "dtype": .string(entry.dtype.name),
            "shape": .array(entry.shape.dimensions.map { .integer($0) }),
            "bytes": entry.byteCount.map { .integer($0) } ?? .null,
            "files": .array(checkpoint.files(of: entry.key).map { .integer($0) }),
            "slices": entry.slices.isEmpty ? nil : .strings(entry.slices.map(\.description)),
            "variable": variables[entry.key].map { .string($0) },
          ])
        }),
    ])
  }
}
