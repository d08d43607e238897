import GraftTensor

/// Sums, products, means and extremes over dimensions.
extension MathOps {
  static let reductions: [OpDefinition] = [
    reduction(
      "Sum", "The sum over the given dimensions; integers wrap around.", .numbers,
      step: { $0 == .float16 ? .sum : nil }
    ) { sum($0) },
    reduction(
      "Prod", "The product over the given dimensions; integers wrap around.", .numbers,
      step: { _ in .product }
    ) { product($0) },
    reduction(
      "Mean", "The mean over the given dimensions; that of integers is cut towards zero.", .numbers,
      step: { $0 == .float16 ? .mean : nil }
    ) { mean($0) },
    reduction("Max", "The largest element over the given dimensions, NaN where there is one.", .reals) {
      maximum($0)
    },
    reduction("Min", "The smallest element over the given dimensions, NaN where there is one.", .reals) {
      minimum($0)
    },
    reduction(
      "EuclideanNorm", "The root of the sum of squared magnitudes over the given dimensions.", .numbers,
      passesSingles: false
    ) { norm($0) },
    reduction("All", "Whether every element over the given dimensions is true.", nil) { _ in
      run(Reducers.AllTrue.self)
    },
    reduction("Any", "Whether any element over the given dimensions is true.", nil) { _ in
      run(Reducers.AnyTrue.self)
    },
  ]

  /// How elements of one type are reduced.
  private struct Body: Sendable {
    /// Reduces one tensor's memory into another's.
    let run: @Sendable (ReductionGeometry, UnsafeRawPointer, UnsafeMutableRawPointer, WorkerPool) -> Void
    let rows: RowReduction
  }

  private static func run<R: Reducer>(_ reducer: R.Type) -> Body {
    Body(run: { ReductionKernel<R>($0).run($1, $2, $3) }, rows: RowReduction(reducer))
  }

