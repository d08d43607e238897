import GraftTensor

/// A way of changing a variable by a gradient. Its ops on references and on handles, for whole gradients
/// and for rows of them, all follow its one formula.
protocol Optimizer: Sendable {
  /// What stands behind `Apply` in the ops' names.
  static var name: String { get }
  /// The formula in words.
  static var summary: String { get }
  /// The dtypes for whole gradients.
  static var types: [DataType] { get }
  /// The dtypes for rows of gradients.
  static var sparseTypes: [DataType] { get }

  /// Reads the node's attributes.
  init(_ setup: NodeSetup) throws
  /// Signs that the scalars must have, in their order.
  func signs(isSparse: Bool) -> [RequiredSign]
  /// Changes what the places say, whose elements are of the dtype.
  func run(_ places: UpdatePlaces.Untyped, _ dtype: DataType) throws
}

extension Optimizer {
  static var sparseTypes: [DataType] { types }

  func signs(isSparse: Bool) -> [RequiredSign] { [] }
}

/// What TensorFlow asks of a scalar before it trains.
enum RequiredSign: String {
  case any
  case positive
  case nonNegative = "not negative"
  case nonPositive = "not positive"

  func accepts(_ value: Double) -> Bool {
    switch self {
    case .any: true
    case .positive: value > 0
    case .nonNegative: value >= 0
    case .nonPositive: value <= 0
    }
  }
}

/// An optimizer of real and complex numbers.
protocol ComplexOptimizer: Optimizer {
  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>)
}

/// An optimizer of real numbers.
protocol RealOptimizer: Optimizer {
  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>)
}

extension ComplexOptimizer {
  static var types: [DataType] { .floats + .complexes }

  func run(_ places: UpdatePlaces.Untyped, _ dtype: DataType) throws {
    switch dtype {
    case .float32: places.forEach(Float.self, update)
    case .float64: places.forEach(Double.self, update)
    case .float16: places.forEach(Float16.self, update)
    case .bfloat16: places.forEach(BFloat16.self, update)
    case .complex64: places.forEach(Complex64.self, update)
    case .complex128: places.forEach(Complex128.self, update)
    default: throw GraftError(.unimplemented, "Variables of \(dtype) are not trained.")
    }
  }
}

extension RealOptimizer {
  static var types: [DataType] { .floats }

  func run(_ places: UpdatePlaces.Untyped, _ dtype: DataType) throws {
    switch dtype {
    case .float32: places.forEach(Float.self, update)
    case .float64: places.forEach(Double.self, update)
    case .float16: places.forEach(Float16.self, update)
    case .bfloat16: places.forEach(BFloat16.self, update)
    default: throw GraftError(.unimplemented, "Variables of \(dtype) are not trained.")
    }
  }
}

/// Which elements of a variable and its slots are changed, and by what.
enum UpdatePlaces {
  /// A run of elements: those of the variable, of its slots in the op's order, and of the gradient.
  struct Typed<E> {
    let count: Int
    let variable: UnsafeMutablePointer<E>
    /// The slots; where there are fewer, the variable in their place.
    let slots: (UnsafeMutablePointer<E>, UnsafeMutablePointer<E>, UnsafeMutablePointer<E>)
    let gradient: UnsafePointer<E>
    /// The learning rate and its kin, in the op's order.
    let scalars: [E]
  }

  /// All that an op changes.
  struct Untyped {
    /// The variable and its slots.
    let variables: [Tensor]
    let gradient: Tensor
    let scalars: [Tensor]
    /// For rows of gradients the numbers of the variable's rows, as int64.
    let rows: Tensor?
    let workers: WorkerPool

    func forEach<E: OptimizerNumber>(_ type: E.Type, _ update: @Sendable (Typed<E>) -> Void) {
      let scalars = scalars.map { scalar in
        scalar.dtype == .int64
          ? E(integer: Int(scalar.buffer(as: Int64.self)[0])) : scalar.buffer(as: type)[0]
      }
      @Sendable func places(at element: Int, gradient first: Int, count: Int) -> Typed<E> {
        let targets = variables.map { $0.mutableBuffer(as: type).baseAddress.map { $0 + element } }
        func target(_ index: Int) -> UnsafeMutablePointer<E> {
          (index < targets.count ? targets[index] : nil) ?? variables[0].element(type, element)
        }
        return Typed(
          count: count, variable: target(0), slots: (target(1), target(2), target(3)),
          gradient: UnsafePointer(gradient.element(type, first)), scalars: scalars)
      }
      guard let rows else {
        return workers.forEach(gradient.elementCount, cost: 5) { range in
          update(places(at: range.lowerBound, gradient: range.lowerBound, count: range.count))
        }
      }
      // One row after the other: a row that comes twice is changed twice.
      guard rows.elementCount > 0 else { return }
      let length = gradient.elementCount / rows.elementCount
      for (place, row) in rows.buffer(as: Int64.self).enumerated() {
        update(places(at: Int(row) * length, gradient: place * length, count: length))
      }
    }
  }
}
