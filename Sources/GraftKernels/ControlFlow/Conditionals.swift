import GraftGraph
import GraftTensor

/// Ops that call one of several functions.
enum Conditionals {
  static let all: [OpDefinition] = [
    branch("If"), branch("StatelessIf"), choice("Case"), choice("StatelessCase"),
  ]

  private static func branch(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Calls `then_branch` where the condition holds, else `else_branch`.",
      traits: [.stateful, .keepsInputs], shape: declaredShapes
    ) { node in
      let (then, otherwise) = (try node.function("then_branch"), try node.function("else_branch"))
      let isSwitch = node.becomesSwitch
      return { context in
        let holds = try context.input(0).isPredicateTrue(ofSwitch: isSwitch)
        let arguments = Array(try context.inputs().dropFirst())
        try context.setOutputs(try context.functions.function(holds ? then : otherwise)(arguments))
      }
    }
  }

  private static func choice(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Calls the branch of the given index; the last one where the index is out of range.",
      traits: [.stateful, .keepsInputs], shape: declaredShapes
    ) { node in
      guard case .functions(let branches) = node.attributes["branches"], let last = branches.last else {
        throw node.invalid("The attribute 'branches' names no function.")
      }
      return { context in
        let index = try context.input(0).integer()
        let arguments = Array(try context.inputs().dropFirst())
        let branch = branches.indices.contains(index) ? branches[index] : last
        try context.setOutputs(try context.functions.function(branch)(arguments))
      }
    }
  }

  private static let declaredShapes: ShapeRule = { context in
    let count = context.node.outputTypes.count
    let declared = (try? context.node.shapes("output_shapes")) ?? []
    return declared.count == count ? declared : [PartialShape](repeating: .unknown, count: count)
  }
}

extension NodeSetup {
  /// Whether TensorFlow makes a `Switch` of it before it runs.
  var becomesSwitch: Bool { (try? bool("_lower_using_switch_merge")) ?? false }
}

extension Tensor {
  /// Whether a branch or a round is to be taken.
  ///
  /// - Parameter isSwitch: whether a `Switch` decides, which asks for a scalar.
  package func isPredicateTrue(ofSwitch isSwitch: Bool) throws -> Bool {
    guard dtype != .bool || rank == 0 || !isSwitch else {
      throw GraftError(
        .invalidArgument, "The predicate is a scalar bool, and shape \(shape) was found.",
        at: .init(input: 0))
    }
    return try isTrue()
  }

  /// Whether the value counts as true: a scalar that is not zero or empty, a tensor with any element.
  package func isTrue() throws -> Bool {
    guard rank == 0 else { return elementCount > 0 }
    return try withExtendedLifetime(storage) {
      switch dtype {
      case .bool: buffer(as: Bool.self)[0]
      case .float32: buffer(as: Float.self)[0] != 0
      case .float64: buffer(as: Double.self)[0] != 0
      case .float16: buffer(as: Float16.self)[0] != 0
      case .bfloat16: Float(buffer(as: BFloat16.self)[0]) != 0
      case .string: buffer(as: Bytes.self)[0].count > 0
      default: try integer() != 0
      }
    }
  }
}
