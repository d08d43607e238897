/// Quantization as TensorFlow's groups of ops name it.
package enum QuantizationOps {
  /// Every op of the family.
  package static let all: [OpDefinition] = [
    FakeQuantizationOps.all, QuantizeV2Ops.all, DequantizeOps.all, QuantizeAndDequantizeOps.all,
    UniformQuantizationOps.all, RequantizeOps.all, QuantizedArithmeticOps.all, QuantizedWindowOps.all,
    QuantizedShapeOps.all, QuantizedResizeOps.all,
  ].flatMap { $0 }
}
