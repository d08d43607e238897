import GraftTensor

/// Into which interval each number falls; tensors of zeros and ones.
extension MathOps {
  static let buckets: [OpDefinition] = [
    OpDefinition(
      "Bucketize", "How many of the attribute `boundaries` are not above each element.",
      types: ["T": [.float32, .float64, .int32, .int64]], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      let boundaries = try setup.floats("boundaries")
      guard zip(boundaries, boundaries.dropFirst()).allSatisfy({ !($1 < $0) }) else {
        throw setup.invalid(
          "Expected sorted boundaries, and found \(boundaries).", remedy: "Sort them upwards.")
      }
      return { context in
        let x = try context.input(0)
        let y = try context.allocate(0, .int32, x.shape)
        func run<T>(_ type: T.Type, _ isBefore: @Sendable (T, Float) -> Bool) {
          nonisolated(unsafe) let (source, target) = (x.buffer(as: T.self), y.mutableBuffer(as: Int32.self))
          context.workers.forEach(source.count, cost: 10) { range in
            boundaries.withUnsafeBufferPointer { boundaries in
              for index in range {
                // The first boundary that the element is before; none for NaN.
                let place = boundaries.partitioningIndex { isBefore(source[index], $0) }
                target[index] = Int32(truncatingIfNeeded: place)
              }
            }
          }
        }
        switch dtype {
        case .float32: run(Float.self) { $0 < $1 }
        case .float64: run(Double.self) { $0 < Double($1) }
        case .int32: run(Int32.self) { Float($0) < $1 }
        default: run(Int64.self) { Float($0) < $1 }
        }
      }
    },
    OpDefinition(
      "BoostedTreesBucketize",
      "The first boundary of its feature that is not below each value; the last one for values above all. Of "
        + "TensorFlow up to 2.8; later releases have the op without a kernel.",
      shape: { context in
        (0..<context.node.outputTypes.count).map { context.input($0) }
      }
    ) { setup in
      let count = try setup.int("num_features")
      return { context in
        for feature in 0..<count {
          let (values, limits) = (try context.input(feature), try context.input(count + feature))
          guard limits.elementCount > 0 || values.elementCount == 0 else {
            throw GraftError(
              .invalidArgument, "There are values to be put into buckets, and no boundaries.",
              at: .init(input: count + feature))
          }
          let target = try context.allocate(feature, .int32, values.shape).mutableBuffer(as: Int32.self)
          let (source, boundaries) = (values.buffer(as: Float.self), limits.buffer(as: Float.self))
          for i in source.indices {
            let place = boundaries.partitioningIndex { !($0 < source[i]) }
            target[i] = Int32(truncatingIfNeeded: min(place, boundaries.count - 1))
          }
        }
      }
    },
    OpDefinition(
      "ZerosLike", "Zeros, or empty strings, in the shape of the input.",
      types: ["T": .numbers + [.bool, .string, .variant]], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      guard dtype != .variant else {
        return { try $0.setOutput(0, try $0.input(0).zerosLike(VariantWalk($0.checkpoint))) }
      }
      return { try $0.allocate(0, dtype, try $0.input(0).shape).clear() }
    },
    OpDefinition(
      "OnesLike", "Ones in the shape of the input.", types: ["T": .numbers + [.bool]],
      shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      return { context in
        let y = try context.allocate(0, dtype, try context.input(0).shape)
        if dtype == .bool {
          y.mutableBuffer(as: Bool.self).update(repeating: true)
        } else {
          try dtype.withArithmeticElement(OnesTask(y: y))
        }
      }
    },
  ]

  private struct OnesTask: ArithmeticElementTask {
    let y: Tensor

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      y.mutableBuffer(as: E.self).update(repeating: .one)
    }
  }
}
