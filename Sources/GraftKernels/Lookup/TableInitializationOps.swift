import GraftTensor

/// Filling the tables that are filled once.
enum TableInitializationOps {
  static let all: [OpDefinition] = [
    fromTensors("InitializeTable"), fromTensors("InitializeTableV2"),
    fromFile("InitializeTableFromTextFile"), fromFile("InitializeTableFromTextFileV2"),
  ]

  private static func fromTensors(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Fills a table with keys and values. One that is filled already stays as it is.",
      traits: [.stateful], shape: { _ in [] }
    ) { _ in
      return { context in
        try context.resource(0, as: LookupTable.self).initialize(try context.input(1), try context.input(2))
      }
    }
  }

  private static func fromFile(_ name: String) -> OpDefinition {
    OpDefinition(
      name,
      "Fills a table from the lines of a file: columns, whole lines or the lines' numbers. The run must "
        + "have permission to read the file.",
      traits: [.stateful, .readsFiles], shape: { _ in [] }
    ) { node in
      let format = try VocabularyFile.Format(node)
      return { context in
        let table = try context.resource(0, as: LookupTable.self)
        let filename = try context.input(1)
        guard filename.dtype == .string, filename.elementCount == 1 else {
          throw GraftError(
            .invalidArgument, "One filename is expected, and a tensor of shape \(filename.shape) was found.",
            at: .init(input: 1))
        }
        let path = try filename.scalars(as: Bytes.self)[0].string
        guard !path.isEmpty else {
          throw GraftError(.invalidArgument, "The filename is empty.", at: .init(input: 1))
        }
        let place = try context.files.placeForReading(path)
        try format.check(keys: table.keyType, values: table.valueType)
        // TensorFlow does not look at the file again either.
        if table.body.isFixed, table.body.isInitialized { return }
        let file = try VocabularyFile(path: place, format: format)
        try table.initialize(
          try file.column(format.keyIndex, as: table.keyType),
          try file.column(format.valueIndex, as: table.valueType))
      }
    }
  }
}
