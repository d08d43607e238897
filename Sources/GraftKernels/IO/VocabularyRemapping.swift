import GraftTensor

/// Where the words of one vocabulary stand in another.
enum VocabularyRemapping {
  static let definition = OpDefinition(
    "GenerateVocabRemapping",
    "For lines of a new vocabulary their numbers in an old one, or -1, and how many there are. Needs permission to "
      + "read the files.",
    traits: [.stateful, .readsFiles],
    shape: { context in [PartialShape([try context.node.int("num_new_vocab")]), .scalar] }
  ) { node in
    let (offset, count) = (try node.int("new_vocab_offset"), try node.int("num_new_vocab"))
    let oldSize = try node.int("old_vocab_size")
    guard offset >= 0, count >= 0, oldSize >= -1, offset <= Int.max - count else {
      throw node.invalid(
        "new_vocab_offset is \(offset), num_new_vocab \(count) and old_vocab_size \(oldSize); none may be negative, "
          + "but the last one -1.")
    }
    return { context in
      func lines(_ index: Int, _ name: String, _ limit: Int?) throws -> [Bytes] {
        let path = try context.files.placeForReading(try context.scalarString(index, named: name).string)
        let file = try VocabularyFile(path: path, format: VocabularyFile.Format(lineCount: limit))
        return try file.column(.wholeLine, as: .string).scalars(as: Bytes.self)
      }
      let new = try lines(0, "new_vocab_file", nil)
      guard offset + count <= new.count else {
        throw GraftError(
          .invalidArgument,
          "The new vocabulary has \(new.count) lines, and those from \(offset) to \(offset + count) are asked for.",
          at: .init(input: 0))
      }
      var places: [Bytes: Int64] = [:]
      for (place, word) in try lines(1, "old_vocab_file", oldSize < 0 ? nil : oldSize).enumerated() {
        guard places.updateValue(Int64(place), forKey: word) == nil else {
          throw GraftError(
            .failedPrecondition, "The old vocabulary has the line '\(word)' twice.", at: .init(input: 1))
        }
      }
      let remapping = new[offset..<offset + count].map { places[$0] ?? -1 }
      try context.setOutput(0, try Tensor(remapping))
      try context.setOutput(1, try Tensor(Int32(clamping: remapping.count { $0 >= 0 })))
    }
  }
}
