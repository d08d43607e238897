import GraftTensor

/// Elements that are compared to find the largest.
protocol PoolingElement: OrderedElement {
  /// The lowest number that is not infinite.
  static var lowestNumber: Self { get }
}

extension Float: PoolingElement { static var lowestNumber: Float { -.greatestFiniteMagnitude } }
extension Double: PoolingElement { static var lowestNumber: Double { -.greatestFiniteMagnitude } }
extension Float16: PoolingElement { static var lowestNumber: Float16 { -.greatestFiniteMagnitude } }
extension BFloat16: PoolingElement { static var lowestNumber: BFloat16 { BFloat16(bitPattern: 0xFF7F) } }
extension Int8: PoolingElement { static var lowestNumber: Int8 { .min } }
extension Int16: PoolingElement { static var lowestNumber: Int16 { .min } }
extension Int32: PoolingElement { static var lowestNumber: Int32 { .min } }
extension Int64: PoolingElement { static var lowestNumber: Int64 { .min } }
extension UInt8: PoolingElement { static var lowestNumber: UInt8 { .min } }
extension UInt16: PoolingElement { static var lowestNumber: UInt16 { .min } }
extension UInt32: PoolingElement { static var lowestNumber: UInt32 { .min } }
extension UInt64: PoolingElement { static var lowestNumber: UInt64 { .min } }

/// A loop that is the same for the elements of every real dtype.
protocol RealElementWork {
  /// Does the work for elements of one type.
  func run<T: PoolingElement>(_ type: T.Type)
}

extension RealElementWork {
  /// Does the work for elements of the given dtype.
  func run(on dtype: DataType) throws {
    switch dtype {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    case .float16: run(Float16.self)
    case .bfloat16: run(BFloat16.self)
    case .int8: run(Int8.self)
    case .int16: run(Int16.self)
    case .int32: run(Int32.self)
    case .int64: run(Int64.self)
    case .uint8: run(UInt8.self)
    case .uint16: run(UInt16.self)
    case .uint32: run(UInt32.self)
    case .uint64: run(UInt64.self)
    default: throw GraftError(.unimplemented, "There is no order among elements of \(dtype).")
    }
  }
}
