import GraftTensor

/// Making tables, of three kinds: filled once, changeable, and changeable in dense buckets.
enum TableOps {
  static let all: [OpDefinition] =
    ["HashTable", "HashTableV2"].map { table($0, fixedSummary, allowing: fixedTypes, fixed) }
    + [table("AnonymousHashTable", fixedSummary, allowing: fixedTypes, isAnonymous: true, fixed)]
    + ["MutableHashTable", "MutableHashTableV2"].map {
      table($0, mutableSummary, allowing: mutableTypes, mutable)
    }
    + [
      table("AnonymousMutableHashTable", mutableSummary, allowing: mutableTypes, isAnonymous: true, mutable)
    ]
    + ["MutableHashTableOfTensors", "MutableHashTableOfTensorsV2"].map {
      table($0, tensorsSummary, allowing: tensorsTypes, tensors)
    }
    + [
      table(
        "AnonymousMutableHashTableOfTensors", tensorsSummary, allowing: tensorsTypes, isAnonymous: true,
        tensors)
    ]
    + ["MutableDenseHashTable", "MutableDenseHashTableV2"].map {
      table($0, denseSummary, allowing: denseTypes, dense)
    }
    + [
      table("AnonymousMutableDenseHashTable", denseSummary, allowing: denseTypes, isAnonymous: true, dense)
    ]

  private static let fixedSummary = "A table that is filled once, by InitializeTable or from a file."
  private static let mutableSummary = "A table whose entries may change."
  private static let tensorsSummary = "A table of vectors, whose entries may change."
  private static let denseSummary =
    "A table whose entries may change, and lie in buckets that two keys mark as empty or deleted."

  /// The dtypes of the values for each of the keys.
  private typealias Types = [DataType: [DataType]]
  private static let numbers: [DataType] = [.float32, .float64, .int32]

  private static let fixedTypes: Types = [
    .int32: numbers + [.string], .int64: numbers + [.int64, .string],
    .string: numbers + [.int64, .bool, .string],
  ]
  private static let mutableTypes: Types = [
    .int32: numbers, .int64: numbers + [.int64, .string, .variant],
    .string: numbers + [.int64, .bool],
  ]
  private static let tensorsTypes: Types = [
    .int32: numbers, .int64: numbers + [.int64, .string], .string: numbers + [.int64, .bool],
  ]
  private static let denseTypes: Types = [
    .int32: numbers, .int64: numbers + [.int64, .bool, .variant],
    .string: numbers + [.int64, .bool, .resource],
  ]

  private typealias Maker =
    @Sendable (NodeSetup) throws ->
    @Sendable (KernelContext, String) throws ->
    LookupTable

  private static func table(
    _ name: String, _ summary: String, allowing types: Types, isAnonymous: Bool = false,
    _ maker: @escaping Maker
  ) -> OpDefinition {
    OpDefinition(
      name, summary, traits: [.stateful],
      shape: { [$0.node.outputTypes.first == .resource ? .scalar : PartialShape([2])] }
    ) { node in
      let (keyType, valueType) = (try node.type("key_dtype"), try node.type("value_dtype"))
      guard types[keyType]?.contains(valueType) == true else {
        throw node.unimplemented("There is no table of \(valueType) by \(keyType).")
      }
      let make = try maker(node)
      guard !isAnonymous else {
        return { context in
          try context.setOutput(0, try Tensor(handle: try make(context, node.name)))
        }
      }
      let place = try ResourceName(node, byNodeName: try node.bool("use_node_name_sharing"))
      let isResource = try node.outputType(0) == .resource
      return { context in
        let table = try context.resources.resource(
          LookupTable.self, container: place.container, name: place.name
        ) { try make(context, place.name) }
        guard table.keyType == keyType, table.valueType == valueType else {
          throw GraftError(
            .invalidArgument,
            "The table '\(place.name)' was made for \(table.valueType) by \(table.keyType), and is used for "
              + "\(valueType) by \(keyType).")
        }
        try context.setOutput(
          0,
          isResource
            ? try Tensor(handle: table)
            : try Tensor(reference: table, container: place.container, name: place.name))
      }
    }
  }

