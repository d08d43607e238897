/// Records, tensors and files taken apart and put together: parsing as TensorFlow's groups of ops name it.
package enum ParsingOps {
  /// Every op of the family.
  package static let all: [OpDefinition] =
    ParseExampleOps.all + ParseSequenceExampleOps.all
}
