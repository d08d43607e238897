import GraftTensor

/// Sums, bounds and changes of scale of uniformly quantized tensors.
enum UniformArithmetic {
  static let all: [OpDefinition] = [sum, clip, requantize]

  private static let sum = OpDefinition(
    "UniformQuantizedAdd", "The sum of two quantized tensors, with broadcasting, in the scale of the output.",
    types: ["T": [.qint32]], shape: ShapeRules.broadcast
  ) { node in
    let bounds = try Bounds(node, "output_quantization")
    let axes = try ["lhs", "rhs", "output"].map { try node.int($0 + "_quantization_axis") }
    return { context in
      let (x, y) = (try context.input(0), try context.input(1))
      let broadcast = try Broadcast([x.shape, y.shape])
      let shape = broadcast.shape
      let target = try UniformScale(context, scales: 6, zeroPoints: 7, axis: axes[2], shape: shape)
      // Each side is brought to the output's scale in its own place, then both are added.
      func rescaled(_ tensor: Tensor, _ first: Int, _ axis: Int) throws -> (Int, Int) -> Int32 {
        let scale = try UniformScale(
          context, scales: first, zeroPoints: first + 1, axis: axis, shape: tensor.shape)
        let values = tensor.buffer(as: Int32.self)
        return { source, place in
          let (from, to) = (scale.lane(source), target.lane(place))
          let difference = Float(values[source] &- scale.zeroPoints[from])
          let value = Double(difference * (scale.scales[from] / target.scales[to])) + 0.5
          return Int32(indefinite: value.rounded(.down)) &+ target.zeroPoints[to]
        }
      }
      let (left, right) = (try rescaled(x, 2, axes[0]), try rescaled(y, 4, axes[1]))
      let output = try context.allocate(0, .qint32, shape).mutableBuffer(as: Int32.self)
      broadcast.forEachPair(0..<(shape.elementCount == 0 ? 0 : broadcast.rowCount)) { place, a, b in
        let sum = left(a, place) &+ right(b, place) &- target.zeroPoints[target.lane(place)]
        output[place] = Int32(clamping: bounds.bounded(Int(sum)))
      }
    }
  }

  private static let clip = OpDefinition(
    "UniformQuantizedClipByValue", "The elements, no smaller than `min` and no larger than `max`.",
    types: ["T": [.qint32]], shape: ShapeRules.sameAsInput
  ) { node in
    let axis = try node.int("quantization_axis")
    return { context in
      let input = try context.input(0)
      let scale = try UniformScale(context, scales: 3, zeroPoints: 4, axis: axis, shape: input.shape)
      let (low, high) = (try context.input(1), try context.input(2))
      let expected = Shape(axis == -1 ? [] : [input.shape[axis]])
      guard low.shape == expected, high.shape == expected else {
        throw ArrayArguments.invalid(
          "Bounds of shape \(expected) are expected, and the shapes \(low.shape) and \(high.shape) were found.",
          input: 1)
      }
      let (least, most) = (low.buffer(as: Int32.self), high.buffer(as: Int32.self))
      let source = input.buffer(as: Int32.self)
      let output = try context.allocate(0, .qint32, input.shape).mutableBuffer(as: Int32.self)
      for index in output.indices {
        let lane = scale.lane(index)
        output[index] = min(max(source[index], least[lane]), most[lane])
      }
    }
  }

  private static let requantize = OpDefinition(
    "UniformRequantize", "The elements in another scale and with another zero point, rounded.",
    types: ["Tin": [.qint8, .qint32], "Tout": [.qint8]], shape: ShapeRules.sameAsInput
  ) { node in
    let bounds = try Bounds(node, "output_quantization")
    let axes = (try node.int("input_quantization_axis"), try node.int("output_quantization_axis"))
    guard axes.0 == -1 || axes.1 == -1 || axes.0 == axes.1 else {
      throw node.invalid("The input is quantized along dimension \(axes.0), and the output along \(axes.1).")
    }
    return { context in
      let input = try context.input(0)
      let from = try UniformScale(context, scales: 1, zeroPoints: 2, axis: axes.0, shape: input.shape)
      let to = try UniformScale(context, scales: 3, zeroPoints: 4, axis: axes.1, shape: input.shape)
      let lanes = max(from.scales.count, to.scales.count)
      let factors = (0..<lanes).map { lane in
        QuantizedFactor(
          Double(from.scales[from.scales.count == 1 ? 0 : lane] / to.scales[to.scales.count == 1 ? 0 : lane]))
      }
      let output = try context.allocate(0, .qint8, input.shape).mutableBuffer(as: Int8.self)
      func convert<T: BinaryInteger>(_ type: T.Type) {
        let source = input.buffer(as: type)
        for index in output.indices {
          let (first, second) = (from.lane(index), to.lane(index))
          let value =
            factors[max(first, second)](Int(source[index]) - Int(from.zeroPoints[first]))
            + Int(to.zeroPoints[second])
          output[index] = Int8(clamping: bounds.bounded(value))
        }
      }
      if input.dtype == .qint8 { convert(Int8.self) } else { convert(Int32.self) }
    }
  }

  /// The least and the largest value that the attributes allow.
  struct Bounds: Sendable {
    private let low: Int
    private let high: Int

    init(_ node: NodeSetup, _ prefix: String) throws {
      (low, high) = (try node.int(prefix + "_min_val"), try node.int(prefix + "_max_val"))
      guard low <= high else {
        throw node.invalid("'\(prefix)_min_val' is \(low), and the maximum is \(high).")
      }
    }

    func bounded(_ value: Int) -> Int { min(max(value, low), high) }
  }
}

extension Int32 {
  /// The value as the processor converts it: the smallest integer for one that has no place.
  fileprivate init(indefinite value: Double) {
    self = value.magnitude < 2_147_483_648 ? Int32(value) : .min
  }
}