  /// - Parameter passesSingles: Whether one element by itself is its own result.
  private static func reduction(
    _ name: String, _ summary: String, _ types: [DataType]?, passesSingles: Bool = true,
    step: @escaping @Sendable (DataType) -> SteppedReduction? = { _ in nil },
    body: @escaping @Sendable (DataType) -> Body?
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: types.map { ["T": $0, "Tidx": .indices] } ?? ["Tidx": .indices],
      shape: { context in
        let keeps = try context.node.bool("keep_dims")
        let axes = context.input(1).fullyDefined?.elementCount == 0 ? [] : context.ints(1)
        return [try ReductionGeometry.inferred(context.input(0), axes: axes, keepsDimensions: keeps)]
      },
      prepare: { setup in
        let dtype = try setup.inputType(0)
        let keeps = try setup.bool("keep_dims")
        let narrow = SixteenBits(dtype)
        guard let body = body(narrow == nil ? dtype : .float32) else {
          throw setup.unimplemented("\(name) has no kernel for \(dtype).")
        }
        return { context in
          let x = try context.input(0)
          let geometry = try ReductionGeometry(
            x.shape, axes: try context.input(1).integers(), keepsDimensions: keeps)
          if passesSingles, geometry.reducedCount == 1 {
            return try context.setOutput(0, x.reshaped(unchecked: geometry.shape))
          }
          let y = try context.allocate(0, dtype, geometry.shape)
          guard let narrow else {
            let (source, target, workers) = (x.base, y.base, context.workers)
            return context.perform { body.run(geometry, source, target, workers) }
          }
          // float16 and bfloat16 are widened, reduced and rounded once, some of them at every step.
          let wide = try context.scratch(.float32, x.shape)
          let result = try context.scratch(.float32, geometry.shape)
          narrow.widen(x.base, wide.base.assumingMemoryBound(to: Float.self), x.elementCount)
          if let step = step(dtype), step.suits(geometry) {
            step.run(geometry, wide, result, narrow, context.workers)
          } else {
            body.run(geometry, wide.base, result.base, context.workers)
          }
          narrow.narrow(result.base.assumingMemoryBound(to: Float.self), y.base, y.elementCount)
        }
      }
    ).reducing { body($0)?.rows }
  }

  private static func sum(_ dtype: DataType) -> Body? {
    switch dtype {
    case .float32: run(Reducers.FloatSum.self)
    case .float64: run(Reducers.Sum<Double>.self)
    case .int8, .uint8: run(Reducers.Sum<Int8>.self)
    case .int16, .uint16: run(Reducers.Sum<Int16>.self)
    case .int32, .uint32: run(Reducers.Sum<Int32>.self)
    case .int64, .uint64: run(Reducers.Sum<Int64>.self)
    case .complex64: run(Reducers.Sum<Complex64>.self)
    case .complex128: run(Reducers.Sum<Complex128>.self)
    default: nil
    }
  }

  private static func product(_ dtype: DataType) -> Body? {
    switch dtype {
    case .float32: run(Reducers.Product<Float>.self)
    case .float64: run(Reducers.Product<Double>.self)
    case .int8, .uint8: run(Reducers.Product<Int8>.self)
    case .int16, .uint16: run(Reducers.Product<Int16>.self)
    case .int32, .uint32: run(Reducers.Product<Int32>.self)
    case .int64, .uint64: run(Reducers.Product<Int64>.self)
    case .complex64: run(Reducers.Product<Complex64>.self)
    case .complex128: run(Reducers.Product<Complex128>.self)
    default: nil
    }
  }

  private static func mean(_ dtype: DataType) -> Body? {
    switch dtype {
    case .float32: run(Reducers.FloatMean.self)
    case .float64: run(Reducers.DoubleMean.self)
    case .int8: run(Reducers.IntegerMean<Int8, Int64>.self)
    case .int16: run(Reducers.IntegerMean<Int16, Int64>.self)
    case .int32: run(Reducers.IntegerMean<Int32, Int64>.self)
    case .int64: run(Reducers.IntegerMean<Int64, Int64>.self)
    case .uint8: run(Reducers.IntegerMean<UInt8, UInt64>.self)
    case .uint16: run(Reducers.IntegerMean<UInt16, UInt64>.self)
    case .uint32: run(Reducers.IntegerMean<UInt32, UInt64>.self)
    case .uint64: run(Reducers.IntegerMean<UInt64, UInt64>.self)
    case .complex64: run(Reducers.ComplexMean<Float>.self)
    case .complex128: run(Reducers.ComplexMean<Double>.self)
    default: nil
    }
  }

  private static func maximum(_ dtype: DataType) -> Body? {
    switch dtype {
    case .float32: run(Reducers.FloatMaximum.self)
    case .float64: run(Reducers.Maximum<Double>.self)
    case .int8: run(Reducers.Maximum<Int8>.self)
    case .int16: run(Reducers.Maximum<Int16>.self)
    case .int32: run(Reducers.Maximum<Int32>.self)
    case .int64: run(Reducers.Maximum<Int64>.self)
    case .uint8: run(Reducers.Maximum<UInt8>.self)
    case .uint16: run(Reducers.Maximum<UInt16>.self)
    case .uint32: run(Reducers.Maximum<UInt32>.self)
    case .uint64: run(Reducers.Maximum<UInt64>.self)
    default: nil
    }
  }

  private static func minimum(_ dtype: DataType) -> Body? {
    switch dtype {
    case .float32: run(Reducers.FloatMinimum.self)
    case .float64: run(Reducers.Minimum<Double>.self)
    case .int8: run(Reducers.Minimum<Int8>.self)
    case .int16: run(Reducers.Minimum<Int16>.self)
    case .int32: run(Reducers.Minimum<Int32>.self)
    case .int64: run(Reducers.Minimum<Int64>.self)
    case .uint8: run(Reducers.Minimum<UInt8>.self)
    case .uint16: run(Reducers.Minimum<UInt16>.self)
    case .uint32: run(Reducers.Minimum<UInt32>.self)
    case .uint64: run(Reducers.Minimum<UInt64>.self)
    default: nil
    }
  }

  private static func norm(_ dtype: DataType) -> Body? {
    switch dtype {
    case .float32: run(Reducers.FloatNorm.self)
    case .float64: run(Reducers.DoubleNorm.self)
    case .int8: run(Reducers.IntegerNorm<Int8>.self)
    case .int16: run(Reducers.IntegerNorm<Int16>.self)
    case .int32: run(Reducers.IntegerNorm<Int32>.self)
    case .int64: run(Reducers.IntegerNorm<Int64>.self)
    case .uint8: run(Reducers.IntegerNorm<UInt8>.self)
    case .uint16: run(Reducers.IntegerNorm<UInt16>.self)
    case .uint32: run(Reducers.IntegerNorm<UInt32>.self)
    case .uint64: run(Reducers.IntegerNorm<UInt64>.self)
    case .complex64: run(Reducers.ComplexNorm<Float>.self)
    case .complex128: run(Reducers.ComplexNorm<Double>.self)
    default: nil
    }
  }
}

/// Reductions of rows or columns of half or bfloat16 that TensorFlow rounds at every step; its sums of bfloat16 are of
/// float32.
private enum SteppedReduction {
  case sum
  case product
  case mean

  /// Whether there is one kind of dimensions to reduce.
  func suits(_ geometry: ReductionGeometry) -> Bool {
    geometry.sizes.count <= (geometry.reducesInnermost ? 2 : 3)
  }

  /// Writes a number for each row or column.
  func run(
    _ geometry: ReductionGeometry, _ x: Tensor, _ y: Tensor, _ format: SixteenBits, _ workers: WorkerPool
  ) {
    let (length, total, multiplies) = (geometry.reducedCount, y.elementCount, self == .product)
    nonisolated(unsafe) let (source, target) = (x.floats, y.base.assumingMemoryBound(to: Float.self))
    // The number of elements is one of the dtype, too: halves end at 65504.
    let divisor = self == .mean ? Float(Float16(length)) : 1
    let columns = geometry.reducesInnermost ? 1 : geometry.sizes.last ?? 1
    workers.forEach(total / max(columns, 1), cost: length * columns) { parts in
      for part in parts {
        let (place, values) = (part * columns, source + part * columns * length)
        if geometry.reducesInnermost {
          target[part] = format.reduce(values, length, from: part * length, multiplies: multiplies)
        } else {
          format.reduceColumns(
            values, rows: length, columns: columns, from: place, of: total, multiplies: multiplies,
            into: target + place)
        }
        for index in place..<place + columns where self == .mean { target[index] = target[index] / divisor }
      }
    }
  }
}
