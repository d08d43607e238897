import GraftGraph
import GraftTensor

/// Tensors as bytes, and back.
enum SerializeTensorOps {
  static let all: [OpDefinition] = [serialize, parse]

  private static let serialize = OpDefinition(
    "SerializeTensor", "A tensor as a serialized tensorflow.TensorProto.",
    types: [
      "T": .numbers + [.bool, .string]
    ],
    shape: ShapeRules.scalar,
    prepare: { _ in
      { context in
        let output = try context.allocate(0, .string, .scalar)
        output.mutableBuffer(as: Bytes.self)[0] = Bytes(try context.input(0).serialized())
      }
    })

  private static let parse = OpDefinition(
    "ParseTensor", "The tensor in a serialized tensorflow.TensorProto, which must be of the dtype asked for.",
    shape: ShapeRules.unknown,
    prepare: { node in
      let dtype = try node.type("out_type")
      return { context in
        let tensor = try Tensor(serialized: try context.scalarString(0, named: "serialized").bytes)
        guard tensor.dtype == dtype else {
          throw GraftError(
            .invalidArgument, "The bytes hold a tensor of \(tensor.dtype), and \(dtype) is asked for.",
            at: .init(input: 0))
        }
        try context.setOutput(0, tensor)
      }
    })
}
