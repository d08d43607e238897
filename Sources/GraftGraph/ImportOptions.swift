/// How a GraphDef becomes part of a graph.
public struct ImportOptions: Sendable {
  /// What the names of all imported operations begin with, a slash after it; nothing if empty.
  public var prefix: String
  /// Inputs of imported operations that come from the graph instead: from `x:0` or `x`, as the GraphDef
  /// names it, to a tensor of the graph; from `^x` to an operation, for control inputs.
  public var inputMap: [String: String]
  /// Tensors (`x:0`) and operations (`x`) of the GraphDef that the result names.
  public var returnElements: [String]
  /// Operations of the graph that run before all imported ones.
  public var controlDependencies: [String]
  /// Whether a name that the graph has already gets a number, as in `x_1`. Otherwise it is an error.
  public var uniquifyNames: Bool
  /// Whether a prefix that the graph has already gets a number.
  public var uniquifyPrefix: Bool
  /// Whether a graph that was exported to train is set to infer, in functions as well.
  ///
  /// Batch normalisations (`FusedBatchNorm`) use their moving averages and keep them as they are, dropout passes on
  /// what it would drop elements of, and placeholders that set the mode (`is_training`, `keras_learning_phase`,
  /// `keep_prob`) become constants. What was changed, and what could not be, is in ``ImportResult/notes``. Noise
  /// stays as it is.
  public var inferenceMode: Bool
  /// How much the GraphDef may be: nodes, names, messages inside of one another.
  public var limits: ImportLimits
  /// Whether values are taken where variables are expected, which is wrong but can be put right.
  package var takesValuesForVariables = false

  /// Options, all of which may be left out.
  public init(
    prefix: String = "", inputMap: [String: String] = [:], returnElements: [String] = [],
    controlDependencies: [String] = [], uniquifyNames: Bool = false, uniquifyPrefix: Bool = false,
    inferenceMode: Bool = false, limits: ImportLimits = ImportLimits()
  ) {
    self.prefix = prefix
    self.inputMap = inputMap
    self.returnElements = returnElements
    self.controlDependencies = controlDependencies
    self.uniquifyNames = uniquifyNames
    self.uniquifyPrefix = uniquifyPrefix
    self.inferenceMode = inferenceMode
    self.limits = limits
  }
}

/// What an import did.
public struct ImportResult: Sendable {
  /// What `returnElements` asked for, in the same order.
  public let returnElements: [ReturnElement]
  /// How many operations were imported.
  public let operationCount: Int
  /// What the imported names begin with: the prefix, perhaps with a number.
  public let prefix: String
  /// How many inputs each key of the input map replaced.
  public let inputMapUses: [String: Int]
  /// What the import had to guess or leave out, as sentences.
  public let notes: [String]

  /// The same with more to tell.
  func noting(_ notes: [String]) -> ImportResult {
    ImportResult(
      returnElements: returnElements, operationCount: operationCount, prefix: prefix,
      inputMapUses: inputMapUses,
      notes: self.notes + notes)
  }

  /// A tensor or an operation that was asked for by its name in the GraphDef.
  public enum ReturnElement: Sendable {
    case tensor(Output)
    case operation(Operation)

    /// The tensor, where it is one.
    public var tensor: Output? {
      if case .tensor(let output) = self { output } else { nil }
    }

    /// The operation, where it is one.
    public var operation: Operation? {
      if case .operation(let operation) = self { operation } else { nil }
    }
  }
}
