import GraftGraph
import GraftTensor

/// What an op computes, for which types, and what is known of its outputs before it runs.
///
/// The op's arguments and attributes stand in `OpSignature`, which TensorFlow's own list gives.
package final class OpDefinition: Sendable {
  /// The op's type, as `MatMul`.
  package let name: String
  /// One or two sentences for the page of ops: meaning, limits, where the rule comes from.
  package let summary: String
  /// For type attributes: the dtypes that there is a kernel for. What is not named takes every dtype
  /// that the signature allows.
  package let types: [String: [DataType]]
  /// What the planner may do with it.
  package let traits: Traits
  /// The outputs' shapes as far as they follow from the inputs' shapes, known values and attributes.
  package let shape: ShapeRule
  /// Reads the attributes once and gives back what runs.
  package let prepare: @Sendable (NodeSetup) throws -> Kernel
  /// For an op that computes each element of its one output from those of its inputs at the same place: how, by
  /// the dtypes of its (last) input and of its output. Such ops are fused.
  let elementStep: (@Sendable (_ input: DataType, _ output: DataType) -> ElementStep?)?
  /// For an op that reduces dimensions of its first input: how it reduces rows, by the input's dtype. Such ops are
  /// fused with what computes their input.
  let rowReduction: (@Sendable (DataType) -> RowReduction?)?

  /// What the planner may do with an op.
  package struct Traits: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Has an effect or reads state: never folded, merged or left out when it is a target.
    package static let stateful = Traits(rawValue: 1)
    /// Other values at every run, where no seed is given.
    package static let random = Traits(rawValue: 2)
    /// Either of both.
    package static let impure = Traits(rawValue: stateful.rawValue | random.rawValue)
    /// The first output may lie where an input of the same byte count lies that nobody reads afterwards:
    /// the kernel reads each element before it writes the same one.
    package static let inPlace = Traits(rawValue: 4)
    /// Keeps inputs beyond the run or inside of a handle, so that they may not lie in an arena.
    package static let keepsInputs = Traits(rawValue: 8)
    /// Passes the inputs on as they are: costs nothing, and may be taken out of a plan.
    package static let passesThrough = Traits(rawValue: 16)
    /// Control flow of TensorFlow 1: the dataflow interpreter runs the plan.
    package static let dataflow = Traits(rawValue: 32)
    /// Reads files, of which the caller must have opened the folder.
    package static let readsFiles = Traits(rawValue: 64)
    /// Writes files, of which the caller must have opened the folder.
    package static let writesFiles = Traits(rawValue: 128)
    /// May wait for what other operations do, so that those of the same run that can go first do.
    package static let waits = Traits(rawValue: 256)
    /// Takes care of a constant second input of float32 or float64 whose elements are not aligned, as it packs
    /// them once.
    package static let packsConstants = Traits(rawValue: 512)
    /// Copies parts of its first input, whose elements need not be aligned.
    package static let copiesParts = Traits(rawValue: 1024)
    /// A convolution or matrix product that does more to its result where `fused_ops` lists it, or of which planning
    /// makes one that does.
    package static let takesFusedOps = Traits(rawValue: 2048)
    /// Such a product that packs its constants.
    package static let packedProduct = Traits(rawValue: packsConstants.rawValue | takesFusedOps.rawValue)
  }

  /// An op with its kernel, shape rule and documentation.
  package convenience init(
    _ name: String, _ summary: String, types: [String: [DataType]] = [:], traits: Traits = [],
    shape: @escaping ShapeRule, prepare: @escaping @Sendable (NodeSetup) throws -> Kernel
  ) {
    self.init(
      name, summary, types: types, traits: traits, shape: shape, prepare: prepare, elementStep: nil,
      rowReduction: nil)
  }

  private init(
    _ name: String, _ summary: String, types: [String: [DataType]], traits: Traits,
    shape: @escaping ShapeRule,
    prepare: @escaping @Sendable (NodeSetup) throws -> Kernel,
    elementStep: (@Sendable (DataType, DataType) -> ElementStep?)?,
    rowReduction: (@Sendable (DataType) -> RowReduction?)?
  ) {
    self.name = name
    self.summary = summary
    self.types = types
    self.traits = traits
    self.shape = shape
    self.prepare = prepare
    self.elementStep = elementStep
    self.rowReduction = rowReduction
  }

  /// The same op, known to compute element by element.
  func elementwise(_ step: @escaping @Sendable (DataType) -> ElementStep?) -> OpDefinition {
    converting { input, _ in step(input) }
  }

  /// The same op, known to compute element by element as the dtypes of its (last) input and of its output say.
  func converting(
    _ step: @escaping @Sendable (_ input: DataType, _ output: DataType) -> ElementStep?
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: types, traits: traits, shape: shape, prepare: prepare, elementStep: step,
      rowReduction: rowReduction)
  }

  /// The same op, known to reduce rows.
  func reducing(_ rows: @escaping @Sendable (DataType) -> RowReduction?) -> OpDefinition {
    OpDefinition(
      name, summary, types: types, traits: traits, shape: shape, prepare: prepare, elementStep: elementStep,
      rowReduction: rows)
  }
}

/// Computes a node's outputs from its inputs. It owns no threads, no caches and no globals.
package typealias Kernel = @Sendable (KernelContext) throws -> Void

/// Gives the outputs' shapes as far as they are known.
package typealias ShapeRule = @Sendable (ShapeContext) throws -> [PartialShape]
