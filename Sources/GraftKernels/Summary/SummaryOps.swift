import GraftGraph
import GraftTensor

/// Summaries: what TensorBoard shows, as serialized messages.
package enum SummaryOps {
  package static let all: [OpDefinition] = [
    scalar, histogram, merge, tensor, tensorV2, audio("AudioSummary"), audio("AudioSummaryV2"),
    ImageSummary.definition,
  ]

  private static let scalar = OpDefinition(
    "ScalarSummary", "A summary of one number for each tag.", types: ["T": .reals], shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let (tags, values) = (try context.strings(0), try context.input(1))
      guard try context.input(0).shape == values.shape else {
        throw GraftError(
          .invalidArgument,
          "There is a tag for each value: the tags have shape \(try context.input(0).shape), the values "
            + "\(values.shape).")
      }
      let numbers = try Self.numbers(values)
      var message = SummaryMessage()
      for (tag, number) in zip(tags, numbers) {
        message.add(tag: tag) { $0.field(2, float: Float(number)) }
      }
      try context.setOutput(0, try Tensor(message.bytes))
    }
  }

  private static let histogram = OpDefinition(
    "HistogramSummary", "A summary of how values are distributed.", types: ["T": .reals],
    shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let tag = try context.scalarString(0, named: "tag")
      var histogram = Histogram()
      for number in try Self.numbers(try context.input(1)) {
        guard number.isFinite else {
          throw GraftError(
            .invalidArgument, "The histogram '\(tag)' is to hold \(number), which has no place in it.",
            at: .init(input: 1))
        }
        histogram.add(number)
      }
      var message = SummaryMessage()
      message.add(tag: tag) { $0.field(5, bytes: histogram.message) }
      try context.setOutput(0, try Tensor(message.bytes))
    }
  }

  private static let merge = OpDefinition(
    "MergeSummary", "One summary of several, which have different tags.", shape: ShapeRules.scalar
  ) { _ in
    return { context in
      var message = SummaryMessage()
      var tags: Set<Bytes> = []
      for index in 0..<context.inputCount {
        for summary in try context.strings(index) {
          for value in SummaryFields.values(summary) {
            if let tag = SummaryFields.tag(value), tag.count > 0, !tags.insert(tag).inserted {
              throw GraftError(
                .invalidArgument, "The tag '\(tag)' is in two of the summaries.", at: .init(input: index))
            }
            var writer = WireWriter()
            writer.field(1, bytes: value)
            message.add(writer.bytes)
          }
        }
      }
      try context.setOutput(0, try Tensor(message.bytes))
    }
  }

  private static let tensor = OpDefinition(
    "TensorSummary", "A summary of a tensor's values.", shape: ShapeRules.scalar
  ) { node in
    let name = node.name
    return { context in
      let content = try SummaryFields.tensor(try context.input(0))
      var message = SummaryMessage()
      message.add(tag: "") { writer in
        // The node's name, in the field that was there before tags.
        writer.field(7, bytes: Array(name.utf8))
        writer.field(8, bytes: content)
      }
      try context.setOutput(0, try Tensor(message.bytes))
    }
  }

  private static let tensorV2 = OpDefinition(
    "TensorSummaryV2", "A summary of a tensor's values with metadata for those who show it.",
    shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let tag = try context.scalarString(0, named: "tag")
      let content = try SummaryFields.tensor(try context.input(1))
      let metadata = try context.scalarString(2, named: "serialized_summary_metadata")
      var message = SummaryMessage()
      message.add(tag: tag) { writer in
        writer.field(8, bytes: content)
        writer.field(9, bytes: metadata.bytes)
      }
      try context.setOutput(0, try Tensor(message.bytes))
    }
  }

  private static func audio(_ name: String) -> OpDefinition {
    OpDefinition(name, "A summary of sounds, as WAV files.", shape: ShapeRules.scalar) { node in
      let limit = try node.int("max_outputs")
      guard limit > 0 else { throw node.invalid("max_outputs is \(limit), and must be positive.") }
      let fixedRate = name == "AudioSummary" ? try node.float("sample_rate") : nil
      return { context in
        let tag = try context.scalarString(0, named: "tag")
        let sounds = try context.input(1)
        guard sounds.rank == 2 || sounds.rank == 3, sounds.dtype == .float32 else {
          throw GraftError(
            .invalidArgument,
            "Sounds are a float32 tensor of batch, frames and perhaps channels; "
              + "\(sounds.dtype)\(sounds.shape) was found.", at: .init(input: 1))
        }
        let rate: Float
        if let fixedRate {
          rate = fixedRate
        } else {
          guard try context.input(2).elementCount == 1,
            let value = try context.input(2).scalars(as: Float.self).first
          else {
            throw GraftError(.invalidArgument, "The sample rate is one number.", at: .init(input: 2))
          }
          rate = value
        }
        guard rate > 0, rate <= 1e9 else {
          throw GraftError(.invalidArgument, "The sample rate is \(rate).")
        }
        let channels = sounds.rank == 3 ? sounds.shape[2] : 1
        let (count, frames) = (min(sounds.shape[0], limit), sounds.shape[1])
        guard frames > 0, (1...255).contains(channels) else {
          throw GraftError(.invalidArgument, "A sound has \(frames) frames of \(channels) channels.")
        }
        let all = sounds.buffer(as: Float.self)
        var message = SummaryMessage()
        for index in 0..<count {
          let samples = all[index * frames * channels..<(index + 1) * frames * channels]
          let wave = WaveFile.bytes(samples, rate: rate, channels: channels)
          let title = tag.string + (limit == 1 ? "/audio" : "/audio/\(index)")
          var sound = WireWriter()
          sound.field(1, float: rate)
          sound.field(2, varint: UInt64(channels))
          sound.field(3, varint: UInt64(frames))
          sound.field(4, bytes: wave)
          sound.field(5, bytes: Array("audio/wav".utf8))
          message.add(tag: Bytes(title)) { $0.field(6, bytes: sound.bytes) }
        }
        try context.setOutput(0, try Tensor(message.bytes))
      }
    }
  }

  private static func numbers(_ tensor: Tensor) throws -> [Double] {
    func read<T: OrderedElement>(_ type: T.Type) -> [Double] { tensor.buffer(as: type).map(\.double) }
    return try withExtendedLifetime(tensor.storage) {
      switch tensor.dtype {
      case .float32: read(Float.self)
      case .float64: read(Double.self)
      case .float16: read(Float16.self)
      case .bfloat16: read(BFloat16.self)
      case .int8: read(Int8.self)
      case .int16: read(Int16.self)
      case .int32: read(Int32.self)
      case .int64: read(Int64.self)
      case .uint8: read(UInt8.self)
      case .uint16: read(UInt16.self)
      case .uint32: read(UInt32.self)
      case .uint64: read(UInt64.self)
      default: throw GraftError(.unimplemented, "There are no summaries of numbers of \(tensor.dtype).")
      }
    }
  }
}
