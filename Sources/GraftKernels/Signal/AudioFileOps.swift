import Glibc
import GraftTensor

/// WAV files with samples of 16 bits, as the only ones that TensorFlow reads.
enum AudioFileOps {
  static let all: [OpDefinition] = [decode, encode]

  private static func invalid(_ message: String, input: Int = 0, remedy: String? = nil) -> GraftError {
    GraftError(.invalidArgument, message, at: .init(input: input), remedy: remedy)
  }

  // MARK: Decoding

  private static let decode = OpDefinition(
    "DecodeWav", "The samples of a 16-bit WAV file from -1 to 1, a column for each channel, and their rate.",
    shape: { context in
      let (samples, channels) = (
        try context.node.int("desired_samples"), try context.node.int("desired_channels")
      )
      return [PartialShape([samples < 0 ? nil : samples, channels < 0 ? nil : channels]), .scalar]
    },
    prepare: { node in
      let (channels, samples) = (try node.int("desired_channels"), try node.int("desired_samples"))
      guard channels >= -1, samples >= -1 else {
        throw node.invalid(
          "'desired_channels' is \(channels) and 'desired_samples' \(samples); they must be -1 or more.")
      }
      return { context in
        let contents = try context.scalarString(0, named: "contents").bytes
        let file = try contents.withUnsafeBytes { try WAVFile($0) }
        let shape = try Shape(
          validating: [samples < 0 ? file.samples : samples, channels < 0 ? file.channels : channels])
        let target = try context.allocate(0, .float32, shape).mutableBuffer(as: Float.self)
        contents.withUnsafeBytes { bytes in
          file.read(bytes, samples: shape[0], channels: shape[1], into: target)
        }
        try context.setOutput(1, try Tensor(Int32(bitPattern: file.rate)))
      }
    })

  /// Where the samples of a WAV file lie.
  private struct WAVFile {
    let rate: UInt32
    let channels: Int
    private(set) var start = 0
    private(set) var samples = 0

    init(_ bytes: UnsafeRawBufferPointer) throws {
      var reader = Reader(bytes: bytes)
      guard try reader.text() == "RIFF" else {
        throw invalid("This is no WAV file: it does not begin with RIFF.")
      }
      _ = try reader.word()
      guard try reader.text() == "WAVE", try reader.text() == "fmt " else {
        throw invalid("This is no WAV file: the chunks WAVE and 'fmt ' do not come first.")
      }
      let size = try reader.word()
      let format = try reader.half()
      channels = Int(try reader.half())
      rate = try reader.word()
      let bytesPerSecond = try reader.word()
      let bytesPerFrame = try reader.half()
      let bits = try reader.half()
      guard size == 16 || size == 18, format == 1, bits == 16 else {
        throw invalid(
          "The WAV file has samples of \(bits) bits in the format \(format), with \(size) bytes about it.",
          remedy: "Convert it to PCM with 16 bits a sample.")
      }
      guard channels > 0, Int(bytesPerFrame) == 2 * channels,
        UInt64(bytesPerSecond) == UInt64(bytesPerFrame) * UInt64(rate)
      else {
        throw invalid(
          "The WAV file contradicts itself: \(channels) channels, \(rate) samples and \(bytesPerSecond) bytes a "
            + "second, \(bytesPerFrame) bytes for each sample of all channels.")
      }
      if size == 18 { reader.place += 2 }
      try findSamples(&reader)
    }

    private mutating func findSamples(_ reader: inout Reader) throws {
      var isFound = false
      while reader.place < reader.bytes.count {
        let name = try reader.text()
        let size = Int(try reader.word())
        guard size <= Int(Int32.max) else {
          throw invalid("The chunk '\(name)' of the WAV file claims to have \(size) bytes.")
        }
        guard name == "data" else {
          reader.place += size
          continue
        }
        guard !isFound else { throw invalid("The WAV file has more than one chunk of samples.") }
        isFound = true
        samples = size / (2 * channels)
        start = reader.place
        guard samples * 2 * channels <= reader.bytes.count - start else {
          throw invalid(
            "The WAV file ends too early: of \(size) bytes of samples \(reader.bytes.count - start) are there."
          )
        }
        reader.place += samples * 2 * channels
      }
      guard isFound else { throw invalid("The WAV file has no chunk of samples.") }
    }

