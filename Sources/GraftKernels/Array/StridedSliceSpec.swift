import GraftGraph
import GraftTensor

/// What `begin`, `end`, `strides` and the five masks of StridedSlice and its kin say about an input of some
/// shape: which elements, and what the result's shape is.
///
/// The rule is that of Python's indexing, as TensorFlow's `strided_slice` documents it.
struct StridedSliceSpec {
  /// The masks: bit i speaks of the i-th entry of `begin`, `end` and `strides`.
  struct Masks {
    /// The entry of `begin` is not looked at: as far as possible.
    var begin: Int
    /// The entry of `end` is not looked at: as far as possible.
    var end: Int
    /// The entry stands for all dimensions that the others do not speak of.
    var ellipsis: Int
    /// The entry makes a dimension of size 1.
    var newAxis: Int
    /// The entry is one index, and its dimension is left out.
    var shrinkAxis: Int

    /// The masks of a node.
    init(_ setup: NodeSetup) throws {
      begin = try setup.int("begin_mask")
      end = try setup.int("end_mask")
      ellipsis = try setup.int("ellipsis_mask")
      newAxis = try setup.int("new_axis_mask")
      shrinkAxis = try setup.int("shrink_axis_mask")
    }
  }

  /// Where each of the input's dimensions is begun.
  private(set) var begin: [Int] = []
  /// The distance from one element to the next, in each of the input's dimensions.
  private(set) var strides: [Int] = []
  /// How many elements are taken of each of the input's dimensions; nil where unknown.
  private(set) var counts: [Int?] = []
  /// Of each dimension of the result, which of the input's it is; nil for a new one.
  private(set) var sources: [Int?] = []

  /// The result's shape, as far as it is known.
  var resultShape: PartialShape {
    PartialShape(sources.map { $0.map { counts[$0] } ?? 1 })
  }

  /// Reads a specification; `begin` and `end` may be unknown, and so may sizes of the input.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for what no input of that shape allows.
  init(input: [Int?], begin: [Int]?, end: [Int]?, strides: [Int], masks: Masks) throws {
    let dense = try Dense(rank: input.count, begin: begin, end: end, strides: strides, masks: masks)
    sources = dense.sources
    self.begin.reserveCapacity(input.count)
    self.strides.reserveCapacity(input.count)
    counts.reserveCapacity(input.count)
    for axis in input.indices {
      try add(axis, size: input[axis], dense.entries[axis], isKnown: begin != nil && end != nil)
    }
  }

  private mutating func add(_ axis: Int, size: Int?, _ entry: Dense.Entry, isKnown: Bool) throws {
    let stride = entry.stride
    let shrinks = entry.shrinks
    guard stride != 0 else { throw ArrayArguments.invalid("strides[\(axis)] must be non-zero.", input: 3) }
    strides.append(stride)
    guard let size else {
      begin.append(0)
      counts.append(shrinks ? 1 : nil)
      return
    }
    guard !shrinks || stride > 0 else {
      throw ArrayArguments.invalid(
        "Dimension \(axis) is indexed by one index, for which only stride 1 is allowed.", input: 3)
    }
    if shrinks {
      if isKnown {
        let index = entry.begin < 0 ? entry.begin + size : entry.begin
        guard index >= 0, index < size else {
          throw ArrayArguments.invalid(
            "The index \(entry.begin) of dimension \(axis) is out of bounds: its size is \(size).",
            input: 1)
        }
        begin.append(index)
      } else {
        begin.append(0)
      }
      counts.append(1)
      return
    }
    guard isKnown || entry.isBeginMasked && entry.isEndMasked else {
      begin.append(0)
      counts.append(nil)
      return
    }
    // The places that a walk may begin at and end before.
    let lowest = stride > 0 ? 0 : -1
    let highest = stride > 0 ? size : size - 1
    func place(_ value: Int) -> Int {
      min(max(value < 0 ? value + size : value, lowest), highest)
    }
    let from = entry.isBeginMasked ? (stride > 0 ? lowest : highest) : place(entry.begin)
    let to = entry.isEndMasked ? (stride > 0 ? highest : lowest) : place(entry.end)
    let interval = to - from
    begin.append(from)
    if interval == 0 || (interval < 0) != (stride < 0) {
      counts.append(0)
    } else {
      // Not the quotient of magnitudes: the smallest Int has none.
      counts.append(interval / stride + (interval % stride != 0 ? 1 : 0))
    }
  }

