import GraftGraph
import GraftTensor

/// A tensor of parts, as a sparse or ragged one, in a variant: its parts, and what says how they belong
/// together (a `CompositeTensorVariantMetadata`).
final class CompositeTensor: VariantValue {
  let components: [Tensor]
  let kind: CompositeKind

  init(_ components: [Tensor], _ kind: CompositeKind) {
    self.components = components
    self.kind = kind
  }

  var summary: String {
    let parts = components.map { tensor in
      let sizes = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      return "Tensor<type: \(tensor.dtype.opDefName) shape: [\(sizes)] "
        + "values: \(TensorSummary.text(tensor, limit: 3))>"
    }.joined(separator: ", ")
    return "Variant<type: CompositeTensorVariant value: <CompositeTensorVariant type=\(kind.name), "
      + "components=[\(parts)]>>"
  }

  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue {
    throw GraftError(.internalError, "There are no zeros like a composite tensor in a variant.")
  }

  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue {
    throw GraftError(.internalError, "Composite tensors in variants cannot be added.")
  }
}

/// What kind of composite tensor there is, as its metadata says.
struct CompositeKind: Sendable, Equatable {
  private let number: UInt64

  private static let names = [
    "UNKNOWN", "SPARSE_TENSOR_SPEC", "INDEXED_SLICES_SPEC", "RAGGED_TENSOR_SPEC", "TENSOR_ARRAY_SPEC",
    "DATA_DATASET_SPEC", "DATA_ITERATOR_SPEC", "OPTIONAL_SPEC", "PER_REPLICA_SPEC", "VARIABLE_SPEC",
    "ROW_PARTITION_SPEC", "", "REGISTERED_TYPE_SPEC", "EXTENSION_TYPE_SPEC",
  ]

  /// How TensorFlow names it.
  var name: String {
    Self.names.indices.contains(Int(clamping: number)) ? Self.names[Int(clamping: number)] : "\(number)"
  }

  /// Reads `CompositeTensorVariantMetadata.type_spec_proto.type_spec_class`.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for bytes that are no such message.
  init(_ node: NodeSetup) throws {
    do {
      let document = try GraphBytes(copying: try node.bytes("metadata").bytes)
      number = try Self.number(document)
    } catch is WireError {
      throw node.invalid("The attribute 'metadata' is no CompositeTensorVariantMetadata.")
    }
  }

  private static func number(_ document: GraphBytes) throws(WireError) -> UInt64 {
    var number: UInt64 = 0
    var reader = document.reader(document.all)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      guard tag.raw == WireTag.field(1, WireTag.block) else {
        try reader.skip(tag)
        continue
      }
      var specification = document.reader(try reader.block())
      while !specification.isAtEnd {
        let tag = try specification.tag()
        if tag.raw == WireTag.field(1, WireTag.varint) {
          number = try specification.varint()
        } else {
          try specification.skip(tag)
        }
      }
    }
    return number
  }
}

enum CompositeTensorOps {
  static let all: [OpDefinition] = [fromComponents, toComponents]

  private static let fromComponents = OpDefinition(
    "CompositeTensorVariantFromComponents", "A composite tensor, as a sparse or ragged one, as a variant.",
    traits: [.keepsInputs], shape: ShapeRules.scalar
  ) { node in
    let kind = try CompositeKind(node)
    return { context in
      let parts = try context.inputs().map { try $0.persistent() }
      try context.setOutput(0, try Tensor(variant: CompositeTensor(parts, kind)))
    }
  }

  private static let toComponents = OpDefinition(
    "CompositeTensorVariantToComponents", "The parts of the composite tensor in a variant.",
    shape: ShapeRules.unknown
  ) { node in
    let (kind, types) = (try CompositeKind(node), try node.types("Tcomponents"))
    return { context in
      let input = try context.input(0)
      guard let tensor = input.handled(as: CompositeTensor.self) else {
        throw GraftError(
          .invalidArgument,
          "A variant with a composite tensor is expected, and \(input.dtype)\(input.shape) was found.",
          at: .init(input: 0))
      }
      guard tensor.kind == kind else {
        throw GraftError(
          .invalidArgument, "The variant holds a \(tensor.kind.name), and a \(kind.name) is expected.",
          at: .init(input: 0))
      }
      guard tensor.components.map(\.dtype) == types else {
        throw GraftError(
          .invalidArgument,
          "The variant holds parts of \(tensor.components.map(\.dtype)), and \(types) are expected.",
          at: .init(input: 0))
      }
      try context.setOutputs(tensor.components)
    }
  }
}
