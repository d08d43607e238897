import GraftGraph
import GraftTensor

/// What a variant tensor may hold: lists, maps and optionals of tensors, ragged tensors. None of them changes.
protocol VariantValue: AnyObject, Sendable {
  /// The same with zeros for the tensors in it.
  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue
  /// The sum with another one, tensor by tensor.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where the two do not match.
  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue
  /// How TensorFlow shows it: the type, and what is in it.
  var summary: String { get }
}

extension Tensor {
  /// The object in a variant scalar; nil where there is none such.
  var variantValue: (any VariantValue)? {
    guard dtype == .variant, rank == 0 else { return nil }
    return withExtendedLifetime(storage) { buffer(as: TensorHandle.self)[0].object as? any VariantValue }
  }

  private func checkedVariant() throws -> any VariantValue {
    guard let value = variantValue else {
      throw GraftError(
        .invalidArgument,
        "A variant scalar with a list, a map, an optional or a ragged tensor is expected, and \(dtype)\(shape) was found."
      )
    }
    return value
  }

  /// Zeros of the same dtype and shape; of a variant, one with zeros in it.
  func zerosLike(_ walk: VariantWalk) throws -> Tensor {
    guard dtype == .variant else { return try Tensor(uninitialized: dtype, shape: shape).cleared() }
    let value = try checkedVariant()
    return try Tensor(variant: try walk.result(of: value) { try value.zerosLike(walk) })
  }

  /// The sum with a tensor of the same dtype and shape, or of two variants' contents.
  func summed(with other: Tensor, _ walk: VariantWalk) throws -> Tensor {
    guard dtype == other.dtype, shape == other.shape else {
      throw GraftError(
        .invalidArgument, "\(dtype)\(shape) and \(other.dtype)\(other.shape) cannot be added.")
    }
    guard dtype == .variant else {
      let sum = try copied()
      try sum.add(other)
      return sum
    }
    let (first, second) = (try checkedVariant(), try other.checkedVariant())
    return try Tensor(variant: try walk.result(of: first, second) { try first.adding(second, walk) })
  }
}

extension VariantNumber: VariantValue {
  var summary: String {
    switch value {
    case .int(let value): "Variant<type: int value: \(value)>"
    case .float(let value): "Variant<type: float value: \(TensorSummary.number(value))>"
    case .double(let value): "Variant<type: double value: \(TensorSummary.number(value))>"
    case .bool(let value): "Variant<type: bool value: \(value ? 1 : 0)>"
    }
  }

  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue {
    switch value {
    case .int: VariantNumber(.int(0))
    case .float: VariantNumber(.float(0))
    case .double: VariantNumber(.double(0))
    case .bool: VariantNumber(.bool(false))
    }
  }

  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue {
    guard let other = other as? VariantNumber else { throw Self.mismatch }
    switch (value, other.value) {
    case (.int(let a), .int(let b)): return VariantNumber(.int(a &+ b))
    case (.float(let a), .float(let b)): return VariantNumber(.float(a + b))
    case (.double(let a), .double(let b)): return VariantNumber(.double(a + b))
    case (.bool(let a), .bool(let b)): return VariantNumber(.bool(a || b))
    default: throw Self.mismatch
    }
  }

  private static let mismatch = GraftError(
    .internalError, "Variants of different types cannot be added.",
    remedy: "Give inputs that hold the same type.")
}

extension TensorList: VariantValue {
  var summary: String { "Variant<type: tensorflow::TensorList value: TensorList>" }

  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue {
    with(try elements.map { try $0?.zerosLike(walk) })
  }

  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue {
    guard let other = other as? TensorList, other.dtype == dtype,
      other.elements.count == elements.count,
      let shape = elementShape.merged(with: other.elementShape)
    else {
      throw GraftError(
        .invalidArgument, "Lists that are added have the same dtype, as many elements, and shapes that fit.")
    }
    let sums = try zip(elements, other.elements).map { mine, theirs in
      guard let mine, let theirs else { return mine ?? theirs }
      return try mine.summed(with: theirs, walk)
    }
    return TensorList(dtype: dtype, elementShape: shape, elements: sums, capacity: capacity)
  }
}
