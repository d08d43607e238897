import GraftGraph
import GraftKernels
import GraftTensor

extension PlanGraph {
  /// A node that gives a value of float32 another shape.
  mutating func reshaping(_ value: ValueReference, to shape: Shape, name: String) throws -> PlanNode {
    let sizes = addConstant(try .shape(shape, as: .int64), name: name + "/shape")
    return PlanNode(
      name: name, op: "Reshape",
      attributes: ["T": .type(ElementType(.float32)), "Tshape": .type(ElementType(.int64))],
      inputs: [value, sizes], controlInputs: [], inputTypes: [.float32, .int64], outputTypes: [.float32],
      definition: OpRegistry.standard["Reshape"])
  }
}

extension PlanNode {
  /// The product of two matrices of float32, the second one transposed where that is asked for.
  static func product(
    of left: ValueReference, _ right: ValueReference, transposed: Bool, name: String
  ) -> PlanNode {
    PlanNode(
      name: name, op: "MatMul",
      attributes: [
        "T": .type(ElementType(.float32)), "transpose_a": .bool(false), "transpose_b": .bool(transposed),
      ],
      inputs: [left, right], controlInputs: [], inputTypes: [.float32, .float32], outputTypes: [.float32],
      definition: OpRegistry.standard["MatMul"])
  }

  /// An op of one value that computes element by element.
  static func applying(
    _ op: String, to value: ValueReference, _ dtype: DataType = .float32, name: String
  ) -> PlanNode {
    PlanNode(
      name: name, op: op, attributes: ["T": .type(ElementType(dtype))], inputs: [value], controlInputs: [],
      inputTypes: [dtype], outputTypes: [dtype], definition: OpRegistry.standard[op])
  }

  /// An op of two values of one dtype that computes element by element.
  static func combining(
    _ op: String, _ left: ValueReference, _ right: ValueReference, _ dtype: DataType, name: String
  ) -> PlanNode {
    PlanNode(
      name: name, op: op, attributes: ["T": .type(ElementType(dtype))], inputs: [left, right],
      controlInputs: [], inputTypes: [dtype, dtype], outputTypes: [dtype],
      definition: OpRegistry.standard[op])
  }
}
