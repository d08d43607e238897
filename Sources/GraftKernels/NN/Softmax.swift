import CGraftVector
import Glibc
import GraftGraph
import GraftTensor

/// Normalised exponentials over the last dimension.
enum SoftmaxOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Softmax", "Exponentials over the last dimension, divided by their sum.", types: ["T": .floats],
      traits: .inPlace, shape: ShapeRules.sameAsInput
    ) { node in
      try kernel(node, logarithm: false)
    },
    OpDefinition(
      "LogSoftmax", "The logarithms of `Softmax`, without its loss of precision.", types: ["T": .floats],
      traits: .inPlace, shape: ShapeRules.sameAsInput
    ) { node in
      try kernel(node, logarithm: true)
    },
  ]

  private static func kernel(_ node: NodeSetup, logarithm: Bool) throws -> Kernel {
    let dtype = try node.type("T")
    return { context in
      let logits = try context.input(0)
      guard let width = logits.shape.dimensions.last else {
        throw GraftError(.invalidArgument, "At least one dimension is expected, and a scalar was found.")
      }
      let output = try context.allocate(0, dtype, logits.shape)
      guard output.elementCount > 0 else { return }
      let rows = logits.elementCount / width
      switch dtype {
      case .float32:
        let workers = context.workers
        context.perform { Softmax.run(logits, output, rows, width, logarithm, workers) }
      case .float64: doubles(logits, output, rows, width, logarithm, context.workers)
      case .float16: halves(Float16.self, logits, output, rows, width, logarithm, context.workers)
      default:
        if logarithm {
          return halves(BFloat16.self, logits, output, rows, width, logarithm, context.workers)
        }
        // The library behind it computes in float32 and rounds once.
        let wide = try FloatConversion.widen(logits, context)
        Softmax.run(wide, wide, rows, width, logarithm, context.workers)
        FloatConversion.narrow(wide, into: output, context.workers)
      }
    }
  }

  private static func doubles(
    _ logits: Tensor, _ output: Tensor, _ rows: Int, _ width: Int, _ logarithm: Bool, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = UnsafePointer(logits.base.assumingMemoryBound(to: Double.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Double.self)
    workers.forEach(rows, cost: width * 10) { range in
      for row in range {
        let (values, results) = (source + row * width, target + row * width)
        let largest = Softmax.largest(values, width)
        var sum = 0.0
        for index in 0..<width {
          let shifted = values[index] - largest
          let power = exp(shifted)
          sum += power
          results[index] = logarithm ? shifted : power
        }
        if logarithm {
          let shift = log(sum)
          for index in 0..<width { results[index] -= shift }
        } else {
          for index in 0..<width { results[index] /= sum }
        }
      }
    }
  }
}

extension SoftmaxOps {
  /// Half and bfloat16: every step is rounded, as in TensorFlow.
  private static func halves<T: HalfElement>(
    _ type: T.Type, _ logits: Tensor, _ output: Tensor, _ rows: Int, _ width: Int, _ logarithm: Bool,
    _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = UnsafePointer(logits.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    workers.forEach(rows, cost: width * 4 + 50) { range in
      SteppedExponentials<T>.withRow(of: width) { row in
        for index in range {
          let (values, results) = (source + index * width, target + index * width)
          row.load(values, row: index)
          if logarithm {
            let shift = T(Float.logarithm(row.sum)).compute
            for place in 0..<width { row.shifted[place] -= shift }
            row.store(row.shifted, results)
          } else {
            let factor = T(1 / row.sum).compute
            for place in 0..<width { row.powers[place] *= factor }
            row.store(row.powers, results)
          }
        }
      }
    }
  }
}

/// Softmax of float32 rows.
enum Softmax {
  /// The largest of some numbers; NaN where one is NaN.
  static func largest<T: BinaryFloatingPoint>(_ values: UnsafePointer<T>, _ count: Int) -> T {
    var best = -T.infinity
    for index in 0..<count where !(values[index] <= best) {
      best = values[index]
      if best.isNaN { break }
    }
    return best
  }

  /// Rows up to this length are taken many at a time.
  private static let shortRow = 24

  /// Writes the softmax of each row, or its logarithm. Both tensors may be the same.
  static func run(
    _ logits: Tensor, _ output: Tensor, _ rows: Int, _ width: Int, _ logarithm: Bool, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = logits.floats
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    if width <= shortRow || !logarithm {
      let shortRows = logarithm ? graft_f32_log_softmax_short_rows : graft_f32_softmax_short_rows
      let normalize = width <= shortRow ? shortRows : graft_f32_softmax_rows
      return workers.forEach(rows, cost: width * 2) { range in
        let first = range.lowerBound * width
        normalize(source + first, target + first, range.count, width)
      }
    }
    workers.forEach(rows, cost: width * 2) { range in
      // The powers have no place in the result.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { powers in
        guard let powers = powers.baseAddress else { return }
        for row in range {
          let (values, results) = (source + row * width, target + row * width)
          var largest: Float = 0
          graft_f32_max_rows(values, &largest, 1, width)
          for index in 0..<width { results[index] = values[index] - largest }
          var sum: Float = 0
          graft_f32_exp(results, powers, width)
          graft_f32_sum_rows(powers, &sum, 1, width)
          let shift = log(sum)
          for index in 0..<width { results[index] -= shift }
        }
      }
    }
  }
}

/// Floating-point numbers with the functions that losses are made of.
protocol Exponential: BinaryFloatingPoint {
  static func exponential(_ x: Self) -> Self
  static func logarithm(_ x: Self) -> Self
  static func power(_ x: Self, _ y: Self) -> Self
}

extension Float: Exponential {
  static func exponential(_ x: Float) -> Float { expf(x) }
  static func logarithm(_ x: Float) -> Float { logf(x) }
  static func power(_ x: Float, _ y: Float) -> Float { powf(x, y) }
}

extension Double: Exponential {
  static func exponential(_ x: Double) -> Double { exp(x) }
  static func logarithm(_ x: Double) -> Double { log(x) }
  static func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
}
