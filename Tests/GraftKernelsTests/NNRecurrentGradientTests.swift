import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Gradients of recurrent cells; what is expected is TensorFlow's: `tf.raw_ops` with the same values.
@Suite("Gradients of recurrent cells")
struct NNRecurrentGradientTests {
  private func matrix(_ shape: [Int], _ values: [Float]) throws -> Tensor {
    try Tensor(shape: shape, scalars: values)
  }

  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue], outputs: Int
  ) throws -> [Tensor] {
    try KernelHarness.run(
      op, in: NNOps.all, inputs, attributes: attributes, types: ["T": .float32],
      outputs: [DataType](repeating: .float32, count: outputs))
  }

  /// State, output, weights, three peepholes and bias of a layer with one input and one cell.
  private func parameters() throws -> [Tensor] {
    [
      try matrix([2, 1], [0.5, 0]), try matrix([2, 1], [0.125, 0.375]),
      try matrix([2, 4], [-0.375, 0.875, -1, 1, -0.875, 0.5, -0.125, 0.625]), try matrix([1], [0.75]),
      try matrix([1], [-0.5]), try matrix([1], [0.125]), try matrix([4], [-0.25, -0.375, 0.375, 0.25]),
    ]
  }

  private let options: [String: AttributeValue] = [
    "use_peephole": .bool(true), "forget_bias": .float(1), "cell_clip": .float(3),
  ]

  @Test("One step of an LSTM cell")
  func cell() throws {
    let inputs = [try matrix([2, 1], [-0.375, 0.375])] + (try parameters())
    let gates = try run("LSTMBlockCell", inputs, options, outputs: 7)
    let gradients = [try matrix([2, 1], [-1, 0.625]), try matrix([2, 1], [0.125, 0.125])]
    let found = try run("LSTMBlockCellGrad", inputs + gates[..<6] + gradients, options, outputs: 5)
    try expectClose(found[0], [-0.631087, 0.5310093])
    try expectClose(
      found[1],
      [0.1318764, -0.34428763, -0.07070563, 0.0032038789, 0.021942096, 0.22904535, 0, 0.0011922094])
    try expectClose(found[2], [0.06593820])
    try expectClose(found[3], [-0.035352815])
    try expectClose(found[4], [0.00038430485])
  }

  @Test("A sequence, of which two steps of three count")
  func layers() throws {
    let expected: [String: [[Float]]] = [
      "BlockLSTM": [
        [-0.7126165, 0.42845267, -0.41372693, 0.29403847, 0, 0], [-1.5575466, 1.1704071],
        [-0.70131505, 0.21313587],
        [
          -0.1387175, 0.6545949, 0.07030489, 0.0061222725, 0.0650158, 0.071048655, -0.022561243,
          -0.00014345133,
        ], [0.17615047], [-0.08891502], [-0.0040975306],
        [0.4829232, -0.46427664, -0.18689921, -0.0034132404],
      ],
      "BlockLSTMV2": [
        [0.4393306, -0.3846345, 0.36232662, -0.3416301, 0, 0], [-0.5830326, 0.62657386],
        [0.17708787, -0.03831219],
        [
          0.12636669, 0.0880392, 0.497243613, 0.02661801, -0.071176365, -0.051504657, -0.031241313,
          -0.016717501,
        ], [-0.20134577], [-0.1494784], [-0.040770147],
        [-0.38202047, -0.30679345, -0.28881848, -0.08823923],
      ],
    ]
    for (op, wanted) in expected {
      let x = try matrix([3, 2, 1], [-0.375, 0.375, -0.1875, 0.1875, -0.375, 0.375])
      let inputs = [try Tensor(Int64(2)), x] + (try parameters())
      var options = options
      if op == "BlockLSTMV2" { options["forget_bias"] = nil }
      let sequence = try run(op, inputs, options, outputs: 7)
      let gradients = [
        try matrix([3, 2, 1], [-1, 0.625, -1, 0.625, -1, 0.625]),
        try matrix([3, 2, 1], [-0.5, 0.3125, -0.5, 0.3125, -0.5, 0.3125]),
      ]
      let gradientOp = op == "BlockLSTM" ? "BlockLSTMGrad" : "BlockLSTMGradV2"
      let found = try run(gradientOp, inputs + sequence + gradients, options, outputs: 8)
      for (tensor, values) in zip(found, wanted) { try expectClose(tensor, values) }
    }
  }

  @Test("A GRU cell; inputs of wrong shapes are errors")
  func gru() throws {
    let inputs = [
      try matrix([2, 1], [-0.375, 0.375]), try matrix([2, 1], [0.125, 0.375]),
      try matrix([2, 2], [-0.125, -0.875, -1, 0]), try matrix([2, 1], [0.625, 0.875]),
      try matrix([2], [0.25, 0]), try matrix([1], [-0.125]),
    ]
    let gates = try run("GRUBlockCell", inputs, [:], outputs: 4)
    let gradient = try matrix([2, 1], [0.125, 0.125])
    let found = try run("GRUBlockCellGrad", inputs + gates[..<3] + [gradient], [:], outputs: 4)
    try expectClose(found[0], [0.018689729, 0.03857021])
    try expectClose(found[1], [0.09411355, 0.07399506])
    try expectClose(found[2], [0.04789564, 0.067985706])
    try expectClose(found[3], [0.0013000218, 0.012665763, 0.0055359667, 0.0036901254])
    #expect(throws: GraftError.self) {
      try run("GRUBlockCellGrad", inputs + gates[..<3] + [matrix([1, 2], [0, 0])], [:], outputs: 4)
    }
  }
}
