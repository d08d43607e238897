import GraftTensor

/// What a `tensorflow.TensorProto` says before its values: dtype, sizes, and where the content lies.
struct TensorHeader {
  /// The number of the dtype.
  var dtype: Int32 = 0
  /// The sizes as written; a negative one is unknown.
  var sizes: [Int64] = []
  /// Whether the shape says that not even the rank is known.
  var hasUnknownRank = false
  /// The elements as they lie in memory, where they are given like that.
  var content: ByteRange?

  /// Reads the fields of a `TensorProto`, the values excepted.
  init(_ message: WireReader) throws(WireError) {
    var reader = message
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.varint): dtype = Int32(truncatingIfNeeded: try reader.varint())
      case WireTag.field(2, WireTag.block):
        let block = try reader.block()
        let shape = WireReader(start: reader.start, position: block.offset, end: block.end)
        hasUnknownRank = try WireShape.read(shape, into: &sizes) || hasUnknownRank
      case WireTag.field(4, WireTag.block): content = try reader.block()
      default: try reader.skip(tag)
      }
    }
  }
}

/// Reads `tensorflow.TensorShapeProto`.
enum WireShape {
  /// Appends the sizes; the result is whether the rank is unknown.
  static func read(_ message: WireReader, into sizes: inout [Int64]) throws(WireError) -> Bool {
    try scan(message) { size, _ in sizes.append(size) }
  }

  /// Calls the closure with each size and where it stands; the result is whether the rank is unknown.
  @discardableResult
  @inline(__always)
  static func scan(
    _ message: WireReader, _ body: (_ size: Int64, _ offset: Int) throws(WireError) -> Void
  ) throws(WireError) -> Bool {
    var reader = message
    var hasUnknownRank = false
    while !reader.isAtEnd {
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(2, WireTag.block):
        let block = try reader.block()
        let size = try size(WireReader(start: reader.start, position: block.offset, end: block.end))
        try body(size, block.offset)
      case WireTag.field(3, WireTag.varint): hasUnknownRank = try reader.varint() != 0
      default: try reader.skip(tag)
      }
    }
    return hasUnknownRank
  }

  private static func size(_ message: WireReader) throws(WireError) -> Int64 {
    var reader = message
    var size: Int64 = 0
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(1, WireTag.varint) {
        size = Int64(bitPattern: try reader.varint())
      } else {
        try reader.skip(tag)
      }
    }
    return size
  }

  /// The shape, with sizes below 0 unknown.
  static func partialShape(_ message: WireReader) throws(WireError) -> PartialShape {
    var sizes: [Int64] = []
    let hasUnknownRank = try read(message, into: &sizes)
    return PartialShape(hasUnknownRank ? nil : sizes.map { $0 < 0 ? nil : Int($0) })
  }

  /// Checks the sizes without keeping them: -1 is an unknown one, below that there is none.
  static func check(_ message: WireReader) throws(WireError) {
    try scan(message) { size, offset throws(WireError) in
      guard size >= -1 else { throw WireError(.value("a shape has the size \(size)"), at: offset) }
    }
  }
}

extension TensorHeader {
  /// The sizes in TensorFlow's way.
  var shapeText: String {
    hasUnknownRank ? "<unknown>" : "[" + sizes.map { $0 < 0 ? "?" : String($0) }.joined(separator: ",") + "]"
  }

  /// Why no tensor has the shape, as a sentence; nil for a good one.
  var shapeProblem: String? {
    guard !hasUnknownRank, sizes.allSatisfy({ $0 >= 0 }) else {
      return "A constant has the shape \(shapeText), which is not fully defined."
    }
    guard sizes.count <= Shape.maximumRank else {
      return "A constant has \(sizes.count) dimensions; \(Shape.maximumRank) are the most."
    }
    // As TensorFlow counts: a size of 0 comes too late for those before it.
    var count: Int64 = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow { return "A constant of shape \(shapeText) has more elements than can be counted." }
      count = product
    }
    return nil
  }
}
