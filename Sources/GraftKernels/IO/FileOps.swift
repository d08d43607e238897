import GraftCheckpoint
import GraftTensor

/// Whole files in and out. All need the permission of the session's options.
enum FileOps {
  static let all = [readFile, writeFile, matchingFiles]

  private static let readFile = OpDefinition(
    "ReadFile", "A file's bytes, as one string. Needs permission to read the file.",
    traits: [.stateful, .readsFiles],
    shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let path = try context.scalarString(0, named: "filename").string
      let bytes = try FileBytes.read(try context.files.placeForReading(path))
      try context.setOutput(0, try Tensor(Bytes(bytes)))
    }
  }

  private static let writeFile = OpDefinition(
    "WriteFile",
    "Writes a string's bytes to a file, whose folder is made where it is not there. Needs permission to write.",
    traits: [.stateful, .writesFiles], shape: { _ in [] }
  ) { _ in
    return { context in
      let path = try context.scalarString(0, named: "filename").string
      let contents = try context.scalarString(1, named: "contents")
      let place = try context.files.placeForWriting(path)
      if let slash = place.lastIndex(of: "/"), slash > place.startIndex {
        try StagedFile.createFolder(String(place[..<slash]))
      }
      try FileBytes.write(contents.bytes, to: place)
    }
  }

  private static let matchingFiles = OpDefinition(
    "MatchingFiles",
    "The paths that match a pattern of `*`, `?` and `[…]`, sorted; of several patterns all. Needs permission "
      + "to read the folders.",
    traits: [.stateful, .readsFiles], shape: { _ in [.init([nil])] }
  ) { _ in
    return { context in
      var found: [Bytes] = []
      for pattern in try context.strings(0) {
        found += try FilePattern(pattern.string).matches(context.files, checkpoint: context.checkpoint)
          .map { Bytes($0) }
      }
      try context.setStrings(0, found.sorted())
    }
  }
}