  private static let fixed: Maker = { node in
    let (keyType, valueType) = (try node.type("key_dtype"), try node.type("value_dtype"))
    return { _, name in
      let body: any LookupTableBody =
        switch keyType {
        case .int32: try FixedTableBody<Int32>(name: name, valueType: valueType)
        case .int64: try FixedTableBody<Int64>(name: name, valueType: valueType)
        default: try FixedTableBody<Bytes>(name: name, valueType: valueType)
        }
      return LookupTable(name: name, keyType: keyType, valueType: valueType, body: body)
    }
  }

  private static let mutable: Maker = { node in try changeable(node, valueShape: .scalar) }

  private static let tensors: Maker = { node in
    let declared = try node.shape("value_shape")
    guard let shape = declared.fullyDefined, shape.rank == 1 else {
      throw node.invalid("The shape of a value must be that of a vector, and is \(declared).")
    }
    return try changeable(node, valueShape: shape)
  }

  private static func changeable(_ node: NodeSetup, valueShape: Shape) throws
    -> @Sendable (KernelContext, String) throws -> LookupTable
  {
    let (keyType, valueType) = (try node.type("key_dtype"), try node.type("value_dtype"))
    return { _, name in
      func body<Key: TableKey & TensorScalar>(_: Key.Type) throws -> any LookupTableBody {
        try MutableTableBody<Key>(name: name, valueType: valueType, valueShape: valueShape)
      }
      let body: any LookupTableBody =
        switch keyType {
        case .int32: try body(Int32.self)
        case .int64: try body(Int64.self)
        default: try body(Bytes.self)
        }
      return LookupTable(
        name: name, keyType: keyType, valueType: valueType, valueShape: valueShape, body: body)
    }
  }

  private static let dense: Maker = { node in
    let (keyType, valueType) = (try node.type("key_dtype"), try node.type("value_dtype"))
    let declared = try node.shape("value_shape")
    guard let valueShape = declared.fullyDefined, valueShape.rank <= 1 else {
      throw node.invalid("The shape of a value must be that of a scalar or vector, and is \(declared).")
    }
    let bucketCount = try node.int("initial_num_buckets")
    guard bucketCount >= 4, bucketCount & (bucketCount - 1) == 0 else {
      throw node.invalid("The number of buckets must be a power of two from 4 on, and is \(bucketCount).")
    }
    let load = try node.float("max_load_factor")
    guard load > 0, load < 1 else {
      throw node.invalid("The maximum load must be between 0 and 1, and is \(load).")
    }
    return { context, name in
      // The first version of the op has no deleted key, since nothing can be removed there.
      let (empty, deleted) = (
        try context.input(0), context.inputCount > 1 ? try context.input(1) : nil
      )
      func body<Key: TableKey & TensorScalar>(_: Key.Type) throws -> any LookupTableBody {
        let (emptyKey, deletedKey) = (
          try empty.scalars(as: Key.self), try deleted?.scalars(as: Key.self) ?? []
        )
        guard deleted == nil || deleted?.shape == empty.shape, emptyKey != deletedKey, empty.rank <= 1,
          !emptyKey.isEmpty
        else {
          throw GraftError(
            .invalidArgument,
            "The empty and the deleted key must be different scalars or vectors of one shape; they are "
              + "\(emptyKey) and \(deletedKey).")
        }
        return try DenseTableBody<Key>(
          name: name,
          layout: .init(
            keyElements: emptyKey.count, valueElements: valueShape.elementCount, valueType: valueType,
            emptyKey: emptyKey, deletedKey: deletedKey, maximumLoad: load),
          bucketCount: bucketCount)
      }
      let body: any LookupTableBody =
        switch keyType {
        case .int32: try body(Int32.self)
        case .int64: try body(Int64.self)
        default: try body(Bytes.self)
        }
      return LookupTable(
        name: name, keyType: keyType, valueType: valueType, keyShape: empty.shape, valueShape: valueShape,
        body: body)
    }
  }
}
