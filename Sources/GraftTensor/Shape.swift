/// The sizes of a tensor's dimensions, outermost first. No dimensions: a scalar.
public struct Shape: Sendable, Hashable {
  /// The size of each dimension; none is negative.
  public let dimensions: [Int]

  /// How many elements there are: the product of the sizes.
  public let elementCount: Int

  /// A shape that code of ours has computed from shapes that were checked before.
  ///
  /// - Precondition: no size is negative. What comes from outside goes through ``init(validating:)``. Of more elements
  ///   than any machine has ``elementCount`` is 2^58: their bytes can be counted, and nothing allocates them.
  public init(_ dimensions: [Int]) {
    self.dimensions = dimensions
    let most = 1 << 58
    var count = 1
    for size in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      count = overflow ? most : min(product, most)
    }
    elementCount = dimensions.contains(0) ? 0 : count
  }

  /// A shape with sizes that come from outside.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when a size is negative, or there are more dimensions than
  ///   ``maximumRank`` or more elements than can be counted.
  public init(validating dimensions: [Int]) throws(GraftError) {
    guard dimensions.count <= Self.maximumRank else { throw Self.tooManyDimensions(dimensions.count) }
    // Of the sizes that are not 0, so that the product of any of them can be counted though others are 0.
    var product = 1
    for size in dimensions where size != 0 {
      guard size > 0 else {
        throw GraftError(
          .invalidArgument, "A shape has a negative size: \(Self.format(dimensions)).",
          remedy: "Every dimension of a tensor is 0 or more.")
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      product = overflow ? .max : next
    }
    let isEmpty = dimensions.contains(0)
    guard product <= (isEmpty ? Self.maximumEmptyProduct : Self.maximumElementCount) else {
      throw GraftError(
        .resourceExhausted,
        "A tensor of shape \(Self.format(dimensions)) "
          + (isEmpty
            ? "has no elements, and its other sizes give more than \(Self.maximumEmptyProduct)."
            : "has more elements than can be addressed."),
        remedy: "Check the sizes that the graph or the feed gives.")
    }
    if isEmpty { product = 0 }
    self.dimensions = dimensions
    elementCount = product
  }

  /// As many dimensions as TensorFlow's tensors may have.
  package static let maximumRank = 254

  package static func tooManyDimensions(_ count: Int) -> GraftError {
    GraftError(
      .invalidArgument, "A tensor would have \(count) dimensions; \(maximumRank) are the most.",
      remedy: "Check the shape that the graph or the feed gives.")
  }

  /// 2^47 elements: of any type their bytes are counted without overflow, and no machine has them.
  package static let maximumElementCount = 1 << 47

  /// What the sizes of an empty tensor may give, multiplied without those that are 0: whatever goes over some of the
  /// dimensions comes to an end, and can count what it sees. TensorFlow lets any sizes stand behind a 0.
  package static let maximumEmptyProduct = 1 << 32

  /// How many dimensions there are.
  @inlinable
  public var rank: Int { dimensions.count }

  /// The shape of one value.
  public static let scalar = Shape([])

  /// The size of a dimension.
  @inlinable
  public subscript(axis: Int) -> Int { dimensions[axis] }

  /// How many elements one step along each dimension skips, for row-major order.
  package var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    var next = 1
    for axis in stride(from: rank - 1, through: 0, by: -1) {
      strides[axis] = next
      next *= Swift.max(dimensions[axis], 1)
    }
    return strides
  }

  static func format(_ dimensions: [Int]) -> String {
    "[" + dimensions.map(String.init).joined(separator: ",") + "]"
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// A shape with the literal's sizes, none of them negative.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }
}

extension Shape: CustomStringConvertible {
  /// TensorFlow's way: `[2,3]`.
  public var description: String { Self.format(dimensions) }
}
