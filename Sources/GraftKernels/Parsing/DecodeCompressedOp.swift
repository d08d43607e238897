import GraftTensor

/// Compressed strings.
enum DecodeCompressedOp {
  static let all: [OpDefinition] = [decode]

  private static let decode = OpDefinition(
    "DecodeCompressed",
    "Strings that were compressed with zlib, gzip or Zstandard. What is cut short of the former two gives what "
      + "there is.",
    shape: ShapeRules.sameAsInput,
    prepare: { node in
      let type = try node.string("compression_type")
      let expand: @Sendable ([UInt8]) throws(GraftError) -> [UInt8]
      switch type {
      case "": return { context in try context.setOutput(0, try context.input(0)) }
      case "ZLIB": expand = { bytes throws(GraftError) in try Inflate.inflate(bytes, .zlib) }
      case "GZIP": expand = { bytes throws(GraftError) in try Inflate.inflate(bytes, .gzip) }
      case "ZSTD": expand = { bytes throws(GraftError) in try Zstandard.expand(bytes) }
      default:
        throw node.invalid("'compression_type' is '\(type)'; ZLIB, GZIP, ZSTD and an empty one are known.")
      }
      return { context in
        let source = try context.strings(0)
        let target = try context.allocate(0, .string, context.input(0).shape).mutableBuffer(as: Bytes.self)
        for index in target.indices {
          do throws(GraftError) {
            target[index] = Bytes(try expand(source[index].bytes))
          } catch {
            throw GraftError(
              error.code, "String \(index): \(error.message)", at: .init(input: 0), remedy: error.remedy)
          }
          try context.checkpoint()
        }
      }
    })
}
