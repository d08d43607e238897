/// What is known of a shape before a run: perhaps not the rank, perhaps not every size.
public struct PartialShape: Sendable, Hashable {
  /// The sizes, nil where unknown; nil as a whole when not even the rank is known.
  public var dimensions: [Int?]?

  /// A shape of which the given sizes are known.
  public init(_ dimensions: [Int?]?) {
    self.dimensions = dimensions
  }

  /// A shape that is known whole.
  public init(_ shape: Shape) {
    dimensions = shape.dimensions.map { $0 }
  }

  /// Nothing is known.
  public static let unknown = PartialShape(nil)

  /// The shape of one value.
  public static let scalar = PartialShape([])

  /// A shape of the given rank with no size known; nothing for a rank that no tensor has, as a graph may ask for two
  /// billion dimensions.
  public static func ofRank(_ rank: Int) -> PartialShape {
    rank <= Shape.maximumRank ? PartialShape([Int?](repeating: nil, count: Swift.max(rank, 0))) : .unknown
  }

  /// How many dimensions there are, where that is known.
  public var rank: Int? { dimensions?.count }

  /// The shape, where all of it is known and it can be counted.
  public var fullyDefined: Shape? {
    guard let dimensions else { return nil }
    var sizes: [Int] = []
    sizes.reserveCapacity(dimensions.count)
    for size in dimensions {
      guard let size else { return nil }
      sizes.append(size)
    }
    return try? Shape(validating: sizes)
  }

  /// The size of a dimension, counted from the end where negative; nil where unknown or not there.
  public subscript(axis: Int) -> Int? {
    guard let dimensions else { return nil }
    let index = axis < 0 ? axis + dimensions.count : axis
    return dimensions.indices.contains(index) ? dimensions[index] : nil
  }

  /// Whether a tensor of the given shape fits what is known.
  public func accepts(_ shape: Shape) -> Bool {
    guard let dimensions else { return true }
    guard dimensions.count == shape.rank else { return false }
    return zip(dimensions, shape.dimensions).allSatisfy { known, size in known == nil || known == size }
  }

  /// What both know together; nil where they contradict each other.
  public func merged(with other: PartialShape) -> PartialShape? {
    guard let mine = dimensions else { return other }
    guard let theirs = other.dimensions else { return self }
    guard mine.count == theirs.count else { return nil }
    var result: [Int?] = []
    for (a, b) in zip(mine, theirs) {
      if let a, let b, a != b { return nil }
      result.append(a ?? b)
    }
    return PartialShape(result)
  }
}

extension PartialShape: CustomStringConvertible {
  /// TensorFlow's way: `[?,224,224,3]`, or `<unknown>`.
  public var description: String {
    guard let dimensions else { return "<unknown>" }
    return "[" + dimensions.map { $0.map(String.init) ?? "?" }.joined(separator: ",") + "]"
  }
}
