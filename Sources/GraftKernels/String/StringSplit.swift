import GraftGraph
import GraftTensor

enum StringSplitOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "StringSplit", "Splits strings at any of a delimiter's bytes, or into bytes, as a sparse tensor.",
      shape: shape,
      prepare: { setup in
        let skipsEmpty = try setup.bool("skip_empty")
        return { context in
          let delimiters = try context.scalarString(1, named: "delimiter").bytes
          try run(context) { split($0, at: delimiters, skipsEmpty: skipsEmpty) }
        }
      }),
    OpDefinition(
      "StringSplitV2",
      "Splits strings at a separator, or at white space, as Python's str.split; a sparse tensor.",
      shape: shape,
      prepare: { setup in
        let limit = try setup.int("maxsplit")
        return { context in
          let separator = try context.scalarString(1, named: "sep").bytes
          try run(context) { bytes in
            if limit == 0 { return [bytes[...]] }
            return separator.isEmpty
              ? words(bytes, limit: limit) : split(bytes, by: separator, limit: limit)
          }
        }
      }),
  ]

  private static let shape: ShapeRule = { _ in
    [PartialShape([nil, 2]), PartialShape([nil]), PartialShape([2])]
  }

  private static func run(_ context: KernelContext, _ split: ([UInt8]) -> [ArraySlice<UInt8>]) throws {
    let input = try context.input(0)
    guard input.rank == 1 else {
      throw GraftError(
        .invalidArgument, "The strings are a vector, and the shape \(input.shape) was found.",
        at: .init(input: 0))
    }
    var values: [Bytes] = []
    var indices: [Int] = []
    var widest = 0
    for (row, string) in try context.strings(0).enumerated() {
      let parts = split(string.bytes)
      widest = max(widest, parts.count)
      for (column, part) in parts.enumerated() {
        values.append(Bytes(Array(part)))
        indices += [row, column]
      }
    }
    let places = try context.allocate(0, .int64, Shape([values.count, 2])).mutableBuffer(as: Int64.self)
    for (place, index) in indices.enumerated() { places[place] = Int64(index) }
    try context.setStrings(1, values)
    try context.setIntegers(2, .int64, [input.shape[0], widest])
  }

  private static func split(
    _ bytes: [UInt8], at delimiters: [UInt8], skipsEmpty: Bool
  ) -> [ArraySlice<UInt8>] {
    // An empty string has no part, not an empty one.
    if bytes.isEmpty { return [] }
    if delimiters.isEmpty { return bytes.indices.map { bytes[$0...$0] } }
    return bytes.split(omittingEmptySubsequences: skipsEmpty) { delimiters.contains($0) }
  }

  /// Parts between runs of white space; what is left after so many of them is the last part.
  private static func words(_ bytes: [UInt8], limit: Int) -> [ArraySlice<UInt8>] {
    var parts: [ArraySlice<UInt8>] = []
    var rest = bytes.drop(while: ASCII.isSpace)
    while !rest.isEmpty {
      let word = rest.prefix { !ASCII.isSpace($0) }
      parts.append(word)
      rest = rest[word.endIndex...].drop(while: ASCII.isSpace)
      if limit > 0 && parts.count == limit {
        parts.append(rest)
        return parts
      }
    }
    return parts
  }

  private static func split(_ bytes: [UInt8], by separator: [UInt8], limit: Int) -> [ArraySlice<UInt8>] {
    var parts: [ArraySlice<UInt8>] = []
    var start = 0
    var place = 0
    while place + separator.count <= bytes.count {
      guard bytes[place] == separator[0], bytes[place..<place + separator.count] == separator[...] else {
        place += 1
        continue
      }
      parts.append(bytes[start..<place])
      place += separator.count
      start = place
      if limit > 0 && parts.count == limit { break }
    }
    parts.append(bytes[start...])
    return parts
  }
}
