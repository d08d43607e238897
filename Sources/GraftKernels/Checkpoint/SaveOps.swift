import GraftCheckpoint
import GraftGraph
import GraftTensor

/// Ops that write tensors into a checkpoint. All write the V2 format.
enum SaveOps {
  static let all: [OpDefinition] = [
    saving("SaveV2", "Writes tensors, whole or as parts.", hasSlices: true),
    saving("Save", "Writes tensors.", hasSlices: false),
    saving("SaveSlices", "Writes tensors, whole or as parts.", hasSlices: true),
    OpDefinition(
      "MergeV2Checkpoints",
      "Makes one checkpoint of several. Needs permission to write into their folders.",
      traits: [.stateful, .writesFiles], shape: { _ in [] }
    ) { _ in
      return { context in
        let parts = try context.texts(0).map { try context.files.placeForWriting($0) }
        let target = try context.files.placeForWriting(try context.text(1))
        var writer = CheckpointWriter()
        for prefix in parts {
          let checkpoint = try Checkpoint(path: prefix)
          for entry in checkpoint.entries {
            if entry.slices.isEmpty {
              try writer.add(entry.key, try checkpoint.tensor(entry.key))
            } else {
              for slice in entry.slices {
                try writer.add(entry.key, try checkpoint.slice(entry.key, slice), as: slice, of: entry.shape)
              }
            }
          }
        }
        try writer.write(to: target)
      }
    },
  ]

  private static func saving(_ name: String, _ summary: String, hasSlices: Bool) -> OpDefinition {
    OpDefinition(
      name, summary + " Needs permission to write into the folder.", traits: [.stateful, .writesFiles],
      shape: { _ in [] }
    ) { _ in
      return { context in
        let keys = try context.texts(1)
        let slices = hasSlices ? try context.texts(2) : keys.map { _ in "" }
        try save(
          context, prefix: try context.text(0), keys: keys, slices: slices, first: hasSlices ? 3 : 2)
      }
    }
  }

  private static func save(
    _ context: KernelContext, prefix: String, keys: [String], slices: [String], first: Int
  ) throws {
    guard keys.count == slices.count, keys.count == context.inputCount - first else {
      throw GraftError(
        .invalidArgument,
        "\(context.inputCount - first) tensors are to be saved, and there are \(keys.count) keys and "
          + "\(slices.count) slices.")
    }
    let place = try context.files.placeForWriting(prefix)
    var writer = CheckpointWriter()
    for (index, key) in keys.enumerated() {
      let tensor = try context.input(first + index).persistent()
      if let part = try TensorSlice.parse(shapeAndSlice: slices[index]) {
        try writer.add(key, tensor, as: part.slice, of: part.shape)
      } else {
        try writer.add(key, tensor)
      }
    }
    try writer.write(to: place)
  }
}
