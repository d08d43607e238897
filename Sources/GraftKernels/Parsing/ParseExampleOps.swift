import GraftTensor

/// Ops that take `tf.train.Example` records apart.
enum ParseExampleOps {
  static let all: [OpDefinition] = [batch, batchWithRagged, single]

  private typealias Feature = ExampleFeatures.Feature

  private static let batch = OpDefinition(
    "ParseExample",
    "Features of a batch of serialized tf.train.Example: dense ones as tensors, filled up where their first "
      + "size varies, others as sparse tensors.",
    shape: { context in
      shapes(context, records: context.input(0)[0], isSingle: false)
    },
    prepare: { node in
      let sparse = try FeatureKind.kinds("sparse_types", of: node)
      let dense = try FeatureKind.kinds("Tdense", of: node)
      let shapes = try DenseFeatureShape.shapes("dense_shapes", of: node)
      try check(node, dense: dense, shapes)
      return { context in
        let defaults = 2 + sparse.count + dense.count
        let denseKeys = try dense.indices.map {
          try context.scalarString(2 + sparse.count + $0, named: "key")
        }
        var features = try denseFeatures(context, denseKeys, dense, shapes, firstDefault: defaults)
        for (place, kind) in sparse.enumerated() {
          features.append(
            Feature(key: try context.scalarString(2 + place, named: "key"), kind: kind, form: .sparse))
        }
        guard try context.input(0).rank == 1 else { throw try wrongRank(context, "one dimension") }
        try parse(context, features, names: 1, isSingle: false)
      }
    })

  private static let batchWithRagged = OpDefinition(
    "ParseExampleV2",
    "ParseExample with ragged tensors, too, and for one record as well as for a batch.",
    shape: { context in
      guard let rank = context.input(0).rank else { return try ShapeRules.unknown(context) }
      return shapes(context, records: context.input(0)[0], isSingle: rank == 0)
    },
    prepare: { node in
      let sparse = try FeatureKind.kinds("sparse_types", of: node)
      let dense = try FeatureKind.kinds("Tdense", of: node)
      let ragged = try FeatureKind.kinds("ragged_value_types", of: node)
      let splits = try node.types("ragged_split_types")
      let shapes = try DenseFeatureShape.shapes("dense_shapes", of: node)
      try check(node, dense: dense, shapes)
      guard splits.count == ragged.count else {
        throw node.invalid(
          "There are \(ragged.count) 'ragged_value_types' and \(splits.count) 'ragged_split_types'.")
      }
      return { context in
        let denseKeys = try context.keys(3, "dense_keys", count: dense.count)
        var features = try denseFeatures(context, denseKeys, dense, shapes, firstDefault: 5)
        for (key, kind) in zip(try context.keys(2, "sparse_keys", count: sparse.count), sparse) {
          features.append(Feature(key: key, kind: kind, form: .sparse))
        }
        for (place, key) in try context.keys(4, "ragged_keys", count: ragged.count).enumerated() {
          features.append(Feature(key: key, kind: ragged[place], form: .ragged(splits: splits[place])))
        }
        let rank = try context.input(0).rank
        guard rank <= 1 else { throw try wrongRank(context, "no dimension or one") }
        try parse(context, features, names: 1, isSingle: rank == 0)
      }
    })

  private static let single = OpDefinition(
    "ParseSingleExample", "Features of one serialized tf.train.Example.",
    shape: { context in shapes(context, records: nil, isSingle: true) },
    prepare: { node in
      let sparse = try FeatureKind.kinds("sparse_types", of: node)
      let dense = try FeatureKind.kinds("Tdense", of: node)
      let shapes = try DenseFeatureShape.shapes("dense_shapes", of: node)
      let (sparseKeys, denseKeys) = (try node.strings("sparse_keys"), try node.strings("dense_keys"))
      try check(node, dense: dense, shapes)
      guard sparseKeys.count == sparse.count, denseKeys.count == dense.count else {
        throw node.invalid(
          "There are \(sparseKeys.count) sparse and \(denseKeys.count) dense keys for \(sparse.count) and "
            + "\(dense.count) types.")
      }
      return { context in
        var features = try denseFeatures(context, denseKeys, dense, shapes, firstDefault: 1)
        features += zip(sparseKeys, sparse).map { Feature(key: $0, kind: $1, form: .sparse) }
        guard try context.input(0).rank == 0 else { throw try wrongRank(context, "no dimension") }
        try parse(context, features, names: nil, isSingle: true)
      }
    })

