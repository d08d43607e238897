import GraftGraph
import GraftKernels
import GraftTensor

/// Loops and conditionals as nodes that hold what they run as plans of their own.
///
/// Those of TensorFlow 1 and 2 both become these, so that passes see through them and a round costs little.
enum Structured: String {
  /// Inputs: the loop's variables, then values that all rounds see. Bodies: the condition, and what gives
  /// the variables' next values; both have all inputs as feeds. Outputs: the variables.
  case whileLoop = "_While"
  /// Inputs: a truth, then what the branches see. Bodies: the branches for false and for true.
  case conditional = "_If"
  /// Inputs: a number, then what the branches see. Bodies: the branches, the last one for numbers out of
  /// range.
  case choice = "_Case"

  /// How deeply such nodes may be nested; beyond that graphs stay as they are.
  static let maximumNesting = 32

  /// The op's definition for a node with the given bodies.
  func definition(_ bodies: [PlanGraph]) -> OpDefinition {
    var traits: OpDefinition.Traits = []
    for node in bodies.lazy.flatMap(\.nodes) {
      guard let definition = node.definition, node.constants == nil else { continue }
      traits.formUnion(definition.traits.intersection([.stateful, .random, .keepsInputs]))
    }
    switch self {
    case .whileLoop:
      return OpDefinition(
        rawValue, "Runs its body for as long as its condition holds.", traits: traits,
        shape: ShapeRules.unknown
      ) { node in
        let loop = try LoopKernel(bodies, variableCount: node.outputTypes.count)
        return { context in try loop.run(context) }
      }
    case .conditional, .choice:
      return OpDefinition(
        rawValue, "Runs one of its branches.", traits: traits, shape: ShapeRules.unknown
      ) { _ in
        let choice = try ChoiceKernel(bodies, isConditional: self == .conditional)
        return { context in try choice.run(context) }
      }
    }
  }
}

extension PlanGraph {
  /// Whether a value is a reference.
  func isReference(_ value: ValueReference) -> Bool {
    nodes[value.node].referenceOutputs.contains(value.output)
  }

  /// How deeply loops and conditionals are nested.
  var nesting: Int { nodes.reduce(0) { max($0, $1.constants == nil ? $1.nesting : 0) } }

  /// How many nodes there are, those of bodies included.
  var wholeNodeCount: Int { nodes.reduce(0) { min($0 + 1 + $1.bodyNodeCount, 1 << 40) } }
}

extension PlanNode {
  /// A loop or conditional.
  init(
    _ kind: Structured, name: String, inputs: [ValueReference], controlInputs: [Int], inputTypes: [DataType],
    outputTypes: [DataType], bodies: [PlanGraph]
  ) {
    self.init(
      name: name, op: kind.rawValue, attributes: [:], inputs: inputs, controlInputs: controlInputs,
      inputTypes: inputTypes, outputTypes: outputTypes, definition: kind.definition(bodies))
    setBodies(bodies, of: kind)
  }

  /// What kind of structured node it is.
  var structured: Structured? { self.bodies.isEmpty ? nil : Structured(rawValue: self.op) }

  /// Gives a structured node other bodies.
  mutating func setBodies(_ bodies: [PlanGraph]) {
    guard let structured else { return }
    setBodies(bodies, of: structured)
    self.definition = structured.definition(bodies)
  }

  private mutating func setBodies(_ bodies: [PlanGraph], of kind: Structured) {
    self.bodies = bodies
    self.nesting = 1 + (bodies.map(\.nesting).max() ?? 0)
    self.bodyNodeCount = bodies.reduce(0) { $0 + $1.wholeNodeCount }
    // The condition of a loop gives no output.
    let giving = kind == .whileLoop ? bodies.suffix(1) : bodies[...]
    self.referenceOutputs = self.outputTypes.indices.filter { output in
      giving.contains { $0.fetches.indices.contains(output) && $0.isReference($0.fetches[output]) }
    }
  }

  /// A node that stands for a value that is given from outside.
  static func feed(_ position: Int, name: String, type: DataType, isReference: Bool = false) -> PlanNode {
    var node = PlanNode(
      name: name, op: "_Feed", attributes: [:], inputs: [], controlInputs: [], inputTypes: [],
      outputTypes: [type], feed: position)
    if isReference { node.referenceOutputs = [0] }
    return node
  }

  /// A node that does nothing but wait for others.
  static func waiting(_ name: String, for controlInputs: [Int]) -> PlanNode {
    PlanNode(
      name: name, op: "NoOp", attributes: [:], inputs: [], controlInputs: controlInputs, inputTypes: [],
      outputTypes: [], definition: OpRegistry.standard["NoOp"])
  }
}
