import GraftTensor

/// Quantization by scales and zero points, for a whole tensor or for each entry of a dimension.
enum UniformQuantizationOps {
  static let all = quantizing + UniformArithmetic.all + UniformProducts.all

  /// An attribute that must fit 32 bits.
  private static func bound(_ setup: NodeSetup, _ name: String) throws -> Int {
    let value = try setup.int(name)
    guard Int32(exactly: value) != nil else {
      throw setup.invalid("The attribute '\(name)' is \(value), which does not fit an int32.")
    }
    return value
  }

  private static let quantizing: [OpDefinition] = [
    OpDefinition(
      "UniformQuantize",
      "Each element divided by the scale, rounded, plus the zero point, within the bounds of the attributes.",
      types: ["Tin": [.float32], "Tout": [.qint8, .quint8, .qint32]], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let dtype = try setup.type("Tout")
        let axis = try setup.int("quantization_axis")
        let low = Float(try bound(setup, "quantization_min_val"))
        let high = Float(try bound(setup, "quantization_max_val"))
        return { context in
          let input = try context.input(0)
          let scale = try UniformScale(context, scales: 1, zeroPoints: 2, axis: axis, shape: input.shape)
          let output = try context.allocate(0, dtype, input.shape)
          let source = input.buffer(as: Float.self)
          let inverses = scale.scales.map { 1 / $0 }
          for index in source.indices {
            let lane = scale.lane(index)
            let value = (source[index] * inverses[lane] + 0.5).rounded(.down) + Float(scale.zeroPoints[lane])
            // What is no number becomes the lower bound.
            let bounded = value > low ? min(value, high) : low
            switch dtype {
            case .qint8:
              output.mutableBuffer(as: Int8.self)[index] = Int8(truncatingIfNeeded: Int(truncating: bounded))
            case .quint8:
              output.mutableBuffer(as: UInt8.self)[index] = UInt8(
                truncatingIfNeeded: Int(truncating: bounded))
            default: output.mutableBuffer(as: Int32.self)[index] = Int32(clamping: Int(truncating: bounded))
            }
          }
        }
      }),
    OpDefinition(
      "UniformDequantize", "Each element less the zero point, times the scale.",
      types: ["Tin": [.qint8, .quint8, .qint32], "Tout": [.float32]], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let axis = try setup.int("quantization_axis")
        return { context in
          let input = try context.input(0)
          let scale = try UniformScale(context, scales: 1, zeroPoints: 2, axis: axis, shape: input.shape)
          let target = try context.allocate(0, .float32, input.shape).mutableBuffer(as: Float.self)
          let source = try context.floats(input).buffer(as: Float.self)
          for index in target.indices {
            let lane = scale.lane(index)
            target[index] = (source[index] - Float(scale.zeroPoints[lane])) * scale.scales[lane]
          }
        }
      }),
  ]
}
