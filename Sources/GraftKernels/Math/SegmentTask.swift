import CGraftVector
import GraftTensor

/// Rows with their segments' ids, which are in range where they are not negative.
struct SegmentTask: Sendable {
  let data: Tensor
  let ids: [Int]
  let y: Tensor
  /// How many segments there are.
  let count: Int
  /// Elements of a row.
  let inner: Int
  /// Whether ids do not decrease; a segment without rows then holds zeros, or ones for products.
  let isSorted: Bool

  /// Sums, products and means.
  func addUp<R: SegmentReducer>(_ reducer: R.Type, _ dtype: DataType) throws {
    switch dtype {
    case .float32 where R.isSum && inner >= Self.longRow: addRows(divides: R.dividesByCount)
    case .float32: addUp(R.self, Float.self)
    case .float64: addUp(R.self, Double.self)
    case .float16: addUp(R.self, Float16.self)
    case .bfloat16: addUp(R.self, BFloat16.self)
    case .int8: addUp(R.self, Int8.self)
    case .int16: addUp(R.self, Int16.self)
    case .int32: addUp(R.self, Int32.self)
    case .int64: addUp(R.self, Int64.self)
    case .uint8: addUp(R.self, UInt8.self)
    case .uint16: addUp(R.self, UInt16.self)
    case .uint32: addUp(R.self, UInt32.self)
    case .uint64: addUp(R.self, UInt64.self)
    case .complex64: addUp(R.self, Complex64.self)
    case .complex128: addUp(R.self, Complex128.self)
    default: throw GraftError(.unimplemented, "Elements of \(dtype) cannot be added here.")
    }
  }

  private func addUp<R: SegmentReducer, T: SegmentElement>(_ reducer: R.Type, _ type: T.Type) {
    let (x, y) = (data.buffer(as: T.self), y.mutableBuffer(as: T.self))
    y.update(repeating: R.start(T.self))
    for (row, id) in ids.enumerated() where id >= 0 {
      for i in 0..<inner { y[id * inner + i] = R.combine(y[id * inner + i], x[row * inner + i]) }
    }
    if R.dividesByCount { divide(y) }
  }

  /// So many elements are added sooner by a call for a row.
  private static let longRow = 8

  /// Sums or means of float32.
  private func addRows(divides: Bool) {
    let (x, sums) = (data.floats, y.mutableBuffer(as: Float.self))
    sums.update(repeating: 0)
    guard let target = sums.baseAddress else { return }
    for (row, id) in ids.enumerated() where id >= 0 {
      graft_f32_add(target + id * inner, x + row * inner, target + id * inner, inner)
    }
    if divides { divide(sums) }
  }

  /// Makes sums means.
  private func divide<T: SegmentElement>(_ sums: UnsafeMutableBufferPointer<T>) {
    var rows = [Int](repeating: 0, count: count)
    for id in ids where id >= 0 { rows[id] += 1 }
    for (id, count) in rows.enumerated() where count > 1 {
      for i in id * inner..<(id + 1) * inner { sums[i] = .quotient(sums[i], count) }
    }
  }

  /// Largest and smallest elements.
  func compare<R: OrderedSegmentReducer>(_ reducer: R.Type, _ dtype: DataType) throws {
    switch dtype {
    case .float32: compare(R.self, Float.self)
    case .float64: compare(R.self, Double.self)
    case .float16: compare(R.self, Float16.self)
    case .bfloat16: compare(R.self, BFloat16.self)
    case .int8: compare(R.self, Int8.self)
    case .int16: compare(R.self, Int16.self)
    case .int32: compare(R.self, Int32.self)
    case .int64: compare(R.self, Int64.self)
    case .uint8: compare(R.self, UInt8.self)
    case .uint16: compare(R.self, UInt16.self)
    case .uint32: compare(R.self, UInt32.self)
    case .uint64: compare(R.self, UInt64.self)
    default: throw GraftError(.unimplemented, "Elements of \(dtype) have no order here.")
    }
  }

  private func compare<R: OrderedSegmentReducer, T: BoundedElement>(_ reducer: R.Type, _ type: T.Type) {
    let (x, y) = (data.buffer(as: T.self), y.mutableBuffer(as: T.self))
    y.update(repeating: isSorted ? .zero : R.start(T.self))
    var previous = -1
    for (row, id) in ids.enumerated() where id >= 0 {
      let isFirst = isSorted && id != previous
      previous = id
      for i in 0..<inner {
        let value = x[row * inner + i]
        y[id * inner + i] = isFirst ? value : R.combine(y[id * inner + i], value)
      }
    }
  }
}

// MARK: - Reducers

