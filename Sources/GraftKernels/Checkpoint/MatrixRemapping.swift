import GraftTensor

/// A checkpoint's matrix for another vocabulary.
enum MatrixRemapping {
  static let definition = OpDefinition(
    "LoadAndRemapMatrix",
    "A matrix of a checkpoint with its rows and columns in another order; rows and columns that it has not come "
      + "from `initializing_values`. Needs permission to read the folder.",
    traits: [.stateful, .readsFiles],
    shape: { [PartialShape([try $0.node.int("num_rows"), try $0.node.int("num_cols")])] }
  ) { node in
    let (rowCount, columnCount) = (try node.int("num_rows"), try node.int("num_cols"))
    guard rowCount > 0, columnCount > 0 else {
      throw node.invalid("num_rows is \(rowCount) and num_cols \(columnCount); both must be positive.")
    }
    return { context in
      let source = try RestoreSource(try context.files.placeForReading(try context.text(0)))
      let old = try source.tensor(try context.text(1), slice: "", dtype: .float32)
      guard old.rank == 2 else {
        throw GraftError(
          .invalidArgument, "The checkpoint's tensor is to be a matrix, and its shape is \(old.shape).",
          at: .init(input: 1))
      }
      let rows = try places(context, 2, "row_remapping", count: rowCount, limit: old.shape[0])
      let columns: [Int]
      if try context.input(3).elementCount == 0 {
        guard columnCount == old.shape[1] else {
          throw GraftError(
            .invalidArgument,
            "The checkpoint's matrix has \(old.shape[1]) columns, and 'num_cols' is \(columnCount).",
            at: .init(input: 3), remedy: "Give a 'col_remapping'.")
        }
        columns = Array(0..<columnCount)
      } else {
        columns = try places(context, 3, "col_remapping", count: columnCount, limit: old.shape[1])
      }
      let initial = try context.input(4).buffer(as: Float.self)
      let missing = columns.count { $0 < 0 }
      let needed = rows.reduce(0) { $0 + ($1 < 0 ? columnCount : missing) }
      guard initial.count == needed else {
        throw GraftError(
          .invalidArgument,
          "\(needed) values of the result are not in the checkpoint, and there are \(initial.count) "
            + "'initializing_values'.", at: .init(input: 4))
      }
      let output = try context.allocate(0, .float32, Shape(validating: [rowCount, columnCount]))
      // The copy, where there is one, is nobody else's: it must outlive the loop.
      let aligned = try old.aligned()
      let (values, target) = (aligned.buffer(as: Float.self), output.mutableBuffer(as: Float.self))
      let width = old.shape[1]
      var next = 0
      for (row, oldRow) in rows.enumerated() {
        for (column, oldColumn) in columns.enumerated() {
          if oldRow >= 0, oldColumn >= 0 {
            target[row * columnCount + column] = values[oldRow * width + oldColumn]
          } else {
            target[row * columnCount + column] = initial[next]
            next += 1
          }
        }
      }
      withExtendedLifetime(aligned) {}
    }
  }

  /// Where each row or column stands in the old matrix; -1 where it does not.
  private static func places(
    _ context: KernelContext, _ index: Int, _ name: String, count: Int, limit: Int
  ) throws -> [Int] {
    let places = try ArrayArguments.vector(context, index, name)
    guard places.count == count else {
      throw ArrayArguments.invalid(
        "'\(name)' has \(places.count) elements, and \(count) are expected.", input: index)
    }
    var seen: Set<Int> = []
    for place in places where place >= 0 {
      guard place < limit else {
        throw ArrayArguments.invalid(
          "'\(name)' names \(place), and the checkpoint's matrix has \(limit).", input: index)
      }
      guard seen.insert(place).inserted else {
        throw GraftError(
          .unimplemented, "'\(name)' names \(place) twice.", at: .init(input: index))
      }
    }
    return places
  }
}
