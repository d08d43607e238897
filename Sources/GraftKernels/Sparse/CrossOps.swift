import GraftTensor

/// Ops that cross columns of features.
enum CrossOps {
  static let all: [OpDefinition] = [sparseCross, sparseCrossV2, sparseCrossHashed, raggedCross]

  /// Which bucket a hash falls into. Without buckets all non-negative numbers but the largest are.
  private static func bucket(_ hash: UInt64, _ buckets: Int) -> Int64 {
    Int64(truncatingIfNeeded: hash % UInt64(buckets > 0 ? buckets : Int.max))
  }

  /// What a cross becomes.
  private enum Result {
    /// The values, with the text between them.
    case text(separator: [UInt8])
    /// The bucket of a hash that begins with the key, where there is one.
    case hash(key: UInt64?, buckets: Int, value: @Sendable (FeatureColumn, Int) -> UInt64)
  }

  private static func write(
    _ cross: FeatureCross, _ result: Result, output index: Int, _ context: KernelContext
  ) throws {
    let shape = Shape([cross.total])
    var next = 0
    switch result {
    case .text(let separator):
      let target = try context.allocate(index, .string, shape).mutableBuffer(as: Bytes.self)
      cross.forEach { places in
        let parts = zip(cross.columns, places).map { $0.text($1) }
        target[next] = Bytes(Array(parts.joined(separator: separator)))
        next += 1
      }
    case .hash(let key, let buckets, let value):
      let target = try context.allocate(index, .int64, shape).mutableBuffer(as: Int64.self)
      cross.forEach { places in
        var hash = key
        for (column, place) in zip(cross.columns, places) {
          let number = value(column, place)
          hash = hash.map { Fingerprint64.joined($0, number) } ?? number
        }
        target[next] = bucket(hash ?? 0, buckets)
        next += 1
      }
    }
  }

  // MARK: Sparse

  private static let sparseShapes: ShapeRule = { _ in
    [PartialShape([nil, 2]), .ofRank(1), PartialShape([2])]
  }

  /// The columns of a node: first the sparse ones, then the dense ones.
  private static func columns(_ context: KernelContext, sparse: Int, dense: Int) throws -> [FeatureColumn] {
    let sparseColumns = try (0..<sparse).map {
      try FeatureColumn(
        sparse: SparseInput(context, indices: $0, values: $0 + sparse, shape: $0 + 2 * sparse), input: $0)
    }
    return try sparseColumns
      + (3 * sparse..<3 * sparse + dense).map { try FeatureColumn(dense: context.input($0), input: $0) }
  }

  private static func writeSparse(
    _ context: KernelContext, sparse: Int, dense: Int, _ result: Result
  ) throws {
    let cross = try FeatureCross(columns(context, sparse: sparse, dense: dense))
    try MemoryAccount.requireRoom(for: cross.total, bytesEach: 4 * MemoryLayout<Int>.stride)
    var indices: [Int] = []
    indices.reserveCapacity(2 * cross.total)
    for (row, count) in cross.counts.enumerated() {
      for place in 0..<count { indices += [row, place] }
    }
    try context.setIntegers(0, .int64, Shape([cross.total, 2]), indices)
    try write(cross, result, output: 1, context)
    try context.setIntegers(2, .int64, Shape([2]), [cross.counts.count, cross.counts.max() ?? 0])
  }

  /// How many sparse and dense columns a node has, of whose inputs the last ones are no columns.
  private static func columnCounts(_ setup: NodeSetup, after: Int = 0) throws -> (sparse: Int, dense: Int) {
    let sparse = try setup.int("N")
    let dense = setup.inputTypes.count - 3 * sparse - after
    guard sparse >= 0, sparse <= setup.inputTypes.count, dense >= 0 else {
      throw setup.invalid("\(sparse) sparse columns do not fit \(setup.inputTypes.count) inputs.")
    }
    return (sparse, dense)
  }

  private static let sparseCross = OpDefinition(
    "SparseCross", "All combinations of one value of each column, row by row, as text or as buckets.",
    types: ["out_type": [.int64, .string], "internal_type": [.int64, .string]], shape: sparseShapes,
    prepare: { setup in
      let (sparse, dense) = try columnCounts(setup)
      let buckets = try setup.int("num_buckets")
      let key = UInt64(bitPattern: Int64(try setup.int("hash_key")))
      // The output's dtype decides, whatever the attribute 'hashed_output' says.
      let isHashed = try setup.outputType(1) == .int64
      let values = try Array(setup.types("sparse_types") + setup.types("dense_types"))
      guard try setup.type("internal_type") == .int64 || values.allSatisfy({ $0 == .string }) else {
        throw setup.invalid(
          "The columns are of \(values.map { "\($0)" }.joined(separator: ", ")), and with an 'internal_type' of "
            + "string all must be of string.")
      }
      return { context in
        try writeSparse(
          context, sparse: sparse, dense: dense,
          isHashed
            ? .hash(key: key, buckets: buckets) { $0.number($1) } : .text(separator: Array("_X_".utf8)))
      }
    })

