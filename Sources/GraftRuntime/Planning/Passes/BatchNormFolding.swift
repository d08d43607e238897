import GraftGraph
import GraftKernels
import GraftTensor

/// Takes batch normalisation with fixed statistics, and multiplication by a factor for each channel, into
/// the weights of the convolution or matrix product before it.
enum BatchNormFolding: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    let order = try graph.order()
    let uses = graph.uses(of: order)
    for index in order {
      let node = graph.nodes[index]
      guard node.controlInputs.isEmpty, node.inputs.first != nil,
        let affine = Affine(node, graph, uses, index), affine.input.output == 0,
        let product = Product(affine.input.node, readBy: index, graph, uses),
        product.isChannelsLast == affine.isChannelsLast, affine.rank <= product.rank,
        try scale(product, by: affine.factors, &graph)
      else { continue }
      var offsets = affine.offsets
      if let bias = product.bias {
        let moved = zip(bias, affine.factors).map { $0 * $1 }
        offsets = offsets.map { zip($0, moved).map { $0 + $1 } } ?? moved
      }
      let input = ValueReference(node: product.node, output: 0)
      guard let offsets else {
        // The product moves to where the factors were multiplied.
        graph.nodes[index] = graph.nodes[product.node]
        continue
      }
      let bias = graph.addConstant(try Tensor(offsets), name: node.name + "/offset")
      graph.nodes[index] = PlanNode(
        name: node.name, op: "BiasAdd",
        attributes: [
          "T": .type(ElementType(.float32)),
          "data_format": graph.nodes[product.node].attributes["data_format"] ?? .string("NHWC"),
        ],
        inputs: [input, bias], controlInputs: [], inputTypes: [.float32, .float32],
        outputTypes: [.float32], definition: OpRegistry.standard["BiasAdd"])
    }
  }

  /// A convolution or matrix product with constant weights, and the bias that follows it.
  private struct Product {
    let node: Int
    let weights: Tensor
    let bias: [Float]?
    let isChannelsLast: Bool
    /// Of the result.
    let rank: Int

    /// Nil where the node is none, or anybody but the given node reads it.
    init?(_ producer: Int, readBy reader: Int, _ graph: PlanGraph, _ uses: PlanGraph.Uses) {
      guard uses.onlyReader(of: producer) == reader else { return nil }
      var node = producer
      var found: Bias?
      if let bias = Bias(producer, graph) {
        node = bias.input.node
        guard bias.input.output == 0, uses.onlyReader(of: node) == producer else { return nil }
        found = bias
      }
      let entry = graph.nodes[node]
      guard entry.isLinear, let weights = graph.constant(entry.inputs[1]), weights.dtype == .float32 else {
        return nil
      }
      if entry.op != "MatMul" {
        guard weights.rank >= 4 else { return nil }
        isChannelsLast = entry.isChannelsLast
      } else {
        guard entry.op == "MatMul", weights.rank == 2, case .bool(false)? = entry.attributes["transpose_b"]
        else {
          return nil
        }
        isChannelsLast = true
      }
      if let found {
        guard found.isAlongLastAxis == isChannelsLast, found.shape.rank <= weights.rank,
          BiasFusion.channels(of: entry, graph) == found.values.count
        else { return nil }
      }
      self.node = node
      self.weights = weights
      rank = weights.rank
      bias = found?.values
    }
  }

  /// `x · factors + offsets`, channel by channel.
  struct Affine {
    let input: ValueReference
    let factors: [Float]
    let offsets: [Float]?
    let isChannelsLast: Bool
    /// Of the factors.
    let rank: Int

    init?(_ node: PlanNode, _ graph: PlanGraph, _ uses: PlanGraph.Uses, _ index: Int) {
      switch node.op {
      case "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3":
        guard node.inputs.count == 5, node.inputTypes.allSatisfy({ $0 == .float32 }),
          case .bool(false) = node.attributes["is_training"],
          case .float(let epsilon) = node.attributes["epsilon"],
          uses.readsOnlyFirstOutput(of: index, graph)
        else { return nil }
        let values = node.inputs[1...].compactMap { graph.constant($0) }.compactMap {
          try? $0.scalars(as: Float.self)
        }
        guard values.count == 4, let count = values.first?.count, values.allSatisfy({ $0.count == count })
        else {
          return nil
        }
        let (scale, offset, mean, variance) = (values[0], values[1], values[2], values[3])
        input = node.inputs[0]
        factors = (0..<count).map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
        var offsets: [Float] = []
        for channel in 0..<count { offsets.append(offset[channel] - mean[channel] * factors[channel]) }
        self.offsets = offsets
        isChannelsLast = node.isChannelsLast
        rank = 4
      case "Mul":
        guard node.inputs.count == 2, node.outputTypes == [.float32] else { return nil }
        let position = graph.constant(node.inputs[1]) != nil ? 1 : 0
        guard let value = graph.constant(node.inputs[position]), value.isAlongLastAxis,
          let factors = try? value.scalars(as: Float.self)
        else { return nil }
        input = node.inputs[1 - position]
        self.factors = factors
        offsets = nil
        isChannelsLast = true
        rank = value.rank
      default:
        return nil
      }
    }
  }

  /// Multiplies the weights' columns; false where they are not as many.
  private static func scale(_ product: Product, by factors: [Float], _ graph: inout PlanGraph) throws -> Bool
  {
    let node = graph.nodes[product.node]
    guard BiasFusion.channels(of: node, graph) == factors.count, !factors.isEmpty else { return false }
    if node.fusedOps == ["Scale"] {
      // Twice in a row: as one.
      guard let before = try graph.constant(node.inputs[2])?.scalars(as: Float.self) else { return false }
      let both = try Tensor(zip(before, factors).map { $0 * $1 })
      graph.nodes[product.node].inputs[2] = graph.addConstant(both, name: node.name + "/scale")
    } else if node.op == "Conv2D" || node.op == "Conv3D" {
      // When the filter is packed: it is not copied before.
      let scale = graph.addConstant(try Tensor(factors), name: node.name + "/scale")
      graph.nodes[product.node] = node.fusing("Scale", scale)
    } else {
      let scaled = try product.weights.scalingColumns(by: factors)
      // Hardly anybody looks at them as they were any more.
      product.weights.storage.releasePages()
      graph.nodes[product.node].inputs[1] = graph.addConstant(scaled, name: node.name + "/folded")
    }
    return true
  }
}

