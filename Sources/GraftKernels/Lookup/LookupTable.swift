import GraftTensor

/// A table of a session: values by key.
final class LookupTable: SessionResource {
  static let kind = "table"

  let name: String
  let keyType: DataType
  let valueType: DataType
  /// The shape of one key.
  let keyShape: Shape
  /// The shape of one value.
  let valueShape: Shape
  /// The entries.
  let body: any LookupTableBody

  init(
    name: String, keyType: DataType, valueType: DataType, keyShape: Shape = .scalar,
    valueShape: Shape = .scalar, body: any LookupTableBody
  ) {
    self.name = name
    self.keyType = keyType
    self.valueType = valueType
    self.keyShape = keyShape
    self.valueShape = valueShape
    self.body = body
  }
}

/// How a kind of table keeps its entries. Dtypes and shapes were checked.
protocol LookupTableBody: Sendable {
  /// How many entries there are.
  var count: Int { get }
  /// Writes the values of keys, and the default for those that are not there.
  func find(_ keys: Tensor, default: Tensor, into output: Tensor) throws
  func insert(_ keys: Tensor, _ values: Tensor) throws
  func remove(_ keys: Tensor) throws
  func export() throws -> (keys: Tensor, values: Tensor)
  /// Replaces all entries.
  func replaceAll(_ keys: Tensor, _ values: Tensor) throws
  /// Gives a table that is filled once its entries.
  func initialize(_ keys: Tensor, _ values: Tensor) throws
  /// Whether it is a table that is filled once.
  var isFixed: Bool { get }
  /// Whether it may be read.
  var isInitialized: Bool { get }
  /// Whether keys and values are imported as they were exported: as matrices.
  var importsMatrices: Bool { get }
}

// MARK: - Shapes

extension LookupTable {
  private func invalid(_ message: String) -> GraftError {
    GraftError(.invalidArgument, "Table '\(name)': \(message)")
  }

  func check(keys type: DataType) throws {
    guard type == keyType else { throw invalid("Its keys are \(keyType), and \(type) is given.") }
  }

  func check(values type: DataType) throws {
    guard type == valueType else { throw invalid("Its values are \(valueType), and \(type) is given.") }
  }

  /// The shape of the values for keys of the given shape.
  func valuesShape(for keys: Shape) throws -> Shape {
    guard keys.rank >= keyShape.rank, Array(keys.dimensions.suffix(keyShape.rank)) == keyShape.dimensions
    else {
      throw invalid("The keys' shape \(keys) must end with the shape of one key, \(keyShape).")
    }
    return try Shape(validating: keys.dimensions.dropLast(keyShape.rank) + valueShape.dimensions)
  }

  func checkEntries(_ keys: Tensor, _ values: Tensor) throws {
    try check(keys: keys.dtype)
    try check(values: values.dtype)
    let expected = try valuesShape(for: keys.shape)
    guard values.shape == expected else {
      throw invalid("Values of shape \(expected) are expected for these keys, and \(values.shape) is given.")
    }
  }

  /// Finds the values of keys.
  func find(_ keys: Tensor, default value: Tensor, allocate: (Shape) throws -> Tensor) throws {
    try check(keys: keys.dtype)
    try check(values: value.dtype)
    let shape = try valuesShape(for: keys.shape)
    guard value.shape == valueShape || value.shape == shape else {
      throw invalid("The default value has shape \(value.shape); \(valueShape) or \(shape) is expected.")
    }
    let output = try allocate(shape)
    try withExtendedLifetime((keys.storage, value.storage, output.storage)) {
      try body.find(keys, default: value, into: output)
    }
  }

  func insert(_ keys: Tensor, _ values: Tensor) throws {
    try checkEntries(keys, values)
    try withExtendedLifetime((keys.storage, values.storage)) { try body.insert(keys, values) }
  }

  func remove(_ keys: Tensor) throws {
    try check(keys: keys.dtype)
    _ = try valuesShape(for: keys.shape)
    try withExtendedLifetime(keys.storage) { try body.remove(keys) }
  }

  func replaceAll(_ keys: Tensor, _ values: Tensor) throws {
    if body.importsMatrices {
      try check(keys: keys.dtype)
      try check(values: values.dtype)
      guard keys.rank == 2, values.rank == 2, keys.shape[0] == values.shape[0],
        keys.shape[1] == keyShape.elementCount, values.shape[1] == valueShape.elementCount
      else {
        throw invalid(
          "Keys and values are imported as exported, as matrices of \(keyShape.elementCount) and "
            + "\(valueShape.elementCount) columns, and \(keys.shape) and \(values.shape) are given.")
      }
    } else {
      try checkEntries(keys, values)
    }
    try withExtendedLifetime((keys.storage, values.storage)) { try body.replaceAll(keys, values) }
  }

  func initialize(_ keys: Tensor, _ values: Tensor) throws {
    try checkEntries(keys, values)
    guard keys.rank == 1 else {
      throw invalid("Keys and values must be vectors, and their shape is \(keys.shape).")
    }
    guard keys.elementCount > 0 else {
      throw invalid("It is initialised with no entry at all.")
    }
    try withExtendedLifetime((keys.storage, values.storage)) { try body.initialize(keys, values) }
  }
}
