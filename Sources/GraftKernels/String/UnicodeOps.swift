import GraftGraph
import GraftTensor

/// What is done about characters that are none.
private struct UnicodeErrorPolicy: Sendable {
  enum Policy: String {
    case replace
    case ignore
    case strict
  }

  let policy: Policy
  let replacement: UInt32
  let replacesControls: Bool

  init(_ setup: NodeSetup) throws {
    let name = try setup.string("errors")
    guard let policy = Policy(rawValue: name) else {
      throw setup.invalid("'errors' is '\(name)'; 'strict', 'replace' or 'ignore' is expected.")
    }
    let character = try setup.int("replacement_char")
    guard character >= 0, character <= 0x10FFFF else {
      throw setup.invalid("'replacement_char' is \(character), which is no code point.")
    }
    self.policy = policy
    replacement = UInt32(character)
    replacesControls =
      setup.has("replace_control_characters") ? try setup.bool("replace_control_characters") : false
  }

  /// What stands for a character: nil where it is left out.
  func value(_ character: TextEncoding.Character, isStrictAboutControls: Bool) throws -> UInt32? {
    let isReplaced = !character.isValid || (replacesControls && character.value <= 0x1F)
    guard isReplaced else { return character.value }
    if policy == .strict && (!character.isValid || isStrictAboutControls) {
      throw GraftError(
        .invalidArgument, "A string is not what its encoding allows.", at: .init(input: 0),
        remedy: "With 'errors' set to 'replace' or 'ignore' such characters are replaced or left out.")
    }
    return policy == .ignore ? nil : replacement
  }
}

enum UnicodeOps {
  static let all: [OpDefinition] = [
    decode("UnicodeDecode", "The code points of strings, as a ragged tensor.", hasOffsets: false),
    decode(
      "UnicodeDecodeWithOffsets", "The code points of strings and where they begin, as a ragged tensor.",
      hasOffsets: true),
    OpDefinition(
      "UnicodeEncode", "Strings made of the code points of a ragged tensor.", types: ["Tsplits": .indices],
      shape: { context in [PartialShape([context.input(1)[0].map { max($0 - 1, 0) }])] },
      prepare: { setup in
        let policy = try UnicodeErrorPolicy(setup)
        let encoding = try outputEncoding(setup)
        return { context in try encode(context, policy, encoding) }
      }),
    OpDefinition(
      "UnicodeTranscode", "Strings of one encoding in another.", shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let policy = try UnicodeErrorPolicy(setup)
        let input = try TextEncoding(named: setup.string("input_encoding"))
        let output = try outputEncoding(setup)
        return { context in
          let source = try context.strings(0)
          let target = try context.allocate(0, .string, context.input(0).shape).mutableBuffer(as: Bytes.self)
          for index in target.indices {
            var bytes: [UInt8] = []
            try input.forEach(source[index].bytes) { character in
              if let value = try policy.value(character, isStrictAboutControls: true) {
                output.append(value, to: &bytes)
              }
            }
            target[index] = Bytes(bytes)
          }
        }
      }),
    OpDefinition(
      "UnicodeScript", "The scripts of code points, by ICU's numbers; -1 for what is no code point.",
      shape: ShapeRules.sameAsInput,
      prepare: { _ in
        { context in
          let input = try context.input(0)
          let source = input.buffer(as: Int32.self)
          let target = try context.allocate(0, .int32, input.shape).mutableBuffer(as: Int32.self)
          for index in target.indices { target[index] = UnicodeScripts.script(source[index]) }
        }
      }),
  ]

  private static func outputEncoding(_ setup: NodeSetup) throws -> OutputEncoding {
    let name = try setup.string("output_encoding")
    guard let encoding = OutputEncoding(rawValue: name) else {
      throw setup.invalid("'output_encoding' is '\(name)'; UTF-8, UTF-16-BE or UTF-32-BE is expected.")
    }
    return encoding
  }

  private static func decode(_ name: String, _ summary: String, hasOffsets: Bool) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["Tsplits": .indices],
      shape: { context in
        var count: Int?
        if let shape = context.input(0).fullyDefined { count = shape.elementCount + 1 }
        let values = [PartialShape([count]), PartialShape([nil])]
        return hasOffsets ? values + [PartialShape([nil])] : values
      },
      prepare: { setup in
        let policy = try UnicodeErrorPolicy(setup)
        let encoding = try TextEncoding(named: setup.string("input_encoding"))
        let dtype = try setup.outputType(0)
        return { context in
          var splits = [0]
          var values: [Int] = []
          var offsets: [Int] = []
          for string in try context.strings(0) {
            var offset = 0
            try encoding.forEach(string.bytes) { character in
              if let value = try policy.value(character, isStrictAboutControls: false) {
                values.append(Int(value))
                if hasOffsets { offsets.append(offset) }
              }
              offset += character.count
            }
            splits.append(values.count)
          }
          try context.setIntegers(0, dtype, splits)
          try context.setIntegers(1, .int32, values)
          if hasOffsets { try context.setIntegers(2, .int64, offsets) }
        }
      })
  }

  private static func encode(
    _ context: KernelContext, _ policy: UnicodeErrorPolicy, _ encoding: OutputEncoding
  ) throws {
    guard try context.input(0).rank == 1 else {
      throw GraftError(
        .invalidArgument,
        "The code points are a vector, and the shape \(try context.input(0).shape) was found.",
        at: .init(input: 0))
    }
    let values = try context.input(0).integers()
    let splits = try RowSplits.checked(context, 1, count: values.count, mayBeEmpty: false)
    let strings = try zip(splits, splits.dropFirst()).map { start, end in
      var bytes: [UInt8] = []
      for value in values[start..<end] {
        if let scalar = UInt32(exactly: value), Unicode.Scalar(scalar) != nil {
          encoding.append(scalar, to: &bytes)
          continue
        }
        switch policy.policy {
        case .strict:
          throw GraftError(
            .invalidArgument, "\(value) is no code point of a character.", at: .init(input: 0),
            remedy: "With 'errors' set to 'replace' or 'ignore' such values are replaced or left out.")
        case .replace: encoding.append(policy.replacement, to: &bytes)
        case .ignore: break
        }
      }
      return Bytes(bytes)
    }
    try context.setStrings(0, strings)
  }
}
