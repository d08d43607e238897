/// Ops that read and write files.
package enum IOOps {
  package static let all: [OpDefinition] = FileOps.all + ReaderOps.all + [VocabularyRemapping.definition]
}
