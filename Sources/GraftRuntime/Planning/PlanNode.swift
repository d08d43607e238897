import GraftGraph
import GraftKernels
import GraftTensor

/// A node of a plan that is being made: the graph's own at first, other ones after passes.
///
/// Passes hand nodes about by the thousand to read a field or two, so that a node is one reference. Whoever writes a
/// field of a node that others hold too gets fields of its own first.
@dynamicMemberLookup
package struct PlanNode: Sendable {
  /// What is known of a node; each field is read and written as one of the node's own.
  package struct Fields: Sendable {
    /// The name of the operation in the graph that it came from, for messages.
    package var name: String
    package var op: String
    package var attributes: NodeAttributes
    package var inputs: [ValueReference]
    /// Nodes that must have run before, without passing a value.
    package var controlInputs: [Int]
    package var inputTypes: [DataType]
    package var outputTypes: [DataType]
    /// Which of the outputs are references: handles, in the place of values of the output's type.
    package var referenceOutputs: [Int] = []
    /// What it computes; nil for feeds and for constants.
    package var definition: OpDefinition?
    /// The outputs' values, where they are known before any run.
    package var constants: [Tensor]?
    /// Which feed it stands for.
    package var feed: Int?
    /// The plans that it runs: a loop's condition and body, a conditional's branches. Set with `definition`,
    /// by ``PlanNode/setBodies(_:)``.
    package var bodies: [PlanGraph] = []
    /// How deeply such nodes are nested in its bodies, itself included.
    package var nesting = 0
    /// How many nodes its bodies have, and those in them.
    package var bodyNodeCount = 0
  }

  // The subscript writes only to storage that one node holds, whose own exclusivity covers the fields.
  private final class Storage: @unchecked Sendable {
    @exclusivity(unchecked) var fields: Fields

    init(_ fields: Fields) { self.fields = fields }
  }

  private var storage: Storage

  package subscript<Value>(dynamicMember field: WritableKeyPath<Fields, Value>) -> Value {
    @inline(__always) get { storage.fields[keyPath: field] }
    @inline(__always) _modify {
      if !isKnownUniquelyReferenced(&storage) { storage = Storage(storage.fields) }
      yield &storage.fields[keyPath: field]
    }
  }

  package init(
    name: String, op: String, attributes: NodeAttributes, inputs: [ValueReference],
    controlInputs: [Int], inputTypes: [DataType], outputTypes: [DataType], definition: OpDefinition? = nil,
    constants: [Tensor]? = nil, feed: Int? = nil
  ) {
    storage = Storage(
      Fields(
        name: name, op: op, attributes: attributes, inputs: inputs, controlInputs: controlInputs,
        inputTypes: inputTypes, outputTypes: outputTypes, definition: definition, constants: constants,
        feed: feed))
  }

  /// A node that holds values.
  init(constants: [Tensor], name: String) {
    self.init(
      name: name, op: "Const", attributes: [:], inputs: [], controlInputs: [], inputTypes: [],
      outputTypes: constants.map(\.dtype), constants: constants)
  }

  /// Whether it is the very same node, unchanged.
  func isIdentical(to other: PlanNode) -> Bool { storage === other.storage }

  /// Reads and writes nothing but its inputs and outputs, and gives the same for the same.
  package var isPure: Bool {
    guard let traits = self.definition?.traits else { return true }
    return traits.isDisjoint(with: .impure)
  }

  /// Whether no other node need have run before it.
  var dependsOnNothing: Bool {
    storage.fields.constants != nil || storage.fields.inputs.isEmpty && storage.fields.controlInputs.isEmpty
  }

  /// What the outputs' values may be.
  var valueTypes: [ValueType] {
    var types = self.outputTypes.map { ValueType(dtype: $0) }
    for output in self.referenceOutputs { types[output].isReference = true }
    return types
  }

  /// Whether it passes its value to the next round of a loop.
  var isNextIteration: Bool {
    // Each edge asks, in each pass: hardly a graph has such ops.
    guard let definition = storage.fields.definition, definition.traits.contains(.dataflow) else {
      return false
    }
    return self.op == "NextIteration" || self.op == "RefNextIteration"
  }

  /// The nodes that must have run before, one after the other: those of the inputs first.
  func dependency(at position: Int) -> Int? {
    guard storage.fields.constants == nil else { return nil }
    let inputCount = storage.fields.inputs.count
    if position < inputCount { return storage.fields.inputs[position].node }
    let control = position - inputCount
    return control < storage.fields.controlInputs.count ? storage.fields.controlInputs[control] : nil
  }

  /// What the kernel is told.
  package var setup: NodeSetup {
    NodeSetup(
      name: self.name, op: self.op, attributes: self.attributes, inputTypes: self.inputTypes,
      outputTypes: self.outputTypes)
  }
}

/// What readers of a value take for granted.
struct ValueType: Sendable {
  let dtype: DataType
  /// References are handles of variables; old queues, tables and stacks are known by strings.
  var isReference = false

  /// Whether a value of the dtype may be there.
  @inline(__always)
  func accepts(_ found: DataType) -> Bool {
    isReference ? found == .resource || found == .string && dtype == .string : found == dtype
  }
}
