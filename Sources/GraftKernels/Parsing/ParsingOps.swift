/// Records, tensors and compressed data taken apart and put together.
package enum ParsingOps {
  /// Every op of the family.
  package static let all: [OpDefinition] = [
    ParseExampleOps.all, ParseSequenceExampleOps.all, JSONExampleOp.all, SerializeTensorOps.all,
    SerializeSparseOps.all, DecodeCompressedOp.all, [DecodeMessageOp.definition, EncodeMessageOp.definition],
  ].flatMap { $0 }
}
