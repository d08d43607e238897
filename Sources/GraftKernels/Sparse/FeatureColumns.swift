import GraftTensor

/// A column of features for ops that cross columns: for each row of a batch some values, strings or
/// integers.
struct FeatureColumn {
  /// The values: strings or int64.
  let values: Tensor
  /// For each row the values that are its own.
  let rows: [Range<Int>]
  /// Whether the values are those of a sparse matrix.
  let isSparse: Bool

  /// A column of a dense matrix.
  init(dense: Tensor, input: Int) throws {
    guard dense.rank == 2 else {
      throw ArrayArguments.invalid(
        "A dense column must be a matrix, and its shape is "
          + "\(dense.shape).", input: input)
    }
    values = dense
    isSparse = false
    let length = dense.shape[1]
    try Self.requireRoom(rows: dense.shape[0])
    rows = (0..<dense.shape[0]).map { $0 * length..<($0 + 1) * length }
  }

  /// Each row is noted, though it has no values; and how many crosses it has.
  private static func requireRoom(rows: Int) throws {
    try MemoryAccount.requireRoom(
      for: rows, bytesEach: MemoryLayout<Range<Int>>.stride + MemoryLayout<Int>.stride)
  }

  /// A column of a ragged matrix.
  init(ragged values: Tensor, splits: Tensor, input: Int) throws {
    guard values.rank == 1 else {
      throw ArrayArguments.invalid(
        "The values must be a vector, and their shape is "
          + "\(values.shape).", input: input)
    }
    let places = try RaggedSplits(splits, values: values.elementCount, input: input).places
    self.values = values
    isSparse = false
    rows = zip(places, places.dropFirst()).map { $0..<$1 }
  }

  /// A column of a sparse matrix with `count` rows, whose indices ascend.
  init(sparse: SparseInput, input: Int) throws {
    guard sparse.rank == 2 else {
      throw ArrayArguments.invalid(
        "A sparse column must have two dimensions, and its shape is \(sparse.shape).", input: input)
    }
    let count = sparse.shape[0]
    guard count >= 0, count <= Shape.maximumElementCount else {
      throw ArrayArguments.invalid("A sparse column has \(count) rows.", input: input)
    }
    values = sparse.values
    isSparse = true
    try Self.requireRoom(rows: count)
    var rows: [Range<Int>] = []
    rows.reserveCapacity(count)
    var place = 0
    for row in 0..<count {
      let start = place
      while place < sparse.count, sparse.indices[2 * place] == row { place += 1 }
      rows.append(start..<place)
    }
    guard place == sparse.count else {
      throw ArrayArguments.invalid(
        "The indices \(Array(sparse.row(place))) of value \(place) are out of order, or outside of the "
          + "\(count) rows.",
        input: input)
    }
    self.rows = rows
  }

  /// A value as text; integers in decimal.
  func text(_ place: Int) -> [UInt8] {
    values.dtype == .string
      ? values.element(Bytes.self, place).pointee.bytes
      : Array(String(values.element(Int64.self, place).pointee).utf8)
  }

  /// A value as a number: an integer itself, of a string the fingerprint.
  func number(_ place: Int) -> UInt64 {
    values.dtype == .string
      ? Fingerprint64.of(values.element(Bytes.self, place).pointee.bytes)
      : UInt64(bitPattern: values.element(Int64.self, place).pointee)
  }
}

/// All ways of taking one value of each column, row by row.
struct FeatureCross {
  let columns: [FeatureColumn]
  /// For each row how many ways there are.
  let counts: [Int]

  /// - Throws: `GraftError` (`invalidArgument`) where the columns have not the same number of rows, or there
  ///   are more ways than can be counted.
  init(_ columns: [FeatureColumn]) throws {
    guard let first = columns.first else { throw ArrayArguments.invalid("There are no columns to cross.") }
    for column in columns where column.rows.count != first.rows.count {
      throw ArrayArguments.invalid(
        "The columns have \(first.rows.count) and \(column.rows.count) rows, and must have the same number.")
    }
    self.columns = columns
    var total = 0
    counts = try first.rows.indices.map { row in
      let count = columns.reduce(1) { ArrayArguments.saturatingProduct($0, $1.rows[row].count) }
      let (sum, overflow) = total.addingReportingOverflow(count)
      guard !overflow, sum <= Shape.maximumElementCount else {
        throw ArrayArguments.invalid("Row \(row) has \(count) crosses, more than fit a tensor.")
      }
      total = sum
      return count
    }
  }

  /// How many crosses there are.
  var total: Int { counts.reduce(0, +) }

  /// Calls the body with each cross in turn: the places of its values in their columns. The last column's
  /// values change first.
  func forEach(_ body: (_ places: [Int]) -> Void) {
    var places = [Int](repeating: 0, count: columns.count)
    for row in counts.indices where counts[row] > 0 {
      for (index, column) in columns.enumerated() { places[index] = column.rows[row].lowerBound }
      for _ in 0..<counts[row] {
        body(places)
        var index = columns.count - 1
        while index >= 0 {
          places[index] += 1
          if places[index] < columns[index].rows[row].upperBound { break }
          places[index] = columns[index].rows[row].lowerBound
          index -= 1
        }
      }
    }
  }
}
