import GraftGraph
import GraftKernels
import GraftTensor

/// Casts values outside of a graph, as the op does it.
enum Casting {
  static func cast(_ tensor: Tensor, to dtype: DataType) throws -> Tensor {
    let node = PlanNode(
      name: "cast", op: "Cast",
      attributes: [
        "SrcT": .type(ElementType(tensor.dtype)), "DstT": .type(ElementType(dtype)), "Truncate": .bool(false),
      ],
      inputs: [], controlInputs: [], inputTypes: [tensor.dtype], outputTypes: [dtype],
      definition: OpRegistry.standard["Cast"])
    guard let result = try NodeEvaluator().run(node, inputs: [tensor]).first else {
      throw GraftError(.internalError, "A cast gave no value.")
    }
    return result
  }
}
