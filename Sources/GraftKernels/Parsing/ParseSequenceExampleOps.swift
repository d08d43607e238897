import GraftTensor

/// Ops that take `tf.train.SequenceExample` records apart.
enum ParseSequenceExampleOps {
  static let all: [OpDefinition] = [batch, batchWithRagged, single]

  /// What a node's attributes say.
  private struct Types: Sendable {
    let contextSparse: [FeatureKind]
    let contextDense: [FeatureKind]
    let contextShapes: [Shape]
    var contextRagged: [FeatureKind] = []
    var contextSplits: [DataType] = []
    let listSparse: [FeatureKind]
    let listDense: [FeatureKind]
    let listShapes: [Shape]
    var listRagged: [FeatureKind] = []
    var listSplits: [DataType] = []

    init(_ node: NodeSetup, hasRagged: Bool = false) throws {
      contextSparse = try FeatureKind.kinds("context_sparse_types", of: node)
      contextDense = try FeatureKind.kinds("Tcontext_dense", of: node)
      contextShapes = try Self.shapes("context_dense_shapes", of: node)
      listSparse = try FeatureKind.kinds("feature_list_sparse_types", of: node)
      listDense = try FeatureKind.kinds("feature_list_dense_types", of: node)
      listShapes = try Self.shapes("feature_list_dense_shapes", of: node)
      if hasRagged {
        contextRagged = try FeatureKind.kinds("context_ragged_value_types", of: node)
        contextSplits = try node.types("context_ragged_split_types")
        listRagged = try FeatureKind.kinds("feature_list_ragged_value_types", of: node)
        listSplits = try node.types("feature_list_ragged_split_types")
      }
      guard contextDense.count == contextShapes.count, listDense.count == listShapes.count,
        contextRagged.count == contextSplits.count, listRagged.count == listSplits.count
      else { throw node.invalid("There are not as many types as shapes of features.") }
    }

    private static func shapes(_ name: String, of node: NodeSetup) throws -> [Shape] {
      try node.shapes(name).enumerated().map { place, shape in
        guard let known = shape.fullyDefined else {
          throw node.invalid("Shape \(place) of '\(name)' is \(shape), and every size must be known.")
        }
        return known
      }
    }

    func context(_ sparse: [Bytes], _ dense: [Bytes], _ ragged: [Bytes] = []) -> [SequenceFeatures.Wanted] {
      wanted(sparse, contextSparse) + wanted(dense, contextDense) + wanted(ragged, contextRagged)
    }

    func lists(_ sparse: [Bytes], _ dense: [Bytes], _ ragged: [Bytes] = []) -> [SequenceFeatures.Wanted] {
      wanted(sparse, listSparse) + wanted(dense, listDense) + wanted(ragged, listRagged)
    }

    private func wanted(_ keys: [Bytes], _ kinds: [FeatureKind]) -> [SequenceFeatures.Wanted] {
      zip(keys, kinds).map { SequenceFeatures.Wanted(key: $0, kind: $1) }
    }
  }

  private static let batch = OpDefinition(
    "ParseSequenceExample",
    "Features of a batch of serialized tf.train.SequenceExample, or of one: those of the context, and lists.",
    shape: ShapeRules.unknown,
    prepare: { node in
      let types = try Types(node)
      let sparse = try keys("context_sparse_keys", types.contextSparse, node)
      let dense = try keys("context_dense_keys", types.contextDense, node)
      let listSparse = try keys("feature_list_sparse_keys", types.listSparse, node)
      let listDense = try keys("feature_list_dense_keys", types.listDense, node)
      let missing = Set(try node.strings("feature_list_dense_missing_assumed_empty"))
      return { context in
        let (records, names, isSingle) = try records(context, names: 1)
        let features = try SequenceFeatures(
          records, names: names, context: types.context(sparse, dense),
          lists: types.lists(listSparse, listDense), isStrict: false)
        let outputs = SequenceOutputs(features: features, context: context, isSingle: isSingle)
        try write(
          outputs, types, allowsMissing: listDense.map(missing.contains), firstDefault: 2, hasLengths: true)
      }
    })

  private static let batchWithRagged = OpDefinition(
    "ParseSequenceExampleV2", "ParseSequenceExample with ragged tensors, too.", shape: ShapeRules.unknown,
    prepare: { node in
      let types = try Types(node, hasRagged: true)
      return { context in
        let (records, names, isSingle) = try records(context, names: 1)
        let sparse = try context.keys(2, "context_sparse_keys", count: types.contextSparse.count)
        let dense = try context.keys(3, "context_dense_keys", count: types.contextDense.count)
        let ragged = try context.keys(4, "context_ragged_keys", count: types.contextRagged.count)
        let listSparse = try context.keys(5, "feature_list_sparse_keys", count: types.listSparse.count)
        let listDense = try context.keys(6, "feature_list_dense_keys", count: types.listDense.count)
        let listRagged = try context.keys(7, "feature_list_ragged_keys", count: types.listRagged.count)
        let missing: [Bool] = try context.input(8).scalars()
        guard missing.count == types.listDense.count else {
          throw GraftError(
            .invalidArgument,
            "'feature_list_dense_missing_assumed_empty' has \(missing.count) values, and there are "
              + "\(types.listDense.count) dense lists.", at: .init(input: 8))
        }
        let features = try SequenceFeatures(
          records, names: names, context: types.context(sparse, dense, ragged),
          lists: types.lists(listSparse, listDense, listRagged), isStrict: false)
        let outputs = SequenceOutputs(features: features, context: context, isSingle: isSingle)
        try write(outputs, types, allowsMissing: missing, firstDefault: 9, hasLengths: true)
      }
    })

