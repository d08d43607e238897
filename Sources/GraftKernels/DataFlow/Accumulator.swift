import GraftTensor

/// Adds up gradients, those that are older than the current step left out, until somebody takes their sum or
/// average.
final class Accumulator<Sum: Sendable>: SessionResource {
  static var kind: String { "gradient accumulator" }

  private struct Contents {
    var sum: Sum?
    var count = 0
    var step: Int64 = 0
  }

  let name: String
  let dtype: DataType
  let shape: PartialShape
  /// Whether the average is taken, not the sum.
  let isMean: Bool
  private let contents = Monitor(Contents())

  init(name: String, dtype: DataType, shape: PartialShape, isMean: Bool) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.isMean = isMean
  }

  var count: Int { contents.withLock { $0.count } }

  func setStep(_ step: Int64) { contents.withLock { $0.step = step } }

  /// Adds a gradient that was computed for a step.
  func apply(step: Int64, _ add: (Sum?) throws -> Sum) throws {
    try contents.withLock { contents in
      guard step >= contents.step else { return }
      contents.sum = try add(contents.sum)
      contents.count += 1
    }
  }

  /// What was added up, when it is of as many gradients, and of how many; the step is over.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for a number that is not positive; what waiting throws.
  func take(required: Int, _ context: KernelContext) throws -> (sum: Sum, count: Int) {
    guard required > 0 else {
      throw GraftError(.invalidArgument, "The number of gradients required must be positive: \(required).")
    }
    return try contents.wait(
      context,
      for: { "\(required) gradients are required of '\(name)', and \($0.count) are there." }
    ) { contents in
      guard contents.count >= required, let sum = contents.sum else { return nil }
      let taken = (sum, contents.count)
      contents.sum = nil
      contents.count = 0
      contents.step += 1
      return taken
    }
  }
}

extension Accumulator {
  /// The definition of an op that makes accumulators.
  static func definition(_ op: String, _ summary: String) -> OpDefinition {
    OpDefinition(
      op, summary, types: ["dtype": [.float16, .float32, .float64]], traits: [.stateful],
      shape: { [$0.node.outputTypes.first == .resource ? .scalar : PartialShape([2])] }
    ) { node in
      let (dtype, shape) = (try node.type("dtype"), try node.shape("shape"))
      let reduction = try node.string("reduction_type")
      guard ["MEAN", "SUM"].contains(reduction) else {
        throw node.invalid("The reduction is MEAN or SUM, and '\(reduction)' was found.")
      }
      let place = try ResourceName(node, byNodeName: true)
      return { context in
        let accumulator = try context.resources.resource(
          Accumulator<Sum>.self, container: place.container, name: place.name
        ) {
          Accumulator<Sum>(name: place.name, dtype: dtype, shape: shape, isMean: reduction == "MEAN")
        }
        guard accumulator.dtype == dtype else {
          throw GraftError(
            .invalidArgument, "'\(place.name)' adds up \(accumulator.dtype), and is used for \(dtype).")
        }
        try context.setHandle(0, to: accumulator, at: place, node)
      }
    }
  }
}

/// Accumulators of dense gradients, and what all of them have.
enum AccumulatorOps {
  private typealias Dense = Accumulator<Tensor>

  static let all: [OpDefinition] =
    [
      Dense.definition("ConditionalAccumulator", "The session's accumulator of gradients of that name."),
      Dense.definition("ResourceConditionalAccumulator", "A handle to the session's accumulator."),
    ]
    + ["", "Resource"].flatMap { kind in
      [
        apply("\(kind)AccumulatorApplyGradient"), take("\(kind)AccumulatorTakeGradient"),
        count("\(kind)AccumulatorNumAccumulated"), setStep("\(kind)AccumulatorSetGlobalStep"),
      ]
    }

  private static func apply(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Adds a gradient, where it is not of an earlier step.", traits: [.stateful, .keepsInputs],
      shape: { _ in [] }
    ) { _ in
      return { context in
        let accumulator = try context.resource(0, as: Dense.self)
        let gradient = try context.input(2).persistent()
        guard gradient.dtype == accumulator.dtype, accumulator.shape.accepts(gradient.shape) else {
          throw GraftError(
            .invalidArgument,
            "The accumulator takes \(accumulator.dtype)\(accumulator.shape), and the gradient is "
              + "\(gradient.dtype)\(gradient.shape).", at: .init(input: 2))
        }
        try accumulator.apply(step: Int64(try ArrayArguments.scalar(context, 1, "local_step"))) { sum in
          try sum?.summed(with: gradient, VariantWalk(context.checkpoint)) ?? gradient
        }
      }
    }
  }

  private static func take(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The sum or average of the gradients so far, when there are enough.",
      traits: [.stateful, .waits], shape: ShapeRules.unknown
    ) { node in
      let dtype = try node.type("dtype")
      return { context in
        let accumulator = try context.resource(0, as: Dense.self)
        guard accumulator.dtype == dtype else {
          throw GraftError(.invalidArgument, "It adds up \(accumulator.dtype), and \(dtype) is taken.")
        }
        let (sum, count) = try accumulator.take(
          required: try ArrayArguments.scalar(context, 1, "num_required"), context)
        let average = try sum.copied()
        if accumulator.isMean { try average.divideRows([count]) }
        try context.setOutput(0, average)
      }
    }
  }

  private static func count(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "How many gradients were added up.", traits: [.stateful], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let count =
          try context.input(0).handled(as: SparseAccumulator.self)?.count
          ?? context.resource(0, as: Dense.self).count
        try context.setOutput(0, try Tensor(Int32(clamping: count)))
      }
    }
  }

  private static func setStep(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Says which step it is: gradients of earlier ones are left out.", traits: [.stateful],
      shape: { _ in [] }
    ) { _ in
      return { context in
        let step = Int64(try ArrayArguments.scalar(context, 1, "new_global_step"))
        if let sparse = try context.input(0).handled(as: SparseAccumulator.self) {
          sparse.setStep(step)
        } else {
          try context.resource(0, as: Dense.self).setStep(step)
        }
      }
    }
  }
}

extension Tensor {
  /// Divides the rows by a number each, all of the tensor where there is one number only.
  func divideRows(_ counts: [Int]) throws {
    func divide<T: FloatElement>(_ type: T.Type) {
      let values = mutableBuffer(as: T.self)
      let rowElements = elementCount / Swift.max(counts.count, 1)
      for (row, count) in counts.enumerated() {
        for index in row * rowElements..<(row + 1) * rowElements {
          values[index] = T(values[index].compute / T(integer: count).compute)
        }
      }
    }
    withExtendedLifetime(storage) {
      switch dtype {
      case .float64: divide(Double.self)
      case .float16: divide(Float16.self)
      default: divide(Float.self)
      }
    }
  }
}
