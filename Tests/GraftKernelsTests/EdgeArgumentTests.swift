import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

/// Arguments that TensorFlow refuses.
struct EdgeArgumentTests {
  /// A call that is refused.
  struct Call: Sendable, CustomTestStringConvertible {
    let op: String
    let inputs: @Sendable () throws -> [Tensor]
    var attributes: [String: AttributeValue] = [:]
    var types: [String: DataType] = [:]
    let outputs: [DataType]
    var code = GraftError.Code.invalidArgument

    var testDescription: String { op }
  }

  static let calls: [Call] = [
    Call(
      op: "MatrixDiagV3",
      inputs: {
        [
          try Tensor([1 as Float]), try Tensor(0 as Int32), try Tensor([-1 as Int32]),
          try Tensor(-1 as Int32),
          try Tensor(0 as Float),
        ]
      }, attributes: ["align": .string("RIGHT_LEFT")], types: ["T": .float32], outputs: [.float32]),
    Call(
      op: "RFFT", inputs: { [try Tensor([1 as Float, 2]), try Tensor([2 as Int32])] },
      types: ["Treal": .float32, "Tcomplex": .complex128], outputs: [.complex128]),
    Call(
      op: "TridiagonalSolve",
      inputs: {
        [try Tensor(shape: [3, 1], scalars: [0, 1.0, 0]), try Tensor(shape: [1, 1], scalars: [1.0])]
      },
      attributes: ["partial_pivoting": .bool(false), "perturb_singular": .bool(true)], types: ["T": .float64],
      outputs: [.float64]),
    Call(
      op: "StatelessRandomUniformFullInt",
      inputs: { [try Tensor([1 as Int32]), try Tensor([1 as UInt32, 2])] },
      types: ["dtype": .int32], outputs: [.int32]),
    Call(
      op: "Where", inputs: { [try Tensor([1 as Float16])] }, types: ["T": .float16], outputs: [.int64],
      code: .unimplemented),
    Call(
      op: "Reverse",
      inputs: { [try Tensor(shape: [0, 2], scalars: [Float]()), try Tensor([true, false])] },
      types: ["T": .float32], outputs: [.float32]),
    Call(
      op: "DenseCountSparseOutput",
      inputs: { [try Tensor(shape: [0, 2], scalars: [Int64]()), try Tensor([Float]())] },
      attributes: ["minlength": .int(-1), "maxlength": .int(-1), "binary_output": .bool(false)],
      types: ["T": .int64, "output_type": .float32], outputs: [.int64, .float32, .int64]),
    Call(
      op: "SparseSparseMaximum",
      inputs: {
        let operand = [
          try Tensor(shape: [1, 1], scalars: [9 as Int64]), try Tensor([1 as Float]),
          try Tensor([3 as Int64]),
        ]
        return operand + operand
      }, types: ["T": .float32], outputs: [.int64, .float32]),
    Call(
      op: "EditDistance",
      inputs: {
        func operand(_ rows: Int64) throws -> [Tensor] {
          [
            try Tensor(shape: [0, 2], scalars: [Int64]()), try Tensor([Int32]()), try Tensor([rows, 2]),
          ]
        }
        return try operand(-3) + operand(1)
      }, attributes: ["normalize": .bool(false)], types: ["T": .int32], outputs: [.float32]),
    Call(
      op: "RaggedTensorToVariant",
      inputs: { [try Tensor([1 as Int64, 2]), try Tensor([1 as Float, 2])] },
      attributes: ["batched_input": .bool(false), "RAGGED_RANK": .int(1)],
      types: ["Tvalues": .float32, "Tsplits": .int64], outputs: [.variant]),
    Call(
      op: "TensorListScatter",
      inputs: {
        [
          try Tensor(shape: [1, 1], scalars: [1 as Float]), try Tensor([0 as Int32]),
          try Tensor([2 as Int32]),
        ]
      }, types: ["element_dtype": .float32, "shape_type": .int32], outputs: [.variant]),
    Call(
      op: "TensorListSplit",
      inputs: {
        [
          try Tensor(shape: [1, 1], scalars: [1 as Float]), try Tensor([-1 as Int32, 1]),
          try Tensor(shape: [1, 1], scalars: [1 as Int64]),
        ]
      }, types: ["element_dtype": .float32, "shape_type": .int32], outputs: [.variant]),
    Call(
      op: "UnicodeEncode",
      inputs: { [try Tensor(shape: [1, 1], scalars: [97 as Int32]), try Tensor([0 as Int64, 1])] },
      attributes: [
        "errors": .string("replace"), "output_encoding": .string("UTF-8"), "replacement_char": .int(65533),
      ], types: ["Tsplits": .int64], outputs: [.string]),
    Call(op: "ToBool", inputs: { [try Tensor(1 as Float16)] }, types: ["T": .float16], outputs: [.bool]),
    Call(
      op: "ShardedFilename",
      inputs: { [try Tensor(Bytes("a")), try Tensor(0 as Int32), try Tensor([1 as Int32])] },
      outputs: [.string]),
    Call(
      op: "TensorScatterUpdate",
      inputs: {
        [
          try Tensor(shape: [4, 2], scalars: [Float](repeating: 0, count: 8)), try Tensor([1 as Int32, 3]),
          try Tensor(shape: [2, 2], scalars: [1 as Float, 2, 3, 4]),
        ]
      }, attributes: ["bad_indices_policy": .string("")], types: ["T": .float32, "Tindices": .int32],
      outputs: [.float32]),
    Call(
      op: "MaxPoolGradWithArgmax",
      inputs: {
        [
          try Tensor(shape: [1, 4, 4, 1], scalars: [Float](repeating: 0, count: 16)),
          try Tensor(shape: [1, 2, 1, 1], scalars: [1 as Float, 2]),
          try Tensor(shape: [1, 2, 1, 1], scalars: [0 as Int64, 1]),
        ]
      },
      attributes: [
        "ksize": .ints([1, 2, 2, 1]), "strides": .ints([1, 2, 2, 1]), "padding": .string("SAME"),
        "include_batch_in_index": .bool(false),
      ], types: ["T": .float32, "Targmax": .int64], outputs: [.float32]),
    Call(
      op: "QuantizeAndDequantizeV2",
      inputs: { [try Tensor([1 as Float]), try Tensor([-1 as Float]), try Tensor(1 as Float)] },
      attributes: [
        "signed_input": .bool(true), "num_bits": .int(8), "range_given": .bool(true),
        "round_mode": .string("HALF_UP"), "narrow_range": .bool(false), "axis": .int(-1),
      ], types: ["T": .float32], outputs: [.float32]),
    Call(
      op: "AudioSummaryV2",
      inputs: {
        [
          try Tensor(Bytes("a")), try Tensor(shape: [1, 2], scalars: [0 as Float, 1]),
          try Tensor([8_000 as Float, 8_000]),
        ]
      }, attributes: ["max_outputs": .int(1)], outputs: [.string]),
    Call(
      op: "Conv2D",
      inputs: {
        [
          try Tensor(shape: [1, 2, 2, 0], scalars: [Float]()),
          try Tensor(shape: [1, 1, 2, 1], scalars: [1 as Float, 2]),
        ]
      }, attributes: convolution, types: ["T": .float32], outputs: [.float32]),
    Call(
      op: "BlockLSTM",
      inputs: {
        // The first peephole has two elements for one cell.
        let shapes = [[1, 1, 1], [1, 1], [1, 1], [2, 4], [2], [1], [1], [4]]
        let parameters = try shapes.map { shape in
          try Tensor(shape: shape, scalars: [Float](repeating: 0, count: shape.reduce(1, *)))
        }
        return [try Tensor(1 as Int64)] + parameters
      },
      attributes: ["forget_bias": .float(1), "cell_clip": .float(3), "use_peephole": .bool(false)],
      types: ["T": .float32], outputs: [DataType](repeating: .float32, count: 7)),
  ]

  static let convolution: [String: AttributeValue] = [
    "strides": .ints([1, 1, 1, 1]), "padding": .string("SAME"), "explicit_paddings": .ints([]),
    "data_format": .string("NHWC"), "dilations": .ints([1, 1, 1, 1]), "use_cudnn_on_gpu": .bool(true),
  ]

  @Test(arguments: calls)
  func isRefused(_ call: Call) throws {
    let inputs = try call.inputs()
    let error = #expect(throws: GraftError.self) {
      try KernelHarness.run(
        call.op, in: [try #require(OpRegistry.standard[call.op])], inputs, attributes: call.attributes,
        types: call.types,
        outputs: call.outputs)
    }
    #expect(error?.code == call.code)
  }
}
