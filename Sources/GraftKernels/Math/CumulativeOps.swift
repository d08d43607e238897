import Glibc
import GraftTensor

/// Sums and products of all elements up to each.
extension MathOps {
  static let cumulative: [OpDefinition] = [
    scan("Cumsum", "The sum of the elements along `axis` up to each one.", .numbers) { task, dtype in
      switch dtype {
      case .float32: task.run(SumScan<Float>.self)
      case .float64: task.run(SumScan<Double>.self)
      case .float16: task.run(SumScan<Float16>.self)
      case .bfloat16: task.run(SumScan<BFloat16>.self)
      case .int8, .uint8: task.run(SumScan<Int8>.self)
      case .int16, .uint16: task.run(SumScan<Int16>.self)
      case .int32, .uint32: task.run(SumScan<Int32>.self)
      case .int64, .uint64: task.run(SumScan<Int64>.self)
      case .complex64: task.run(SumScan<Complex64>.self)
      case .complex128: task.run(SumScan<Complex128>.self)
      default: return false
      }
      return true
    },
    scan("Cumprod", "The product of the elements along `axis` up to each one.", .numbers) { task, dtype in
      switch dtype {
      case .float32: task.run(ProductScan<Float>.self)
      case .float64: task.run(ProductScan<Double>.self)
      case .float16: task.run(ProductScan<Float16>.self)
      case .bfloat16: task.run(ProductScan<BFloat16>.self)
      case .int8, .uint8: task.run(ProductScan<Int8>.self)
      case .int16, .uint16: task.run(ProductScan<Int16>.self)
      case .int32, .uint32: task.run(ProductScan<Int32>.self)
      case .int64, .uint64: task.run(ProductScan<Int64>.self)
      case .complex64: task.run(ProductScan<Complex64>.self)
      case .complex128: task.run(ProductScan<Complex128>.self)
      default: return false
      }
      return true
    },
    scan(
      "CumulativeLogsumexp", "The logarithm of the sum of exponentials along `axis` up to each element.",
      .floats
    ) { task, dtype in
      switch dtype {
      case .float32: task.run(LogSumExpScan<Float>.self)
      case .float64: task.run(LogSumExpScan<Double>.self)
      case .float16: task.run(LogSumExpScan<Float16>.self)
      case .bfloat16: task.run(LogSumExpScan<BFloat16>.self)
      default: return false
      }
      return true
    },
  ]

  private static func scan(
    _ name: String, _ summary: String, _ types: [DataType],
    run: @escaping @Sendable (ScanTask, DataType) -> Bool
  ) -> OpDefinition {
    OpDefinition(
      name, summary + " `exclusive` leaves out the element itself, `reverse` begins at the end.",
      types: ["T": types, "Tidx": .indices], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      let exclusive = try setup.bool("exclusive")
      let reverse = try setup.bool("reverse")
      return { context in
        let (x, axis) = (try context.input(0), try context.input(1))
        guard axis.rank == 0 else {
          throw GraftError(
            .invalidArgument, "The axis must be a scalar, and has shape \(axis.shape).", at: .init(input: 1))
        }
        let view = AxisView(x.shape, axis: try AxisView.axis(try axis.integer(), rank: x.rank, input: 1))
        let y = try context.allocate(0, dtype, x.shape)
        let task = ScanTask(
          view: view, x: x, y: y, exclusive: exclusive, reverse: reverse, workers: context.workers)
        guard run(task, dtype) else { throw setup.unimplemented("\(name) has no kernel for \(dtype).") }
      }
    }
  }

  private enum SumScan<T: ArithmeticElement>: Scan {
    static var identity: T { .zero }
    static func combine(_ total: T, _ x: T) -> T { .add(total, x) }
  }

  private enum ProductScan<T: ArithmeticElement>: Scan {
    static var identity: T { .one }
    static func combine(_ total: T, _ x: T) -> T { .multiply(total, x) }
  }

  private enum LogSumExpScan<T: FloatElement>: Scan {
    static var identity: T { .lowest }
    static func combine(_ total: T, _ x: T) -> T {
      // What is not a number counts as the total again.
      let (a, b) = (total.double, x.double)
      let (high, low) = (a < b ? b : a, b < a ? b : a)
      // Both infinite: their difference says nothing.
      if high.isInfinite { return T(T.Compute(high)) }
      return T(T.Compute(high + log1p(exp(low - high))))
    }
  }
}

/// How the elements before one become one.
private protocol Scan<Element>: Sendable {
  associatedtype Element: Sendable
  static var identity: Element { get }
  static func combine(_ total: Element, _ x: Element) -> Element
}

/// Scans a tensor along an axis, element after element, so that each rounds as TensorFlow's does.
private struct ScanTask {
  let view: AxisView
  let x: Tensor
  let y: Tensor
  let exclusive: Bool
  let reverse: Bool
  let workers: WorkerPool

  /// Columns that are scanned side by side.
  private static var columns: Int { 512 }

  func run<S: Scan>(_ scan: S.Type) {
    nonisolated(unsafe) let x = UnsafePointer(x.base.assumingMemoryBound(to: S.Element.self))
    nonisolated(unsafe) let y = y.base.assumingMemoryBound(to: S.Element.self)
    let (length, inner) = (view.length, view.inner)
    if inner == 1 {
      workers.forEach(view.outer, cost: 2 * length + 10) { rows in
        for row in rows {
          var total = S.identity
          for step in 0..<length {
            let place = row * length + (reverse ? length - 1 - step : step)
            let next = S.combine(total, x[place])
            y[place] = exclusive ? total : next
            total = next
          }
        }
      }
      return
    }
    let blocks = (inner + Self.columns - 1) / Self.columns
    workers.forEach(view.outer * blocks, cost: min(inner, Self.columns) * length + 10) { tasks in
      withUnsafeTemporaryAllocation(of: S.Element.self, capacity: Self.columns) { totals in
        guard let totals = totals.baseAddress else { return }
        for task in tasks {
          let first = task % blocks * Self.columns
          let count = min(Self.columns, inner - first)
          totals.initialize(repeating: S.identity, count: count)
          for step in 0..<length {
            let place = reverse ? length - 1 - step : step
            let start = (task / blocks * length + place) * inner + first
            for i in 0..<count {
              let next = S.combine(totals[i], x[start + i])
              y[start + i] = exclusive ? totals[i] : next
              totals[i] = next
            }
          }
        }
      }
    }
  }
}
