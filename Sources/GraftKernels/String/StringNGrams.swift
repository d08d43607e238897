import GraftGraph
import GraftTensor

/// How the n-grams of one row are made.
private struct NGramMaker: Sendable {
  let separator: [UInt8]
  let leftPad: [UInt8]
  let rightPad: [UInt8]
  let padWidth: Int

  /// Pads on either side: never so many that an n-gram were made of them alone.
  private func pads(_ width: Int) -> Int { padWidth < 0 ? width - 1 : min(padWidth, width - 1) }

  /// How many n-grams a row of so many tokens has.
  func count(_ length: Int, _ width: Int) -> Int { max(0, length + 2 * pads(width) - width + 1) }

  /// The n-grams of a row; `count` is how many there are.
  ///
  /// - Parameter held: the bytes of all that were made so far.
  /// - Throws: `GraftError` (`resourceExhausted`) where the session has no room for them.
  func make(
    _ tokens: UnsafeBufferPointer<Bytes>, _ first: Int, count: Int, width: Int, held: inout Int
  ) throws -> [Bytes] {
    let pads = pads(width)
    try MemoryAccount.requireRoom(for: count, bytesEach: 32)
    try MemoryAccount.requireRoom(
      for: min(width, 2 * pads), bytesEach: 32 + max(leftPad.count, rightPad.count) + separator.count)
    return try (0..<count).map { index in
      let left = max(0, pads - index)
      let right = max(0, pads - (count - index - 1))
      let start = first + (left > 0 ? 0 : index - pads)
      var parts = [[UInt8]](repeating: leftPad, count: left)
      for place in 0..<max(width - left - right, 0) where tokens.indices.contains(start + place) {
        parts.append(tokens[start + place].bytes)
      }
      parts += [[UInt8]](repeating: rightPad, count: right)
      let size = parts.reduce(separator.count * max(parts.count - 1, 0)) { $0 + $1.count }
      held += size + 32
      try MemoryAccount.requireRoom(for: held, bytesEach: 1)
      return Bytes(Array(parts.joined(separator: separator)))
    }
  }
}

enum StringNGramOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "StringNGrams", "Runs of tokens of each row of a ragged tensor, joined.", types: ["Tsplits": .indices],
      shape: { [PartialShape([nil]), $0.input(1)] },
      prepare: { setup in
        let maker = NGramMaker(
          separator: try setup.bytes("separator").bytes, leftPad: try setup.bytes("left_pad").bytes,
          rightPad: try setup.bytes("right_pad").bytes, padWidth: try setup.int("pad_width"))
        let widths = try setup.ints("ngram_widths")
        guard widths.allSatisfy({ $0 > 0 && $0 < 1 << 24 }), maker.padWidth < 1 << 24 else {
          throw setup.invalid(
            "'ngram_widths' is \(widths) and 'pad_width' \(maker.padWidth); widths are positive.")
        }
        let preservesShort = try setup.bool("preserve_short_sequences")
        let dtype = try setup.inputType(1)
        return { context in
          let tokens = try context.strings(0)
          let splits = try RowSplits.checked(context, 1, count: tokens.count, mayBeEmpty: true)
          guard !tokens.isEmpty, !splits.isEmpty else {
            let shape = try context.input(0).shape
            _ = try context.allocate(0, .string, shape)
            try context.setIntegers(1, dtype, splits.map { _ in 0 })
            return
          }
          var result: [Bytes] = []
          var held = 0
          var resultSplits = [0]
          for (start, end) in zip(splits, splits.dropFirst()) {
            try context.checkpoint()
            let length = end - start
            let before = result.count
            for width in widths {
              let count = maker.count(length, width)
              result += try maker.make(tokens, start, count: count, width: width, held: &held)
            }
            if preservesShort && length > 0 && result.count == before {
              guard maker.padWidth >= 0 else {
                throw GraftError(
                  .invalidArgument, "Short rows are to be preserved, without any width or padding given.")
              }
              result += try maker.make(
                tokens, start, count: 1, width: length + 2 * maker.padWidth, held: &held)
            }
            resultSplits.append(result.count)
          }
          try context.setStrings(0, result)
          try context.setIntegers(1, dtype, resultSplits)
        }
      })
  ]
}

/// The splits of a ragged tensor's rows.
enum RowSplits {
  /// The splits of an input, which begin at 0, never go back, and end at the number of values.
  static func checked(
    _ context: KernelContext, _ index: Int, count: Int, mayBeEmpty: Bool
  ) throws -> [Int] {
    let tensor = try context.input(index)
    let splits = try tensor.integers()
    guard tensor.rank == 1 || mayBeEmpty else {
      throw GraftError(
        .invalidArgument, "Row splits are a vector, and the shape \(tensor.shape) was found.",
        at: .init(input: index))
    }
    if splits.isEmpty && mayBeEmpty { return [] }
    guard splits.first == 0, splits.last == count, zip(splits, splits.dropFirst()).allSatisfy({ $0 <= $1 })
    else {
      throw GraftError(
        .invalidArgument,
        "Row splits begin at 0, never go back, and end at \(count), the number of values; "
          + "\(splits.prefix(8))\(splits.count > 8 ? " and so on" : "") was found.", at: .init(input: index))
    }
    return splits
  }
}
