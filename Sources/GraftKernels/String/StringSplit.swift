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
          let delimiters = Array(try context.scalarString(1, named: "delimiter").bytes)
          try run(context) { split($0, at: delimiters, skipsEmpty: skipsEmpty, &$1) }
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
          if limit == 0 {
            try run(context) { $1.append(0, $0.count) }
          } else if separator.isEmpty {
            try run(context) { words($0, limit: limit, &$1) }
          } else {
            try run(context) { split($0, by: separator, limit: limit, &$1) }
          }
        }
      }),
  ]

  private static let shape: ShapeRule = { _ in
    [PartialShape([nil, 2]), PartialShape([nil]), PartialShape([2])]
  }

  /// The parts of texts, by where they begin and end.
  private struct Parts {
    private(set) var bounds: [(start: Int, end: Int)] = []

    @inline(__always)
    mutating func append(_ start: Int, _ end: Int) { bounds.append((start, end)) }
  }

  private static func run(
    _ context: KernelContext, _ split: (UnsafeBufferPointer<UInt8>, inout Parts) -> Void
  ) throws {
    let input = try context.input(0)
    guard input.rank == 1 else {
      throw GraftError(
        .invalidArgument, "The strings are a vector, and the shape \(input.shape) was found.",
        at: .init(input: 0))
    }
    let source = try context.strings(0)
    var parts = Parts()
    // Where each row's parts end.
    var ends: [Int] = []
    ends.reserveCapacity(source.count)
    for string in source {
      string.bytes.withUnsafeBufferPointer { split($0, &parts) }
      ends.append(parts.bounds.count)
    }
    let count = parts.bounds.count
    let places = try context.allocate(0, .int64, Shape([count, 2])).mutableBuffer(as: Int64.self)
    let values = try context.allocate(1, .string, Shape([count])).mutableBuffer(as: Bytes.self)
    var recent = RecentTexts()
    var (first, widest) = (0, 0)
    for (row, end) in ends.enumerated() {
      source[row].bytes.withUnsafeBufferPointer { bytes in
        for index in first..<end {
          let bounds = parts.bounds[index]
          values[index] = recent.text(bytes.part(bounds.start, bounds.end))
          places[2 * index] = Int64(row)
          places[2 * index + 1] = Int64(index - first)
        }
      }
      widest = max(widest, end - first)
      first = end
    }
    try context.setIntegers(2, .int64, [input.shape[0], widest])
  }

  private static func split(
    _ bytes: UnsafeBufferPointer<UInt8>, at delimiters: [UInt8], skipsEmpty: Bool, _ parts: inout Parts
  ) {
    // An empty string has no part, not an empty one.
    if bytes.isEmpty { return }
    if delimiters.isEmpty {
      for place in bytes.indices { parts.append(place, place + 1) }
      return
    }
    var start = 0
    for place in bytes.indices where delimiters.contains(bytes[place]) {
      if place > start || !skipsEmpty { parts.append(start, place) }
      start = place + 1
    }
    if bytes.count > start || !skipsEmpty { parts.append(start, bytes.count) }
  }

  /// Parts between runs of white space; what is left after so many of them is the last part.
  private static func words(_ bytes: UnsafeBufferPointer<UInt8>, limit: Int, _ parts: inout Parts) {
    let count = bytes.count
    var (place, found) = (0, 0)
    while true {
      while place < count && ASCII.isSpace(bytes[place]) { place &+= 1 }
      if limit > 0 && found == limit {
        parts.append(place, count)
        return
      }
      guard place < count else { return }
      let start = place
      while place < count && !ASCII.isSpace(bytes[place]) { place &+= 1 }
      parts.append(start, place)
      found &+= 1
    }
  }

  private static func split(
    _ bytes: UnsafeBufferPointer<UInt8>, by separator: [UInt8], limit: Int, _ parts: inout Parts
  ) {
    separator.withUnsafeBufferPointer { separator in
      var (start, place, found) = (0, 0, 0)
      while place + separator.count <= bytes.count {
        guard bytes[place] == separator[0],
          separator.count == 1 || bytes.part(place, place + separator.count).elementsEqual(separator)
        else {
          place += 1
          continue
        }
        parts.append(start, place)
        place += separator.count
        start = place
        found += 1
        if limit > 0 && found == limit { break }
      }
      parts.append(start, bytes.count)
    }
  }
}
