import GraftGraph
import GraftTensor

/// Ops that call a function once for each entry of their inputs.
enum FunctionMapping {
  static let all: [OpDefinition] = [map]

  private static let map = OpDefinition(
    "MapDefun",
    "Calls a function with each entry of the arguments' first dimension and the captured inputs; the results "
      + "along a new first dimension.",
    traits: [.stateful, .keepsInputs],
    shape: { context in
      let length = context.input(0).dimensions?.first ?? nil
      return try context.node.shapes("output_shapes").map { shape in
        PartialShape(shape.dimensions.map { [length] + $0 })
      }
    }
  ) { node in
    let function = try node.function("f")
    let (types, shapes) = (try node.types("output_types"), try node.shapes("output_shapes"))
    let count = try node.types("Targuments").count
    guard types.count == shapes.count else {
      throw node.invalid("\(types.count) types and \(shapes.count) shapes of results are given.")
    }
    return { context in
      let inputs = try context.inputs()
      guard count > 0, count <= inputs.count else {
        throw GraftError(.invalidArgument, "There are no arguments to go through.")
      }
      let captured = inputs[count...]
      let run = try context.functions.function(function)
      var results = [[Tensor]](repeating: [], count: types.count)
      for arguments in try TensorBatch.slices(of: Array(inputs[..<count])) {
        try context.checkpoint()
        let values = try run(try arguments.map { try $0.persistent() } + captured)
        guard values.map(\.dtype) == types else {
          throw GraftError(
            .invalidArgument, "The function gave \(values.map(\.dtype)), and \(types) are expected.")
        }
        for (index, value) in values.enumerated() {
          guard shapes[index].accepts(value.shape) else {
            throw GraftError(
              .invalidArgument,
              "Result \(index) of the function has the shape \(value.shape), and \(shapes[index]) is expected."
            )
          }
          results[index].append(try value.persistent())
        }
      }
      for (index, parts) in results.enumerated() {
        guard !parts.isEmpty || shapes[index].dimensions?.allSatisfy({ $0 != nil }) == true else {
          throw GraftError(
            .internalError,
            "There is no argument, and the shape \(shapes[index]) of result \(index) is not known.")
        }
        try context.setOutput(index, try TensorBatch.stacked(parts, types[index], shapes[index]))
      }
    }
  }
}