  private static let sparseCrossV2 = OpDefinition(
    "SparseCrossV2", "All combinations of one value of each column, row by row, as text with a separator.",
    shape: sparseShapes,
    prepare: { setup in
      let (sparse, dense) = try columnCounts(setup, after: 1)
      return { context in
        let separator = try context.input(context.inputCount - 1)
        guard separator.rank == 0 else {
          throw ArrayArguments.invalid("The separator must be a scalar, and its shape is \(separator.shape).")
        }
        try writeSparse(
          context, sparse: sparse, dense: dense,
          .text(separator: separator.element(Bytes.self, 0).pointee.bytes))
      }
    })

  private static let sparseCrossHashed = OpDefinition(
    "SparseCrossHashed",
    "All combinations of one value of each column, row by row, as buckets of a hash; a strong one is salted.",
    shape: sparseShapes,
    prepare: { setup in
      let (sparse, dense) = try columnCounts(setup, after: 3)
      return { context in
        let first = context.inputCount - 3
        let buckets = try ArrayArguments.single(context, first, "num_buckets")
        let isStrong = try context.input(first + 1).element(Bool.self, 0).pointee
        let salt = try ArrayArguments.vector(context, first + 2, "salt")
        guard salt.count == 2 else {
          throw ArrayArguments.invalid(
            "The salt must have 2 elements, and has "
              + "\(salt.count).", input: first + 2)
        }
        let key = (UInt64(bitPattern: Int64(salt[0])), UInt64(bitPattern: Int64(salt[1])))
        try writeSparse(
          context, sparse: sparse, dense: dense,
          .hash(key: nil, buckets: buckets) { column, place in
            if isStrong { return SipHash.hash(hashedBytes(column, place), key: key) }
            return column.isSparse
              ? Fingerprint64.of(hashedBytes(column, place)) : column.number(place)
          })
      }
    })

  /// What a hash takes in of a value: text, and of an integer its lower four bytes.
  private static func hashedBytes(_ column: FeatureColumn, _ place: Int) -> [UInt8] {
    guard column.values.dtype != .string else { return column.text(place) }
    let number = column.number(place)
    return (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
  }

  // MARK: Ragged

  private static let raggedCross = OpDefinition(
    "RaggedCross",
    "All combinations of one value of each column, row by row, as a ragged tensor of text or buckets.",
    types: ["out_values_type": [.int64, .string], "out_row_splits_type": .indices],
    shape: { _ in [.ofRank(1), .ofRank(1)] },
    prepare: { setup in
      let ragged = try setup.types("ragged_values_types").count
      let sparse = try setup.int("Nsparse")
      let dense = try setup.types("dense_types").count
      let order = try setup.string("input_order")
      let buckets = try setup.int("num_buckets")
      let key = UInt64(bitPattern: Int64(try setup.int("hash_key")))
      // The output's dtype decides, whatever the attribute 'hashed_output' says.
      let isHashed = try setup.outputType(0) == .int64
      let splitsType = try setup.outputType(1)
      guard sparse >= 0, setup.inputTypes.count == 2 * ragged + 3 * sparse + dense,
        order.count == ragged + sparse + dense
      else {
        throw setup.invalid("The attribute 'input_order' is '\(order)', which does not name all columns.")
      }
      return { context in
        let next = 2 * ragged
        var raggedColumns = try (0..<ragged).map {
          try FeatureColumn(ragged: context.input($0), splits: context.input($0 + ragged), input: $0)
        }[...]
        var sparseColumns = try (0..<sparse).map {
          try FeatureColumn(
            sparse: SparseInput(
              context, indices: next + $0, values: next + sparse + $0, shape: next + 2 * sparse + $0),
            input: next + $0)
        }[...]
        var denseColumns = try (0..<dense).map {
          try FeatureColumn(dense: context.input(next + 3 * sparse + $0), input: next + 3 * sparse + $0)
        }[...]
        let columns = try order.map { letter in
          let column =
            switch letter {
            case "R": raggedColumns.popFirst()
            case "S": sparseColumns.popFirst()
            case "D": denseColumns.popFirst()
            default: nil as FeatureColumn?
            }
          guard let column else {
            throw ArrayArguments.invalid(
              "The attribute 'input_order' is '\(order)', which does not name "
                + "all columns.")
          }
          return column
        }
        let cross = try FeatureCross(columns)
        try write(
          cross,
          isHashed
            ? .hash(key: key, buckets: buckets) { $0.number($1) } : .text(separator: Array("_X_".utf8)),
          output: 0, context)
        var splits = [0]
        for count in cross.counts { splits.append(splits[splits.count - 1] + count) }
        try context.setIntegers(1, splitsType, Shape([splits.count]), splits)
      }
    })
}
