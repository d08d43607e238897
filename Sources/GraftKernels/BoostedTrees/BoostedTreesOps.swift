import GraftGraph
import GraftTensor
import Synchronization

/// Boosted trees: what a saved estimator needs to predict.
package enum BoostedTreesOps {
  package static let all: [OpDefinition] = [
    OpDefinition(
      "BoostedTreesEnsembleResourceHandleOp",
      "A handle to the session's trees of that container and shared name.", traits: [.stateful],
      shape: ShapeRules.scalar
    ) { node in
      let place = try ResourceName(node, byNodeName: true)
      return { context in
        let trees = try context.resources.resource(
          BoostedTrees.self, container: place.container, name: place.name
        ) { BoostedTrees() }
        try context.setOutput(0, try Tensor(handle: trees))
      }
    },
    fill("BoostedTreesCreateEnsemble", "Gives a handle its trees, unless it has some.", replaces: false),
    fill("BoostedTreesDeserializeEnsemble", "Gives a handle other trees.", replaces: true),
    OpDefinition(
      "BoostedTreesSerializeEnsemble", "The trees of a handle as a message, and their stamp.",
      traits: [.stateful], shape: { _ in [.scalar, .scalar] }
    ) { _ in
      return { context in
        let content = try context.trees(0)
        try context.setOutput(0, try Tensor(Int64(content.stamp)))
        try context.setOutput(1, try Tensor(content.message))
      }
    },
    OpDefinition(
      "IsBoostedTreesEnsembleInitialized", "Whether a handle has trees.", traits: [.stateful],
      shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let trees = try context.resource(0, as: BoostedTrees.self)
        try context.setOutput(0, try Tensor(trees.content.withLock { $0 != nil }))
      }
    },
    OpDefinition(
      "BoostedTreesGetEnsembleStates",
      "The stamp of a handle's trees, how many there are, how many are complete, how many layers were tried, and "
        + "the nodes of the last one.",
      traits: [.stateful], shape: { _ in [.scalar, .scalar, .scalar, .scalar, PartialShape([2])] }
    ) { _ in
      return { context in
        let content = try context.trees(0)
        let ensemble = content.ensemble
        try context.setOutput(0, try Tensor(Int64(content.stamp)))
        let counts = [ensemble.trees.count, ensemble.finalizedTrees, ensemble.attemptedLayers]
        for (index, count) in counts.enumerated() {
          try context.setOutput(1 + index, try Tensor(Int32(clamping: count)))
        }
        let layer = ensemble.lastLayer
        try context.setOutput(4, try Tensor([Int32(clamping: layer.0), Int32(clamping: layer.1)]))
      }
    },
    predict,
  ]

  private static func fill(_ name: String, _ summary: String, replaces: Bool) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful], shape: { _ in [] }) { _ in
      return { context in
        let trees = try context.resource(0, as: BoostedTrees.self)
        let stamp = try ArrayArguments.scalar(context, 1, "stamp_token")
        let message = try context.scalarString(2, named: "tree_ensemble_serialized")
        guard let ensemble = TreeEnsemble(message) else {
          throw GraftError(
            .invalidArgument,
            "The bytes are no TreeEnsemble message, or one whose trees cannot be walked down.",
            at: .init(input: 2))
        }
        trees.content.withLock { content in
          guard replaces || content == nil else { return }
          content = .init(stamp: stamp, message: message, ensemble: ensemble)
        }
      }
    }
  }

  private static let predict = OpDefinition(
    "BoostedTreesPredict", "The sums of the leaves that the trees have for each row of bucketized features.",
    traits: [.stateful],
    shape: { context in
      [PartialShape([context.input(1)[0], try context.node.int("logits_dimension")])]
    }
  ) { node in
    let dimension = try node.int("logits_dimension")
    guard dimension > 0 else {
      throw node.invalid("'logits_dimension' is \(dimension), and must be positive.")
    }
    return { context in
      let ensemble = try context.trees(0).ensemble
      let features = try (1..<context.inputCount).map { try Feature(context, $0) }
      guard let rows = features.first?.rows, features.allSatisfy({ $0.rows == rows }) else {
        throw GraftError(
          .invalidArgument,
          "Features of one batch are expected, and those of "
            + "\(features.map { "\($0.rows)" }.joined(separator: ", ")) rows were found.")
      }
      let output = try context.allocate(0, .float32, Shape(validating: [rows, dimension]))
      let target = output.mutableBuffer(as: Float.self)
      target.update(repeating: 0)
      for (tree, weight) in zip(ensemble.trees, ensemble.weights) {
        try context.checkpoint()
        for row in 0..<rows {
          let values = try leaf(of: tree, features, row: row)
          guard values.count <= dimension else {
            throw GraftError(
              .invalidArgument,
              "A leaf has \(values.count) numbers, and 'logits_dimension' is \(dimension).")
          }
          for (index, value) in values.enumerated() { target[row * dimension + index] += weight * value }
        }
      }
    }
  }

  private static func leaf(
    of tree: [TreeEnsemble.Node], _ features: [Feature], row: Int
  ) throws -> [Float] {
    var place = 0
    while tree.indices.contains(place) {
      switch tree[place] {
      case .leaf(let values): return values
      case .bucketized(let feature, let dimension, let threshold, let left, let right):
        place = try value(features, feature, dimension, row) <= threshold ? left : right
      case .categorical(let feature, let dimension, let value, let left, let right):
        place = try self.value(features, feature, dimension, row) == value ? left : right
      }
    }
    return []
  }

  private static func value(
    _ features: [Feature], _ feature: Int, _ dimension: Int, _ row: Int
  ) throws -> Int {
    guard features.indices.contains(feature), dimension < features[feature].width else {
      throw GraftError(
        .invalidArgument,
        "A tree asks for dimension \(dimension) of feature \(feature), and there are \(features.count) features."
      )
    }
    return features[feature].values[row * features[feature].width + dimension]
  }

  /// A feature's buckets, row by row.
  private struct Feature {
    let rows: Int
    let width: Int
    let values: [Int]

    init(_ context: KernelContext, _ index: Int) throws {
      let tensor = try context.input(index)
      guard tensor.rank == 1 || tensor.rank == 2 else {
        throw GraftError(
          .invalidArgument, "A vector or matrix is expected, and the shape \(tensor.shape) was found.",
          at: .init(input: index))
      }
      rows = tensor.shape[0]
      width = tensor.rank == 2 ? tensor.shape[1] : 1
      values = try tensor.integers()
    }
  }
}

/// The trees of a session.
private final class BoostedTrees: SessionResource {
  static let kind = "ensemble of boosted trees"

  struct Content: Sendable {
    let stamp: Int
    let message: Bytes
    let ensemble: TreeEnsemble
  }

  let content = Mutex<Content?>(nil)
}

extension KernelContext {
  /// The trees that an input refers to.
  fileprivate func trees(_ index: Int) throws -> BoostedTrees.Content {
    guard let content = try resource(index, as: BoostedTrees.self).content.withLock({ $0 }) else {
      throw GraftError(
        .failedPrecondition, "The ensemble of trees is empty.", at: .init(input: index),
        remedy: "Restore it, or run its initializer, first.")
    }
    return content
  }
}
