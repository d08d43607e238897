import GraftGraph
import GraftTensor

enum SubstrOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Substr",
      "Parts of strings, by position and length in bytes or characters; negative positions count from the end.",
      types: ["T": .indices],
      shape: { [$0.input(1).rank == 0 ? $0.input(0) : ShapeRules.broadcast($0.input(0), $0.input(1))] },
      prepare: { setup in
        let unit = try StringUnit(setup)
        return { context in try run(context, unit) }
      })
  ]

  private static func run(_ context: KernelContext, _ unit: StringUnit) throws {
    let input = try context.input(0)
    let strings = try context.strings(0)
    let (position, length) = (try context.input(1), try context.input(2))
    guard position.shape == length.shape, position.elementCount > 0 else {
      throw GraftError(
        .invalidArgument,
        "'pos' and 'len' have one shape and are not empty; \(position.shape) and \(length.shape) were found.")
    }
    let (positions, lengths) = (try position.integers(), try length.integers())
    var shape = input.shape
    var places: BroadcastPlaces?
    if position.rank > 0 && position.shape != input.shape {
      shape = try Shape.broadcast(input.shape, position.shape)
      guard shape.rank <= 2 else {
        throw GraftError(
          .unimplemented,
          "Shapes \(input.shape) and \(position.shape) do not broadcast here: beyond two dimensions "
            + "'pos' has the shape of the input, or none.")
      }
      places = try BroadcastPlaces([input.shape, position.shape], output: shape)
    }
    let output = try context.allocate(0, .string, shape).mutableBuffer(as: Bytes.self)
    var recent = RecentTexts()
    for index in output.indices {
      let source = strings[places?.place(of: index, in: 0) ?? index]
      let place = places?.place(of: index, in: 1) ?? (positions.count == 1 ? 0 : index)
      let part: Bytes? = source.bytes.withUnsafeBufferPointer { string in
        let range =
          unit == .byte
          ? bytes(string, positions[place], lengths[place])
          : characters(string, positions[place], lengths[place])
        guard let range else { return nil }
        return range.count == string.count
          ? source : recent.text(string.part(range.lowerBound, range.upperBound))
      }
      guard let part else {
        throw GraftError(
          .invalidArgument,
          "The position \(positions[place]) does not lie in string \(index), of \(source.count) bytes.",
          at: .init(input: 1))
      }
      output[index] = part
    }
  }

  private static func bytes(
    _ string: UnsafeBufferPointer<UInt8>, _ position: Int, _ length: Int
  ) -> Range<Int>? {
    let start = position < 0 ? position + string.count : position
    guard start >= 0, start <= string.count else { return nil }
    // A negative length means the rest, as it does in C++.
    let rest = string.count - start
    return start..<start + (length < 0 ? rest : min(length, rest))
  }

  private static func characters(
    _ string: UnsafeBufferPointer<UInt8>, _ position: Int, _ length: Int
  ) -> Range<Int>? {
    func forward(_ count: Int, from start: Int) -> (place: Int, isWhole: Bool) {
      var place = start
      var counted = 0
      while counted < count && place < string.count {
        repeat { place += 1 } while place < string.count && StringUnit.continues(string[place])
        counted += 1
      }
      return (place, counted == count)
    }
    func backward(_ count: Int, from start: Int) -> Int? {
      var place = start
      var counted = 0
      while counted < count && place > 0 {
        repeat { place -= 1 } while place > 0 && StringUnit.continues(string[place])
        counted += 1
      }
      return counted == count ? place : nil
    }
    if position >= 0 {
      let start = forward(position, from: 0)
      guard start.isWhole else { return nil }
      return start.place..<forward(length, from: start.place).place
    }
    // From the end: over what is behind the part, then over the part.
    let (behind, overflow) = (0 &- position).subtractingReportingOverflow(length)
    let skipped = overflow ? Int.max : max(behind, 0)
    guard let end = backward(skipped, from: string.count) else { return nil }
    let (count, lacks) = (0 &- position).subtractingReportingOverflow(skipped)
    guard !lacks, let start = backward(count, from: end) else { return nil }
    return start..<end
  }
}

extension Shape {
  /// What two shapes broadcast to.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where they do not.
  static func broadcast(_ a: Shape, _ b: Shape) throws -> Shape {
    let rank = Swift.max(a.rank, b.rank)
    func padded(_ shape: Shape) -> [Int] { [Int](repeating: 1, count: rank - shape.rank) + shape.dimensions }
    var sizes: [Int] = []
    for (x, y) in zip(padded(a), padded(b)) {
      guard x == y || x == 1 || y == 1 else {
        throw GraftError(.invalidArgument, "The shapes \(a) and \(b) do not broadcast to one.")
      }
      sizes.append(x == 1 ? y : x)
    }
    return try Shape(validating: sizes)
  }
}
