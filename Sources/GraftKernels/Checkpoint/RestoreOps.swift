import GraftCheckpoint
import GraftGraph
import GraftTensor

/// Ops that read tensors from a checkpoint.
enum RestoreOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "RestoreV2", "Tensors of a checkpoint, by key, whole or in part. Needs permission to read the folder.",
      traits: [.stateful, .readsFiles], shape: ShapeRules.unknown
    ) { node in
      let types = node.outputTypes
      return { context in
        let prefix = try context.text(0)
        let (keys, slices) = (try context.texts(1), try context.texts(2))
        guard keys.count == types.count, slices.count == types.count else {
          throw GraftError(
            .invalidArgument,
            "\(types.count) tensors are to be restored, and there are \(keys.count) keys and \(slices.count) slices."
          )
        }
        let source = try RestoreSource(try context.files.placeForReading(prefix))
        for (index, type) in types.enumerated() {
          try context.setOutput(index, try source.tensor(keys[index], slice: slices[index], dtype: type))
        }
      }
    },
    first("Restore", "A tensor of a checkpoint, by key."),
    first("RestoreSlice", "A part of a tensor of a checkpoint."),
  ]

  private static func first(_ name: String, _ summary: String) -> OpDefinition {
    OpDefinition(
      name, summary + " Needs permission to read the folder.", traits: [.stateful, .readsFiles],
      shape: ShapeRules.unknown
    ) { node in
      let type = try node.type("dt")
      let preferred = node.has("preferred_shard") ? try node.int("preferred_shard") : -1
      guard preferred >= -1 else {
        throw node.invalid("'preferred_shard' is \(preferred), and must be -1 or more.")
      }
      return { context in
        let place = try context.files.placeForReading(try context.text(0))
        let slice = context.inputCount > 2 ? try context.text(2) : ""
        try context.setOutput(
          0, try RestoreSource(place).tensor(try context.text(1), slice: slice, dtype: type))
      }
    }
  }
}

/// A checkpoint as graphs read it.
package struct RestoreSource {
  /// The checkpoint.
  package let checkpoint: Checkpoint
  private let keysByVariableName: [String: String]

  /// Opens the checkpoint with the given prefix, in whatever way it is named.
  package init(_ path: String) throws {
    checkpoint = try Checkpoint(path: path)
    keysByVariableName = try checkpoint.objectGraph()?.keysByVariableName ?? [:]
  }

  /// The key under which a checkpoint holds what a graph calls by a name: the name itself, or in a checkpoint
  /// of objects the key of the variable of that name. Nil where it holds neither.
  package func key(for name: String) -> String? {
    if checkpoint.entry(name) != nil { return name }
    guard let key = keysByVariableName[name], checkpoint.entry(key) != nil else { return nil }
    return key
  }

  /// A tensor, or the part of it that `slice` says in the words of the save and restore ops.
  ///
  /// - Throws: `GraftError`: `notFound` with the nearest keys, `invalidArgument` for another dtype or shape
  ///   than is stored, `dataLoss` for damaged files.
  package func tensor(_ name: String, slice: String, dtype: DataType) throws -> Tensor {
    let key = key(for: name) ?? name
    if let entry = checkpoint.entry(key) {
      guard entry.dtype == dtype else {
        throw GraftError(
          .invalidArgument,
          "The checkpoint holds '\(key)' as \(entry.dtype), and the graph expects \(dtype).",
          at: .init(file: checkpoint.prefix),
          remedy: "Restore it with a Saver that casts, or export the graph with the checkpoint's dtype.")
      }
    }
    guard let part = try TensorSlice.parse(shapeAndSlice: slice) else { return try checkpoint.tensor(key) }
    if let entry = checkpoint.entry(key), entry.shape != part.shape {
      throw GraftError(
        .invalidArgument,
        "The checkpoint holds '\(key)' with shape \(entry.shape), and the graph expects parts of \(part.shape).",
        at: .init(file: checkpoint.prefix))
    }
    return try checkpoint.slice(key, part.slice)
  }
}

extension KernelContext {
  /// A string input of one element, as text.
  func text(_ index: Int) throws -> String {
    let values = try texts(index)
    guard values.count == 1, let value = values.first else {
      throw GraftError(
        .invalidArgument, "One string is expected, and \(values.count) were found.", at: .init(input: index))
    }
    return value
  }

  /// A string input's elements, as text.
  func texts(_ index: Int) throws -> [String] {
    let tensor = try input(index)
    guard tensor.dtype == .string else {
      throw GraftError(
        .invalidArgument, "Strings are expected, and \(tensor.dtype) was found.", at: .init(input: index))
    }
    return try tensor.strings()
  }
}
