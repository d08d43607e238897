import GraftTensor

/// Quantization by scales and zero points, for a whole tensor or for each entry of a dimension.
enum UniformQuantizationOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "UniformQuantize",
      "Each element divided by the scale, rounded, plus the zero point, within the bounds of the attributes.",
      types: ["Tin": [.float32], "Tout": [.qint8, .qint32]], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let dtype = try setup.type("Tout")
        let axis = try setup.int("quantization_axis")
        let low = Float(try setup.int("quantization_min_val"))
        let high = Float(try setup.int("quantization_max_val"))
        return { context in
          let lanes = try Lanes(context, axis: axis)
          let output = try context.allocate(0, dtype, lanes.input.shape)
          let source = lanes.input.buffer(as: Float.self)
          let inverses = lanes.scales.map { 1 / $0 }
          lanes.forEach { index, lane in
            let value = (source[index] * inverses[lane] + 0.5).rounded(.down) + lanes.zeroPoints[lane]
            // What is no number becomes the lower bound.
            let bounded = value > low ? min(value, high) : low
            if dtype == .qint8 {
              output.mutableBuffer(as: Int8.self)[index] = Int8(truncatingIfNeeded: Int(truncating: bounded))
            } else {
              output.mutableBuffer(as: Int32.self)[index] = Int32(clamping: Int(truncating: bounded))
            }
          }
        }
      }),
    OpDefinition(
      "UniformDequantize", "Each element less the zero point, times the scale.",
      types: ["Tin": [.qint8, .qint32], "Tout": [.float32]], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let axis = try setup.int("quantization_axis")
        return { context in
          let lanes = try Lanes(context, axis: axis)
          let target = try context.allocate(0, .float32, lanes.input.shape).mutableBuffer(as: Float.self)
          let source = try context.floats(lanes.input).buffer(as: Float.self)
          lanes.forEach { index, lane in
            target[index] = (source[index] - lanes.zeroPoints[lane]) * lanes.scales[lane]
          }
        }
      }),
  ]

  /// A tensor, with a scale and a zero point for each entry of a dimension or one for all.
  private struct Lanes {
    let input: Tensor
    let scales: [Float]
    let zeroPoints: [Float]
    /// How many elements an entry has before the next one comes.
    private let inner: Int

    init(_ context: KernelContext, axis: Int) throws {
      input = try context.input(0)
      let (scales, zeroPoints) = (try context.input(1), try context.input(2))
      let isWhole = axis == -1
      guard isWhole || (0..<input.rank).contains(axis) else {
        throw ArrayArguments.invalid(
          "The attribute 'quantization_axis' is \(axis), and the input has the shape \(input.shape).",
          input: 0)
      }
      let expected = Shape(isWhole ? [] : [input.shape[axis]])
      guard scales.shape == expected, zeroPoints.shape == expected else {
        throw ArrayArguments.invalid(
          "Scales and zero points of shape \(expected) are expected, and the shapes \(scales.shape) and "
            + "\(zeroPoints.shape) were found.", input: 1)
      }
      self.scales = Array(scales.buffer(as: Float.self))
      self.zeroPoints = zeroPoints.buffer(as: Int32.self).map { Float($0) }
      inner =
        isWhole ? max(input.elementCount, 1) : ArrayArguments.product(input.shape.dimensions[(axis + 1)...])
    }

    /// Calls the closure for each element with its entry.
    @inline(__always)
    func forEach(_ body: (_ element: Int, _ lane: Int) -> Void) {
      for index in 0..<input.elementCount { body(index, index / inner % scales.count) }
    }
  }
}