extension PlanGraph.Uses {
  /// Whether nobody reads anything but a node's first output.
  func readsOnlyFirstOutput(of node: Int, _ graph: PlanGraph) -> Bool {
    let read = readers(of: node).flatMap { graph.nodes[$0].inputs }.filter { $0.node == node }
    return (read + graph.fetches.filter { $0.node == node }).allSatisfy { $0.output == 0 }
  }
}

extension Tensor {
  /// Whether it has values along its last axis only, so that it broadcasts to each row alike.
  var isAlongLastAxis: Bool {
    rank >= 1 && rank <= 5 && shape.elementCount == shape[rank - 1] && shape.elementCount > 0
  }

  /// A matrix, or what has more dimensions, with the elements along its last axis multiplied.
  func scalingColumns(by factors: [Float]) throws -> Tensor {
    let scaled = try Tensor(uninitialized: .float32, shape: shape)
    let source = try aligned()
    let (from, to) = (source.buffer(as: Float.self), scaled.mutableBuffer(as: Float.self))
    guard !factors.isEmpty, from.count.isMultiple(of: factors.count) else {
      throw GraftError(
        .invalidArgument, "\(factors.count) factors were found for weights of shape \(shape).")
    }
    for row in stride(from: 0, to: from.count, by: factors.count) {
      for column in factors.indices { to[row + column] = from[row + column] * factors[column] }
    }
    return scaled
  }
}
