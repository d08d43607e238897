import CGraftVector
import GraftTensor

/// Vectors in space, lengths, and looks at what a tensor holds.
extension MathOps {
  static let vectors: [OpDefinition] = [
    OpDefinition(
      "Cross", "The cross product of vectors in the last dimension, which has three elements.",
      types: ["T": .reals], shape: { [$0.input(0).merged(with: $0.input(1)) ?? .unknown] },
      prepare: { _ in
        { context in
          let (a, b) = (try context.input(0), try context.input(1))
          guard a.shape == b.shape, a.shape.dimensions.last == 3 else {
            throw ArrayArguments.invalid(
              "The vectors have shapes \(a.shape) and \(b.shape).",
              remedy: "Both need the same shape, and three elements in the last dimension.")
          }
          let y = try context.allocate(0, a.dtype, a.shape)
          try a.dtype.withArithmeticElement(CrossTask(a: a, b: b, y: y))
        }
      }),
    OpDefinition(
      "L2Loss", "Half the sum of the squares of all elements.", types: ["T": .floats],
      shape: ShapeRules.scalar,
      prepare: { setup in
        let dtype = try setup.inputType(0)
        return { context in
          let x = try context.input(0)
          let y = try context.allocate(0, dtype, .scalar)
          if dtype == .float64 {
            y.mutableBuffer(as: Double.self)[0] = x.buffer(as: Double.self).reduce(0) { $0 + $1 * $1 } / 2
            return
          }
          let wide = dtype == .float32 ? x : try context.scratch(.float32, x.shape)
          let narrow = SixteenBits(dtype)
          narrow?.widen(x.base, wide.base.assumingMemoryBound(to: Float.self), x.elementCount)
          var sum: Float = 0
          graft_f32_sum_squares_rows(
            UnsafePointer(wide.base.assumingMemoryBound(to: Float.self)), &sum, 1, x.elementCount)
          sum /= 2
          if let narrow { narrow.narrow(&sum, y.base, 1) } else { y.mutableBuffer(as: Float.self)[0] = sum }
        }
      }),
    OpDefinition(
      "ToBool",
      "Whether a scalar is not zero or empty; of other tensors whether they have elements.",
      shape: ShapeRules.scalar
    ) { _ in
      { context in
        let x = try context.input(0)
        guard x.rank > 0 || truths.contains(x.dtype) else {
          throw GraftError(
            .invalidArgument, "A scalar of \(x.dtype) cannot be made a truth.", at: .init(input: 0))
        }
        let y = try context.allocate(0, .bool, .scalar).mutableBuffer(as: Bool.self)
        y[0] = try x.rank == 0 ? isTrue(x) : x.elementCount > 0
      }
    },
    numericsCheck("CheckNumerics", tellsSigns: false),
    numericsCheck("CheckNumericsV2", tellsSigns: true),
  ]

  /// The dtypes whose scalars TensorFlow takes for true or false.
  private static let truths: [DataType] = [
    .bool, .string, .uint8, .int8, .int16, .int32, .int64, .float32, .float64,
  ]

  private static func isTrue(_ scalar: Tensor) throws -> Bool {
    switch scalar.dtype.layout {
    case .string: return scalar.buffer(as: Bytes.self)[0].count > 0
    case .handle:
      throw GraftError(.unimplemented, "A tensor of \(scalar.dtype) is neither true nor false.")
    case .plain:
      if scalar.dtype == .bool { return scalar.buffer(as: Bool.self)[0] }
      guard let conversion = CastRows.conversion(from: scalar.dtype, to: .bool, truncates: false) else {
        throw GraftError(.unimplemented, "A tensor of \(scalar.dtype) is neither true nor false.")
      }
      var result = false
      withUnsafeMutableBytes(of: &result) { bytes in
        if let base = bytes.baseAddress { conversion.rest.body(scalar.base, base, 1) }
      }
      return result
    }
  }

  private static func numericsCheck(_ name: String, tellsSigns: Bool) -> OpDefinition {
    OpDefinition(
      name, "The input, which may hold neither infinities nor NaN: else the run ends with `message`.",
      types: ["T": .floats], traits: [.stateful], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      let message = try setup.string("message")
      guard let isFinite = UnaryRows.predicate(IsFinite.self, dtype),
        let isNaN = UnaryRows.predicate(IsNaN.self, dtype)
      else { throw setup.unimplemented("\(name) has no kernel for \(dtype).") }
      return { context in
        let x = try context.input(0)
        let flags = try context.scratch(.bool, x.shape)
        ElementwiseKernels.run(isFinite, x.base, flags.base, x.elementCount, context.workers)
        guard let first = flags.buffer(as: Bool.self).firstIndex(of: false) else {
          return try context.setOutput(0, x)
        }
        let places = flags.buffer(as: Bool.self).indices.filter { !flags.buffer(as: Bool.self)[$0] }
        ElementwiseKernels.run(isNaN, x.base, flags.base, x.elementCount, context.workers)
        let hasNaN = places.contains { flags.buffer(as: Bool.self)[$0] }
        let infinities = places.filter { !flags.buffer(as: Bool.self)[$0] }
        var found: [String] = []
        if tellsSigns {
          // The sign bit of the last byte.
          let isNegative = { (place: Int) in
            x.base.load(fromByteOffset: (place + 1) * dtype.size - 1, as: UInt8.self) & 0x80 != 0
          }
          if infinities.contains(where: isNegative) { found.append("-Inf") }
          if infinities.contains(where: { !isNegative($0) }) { found.append("+Inf") }
        } else if !infinities.isEmpty {
          found.append("Inf")
        }
        if hasNaN { found.append("NaN") }
        throw GraftError(
          .invalidArgument,
          "\(message) : Tensor had \(found.joined(separator: " and ")) values, the first at place \(first).",
          at: .init(input: 0))
      }
    }
  }
}

private struct CrossTask: ArithmeticElementTask {
  let a: Tensor
  let b: Tensor
  let y: Tensor

  func run<E: ArithmeticElement>(_ type: E.Type) throws {
    let (a, b, y) = (a.buffer(as: E.self), b.buffer(as: E.self), y.mutableBuffer(as: E.self))
    for i in stride(from: 0, to: a.count, by: 3) {
      for (place, (first, second)) in [(1, 2), (2, 0), (0, 1)].enumerated() {
        y[i + place] = E.subtract(
          E.multiply(a[i + first], b[i + second]), E.multiply(a[i + second], b[i + first]))
      }
    }
  }
}
