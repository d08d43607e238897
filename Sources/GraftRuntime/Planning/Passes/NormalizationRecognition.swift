import GraftGraph
import GraftKernels
import GraftTensor

/// Finds layer normalisation along the last axis, which graphs spell out in about ten operations, in the ways of
/// `tf.nn.batch_normalization` after `tf.nn.moments`, of `(x - mean) / sqrt(variance + epsilon)`, and of a batch
/// normalisation of rows that were made channels.
///
/// It needs shapes, to know which axis is the last.
enum NormalizationRecognition: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { $0.op == "Mean" || $0.op.hasPrefix("FusedBatchNorm") }) else {
      return false
    }
    let matcher = Matcher(graph: graph, inference: inference)
    var isChanged = false
    // Backwards: the whole before its parts.
    for index in try graph.order().reversed() {
      guard let found = matcher.normalization(ValueReference(node: index, output: 0)),
        let rank = inference.shape(of: found.x).fullyDefined?.rank, found.scale?.rank ?? 0 <= rank,
        found.offset?.rank ?? 0 <= rank
      else { continue }
      let name = graph.nodes[index].name
      let width = found.width
      func parameter(_ given: Tensor?, _ plain: Float, _ kind: String) throws -> ValueReference {
        let values = try given.map { try $0.aligned().reshaped(unchecked: [width]) }
        return graph.addConstant(
          try values ?? Tensor([Float](repeating: plain, count: width)), name: name + "/" + kind)
      }
      let inputs = [
        found.x, try parameter(found.scale, 1, "scale"), try parameter(found.offset, 0, "offset"),
      ]
      graph.nodes[index] = PlanNode(
        name: name, op: "_LayerNorm",
        attributes: ["T": .type(ElementType(.float32)), "epsilon": .float(found.epsilon)], inputs: inputs,
        controlInputs: [], inputTypes: [.float32, .float32, .float32], outputTypes: [.float32],
        definition: OpRegistry.standard["_LayerNorm"])
      isChanged = true
    }
    return isChanged
  }
}

/// `(x - mean) · rsqrt(variance + epsilon) · scale + offset`
private struct Normalization {
  let x: ValueReference
  let width: Int
  let epsilon: Float
  var scale: Tensor?
  var offset: Tensor?
}

/// Follows what a value is computed from.
private struct Matcher {
  let graph: PlanGraph
  let inference: ShapeInference

  /// What a value is the normalisation of.
  func normalization(_ value: ValueReference) -> Normalization? {
    guard let node = node(value), node.inputs.count == 2 else { return nil }
    switch node.op {
    case "Add", "AddV2":
      return anyOrder(node) { expanded($0, $1) ?? shifted($0, by: $1) }
    case "Sub":
      // x·m - mean·m
      return expanded(node.inputs[0], plus: nil, minus: node.inputs[1])
    default: return scaled(value)
    }
  }

  private func anyOrder<T>(
    _ node: PlanNode, _ match: (ValueReference, ValueReference) -> T?
  ) -> T? {
    match(node.inputs[0], node.inputs[1]) ?? match(node.inputs[1], node.inputs[0])
  }

  /// `x · m` and `offset - mean · m`, in whatever way the difference is written.
  private func expanded(_ product: ValueReference, _ rest: ValueReference) -> Normalization? {
    guard let node = node(rest) else { return nil }
    switch (node.op, node.inputs.count) {
    case ("Sub", 2): return expanded(product, plus: node.inputs[0], minus: node.inputs[1])
    case ("Add", 2), ("AddV2", 2):
      return anyOrder(node) { offset, negative in
        negated(negative).flatMap { expanded(product, plus: offset, minus: $0) }
      }
    default: return nil
    }
  }

  /// What is negated: all of a value, or a factor of it.
  private func negated(_ value: ValueReference) -> Minus? {
    guard let node = node(value) else { return nil }
    if node.op == "Neg" { return .value(node.inputs[0]) }
    guard node.op == "Mul", node.inputs.count == 2 else { return nil }
    return anyOrder(node) { first, second in
      guard let negative = self.node(first), negative.op == "Neg" else { return nil }
      return .product(negative.inputs[0], second)
    }
  }

