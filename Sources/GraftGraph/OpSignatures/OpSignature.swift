import GraftTensor

/// The arguments, attributes and flags of an op or function: what TensorFlow calls an `OpDef`.
package final class OpSignature: Sendable {
  /// The op's type.
  package let name: String
  /// What the op is apart from its arguments.
  package let flags: Flags
  /// From which graph version on the op is not allowed in new graphs, and what to use.
  package let deprecation: Deprecation?
  /// The inputs, of which each may be several tensors.
  package let inputs: [Argument]
  /// The outputs, of which each may be several tensors.
  package let outputs: [Argument]
  /// The attributes, in the op's order.
  package let attributes: [Attribute]
  /// Attributes' names as bytes, to find them in a document.
  let attributeKeys: [[UInt8]]

  /// What an op is apart from its arguments.
  package struct Flags: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Has state or effects: two nodes with the same inputs are not the same.
    package static let stateful = Flags(rawValue: 1)
    /// The inputs may change places.
    package static let commutative = Flags(rawValue: 2)
    /// Sums tensors of one type and shape in any order.
    package static let aggregate = Flags(rawValue: 4)
    /// Takes variables that were not initialised.
    package static let allowsUninitializedInput = Flags(rawValue: 8)
    /// Speaks with other processes.
    package static let distributed = Flags(rawValue: 16)
  }

  /// Since when an op is not allowed.
  package struct Deprecation: Sendable {
    /// The graph version.
    package let version: Int
    /// What to use instead.
    package let explanation: String
  }

  /// An input or output.
  package struct Argument: Sendable {
    /// Its name.
    package let name: String
    /// Whether it is a variable's memory itself.
    package let isReference: Bool
    /// Of which type the tensors are.
    package let type: TypeSource
    /// The attribute that says how many tensors of the type there are; nil for one, or a list of types.
    package let count: Int?

    /// Where an argument's type comes from; attributes by their place in ``OpSignature/attributes``.
    package enum TypeSource: Sendable, Hashable {
      case fixed(ElementType)
      case attribute(Int)
      case list(Int)
    }
  }

  /// An attribute.
  package struct Attribute: Sendable {
    /// Its name.
    package let name: String
    /// Of what kind its values are.
    package let kind: AttributeKind
    /// Whether it is a list of such values.
    package let isList: Bool
    /// The value where none is given; nil where one must be.
    package let defaultValue: AttributeValue?
    /// The only values allowed, of an element of a list.
    package let allowed: Allowed?
    /// The least value of an int, or the least length of a list.
    package let minimum: Int64?

    /// The kind in the words of op definitions.
    package var kindName: String { isList ? "list(\(kind.name))" : kind.name }
  }

  /// A limited choice of values.
  package enum Allowed: Sendable {
    case types(TypeSet)
    case strings([Bytes])
  }

  init(
    name: String, flags: Flags, deprecation: Deprecation?, inputs: [Argument], outputs: [Argument],
    attributes: [Attribute]
  ) {
    self.name = name
    self.flags = flags
    self.deprecation = deprecation
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    attributeKeys = attributes.map { Array($0.name.utf8) }
  }

  /// Whether the op has state or effects.
  package var isStateful: Bool { flags.contains(.stateful) }

  /// The attribute of a name.
  package func attribute(named name: String) -> Attribute? {
    attributes.first { $0.name == name }
  }

  /// The op in TensorFlow's list; nil for one that is not in it.
  ///
  /// - Complexity: O(log ops) the first time, then a look-up.
  package static func named(_ name: String) -> OpSignature? {
    OpSignatureTable.shared.signature(named: name)
  }

  /// Whether TensorFlow's list has an op; quicker than reading what it says of it.
  ///
  /// - Complexity: O(log ops).
  package static func isKnown(_ name: String) -> Bool { OpSignatureTable.contains(name) }
}