  // MARK: Parts

  private static func check(_ node: NodeSetup, dense: [FeatureKind], _ shapes: [DenseFeatureShape]) throws {
    guard dense.count == shapes.count else {
      throw node.invalid("There are \(dense.count) dense features and \(shapes.count) 'dense_shapes'.")
    }
  }

  private static func wrongRank(_ context: KernelContext, _ expected: String) throws -> GraftError {
    GraftError(
      .invalidArgument,
      "The records have \(expected), and the shape \(try context.input(0).shape) was found.",
      at: .init(input: 0))
  }

  private static func denseFeatures(
    _ context: KernelContext, _ keys: [Bytes], _ kinds: [FeatureKind], _ shapes: [DenseFeatureShape],
    firstDefault: Int
  ) throws -> [Feature] {
    try kinds.indices.map { place in
      let value = try context.input(firstDefault + place)
      guard value.dtype == kinds[place].dtype else {
        throw GraftError(
          .invalidArgument, "The feature has \(kinds[place].dtype), and its default \(value.dtype).",
          at: .init(input: firstDefault + place))
      }
      try shapes[place].check(default: value, input: firstDefault + place)
      return Feature(key: keys[place], kind: kinds[place], form: .dense(shapes[place], default: value))
    }
  }

  private static func parse(
    _ context: KernelContext, _ features: [Feature], names: Int?, isSingle: Bool
  ) throws {
    let records = try context.strings(0)
    var recordNames: [Bytes] = []
    if let names, try context.input(names).elementCount > 0 {
      guard try context.input(names).shape == context.input(0).shape else {
        throw GraftError(
          .invalidArgument,
          "There are no names or as many as records; names have the shape \(try context.input(names).shape), "
            + "records \(try context.input(0).shape).", at: .init(input: names))
      }
      recordNames = Array(try context.strings(names))
    }
    let (count, overflow) = records.count.multipliedReportingOverflow(by: features.count)
    guard !overflow else { throw GraftError(.resourceExhausted, "There are too many records and features.") }
    try withUnsafeTemporaryAllocation(of: FeaturePlace.self, capacity: count) { places in
      places.initialize(repeating: FeaturePlace())
      let batch = ExampleBatch(
        records: records, names: recordNames, wanted: try ExampleFeatures(features), isSingle: isSingle,
        places: places)
      try ExampleOutputs(batch: batch, context: context, count: records.count).write()
    }
  }

  // MARK: Shapes

  private static func shapes(_ context: ShapeContext, records: Int?, isSingle: Bool) -> [PartialShape] {
    let node = context.node
    let sparse = (try? node.types("sparse_types").count) ?? 0
    let ragged = node.has("ragged_value_types") ? (try? node.types("ragged_value_types").count) ?? 0 : 0
    let columns = isSingle ? 1 : 2
    let dense = ((try? node.shapes("dense_shapes")) ?? []).map { shape in
      PartialShape(shape.dimensions.map { isSingle ? $0 : [records] + $0 })
    }
    let splits = PartialShape([isSingle ? 0 : records.map { $0 + 1 }])
    return [PartialShape](repeating: PartialShape([nil, columns]), count: sparse)
      + [PartialShape](repeating: .ofRank(1), count: sparse)
      + [PartialShape](repeating: PartialShape([columns]), count: sparse) + dense
      + [PartialShape](repeating: .ofRank(1), count: ragged)
      + [PartialShape](repeating: splits, count: ragged)
  }
}

extension KernelContext {
  /// The keys that an input holds.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when it is no vector of as many as expected.
  func keys(_ input: Int, _ name: String, count: Int) throws -> [Bytes] {
    let keys = try strings(input)
    guard keys.count == count, try self.input(input).rank == 1 else {
      throw GraftError(
        .invalidArgument,
        "'\(name)' has the shape \(try self.input(input).shape), and the node has \(count) types for it.",
        at: .init(input: input))
    }
    return Array(keys)
  }
}
