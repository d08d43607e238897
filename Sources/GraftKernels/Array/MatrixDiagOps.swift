import GraftTensor

/// Ops between matrices and their diagonals.
enum MatrixDiagOps {
  static let all: [OpDefinition] =
    ["MatrixDiag", "BatchMatrixDiag"].map { diag($0, version: 1) }
    + [diag("MatrixDiagV2", version: 2), diag("MatrixDiagV3", version: 3)]
    + ["MatrixDiagPart", "BatchMatrixDiagPart"].map { part($0, version: 1) }
    + [part("MatrixDiagPartV2", version: 2), part("MatrixDiagPartV3", version: 3)]
    + ["MatrixSetDiag", "BatchMatrixSetDiag"].map { set($0, version: 1) }
    + [set("MatrixSetDiagV2", version: 2), set("MatrixSetDiagV3", version: 3)]

  private static func zero(_ setup: NodeSetup) throws -> Tensor {
    let zero = try Tensor(uninitialized: try setup.inputType(0), shape: .scalar)
    zero.clear()
    return zero
  }

  /// Fills a tensor with the element of another one.
  private static func fill(_ output: Tensor, with value: Tensor, _ workers: WorkerPool) throws {
    try StridedCopy(sizes: [output.elementCount], sourceSteps: [0], targetSteps: [1])
      .run(from: value, to: output, workers)
  }

  /// The value to pad with, which may also come as a vector of one element.
  private static func padding(_ context: KernelContext, _ index: Int) throws -> Tensor {
    let padding = try context.input(index)
    guard padding.elementCount == 1 else {
      throw ArrayArguments.invalid(
        "'padding_value' must be a scalar, and its shape is \(padding.shape).", input: index)
    }
    return padding
  }

  // MARK: MatrixDiag

  private static func scalar(_ context: KernelContext, _ index: Int, _ name: String) throws -> Tensor {
    let tensor = try context.input(index)
    guard tensor.rank == 0 else {
      throw ArrayArguments.invalid(
        "'\(name)' must be a scalar, and its shape is \(tensor.shape).", input: index)
    }
    return tensor
  }

  private static func diag(_ name: String, version: Int) -> OpDefinition {
    OpDefinition(
      name, "Matrices with the given diagonals, and zeros or the padding value elsewhere.",
      types: ["T": .plainValues],
      shape: { context in
        guard let sizes = context.input(0).dimensions, let last = sizes.last else { return [.unknown] }
        if version == 1 { return [PartialShape(sizes + [last])] }
        guard let band = context.ints(1), let lower = band.first, let upper = band.last else {
          return [.unknown]
        }
        let batch = lower == upper ? sizes.dropLast() : sizes.dropLast(2)
        guard let length = last, let rows = context.ints(2)?.first, let columns = context.ints(3)?.first,
          let size = try? matrixSize(length: length, lower: lower, upper: upper, rows: rows, columns: columns)
        else { return [PartialShape(Array(batch) + [nil, nil])] }
        return [PartialShape(Array(batch) + [size.rows, size.columns])]
      },
      prepare: { setup in
        let zero = try zero(setup)
        let alignment = try DiagonalBand.Alignment(setup)
        return { context in
          let diagonal = try context.input(0)
          let band = try DiagonalBand(context, version == 1 ? nil : 1, alignment)
          guard let length = diagonal.shape.dimensions.last else {
            throw ArrayArguments.invalid(
              "The diagonals must have one dimension or more, and a scalar was found.", input: 0)
          }
          var batch = Array(diagonal.shape.dimensions.dropLast())
          if band.lower != band.upper {
            guard let count = batch.popLast(), count == band.count else {
              throw ArrayArguments.invalid(
                "\(band.count) diagonals are named, and the shape of what is given is \(diagonal.shape).",
                input: 0)
            }
          }
          let size =
            version == 1
            ? (rows: length, columns: length)
            : try matrixSize(
              length: length, lower: band.lower, upper: band.upper,
              rows: try scalar(context, 2, "num_rows").integer(),
              columns: try scalar(context, 3, "num_cols").integer())
          let padding = version == 1 ? zero : try scalar(context, 4, "padding_value")
          let output = try context.allocate(
            0, diagonal.dtype, try Shape(validating: batch + [size.rows, size.columns]))
          try fill(output, with: padding, context.workers)
          let packed = band.count * length
          let matrix = size.rows * size.columns
          let batches = ArrayArguments.product(batch)
          try band.forEach(rows: size.rows, columns: size.columns, rowLength: length) {
            place, element, length in
            try StridedCopy(
              sizes: [batches, length], sourceSteps: [packed, 1], targetSteps: [matrix, size.columns + 1]
            ).run(from: diagonal, at: place, to: output, startingAt: element, context.workers)
          }
        }
      })
  }