  /// The specification with one entry for each of the input's dimensions.
  private struct Dense {
    struct Entry {
      var begin = 0
      var end = 0
      var stride = 1
      var isBeginMasked = true
      var isEndMasked = true
      var shrinks = false
    }

    var entries: [Entry]
    var sources: [Int?] = []

    init(rank: Int, begin: [Int]?, end: [Int]?, strides sparse: [Int], masks: Masks) throws {
      entries = [Entry](repeating: Entry(), count: rank)
      sources.reserveCapacity(rank)

      // Masks have 32 bits, and one more entry may stand for an ellipsis at the end.
      guard sparse.count < 32 else {
        throw ArrayArguments.invalid(
          "There are \(sparse.count) strides, and masks speak of 31 only.", input: 3)
      }
      var ellipsis = masks.ellipsis & 0xFFFF_FFFF
      guard ellipsis & (ellipsis &- 1) == 0 else {
        throw ArrayArguments.invalid("Multiple ellipses in a slice are not allowed.")
      }
      var count = sparse.count
      var newAfterEllipsis = 0
      var seen = false
      for place in 0..<count {
        if seen, masks.newAxis >> place & 1 != 0 { newAfterEllipsis += 1 }
        if ellipsis >> place & 1 != 0 { seen = true }
      }
      if !seen {
        ellipsis = 1 << count
        count += 1
      }
      var axis = 0
      for place in 0..<count {
        if ellipsis >> place & 1 != 0 {
          let next = min(rank - (count - place) + 1 + newAfterEllipsis, rank)
          while axis < next {
            sources.append(axis)
            axis += 1
          }
        } else if masks.newAxis >> place & 1 != 0 {
          sources.append(nil)
        } else {
          guard axis < rank else {
            throw ArrayArguments.invalid(
              rank == 0
                ? "A scalar was given to be sliced."
                : "The slice speaks of dimension \(axis), and the input has only \(rank) dimensions.",
              input: 0)
          }
          let shrinks = masks.shrinkAxis >> place & 1 != 0
          entries[axis] = Entry(
            begin: begin?[place] ?? 0, end: end?[place] ?? 0, stride: sparse[place],
            isBeginMasked: masks.begin >> place & 1 != 0, isEndMasked: masks.end >> place & 1 != 0,
            shrinks: shrinks)
          if !shrinks { sources.append(axis) }
          axis += 1
        }
      }
    }
  }
}

extension StridedSliceSpec {
  /// Reads the specification from three inputs of a kernel, for an input whose shape is known.
  init(_ context: KernelContext, input: Shape, first: Int, masks: Masks) throws {
    let tensors = try (first..<first + 3).map { try context.input($0) }
    guard tensors.allSatisfy({ $0.rank == 1 && $0.elementCount == tensors[2].elementCount }) else {
      throw ArrayArguments.invalid(
        "'begin', 'end' and 'strides' must be vectors of equal size, and their shapes are "
          + tensors.map(\.shape.description).joined(separator: ", ") + ".")
    }
    try self.init(
      input: input.dimensions, begin: try tensors[0].integers(), end: try tensors[1].integers(),
      strides: try tensors[2].integers(), masks: masks)
  }

  /// How many elements are taken of each dimension, of an input whose shape was known.
  var sizes: [Int] { counts.map { $0 ?? 0 } }

  /// The result's shape, of an input whose shape was known.
  var shape: Shape { Shape(sources.map { $0.map { counts[$0] ?? 0 } ?? 1 }) }

  /// The first element taken, where the input's dimensions have the given strides.
  func start(_ inputStrides: [Int]) -> Int {
    var start = 0
    for axis in begin.indices { start = start &+ begin[axis] &* inputStrides[axis] }
    return start
  }

  /// The steps from one element taken to the next, where the input's dimensions have the given strides.
  func steps(_ inputStrides: [Int]) -> [Int] {
    strides.indices.map { strides[$0] &* inputStrides[$0] }
  }

  /// The shape rule of StridedSlice and its kin: what is known of the result.
  static func inferred(_ context: ShapeContext, input: PartialShape, first: Int) -> PartialShape {
    guard let dimensions = input.dimensions, let strides = context.ints(first + 2),
      let masks = try? Masks(context.node)
    else { return .unknown }
    let begin = context.ints(first)
    let end = context.ints(first + 1)
    guard begin?.count ?? strides.count == strides.count, end?.count ?? strides.count == strides.count,
      let spec = try? StridedSliceSpec(
        input: dimensions, begin: begin, end: end, strides: strides, masks: masks)
    else { return .unknown }
    return spec.resultShape
  }
}
