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
      typealias Admission = (_ byteCount: Int) throws(GraftError) -> Void
      let expand: @Sendable ([UInt8], Admission) throws(GraftError) -> [UInt8]
      switch type {
      case "": return { context in try context.setOutput(0, try context.input(0)) }
      case "ZLIB":
        expand = { bytes, admit throws(GraftError) in try Inflate.inflate(bytes, .zlib, admit: admit) }
      case "GZIP":
        expand = { bytes, admit throws(GraftError) in try Inflate.inflate(bytes, .gzip, admit: admit) }
      case "ZSTD": expand = { bytes, admit throws(GraftError) in try Zstandard.expand(bytes, admit: admit) }
      default:
        throw node.invalid("'compression_type' is '\(type)'; ZLIB, GZIP, ZSTD and an empty one are known.")
      }
      return { context in
        let source = try context.strings(0)
        let result = try context.allocate(0, .string, context.input(0).shape)
        let target = result.mutableBuffer(as: Bytes.self)
        for index in target.indices {
          do throws(GraftError) {
            let bytes = try expand(source[index].bytes) { size throws(GraftError) in
              // A few bytes may become millions: what the session has no room for is not unpacked to its end.
              try result.storage.check(text: size)
            }
            try result.storage.charge(text: bytes.count)
            target[index] = Bytes(bytes)
          } catch {
            throw GraftError(
              error.code, "String \(index): \(error.message)", at: .init(input: 0), remedy: error.remedy)
          }
          try context.checkpoint()
        }
      }
    })
}
