import Glibc
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
    _ tokens: UnsafeBufferPointer<Bytes>, _ first: Int, count: Int, width: Int, _ made: inout NGrams
  ) throws {
    let pads = pads(width)
    if count > 64 || width > 64 {
      try MemoryAccount.requireRoom(for: count, bytesEach: 32)
      try MemoryAccount.requireRoom(
        for: min(width, 2 * pads), bytesEach: 32 + max(leftPad.count, rightPad.count) + separator.count)
    }
    for index in 0..<count {
      let left = max(0, pads - index)
      let right = max(0, pads - (count - index - 1))
      let start = first + (left > 0 ? 0 : index - pads)
      let end = start + max(width - left - right, 0)
      let inner = tokens[min(max(start, 0), tokens.count)..<min(max(end, 0), tokens.count)]
      let parts = left + inner.count + right
      var size = left * leftPad.count + right * rightPad.count + max(parts - 1, 0) * separator.count
      for token in inner { size += token.count }
      try made.append(size: size) { room in
        for _ in 0..<left { room.append(leftPad, separator) }
        for token in inner { room.append(token.bytes, separator) }
        for _ in 0..<right { room.append(rightPad, separator) }
      }
    }
  }
}

/// N-grams that were made.
private struct NGrams {
  private let texts: UnsafeMutableBufferPointer<Bytes>
  private(set) var count = 0
  private var recent = RecentTexts()
  /// The bytes of all.
  private var held = 0
  /// How many bytes there is room for, as far as is known.
  private var known = 0
  /// Where the one at hand is put together.
  private var room: [UInt8] = []

  init(_ texts: UnsafeMutableBufferPointer<Bytes>) { self.texts = texts }

  /// Adds one of so many bytes.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`) where the session has no room for it.
  mutating func append(size: Int, _ write: (inout Room) -> Void) throws {
    held += size + 32
    if held > known {
      // Asked for many at a time, as long as there is so much.
      let ahead = held + (1 << 12)
      known = (try? MemoryAccount.requireRoom(for: ahead, bytesEach: 1)) == nil ? held : ahead
      if known == held { try MemoryAccount.requireRoom(for: held, bytesEach: 1) }
    }
    if room.count < size { room = [UInt8](repeating: 0, count: size * 2) }
    texts[count] = room.withUnsafeMutableBufferPointer { bytes in
      var place = Room(bytes: UnsafeMutableBufferPointer(rebasing: bytes[..<size]))
      write(&place)
      return recent.text(UnsafeBufferPointer(place.bytes))
    }
    count += 1
  }

  /// Bytes that are filled from the beginning, with separators between the parts.
  struct Room {
    let bytes: UnsafeMutableBufferPointer<UInt8>
    private var filled = 0

    init(bytes: UnsafeMutableBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func append(_ part: [UInt8], _ separator: [UInt8]) {
      copy(part)
      if filled < bytes.count { copy(separator) }
    }

    @inline(__always)
    private mutating func copy(_ part: [UInt8]) {
      part.withUnsafeBufferPointer { part in
        let count = min(part.count, bytes.count - filled)
        guard count > 0, let from = part.baseAddress, let to = bytes.baseAddress else { return }
        memcpy(to + filled, from, count)
        filled += count
      }
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
          // How many there are is known beforehand.
          var total = 0
          for (start, end) in zip(splits, splits.dropFirst()) {
            var count = 0
            for width in widths { count += maker.count(end - start, width) }
            if preservesShort && end > start && count == 0 {
              guard maker.padWidth >= 0 else {
                throw GraftError(
                  .invalidArgument, "Short rows are to be preserved, without any width or padding given.")
              }
              count = 1
            }
            total += count
          }
          let output = try context.allocate(0, .string, Shape([total])).mutableBuffer(as: Bytes.self)
          var made = NGrams(output)
          var resultSplits = [0]
          resultSplits.reserveCapacity(splits.count)
          for (start, end) in zip(splits, splits.dropFirst()) {
            try context.checkpoint()
            let length = end - start
            let before = made.count
            for width in widths {
              try maker.make(tokens, start, count: maker.count(length, width), width: width, &made)
            }
            if preservesShort && length > 0 && made.count == before {
              try maker.make(tokens, start, count: 1, width: length + 2 * maker.padWidth, &made)
            }
            resultSplits.append(made.count)
          }
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