/// How the rows of a segment are added up.
protocol SegmentReducer {
  static func start<T: SegmentElement>(_ type: T.Type) -> T
  static func combine<T: SegmentElement>(_ total: T, _ x: T) -> T
  /// Whether rows are added up.
  static var isSum: Bool { get }
  static var dividesByCount: Bool { get }
}

extension SegmentReducer {
  static var isSum: Bool { false }
  static var dividesByCount: Bool { false }
}

/// Which of the rows' elements a segment keeps.
protocol OrderedSegmentReducer {
  /// What stands in a segment without rows, where ids are not sorted.
  static func start<T: BoundedElement>(_ type: T.Type) -> T
  static func combine<T: BoundedElement>(_ total: T, _ x: T) -> T
}

enum SegmentSum: SegmentReducer {
  static var isSum: Bool { true }
  static func start<T: SegmentElement>(_ type: T.Type) -> T { .zero }
  static func combine<T: SegmentElement>(_ total: T, _ x: T) -> T { .add(total, x) }
}

enum SegmentMean: SegmentReducer {
  static var isSum: Bool { true }
  static func start<T: SegmentElement>(_ type: T.Type) -> T { .zero }
  static func combine<T: SegmentElement>(_ total: T, _ x: T) -> T { .add(total, x) }
  static var dividesByCount: Bool { true }
}

enum SegmentProduct: SegmentReducer {
  static func start<T: SegmentElement>(_ type: T.Type) -> T { .one }
  static func combine<T: SegmentElement>(_ total: T, _ x: T) -> T { .multiply(total, x) }
}

// A NaN takes the place of what there was, and gives way to what comes, as in TensorFlow.

enum SegmentMaximum: OrderedSegmentReducer {
  static func start<T: BoundedElement>(_ type: T.Type) -> T { .leastFinite }
  static func combine<T: BoundedElement>(_ total: T, _ x: T) -> T { T.less(x, total) ? total : x }
}

enum SegmentMinimum: OrderedSegmentReducer {
  static func start<T: BoundedElement>(_ type: T.Type) -> T { .greatestFinite }
  static func combine<T: BoundedElement>(_ total: T, _ x: T) -> T { T.less(total, x) ? total : x }
}

// MARK: - Elements

/// Elements that a count divides.
protocol SegmentElement: ArithmeticElement {
  /// The number over the count; integers are cut towards zero.
  static func quotient(_ a: Self, _ count: Int) -> Self
}

/// Elements with a largest and a smallest finite number.
protocol BoundedElement: OrderedElement {
  static var greatestFinite: Self { get }
  static var leastFinite: Self { get }
}

extension SegmentElement where Self: FloatElement {
  static func quotient(_ a: Self, _ count: Int) -> Self { divide(a, Self(integer: count)) }
}

extension SegmentElement where Self: IntegerElement {
  static func quotient(_ a: Self, _ count: Int) -> Self {
    // The count is a number of the dtype, whose low bits may be zero.
    let divisor = Self(truncatingIfNeeded: count)
    return divisor == 0 ? 0 : a.dividedReportingOverflow(by: divisor).partialValue
  }
}

extension BoundedElement where Self: IntegerElement {
  static var greatestFinite: Self { .max }
  static var leastFinite: Self { .min }
}

extension Float: SegmentElement, BoundedElement {
  static var greatestFinite: Float { greatestFiniteMagnitude }
  static var leastFinite: Float { -greatestFiniteMagnitude }
}

extension Double: SegmentElement, BoundedElement {
  static var greatestFinite: Double { greatestFiniteMagnitude }
  static var leastFinite: Double { -greatestFiniteMagnitude }
}

extension Float16: SegmentElement, BoundedElement {
  static var greatestFinite: Float16 { greatestFiniteMagnitude }
  static var leastFinite: Float16 { -greatestFiniteMagnitude }
}

extension BFloat16: SegmentElement, BoundedElement {
  static var greatestFinite: BFloat16 { BFloat16(bitPattern: 0x7F7F) }
  static var leastFinite: BFloat16 { BFloat16(bitPattern: 0xFF7F) }
}

extension Int8: SegmentElement, BoundedElement {}
extension Int16: SegmentElement, BoundedElement {}
extension Int32: SegmentElement, BoundedElement {}
extension Int64: SegmentElement, BoundedElement {}
extension UInt8: SegmentElement, BoundedElement {}
extension UInt16: SegmentElement, BoundedElement {}
extension UInt32: SegmentElement, BoundedElement {}
extension UInt64: SegmentElement, BoundedElement {}

extension Complex: SegmentElement where Real: FloatElement {
  static func quotient(_ a: Complex<Real>, _ count: Int) -> Complex<Real> {
    Complex(.divide(a.real, Real(integer: count)), .divide(a.imaginary, Real(integer: count)))
  }
}
