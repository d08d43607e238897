import GraftGraph
import GraftTensor

/// Readers of TensorFlow 1, those of both versions of their ops.
enum ReaderOps {
  static let all: [OpDefinition] = ["", "V2"].flatMap { version in
    [
      reader("IdentityReader" + version, "A reader that gives the queue's strings as they are.") { _ in
        .identity
      },
      reader("WholeFileReader" + version, "A reader of whole files.") { _ in .files(.wholeFile, .none) },
      reader("TextLineReader" + version, "A reader of lines.") { node in
        let skipped = try node.int("skip_header_lines")
        return .files(.lines(skipped: max(skipped, 0)), .none)
      },
      reader("TFRecordReader" + version, "A reader of TFRecord files.") { node in
        .files(.records, try RecordCompression(name: try node.string("compression_type")))
      },
      reader("FixedLengthRecordReader" + version, "A reader of pieces of one length.") { node in
        try fixedLength(node)
      },
      read(version), readUpTo(version),
      count("ReaderNumRecordsProduced" + version, "How many records the reader has given.") { $0.produced },
      count("ReaderNumWorkUnitsCompleted" + version, "How many files the reader is done with.") {
        $0.finished
      },
      reset(version), serialize(version), restore(version),
    ]
  }

  private static func fixedLength(_ node: NodeSetup) throws -> QueueReader.Work {
    let record = try node.int("record_bytes")
    let (header, footer) = (try node.int("header_bytes"), try node.int("footer_bytes"))
    let hop = try node.int("hop_bytes")
    guard header >= 0, footer >= 0, record >= 0, hop >= 0 else {
      throw node.invalid(
        "The sizes are \(header) (header), \(record) (record), \(footer) (footer) and \(hop) (hop); "
          + "none may be negative.")
    }
    let step = hop == 0 ? record : hop
    guard step > 0 else {
      throw node.invalid("record_bytes is 0: the file would be read for ever.")
    }
    let encoding = node.has("encoding") ? try node.string("encoding") : ""
    return .files(
      .fixedLength(header: header, record: record, footer: footer, hop: step),
      try RecordCompression(name: encoding))
  }

  private static func reader(
    _ name: String, _ summary: String, _ work: @escaping @Sendable (NodeSetup) throws -> QueueReader.Work
  ) -> OpDefinition {
    OpDefinition(
      name, summary + " Files need permission to be read.",
      traits: name.hasPrefix("Identity") ? .stateful : [.stateful, .readsFiles], shape: ShapeRules.scalar
    ) { node in
      let work = try work(node)
      let (container, sharedName) = (try node.string("container"), try node.string("shared_name"))
      let readerName = sharedName.isEmpty ? node.name : sharedName
      return { context in
        let reader = try context.resources.resource(
          QueueReader.self, container: container, name: readerName
        ) {
          QueueReader(name: readerName, work)
        }
        try context.setOutput(0, try Tensor(handle: reader))
      }
    }
  }

  private static func read(_ version: String) -> OpDefinition {
    OpDefinition(
      "ReaderRead" + version, "The next record, of the next file in the queue where one is over.",
      traits: [.stateful, .waits], shape: { _ in [.scalar, .scalar] }
    ) { _ in
      return { context in
        let records = try context.resource(0, as: QueueReader.self)
          .read(1, try context.resource(1, as: SessionQueue.self), context)
        guard let (key, value) = records.first else {
          throw GraftError(.internalError, "The reader gave no record.")
        }
        try context.setOutput(0, try Tensor(key))
        try context.setOutput(1, try Tensor(value))
      }
    }
  }

  private static func readUpTo(_ version: String) -> OpDefinition {
    OpDefinition(
      "ReaderReadUpTo" + version, "The next records of a file, up to a number.",
      traits: [.stateful, .waits], shape: { _ in [.init([nil]), .init([nil])] }
    ) { _ in
      return { context in
        let records = try context.resource(0, as: QueueReader.self)
          .read(
            try context.input(2).integer(), try context.resource(1, as: SessionQueue.self), context)
        try context.setStrings(0, records.map(\.0))
        try context.setStrings(1, records.map(\.1))
      }
    }
  }

  private static func count(
    _ name: String, _ summary: String, _ count: @escaping @Sendable (QueueReader) -> Int
  ) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful], shape: ShapeRules.scalar) { _ in
      return { context in
        try context.setOutput(0, try Tensor(Int64(count(try context.resource(0, as: QueueReader.self)))))
      }
    }
  }

  private static func reset(_ version: String) -> OpDefinition {
    OpDefinition(
      "ReaderReset" + version, "Makes the reader forget what it has read.", traits: [.stateful],
      shape: { _ in [] }
    ) { _ in
      return { context in try context.resource(0, as: QueueReader.self).reset() }
    }
  }

  private static func serialize(_ version: String) -> OpDefinition {
    OpDefinition(
      "ReaderSerializeState" + version, "What the reader has read so far, as bytes.", traits: [.stateful],
      shape: ShapeRules.scalar
    ) { _ in
      return { context in
        try context.setOutput(0, try Tensor(try context.resource(0, as: QueueReader.self).serialized()))
      }
    }
  }

  private static func restore(_ version: String) -> OpDefinition {
    OpDefinition(
      "ReaderRestoreState" + version, "Makes the reader go on from a state.", traits: [.stateful],
      shape: { _ in [] }
    ) { _ in
      return { context in
        try context.resource(0, as: QueueReader.self)
          .restore(try context.scalarString(1, named: "state"))
      }
    }
  }
}
