import GraftTensor

/// Compressed strings.
enum DecodeCompressedOp {
  static let all: [OpDefinition] = [decode]

  private static let decode = OpDefinition(
    "DecodeCompressed",
    "Strings that were compressed with zlib or gzip. What is cut short gives what there is.",
    shape: ShapeRules.sameAsInput,
    prepare: { node in
      let type = try node.string("compression_type")
      let format: Inflate.Format?
      switch type {
      case "": format = nil
      case "ZLIB": format = .zlib
      case "GZIP": format = .gzip
      case "ZSTD": throw node.unimplemented("Strings compressed with Zstandard are not read.")
      default: throw node.invalid("'compression_type' is '\(type)'; ZLIB, GZIP and an empty one are known.")
      }
      return { context in
        guard let format else { return try context.setOutput(0, try context.input(0)) }
        let source = try context.strings(0)
        let target = try context.allocate(0, .string, context.input(0).shape).mutableBuffer(as: Bytes.self)
        for index in target.indices {
          do throws(GraftError) {
            target[index] = Bytes(try Inflate.inflate(source[index].bytes, format))
          } catch {
            throw GraftError(
              error.code, "String \(index): \(error.message)", at: .init(input: 0), remedy: error.remedy)
          }
          try context.checkpoint()
        }
      }
    })
}
