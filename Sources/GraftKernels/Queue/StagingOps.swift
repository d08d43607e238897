import GraftGraph
import GraftTensor

/// Staging areas: what one run leaves for the next.
enum StagingOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Stage", "Puts a tuple into the staging area, when there is room.",
      traits: [.stateful, .keepsInputs], shape: { _ in [] }
    ) { node in
      let area = try area(node)
      return { context in
        try area(context).put(try context.inputs().map { try $0.persistent() }, context)
      }
    },
    OpDefinition(
      "Unstage", "Takes the first tuple out, when there is one.", traits: [.stateful, .waits],
      shape: ShapeRules.unknown
    ) { node in
      let area = try area(node)
      return { context in try context.setStaged(try area(context).take(context), node) }
    },
    OpDefinition(
      "StagePeek", "The tuple at an index, when there is one; it stays.", traits: [.stateful, .waits],
      shape: ShapeRules.unknown
    ) { node in
      let area = try area(node)
      return { context in
        let index = try context.input(0).integer()
        guard index >= 0 else {
          throw GraftError(.invalidArgument, "The index \(index) is negative.", at: .init(input: 0))
        }
        try context.setStaged(try area(context).peek(index, context), node)
      }
    },
    OpDefinition(
      "StageSize", "How many tuples the staging area has.", traits: [.stateful], shape: ShapeRules.scalar
    ) { node in
      let area = try area(node)
      return { context in try context.setOutput(0, try Tensor(Int32(clamping: area(context).count))) }
    },
    OpDefinition(
      "StageClear", "Takes all tuples out of the staging area.", traits: [.stateful], shape: { _ in [] }
    ) { node in
      let area = try area(node)
      return { context in try area(context).clear() }
    },
  ]

  private static func area(
    _ node: NodeSetup
  ) throws -> @Sendable (KernelContext) throws -> StagingArea {
    let limits = try StagingLimits(node)
    let (container, sharedName) = (try node.string("container"), try node.string("shared_name"))
    let name = sharedName.isEmpty ? node.name : sharedName
    return { context in
      try context.resources.resource(StagingArea.self, container: container, name: name) {
        StagingArea(name: name, limits)
      }
    }
  }
}

extension KernelContext {
  /// Gives the outputs from `first` on the values of a tuple that was staged.
  func setStaged(_ element: [Tensor], _ node: NodeSetup, from first: Int = 0) throws {
    guard element.map(\.dtype) == Array(node.outputTypes.dropFirst(first)) else {
      throw GraftError(
        .invalidArgument,
        "\(node.outputTypes.dropFirst(first).map(\.name)) is taken out, and \(element.map(\.dtype.name)) was staged."
      )
    }
    for (index, tensor) in element.enumerated() { try setOutput(first + index, tensor) }
  }
}
