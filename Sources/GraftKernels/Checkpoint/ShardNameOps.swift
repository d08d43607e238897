import GraftGraph
import GraftTensor

/// Ops that name the files of a checkpoint.
enum ShardNameOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ShardedFilename", "The name of one file of several: `model-00000-of-00002`.", shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let shard = try context.scalarInteger(1, named: "shard")
        let count = try context.scalarInteger(2, named: "num_shards")
        try context.setOutput(
          0, try Tensor(try name(context, with: "-\(fiveDigits(shard))-of-\(fiveDigits(count))")))
      }
    },
    OpDefinition(
      "ShardedFilespec", "The pattern that all files of a checkpoint match: `model-?????-of-00002`.",
      shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let count = try context.scalarInteger(1, named: "num_shards")
        try context.setOutput(0, try Tensor(try name(context, with: "-?????-of-\(fiveDigits(count))")))
      }
    },
  ]

  /// The checkpoint's name, up to the first byte of zero, and what follows it.
  private static func name(_ context: KernelContext, with end: String) throws -> Bytes {
    Bytes(try context.scalarString(0, named: "basename").bytes.prefix { $0 != 0 } + Array(end.utf8))
  }

  /// A number with leading zeros to five digits, as C's `%05d` writes it.
  private static func fiveDigits(_ number: Int) -> String {
    let digits = String(number.magnitude)
    let sign = number < 0 ? "-" : ""
    return sign + String(repeating: "0", count: max(0, 5 - digits.count - sign.count)) + digits
  }
}
