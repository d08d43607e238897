import GraftGraph
import GraftKernels
import GraftTensor

/// An op of your own: TensorFlow's list does not have it, and a graph holds it.
///
/// ```swift
/// struct ZeroOut: CustomOp {
///   let declaration = OpDeclaration("ZeroOut", inputs: ["to_zero: int32"], outputs: ["zeroed: int32"])
///
///   func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] {
///     var values = try inputs[0].scalars(as: Int32.self)
///     for index in values.indices.dropFirst() { values[index] = 0 }
///     return [try Tensor(shape: inputs[0].shape.dimensions, scalars: values)]
///   }
/// }
///
/// let graph = Graph(customOps: [ZeroOut()])
/// try graph.importGraphDef(contentsOf: "zero_out.pb")
/// ```
///
/// A session on the graph runs it like any other op, from several threads at once.
public protocol CustomOp: Sendable {
  /// The op's name, arguments and attributes.
  var declaration: OpDeclaration { get }

  /// What is known of the outputs' shapes before a run, one each; nothing unless written.
  func outputShapes(_ node: CustomOpNode, inputs: [PartialShape]) throws -> [PartialShape]

  /// Computes a node's outputs, of the dtypes that the declaration says.
  ///
  /// - Parameter inputs: as many as the declaration says, and of its dtypes.
  /// - Throws: whatever is thrown ends the run, with the node's name added.
  func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor]
}

extension CustomOp {
  /// Says nothing of the outputs' shapes.
  public func outputShapes(_ node: CustomOpNode, inputs: [PartialShape]) throws -> [PartialShape] {
    [PartialShape](repeating: .unknown, count: node.outputTypes.count)
  }
}

/// The declaration of an op, in the words of TensorFlow's `REGISTER_OP`.
public struct OpDeclaration: Sendable {
  /// The op's type, as nodes name it.
  public let name: String
  /// Inputs, as `x: float`, `x: T`, `xs: N * T` or `xs: types`.
  public let inputs: [String]
  /// Outputs, in the same words.
  public let outputs: [String]
  /// Attributes, as `T: {float, int32} = DT_FLOAT`, `N: int >= 1` or `alpha: float = 0.5`.
  public let attributes: [String]
  /// Whether it has state or effects: such a node runs at every run, and is never computed in advance.
  public let isStateful: Bool

  /// The declaration of an op.
  public init(
    _ name: String, inputs: [String] = [], outputs: [String] = [], attributes: [String] = [],
    isStateful: Bool = false
  ) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.isStateful = isStateful
  }
}

/// A node that has an op of your own.
public struct CustomOpNode: Sendable {
  private let setup: NodeSetup

  init(_ setup: NodeSetup) {
    self.setup = setup
  }

  /// The node's name.
  public var name: String { setup.name }
  /// The dtypes of its inputs.
  public var inputTypes: [DataType] { setup.inputTypes }
  /// The dtypes of its outputs.
  public var outputTypes: [DataType] { setup.outputTypes }

  /// The value of an `int` attribute.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where there is none of that name and kind; so do the others.
  public func int(_ attribute: String) throws -> Int { try setup.int(attribute) }
  /// The value of a `float` attribute.
  public func float(_ attribute: String) throws -> Float { try setup.float(attribute) }
  /// The value of a `bool` attribute.
  public func bool(_ attribute: String) throws -> Bool { try setup.bool(attribute) }
  /// The value of a `string` attribute.
  public func string(_ attribute: String) throws -> String { try setup.string(attribute) }
  /// The value of a `type` attribute.
  public func type(_ attribute: String) throws -> DataType { try setup.type(attribute) }
  /// The value of a `shape` attribute.
  public func shape(_ attribute: String) throws -> PartialShape { try setup.shape(attribute) }
  /// The value of a `tensor` attribute.
  public func tensor(_ attribute: String) throws -> Tensor { try setup.tensor(attribute) }
  /// The value of a `list(int)` attribute.
  public func ints(_ attribute: String) throws -> [Int] { try setup.ints(attribute) }
  /// The value of a `list(float)` attribute.
  public func floats(_ attribute: String) throws -> [Float] { try setup.floats(attribute) }
}