  private enum Minus {
    case value(ValueReference)
    case product(ValueReference, ValueReference)
  }

  private func expanded(
    _ product: ValueReference, plus offset: ValueReference?, minus: ValueReference
  ) -> Normalization? {
    expanded(product, plus: offset, minus: .value(minus))
  }

  private func expanded(
    _ product: ValueReference, plus offset: ValueReference?, minus: Minus
  ) -> Normalization? {
    guard let scaled = node(product), scaled.op == "Mul", scaled.inputs.count == 2 else { return nil }
    let parts: [(ValueReference, ValueReference)]
    switch minus {
    case .product(let first, let second): parts = [(first, second), (second, first)]
    case .value(let value):
      guard let node = node(value), node.op == "Mul", node.inputs.count == 2 else { return nil }
      parts = [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
    }
    for (mean, factor) in parts {
      for (x, other) in [(scaled.inputs[0], scaled.inputs[1]), (scaled.inputs[1], scaled.inputs[0])]
      where other == factor {
        guard let width = width(of: x), isMean(mean, of: x) else { continue }
        let (root, scale) = splitScale(factor, width)
        guard let epsilon = epsilon(underRoot: root, mean: mean, x: x) else { continue }
        guard let offset else { return Normalization(x: x, width: width, epsilon: epsilon, scale: scale) }
        guard let values = vector(offset, width) else { continue }
        return Normalization(x: x, width: width, epsilon: epsilon, scale: scale, offset: values)
      }
    }
    return nil
  }

  /// A normalisation and a constant that is added.
  private func shifted(_ value: ValueReference, by offset: ValueReference) -> Normalization? {
    guard var found = scaled(value), let values = vector(offset, found.width) else { return nil }
    found.offset = values
    return found
  }

  /// `(x - mean) · rsqrt(…)` or `(x - mean) / sqrt(…)`, with a factor at either place.
  private func scaled(_ value: ValueReference) -> Normalization? {
    guard let node = node(value), node.inputs.count == 2 else { return nil }
    switch node.op {
    case "Mul":
      return anyOrder(node) { first, second in
        if let graphConstant = graph.constant(second) {
          guard var found = scaled(first), found.scale == nil, graphConstant.isRow(of: found.width) else {
            return nil
          }
          found.scale = graphConstant
          return found
        }
        guard let (x, mean, width) = centered(first) else { return nil }
        let (root, scale) = splitScale(second, width)
        return epsilon(underRoot: root, mean: mean, x: x).map {
          Normalization(x: x, width: width, epsilon: $0, scale: scale)
        }
      }
    case "RealDiv":
      guard let (x, mean, width) = centered(node.inputs[0]), let root = self.node(node.inputs[1]),
        root.op == "Sqrt", let epsilon = epsilon(ofSum: root.inputs[0], mean: mean, x: x)
      else { return nil }
      return Normalization(x: x, width: width, epsilon: epsilon)
    case "Reshape": return normalizedChannels(node.inputs[0], inference.shape(of: value).fullyDefined)
    default: return nil
    }
  }

  /// The batch normalisation, with the statistics of its input, of rows that are channels of one image.
  private func normalizedChannels(_ value: ValueReference, _ result: Shape?) -> Normalization? {
    let normalization = graph.nodes[value.node]
    guard normalization.op.hasPrefix("FusedBatchNorm"), normalization.constants == nil,
      normalization.controlInputs.isEmpty, normalization.inputTypes.allSatisfy({ $0 == .float32 }),
      value.output == 0, normalization.isTrue("is_training"), !normalization.isChannelsLast,
      case .float(let epsilon)? = normalization.attributes["epsilon"],
      let rows = node(normalization.inputs[0]), rows.op == "Reshape", let width = width(of: rows.inputs[0]),
      let shape = inference.shape(of: rows.inputs[0]).fullyDefined, shape == result,
      inference.shape(of: normalization.inputs[0]).fullyDefined == [1, shape.elementCount / width, width, 1],
      isFilled(normalization.inputs[1], with: 1), isFilled(normalization.inputs[2], with: 0)
    else { return nil }
    return Normalization(x: rows.inputs[0], width: width, epsilon: epsilon)
  }

  private func isFilled(_ value: ValueReference, with number: Float) -> Bool {
    graph.constant(value).flatMap { try? $0.scalars(as: Float.self) }?.allSatisfy { $0 == number } ?? false
  }

  /// `x - mean`
  private func centered(_ value: ValueReference) -> (x: ValueReference, mean: ValueReference, width: Int)? {
    guard let node = node(value), node.op == "Sub", let width = width(of: node.inputs[0]),
      isMean(node.inputs[1], of: node.inputs[0])
    else { return nil }
    return (node.inputs[0], node.inputs[1], width)
  }

  /// A root and the constant that it is multiplied by.
  private func splitScale(_ factor: ValueReference, _ width: Int) -> (root: ValueReference, scale: Tensor?) {
    guard let node = node(factor), node.op == "Mul", node.inputs.count == 2 else { return (factor, nil) }
    return anyOrder(node) { root, scale in vector(scale, width).map { (root, $0) } } ?? (factor, nil)
  }

  /// `rsqrt(variance + epsilon)`
  private func epsilon(underRoot root: ValueReference, mean: ValueReference, x: ValueReference) -> Float? {
    guard let node = node(root), node.op == "Rsqrt" else { return nil }
    return epsilon(ofSum: node.inputs[0], mean: mean, x: x)
  }

  private func epsilon(ofSum sum: ValueReference, mean: ValueReference, x: ValueReference) -> Float? {
    guard let node = node(sum), node.op == "AddV2" || node.op == "Add" else { return nil }
    return anyOrder(node) { variance, added in
      guard let epsilon = graph.constant(added), epsilon.elementCount == 1,
        isVariance(variance, mean: mean, of: x)
      else { return nil }
      return try? epsilon.scalars(as: Float.self).first
    }
  }

  private func isVariance(_ value: ValueReference, mean: ValueReference, of x: ValueReference) -> Bool {
    guard let squares = averaged(value), let node = node(squares) else { return false }
    switch node.op {
    case "SquaredDifference": return isPair(node, x, mean)
    case "Square":
      guard let difference = self.node(node.inputs[0]), difference.op == "Sub" else { return false }
      return isPair(difference, x, mean)
    default: return false
    }
  }

  private func isPair(_ node: PlanNode, _ first: ValueReference, _ second: ValueReference) -> Bool {
    node.inputs == [first, second] || node.inputs == [second, first]
  }

  private func isMean(_ value: ValueReference, of x: ValueReference) -> Bool { averaged(value) == x }

  /// What a value is the mean of along the last axis, which stays as one element.
  private func averaged(_ value: ValueReference) -> ValueReference? {
    guard let node = node(value), node.op == "Mean", node.isTrue("keep_dims"),
      let axes = graph.constant(node.inputs[1]).flatMap({ try? $0.integers() }), axes.count == 1,
      let rank = inference.shape(of: node.inputs[0]).fullyDefined?.rank, axes[0] == -1 || axes[0] == rank - 1
    else { return nil }
    return node.inputs[0]
  }

  private func vector(_ value: ValueReference, _ width: Int) -> Tensor? {
    graph.constant(value).flatMap { $0.isRow(of: width) ? $0 : nil }
  }

  private func width(of x: ValueReference) -> Int? {
    guard let shape = inference.shape(of: x).fullyDefined, shape.elementCount > 0 else { return nil }
    return shape.dimensions.last
  }

  private func node(_ value: ValueReference) -> PlanNode? {
    let node = graph.nodes[value.node]
    guard node.constants == nil, node.feed == nil, node.controlInputs.isEmpty, node.outputTypes == [.float32]
    else {
      return nil
    }
    return node
  }
}

extension Tensor {
  /// Whether it has one value for each place of rows of the given width, or one for all.
  fileprivate func isRow(of width: Int) -> Bool {
    dtype == .float32 && elementCount == width && (rank == 0 || shape[rank - 1] == width)
  }
}