  private static let single = OpDefinition(
    "ParseSingleSequenceExample", "Features of one serialized tf.train.SequenceExample.",
    shape: ShapeRules.unknown,
    prepare: { node in
      let types = try Types(node)
      return { context in
        var next = 2
        func keys(_ count: Int) throws -> [Bytes] {
          defer { next += count }
          return try (next..<next + count).map { try context.scalarString($0, named: "key") }
        }
        let (sparse, dense) = (try keys(types.contextSparse.count), try keys(types.contextDense.count))
        let (listSparse, listDense) = (try keys(types.listSparse.count), try keys(types.listDense.count))
        let missing = Set(try context.strings(1))
        let (records, names, isSingle) = try records(context, names: next + types.contextDense.count)
        guard isSingle else {
          throw GraftError(
            .invalidArgument, "One record is parsed, and the shape \(try context.input(0).shape) was found.",
            at: .init(input: 0))
        }
        let features = try SequenceFeatures(
          records, names: names, context: types.context(sparse, dense),
          lists: types.lists(listSparse, listDense), isStrict: true)
        let outputs = SequenceOutputs(features: features, context: context, isSingle: true)
        try write(
          outputs, types, allowsMissing: listDense.map(missing.contains), firstDefault: next,
          hasLengths: false)
      }
    })

  // MARK: Parts

  private static func keys(_ name: String, _ kinds: [FeatureKind], _ node: NodeSetup) throws -> [Bytes] {
    let keys = try node.strings(name)
    guard keys.count == kinds.count else {
      throw node.invalid("'\(name)' has \(keys.count) keys, and there are \(kinds.count) types.")
    }
    return keys
  }

  private static func records(
    _ context: KernelContext, names: Int
  ) throws -> (UnsafeBufferPointer<Bytes>, [Bytes], isSingle: Bool) {
    let records = try context.strings(0)
    let rank = try context.input(0).rank
    guard rank <= 1 else {
      throw GraftError(
        .invalidArgument,
        "The records have no dimension or one, and the shape \(try context.input(0).shape) was found.",
        at: .init(input: 0))
    }
    let names = Array(try context.strings(names))
    guard names.isEmpty || names.count == records.count else {
      throw GraftError(
        .invalidArgument, "There are \(names.count) names for \(records.count) records.",
        at: .init(input: 1))
    }
    return (records, names, rank == 0)
  }

  private static func write(
    _ outputs: SequenceOutputs, _ types: Types, allowsMissing: [Bool], firstDefault: Int, hasLengths: Bool
  ) throws {
    let context = outputs.features.context
    var next = 0
    let sparse = types.contextSparse.count
    try outputs.writeSparse(context[..<sparse], isList: false, first: next)
    next += 3 * sparse
    for (place, shape) in types.contextShapes.enumerated() {
      let value = try outputs.context.input(firstDefault + place)
      guard value.dtype == types.contextDense[place].dtype,
        value.elementCount == 0 || value.shape == shape
      else {
        throw GraftError(
          .invalidArgument,
          "The feature is \(types.contextDense[place].dtype)\(shape), and its default \(value.dtype)"
            + "\(value.shape).", at: .init(input: firstDefault + place))
      }
      try outputs.writeDense(context[sparse + place], shape, default: value, output: next + place)
    }
    next += types.contextDense.count
    let ragged = context[(sparse + types.contextDense.count)...]
    try outputs.writeRagged(ragged, splits: types.contextSplits, isList: false, first: next)
    next += 2 * ragged.count

    let lists = outputs.features.lists
    let listSparse = types.listSparse.count
    try outputs.writeSparse(lists[..<listSparse], isList: true, first: next)
    next += 3 * listSparse
    let dense = types.listDense.count
    for (place, row) in types.listShapes.enumerated() {
      try outputs.writeDenseList(
        lists[listSparse + place], row, allowsMissing: allowsMissing[place], output: next + place,
        lengths: hasLengths ? next + dense + place : nil)
    }
    next += hasLengths ? 2 * dense : dense
    try outputs.writeRagged(
      lists[(listSparse + dense)...], splits: types.listSplits, isList: true, first: next)
  }
}
