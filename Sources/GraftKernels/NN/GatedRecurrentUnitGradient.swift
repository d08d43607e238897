import GraftGraph
import GraftTensor

/// The gradient of GRU cells.
enum GatedRecurrentUnitGradientOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "GRUBlockCellGrad",
      "The gradient of `GRUBlockCell` with respect to the input, the state, and the sums of the candidate and "
        + "of both gates.", types: ["T": [.float32]],
      shape: { context in
        let (batch, cells) = (context.input(1)[0], context.input(1)[1])
        return [
          context.input(0), PartialShape([batch, cells]), PartialShape([batch, cells]),
          PartialShape([batch, cells.map { $0 &* 2 }]),
        ]
      }
    ) { _ in
      { context in
        let inputs = try context.inputs()
        guard inputs.count == 10, inputs[0].rank == 2, inputs[1].rank == 2 else {
          throw GraftError(
            .invalidArgument, "These inputs are not those of a GRU cell's gradient: \(inputs.map(\.shape)).")
        }
        let (batch, width, cells) = (inputs[0].shape[0], inputs[0].shape[1], inputs[1].shape[1])
        let state: Shape = [batch, cells]
        let expected: [Shape] = [
          [batch, width], state, [width + cells, 2 * cells], [width + cells, cells], [2 * cells], [cells],
          state, state, state, state,
        ]
        for (index, (input, shape)) in zip(inputs, expected).enumerated() where input.shape != shape {
          throw GraftError(
            .invalidArgument, "Shape \(input.shape) was found where \(shape) is expected.",
            at: .init(input: index))
        }
        let outputs = try [[batch, width], [batch, cells], [batch, cells], [batch, 2 * cells]].enumerated()
          .map {
            try context.allocate($0, .float32, Shape(validating: $1))
          }
        guard batch * cells > 0 else { return outputs.forEach { $0.clear() } }
        try back(context, inputs, outputs, batch, width, cells)
      }
    }
  ]

  private static func back(
    _ context: KernelContext, _ inputs: [Tensor], _ outputs: [Tensor], _ batch: Int, _ width: Int,
    _ cells: Int
  ) throws {
    let (state, reset, update) = (inputs[1].floats, inputs[6].floats, inputs[7].floats)
    let (candidate, gradient) = (inputs[8].floats, inputs[9].floats)
    let targets = outputs.map { $0.mutableBuffer(as: Float.self) }
    let joined = Shape([batch, width + cells])
    let (first, second) = (try context.scratch(.float32, joined), try context.scratch(.float32, joined))

    /// A gradient times transposed weights.
    func multiply(_ gradient: Tensor, _ columns: Int, weights: Int, into target: Tensor) throws {
      try MatrixProduct(
        rows: batch, columns: width + cells, depth: columns,
        left: MatrixOperand(tensor: gradient, row: columns, column: 1, offsets: [0]),
        right: MatrixOperand(tensor: inputs[weights], row: 1, column: columns, offsets: [0])
      ).run(context, into: target)
    }

    for at in 0..<batch * cells {
      targets[2][at] = gradient[at] * (1 - update[at]) * (1 - candidate[at] * candidate[at])
    }
    try multiply(outputs[2], cells, weights: 3, into: first)
    for row in 0..<batch {
      for cell in 0..<cells {
        let at = row * cells + cell
        let back = first.floats[row * (width + cells) + width + cell]
        targets[3][row * 2 * cells + cell] = back * state[at] * reset[at] * (1 - reset[at])
        targets[3][row * 2 * cells + cells + cell] =
          gradient[at] * (state[at] - candidate[at]) * update[at] * (1 - update[at])
      }
    }
    try multiply(outputs[3], 2 * cells, weights: 2, into: second)
    for row in 0..<batch {
      let line = row * (width + cells)
      for index in 0..<width {
        targets[0][row * width + index] = first.floats[line + index] + second.floats[line + index]
      }
      for cell in 0..<cells {
        let at = row * cells + cell
        targets[1][at] =
          second.floats[line + width + cell] + first.floats[line + width + cell] * reset[at]
          + gradient[at] * update[at]
      }
    }
  }
}