    /// Gives so many samples of so many channels from the file's bytes: zeros after its end, and its last channel again.
    func read(
      _ bytes: UnsafeRawBufferPointer, samples wanted: Int, channels columns: Int,
      into target: UnsafeMutableBufferPointer<Float>
    ) {
      func number(_ index: Int) -> Float {
        Float(Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 2 * index, as: Int16.self)))
          / 32768
      }
      let present = min(wanted, samples)
      if columns == channels {
        for index in 0..<present * columns { target[index] = number(index) }
      } else {
        for index in 0..<present * columns {
          let (sample, column) = index.quotientAndRemainder(dividingBy: columns)
          target[index] = number(sample * channels + min(column, channels - 1))
        }
      }
      target[(present * columns)...].update(repeating: 0)
    }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var place = 0

    private mutating func take(_ count: Int) throws -> Int {
      guard place <= bytes.count, count <= bytes.count - place else {
        throw invalid("The WAV file ends too early: it has \(bytes.count) bytes.")
      }
      defer { place += count }
      return place
    }

    mutating func text() throws -> String {
      let start = try take(4)
      return String(decoding: bytes[start..<start + 4], as: UTF8.self)
    }

    mutating func half() throws -> UInt16 {
      UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: try take(2), as: UInt16.self))
    }

    mutating func word() throws -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: try take(4), as: UInt32.self))
    }
  }

  // MARK: Encoding

  private static let encode = OpDefinition(
    "EncodeWav", "A 16-bit WAV file of samples from -1 to 1; what is beyond is cut off.",
    shape: ShapeRules.scalar,
    prepare: { _ in
      { context in
        let audio = try context.input(0)
        let rate = try ArrayArguments.scalar(context, 1, "sample_rate")
        guard audio.rank == 2 else {
          throw invalid("Audio is a matrix of samples and channels, and the shape \(audio.shape) was found.")
        }
        let channels = audio.shape[1]
        guard rate > 0, rate <= Int(UInt32.max) else {
          throw invalid("'sample_rate' is \(rate); it must be positive.", input: 1)
        }
        guard channels > 0, channels < 1 << 16, audio.elementCount < 1 << 31 - 22 else {
          throw invalid("A WAV file has 1 to 65535 channels and less than 4 GB; the shape is \(audio.shape).")
        }
        var file: [UInt8] = []
        file.reserveCapacity(44 + 2 * audio.elementCount)
        func append(_ value: some FixedWidthInteger) {
          withUnsafeBytes(of: value.littleEndian) { file.append(contentsOf: $0) }
        }
        file += "RIFF".utf8
        append(UInt32(36 + 2 * audio.elementCount))
        file += "WAVEfmt ".utf8
        append(UInt32(16))
        append(UInt16(1))
        append(UInt16(channels))
        append(UInt32(rate))
        append(UInt32(truncatingIfNeeded: 2 * channels * rate))
        append(UInt16(truncatingIfNeeded: 2 * channels))
        append(UInt16(16))
        file += "data".utf8
        append(UInt32(2 * audio.elementCount))
        for sample in audio.buffer(as: Float.self) {
          let scaled = (sample * 32768).rounded(.toNearestOrAwayFromZero)
          append(scaled.isNaN ? 0 : Int16(max(min(scaled, 32767), -32768)))
        }
        try context.allocate(0, .string, .scalar).mutableBuffer(as: Bytes.self)[0] = Bytes(file)
      }
    })
}
