import GraftTensor

/// The value of a variant tensor that the TensorMap ops make: tensors by tensors. It does not change.
final class TensorMap: VariantValue {
  /// A tensor as a key: equal are those of one dtype, shape and content.
  private struct Key: Hashable {
    let dtype: DataType
    let shape: Shape
    let content: [Bytes]

    init(_ tensor: Tensor) throws {
      dtype = tensor.dtype
      shape = tensor.shape
      switch tensor.dtype.layout {
      case .plain: content = tensor.withUnsafeBytes { [Bytes(Array($0))] }
      case .string: content = try tensor.scalars(as: Bytes.self)
      case .handle: throw GraftError(.invalidArgument, "A key of a map cannot be of \(tensor.dtype).")
      }
    }
  }

  /// Keys and values, in the order in which the keys came first.
  private let entries: [(key: Tensor, value: Tensor)]
  private let places: [Key: Int]

  private init(_ entries: [(key: Tensor, value: Tensor)], _ places: [Key: Int]) {
    self.entries = entries
    self.places = places
  }

  /// A map with nothing in it.
  convenience init() {
    self.init([], [:])
  }

  var count: Int { entries.count }
  var keys: [Tensor] { entries.map(\.key) }
  var summary: String { "Variant<type: tensorflow::TensorMap value: TensorMap>" }

  /// The value of a key.
  func value(of key: Tensor) throws -> Tensor? {
    try places[Key(key)].map { entries[$0].value }
  }

  /// The map with an entry more, or with a key's value replaced.
  func setting(_ key: Tensor, to value: Tensor) throws -> TensorMap {
    let place = try Key(key)
    var (entries, places) = (entries, places)
    if let known = places[place] {
      entries[known].value = value
    } else {
      places[place] = entries.count
      entries.append((key, value))
    }
    return TensorMap(entries, places)
  }

  /// The map without a key; nil where it has not got it.
  func removing(_ key: Tensor) throws -> TensorMap? {
    guard let place = places[try Key(key)] else { return nil }
    var entries = entries
    entries.remove(at: place)
    var places: [Key: Int] = [:]
    for (index, entry) in entries.enumerated() { places[try Key(entry.key)] = index }
    return TensorMap(entries, places)
  }

  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue { TensorMap() }

  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue {
    guard let other = other as? TensorMap else {
      throw GraftError(.invalidArgument, "A map can be added to a map only.")
    }
    return try other.entries.reduce(self) { sum, entry in
      let mine = try sum.value(of: entry.key)
      return try sum.setting(entry.key, to: try mine?.summed(with: entry.value, walk) ?? entry.value)
    }
  }
}

enum TensorMapOps {
  static let all: [OpDefinition] = [empty, insert, lookup, erase, hasKey, size, stackKeys]

  private static func map(_ context: KernelContext) throws -> TensorMap {
    let input = try context.input(0)
    guard let map = input.variantValue as? TensorMap else {
      throw GraftError(
        .invalidArgument, "A map of tensors is expected, and \(input.dtype)\(input.shape) was found.",
        at: .init(input: 0))
    }
    return map
  }

  private static func missing(_ key: Tensor) -> GraftError {
    GraftError(
      .invalidArgument, "The map has no such key: \(TensorSummary.text(key, limit: 8)).", at: .init(input: 1))
  }

  private static let empty = OpDefinition(
    "EmptyTensorMap", "A map from tensors to tensors with nothing in it.", shape: ShapeRules.scalar
  ) { _ in
    return { context in try context.setOutput(0, try Tensor(variant: TensorMap())) }
  }

  private static let insert = OpDefinition(
    "TensorMapInsert", "The map with an entry more, or with a key's value replaced.",
    traits: [.keepsInputs], shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let (key, value) = (try context.input(1).persistent(), try context.input(2).persistent())
      try context.setOutput(0, try Tensor(variant: try map(context).setting(key, to: value)))
    }
  }

  private static let lookup = OpDefinition(
    "TensorMapLookup", "The value of a key.", shape: ShapeRules.unknown
  ) { node in
    let dtype = try node.type("value_dtype")
    return { context in
      let key = try context.input(1)
      guard let value = try map(context).value(of: key) else { throw missing(key) }
      guard value.dtype == dtype else {
        throw GraftError(.invalidArgument, "The key's value is \(value.dtype), and \(dtype) is asked for.")
      }
      try context.setOutput(0, value)
    }
  }

  private static let erase = OpDefinition(
    "TensorMapErase", "The map without a key.", shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let key = try context.input(1)
      guard let smaller = try map(context).removing(key) else { throw missing(key) }
      try context.setOutput(0, try Tensor(variant: smaller))
    }
  }

  private static let hasKey = OpDefinition(
    "TensorMapHasKey", "Whether the map has a key.", shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let found = try map(context).value(of: try context.input(1))
      try context.setOutput(0, try Tensor(found != nil))
    }
  }

  private static let size = OpDefinition(
    "TensorMapSize", "How many entries the map has.", shape: ShapeRules.scalar
  ) { _ in
    return { context in try context.setOutput(0, try Tensor(Int32(clamping: try map(context).count))) }
  }

  private static let stackKeys = OpDefinition(
    "TensorMapStackKeys", "The keys, which have one shape, as rows of a tensor.", shape: ShapeRules.unknown
  ) { node in
    let dtype = try node.type("key_dtype")
    return { context in
      let keys = try map(context).keys
      guard let shape = keys.first?.shape else {
        throw GraftError(.invalidArgument, "The map has no key, so that the result has no shape.")
      }
      guard keys.allSatisfy({ $0.dtype == dtype && $0.shape == shape }) else {
        throw GraftError(.invalidArgument, "The map's keys are not all of dtype \(dtype) and shape \(shape).")
      }
      let result = try context.allocate(0, dtype, try Shape(validating: [keys.count] + shape.dimensions))
      for (row, key) in zip(result.rows(), keys) { row.initializeElements(from: key) }
    }
  }
}