  /// The size of the matrices, where -1 asks for the least that holds the diagonals.
  private static func matrixSize(
    length: Int, lower: Int, upper: Int, rows: Int, columns: Int
  ) throws -> (rows: Int, columns: Int) {
    let leastRows = length - min(upper, 0)
    let leastColumns = length + max(lower, 0)
    guard rows == -1 || rows >= leastRows else {
      throw ArrayArguments.invalid(
        "\(rows) rows are too few for these diagonals; they need \(leastRows).", input: 2)
    }
    guard columns == -1 || columns >= leastColumns else {
      throw ArrayArguments.invalid(
        "\(columns) columns are too few for these diagonals; they need \(leastColumns).", input: 3)
    }
    if rows == -1, columns == -1 {
      let size = max(leastRows, leastColumns)
      return (size, size)
    }
    let size = (rows: rows == -1 ? leastRows : rows, columns: columns == -1 ? leastColumns : columns)
    guard size.rows == leastRows || size.columns == leastColumns else {
      throw ArrayArguments.invalid(
        "Matrices of \(size.rows) rows and \(size.columns) columns have longer diagonals than \(length).",
        input: 0)
    }
    return size
  }

  // MARK: MatrixDiagPart

  private static func part(_ name: String, version: Int) -> OpDefinition {
    OpDefinition(
      name, "Some diagonals of matrices, the shorter ones padded.", types: ["T": .plainValues],
      shape: { context in
        guard let sizes = context.input(0).dimensions, sizes.count >= 2 else { return [.unknown] }
        let band = version == 1 ? [0] : context.ints(1)
        guard let lower = band?.first, let upper = band?.last else { return [.unknown] }
        var length: Int?
        if let rows = sizes[sizes.count - 2], let columns = sizes[sizes.count - 1] {
          length = max(min(rows + min(upper, 0), columns - max(lower, 0)), 0)
        }
        return [
          PartialShape(Array(sizes.dropLast(2)) + (lower == upper ? [] : [upper - lower + 1]) + [length])
        ]
      },
      prepare: { setup in
        let zero = try zero(setup)
        let alignment = try DiagonalBand.Alignment(setup)
        return { context in
          let input = try context.input(0)
          let (batch, rows, columns) = try matrices(input)
          let band = try DiagonalBand(context, version == 1 ? nil : 1, alignment)
          try band.check(rows: rows, columns: columns, input: 1)
          let padding = version == 1 ? zero : try padding(context, 2)
          let length = band.rowLength(rows: rows, columns: columns)
          let output = try context.allocate(
            0, input.dtype, Shape(batch + (band.count == 1 ? [] : [band.count]) + [length]))
          if band.count > 1 { try fill(output, with: padding, context.workers) }
          let batches = ArrayArguments.product(batch)
          try band.forEach(rows: rows, columns: columns, rowLength: length) { place, element, count in
            try StridedCopy(
              sizes: [batches, count], sourceSteps: [rows * columns, columns + 1],
              targetSteps: [band.count * length, 1]
            ).run(from: input, at: element, to: output, startingAt: place, context.workers)
          }
        }
      })
  }

  /// The batch's sizes, rows and columns.
  private static func matrices(_ input: Tensor) throws -> (batch: [Int], rows: Int, columns: Int) {
    guard input.rank >= 2 else {
      throw ArrayArguments.invalid(
        "The input must have two dimensions or more, and its shape is \(input.shape).", input: 0)
    }
    let sizes = input.shape.dimensions
    return (Array(sizes.dropLast(2)), sizes[sizes.count - 2], sizes[sizes.count - 1])
  }

  // MARK: MatrixSetDiag

  private static func set(_ name: String, version: Int) -> OpDefinition {
    OpDefinition(
      name, "Matrices with some diagonals replaced.", types: ["T": .plainValues],
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let alignment = try DiagonalBand.Alignment(setup)
        return { context in
          let input = try context.input(0)
          let diagonal = try context.input(1)
          let (batch, rows, columns) = try matrices(input)
          let band = try DiagonalBand(context, version == 1 ? nil : 2, alignment)
          try band.check(rows: rows, columns: columns, input: version == 1 ? nil : 2)
          let length = band.rowLength(rows: rows, columns: columns)
          let expected = Shape(batch + (band.count == 1 ? [] : [band.count]) + [length])
          guard diagonal.shape == expected else {
            throw ArrayArguments.invalid(
              "Diagonals \(band.lower) to \(band.upper) of matrices of shape \(input.shape) have the shape "
                + "\(expected), and what is given has the shape \(diagonal.shape).", input: 1)
          }
          let output = try context.allocate(0, input.dtype, input.shape)
          output.initializeElements(from: input)
          let batches = ArrayArguments.product(batch)
          try band.forEach(rows: rows, columns: columns, rowLength: length) { place, element, count in
            try StridedCopy(
              sizes: [batches, count], sourceSteps: [band.count * length, 1],
              targetSteps: [rows * columns, columns + 1]
            ).run(from: diagonal, at: place, to: output, startingAt: element, context.workers)
          }
        }
      })
  }
}
