import GraftTensor

/// The closest sequence that does not rise.
extension MathOps {
  static let isotonic: [OpDefinition] = [
    OpDefinition(
      "IsotonicRegression",
      "For each row the sequence that does not rise and is closest to it in squares, and the number of the "
        + "constant part that each element belongs to.",
      types: [
        "T": .floats + .signedIntegers, "output_dtype": .floats,
      ], shape: { [$0.input(0), $0.input(0)] },
      prepare: { setup in
        let (source, target) = (try setup.inputType(0), try setup.outputType(0))
        let expected: DataType =
          switch source {
          case .int8, .int16: .float32
          case .int32, .int64: .float64
          default: source
          }
        guard target == expected else {
          throw setup.unimplemented("IsotonicRegression of \(source) gives \(expected), not \(target).")
        }
        return { context in
          let x = try context.input(0)
          let y = try context.allocate(0, target, x.shape)
          let segments = try context.allocate(1, .int32, x.shape)
          let values = try x.reals()
          let length = x.shape.dimensions.last ?? 1
          let places = segments.mutableBuffer(as: Int32.self)
          var result = [Double](repeating: 0, count: values.count)
          for row in stride(from: 0, to: values.count, by: max(length, 1)) {
            fit(values[row..<row + length], &result, places)
          }
          try store(result, y)
        }
      })
  ]

  /// Pools adjacent elements that rise, and pools that rise, into their mean.
  private static func fit(
    _ row: ArraySlice<Double>, _ result: inout [Double], _ segments: UnsafeMutableBufferPointer<Int32>
  ) {
    var pools: [(sum: Double, count: Int)] = []
    for value in row {
      pools.append((value, 1))
      while pools.count > 1 {
        let (last, before) = (pools[pools.count - 1], pools[pools.count - 2])
        guard last.sum / Double(last.count) > before.sum / Double(before.count) else { break }
        pools.removeLast()
        pools[pools.count - 1] = (before.sum + last.sum, before.count + last.count)
      }
    }
    var place = row.startIndex
    for (number, pool) in pools.enumerated() {
      for _ in 0..<pool.count {
        result[place] = pool.sum / Double(pool.count)
        segments[place] = Int32(truncatingIfNeeded: number)
        place += 1
      }
    }
  }

  private static func store(_ values: [Double], _ tensor: Tensor) throws {
    func store<T: FloatElement>(_ type: T.Type) {
      let target = tensor.mutableBuffer(as: T.self)
      for i in target.indices { target[i] = T(nearest: values[i]) }
    }
    switch tensor.dtype {
    case .float64: store(Double.self)
    case .float32: store(Float.self)
    case .float16: store(Float16.self)
    default: store(BFloat16.self)
    }
  }
}
