import CGraftVector
import GraftTensor

/// Where the largest and the smallest elements are.
extension MathOps {
  static let argExtremes: [OpDefinition] = [
    argExtreme(
      "ArgMax", "The index of the largest element along `dimension`, of equal ones the first.",
      outputs: [.int16, .uint16, .int32, .int64], Largest.self),
    argExtreme(
      "ArgMin", "The index of the smallest element along `dimension`, of equal ones the first.",
      outputs: [.int32, .int64], Smallest.self),
  ]

  private enum Largest: Extreme {
    static var rows: RowPlaces { graft_f32_largest_place_rows }
    static var columns: ColumnPlaces { graft_f32_largest_place_columns }
    static func isBetter<T: OrderedElement>(_ a: T, than b: T) -> Bool { T.less(b, a) }
    static func worst<T: OrderedElement>(_ type: T.Type) -> T { .lowest }
  }

  private enum Smallest: Extreme {
    static var rows: RowPlaces { graft_f32_smallest_place_rows }
    static var columns: ColumnPlaces { graft_f32_smallest_place_columns }
    static func isBetter<T: OrderedElement>(_ a: T, than b: T) -> Bool { T.less(a, b) }
    static func worst<T: OrderedElement>(_ type: T.Type) -> T { .highest }
  }

  private static func argExtreme<E: Extreme>(
    _ name: String, _ summary: String, outputs: [DataType], _ extreme: E.Type
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      types: ["T": .reals + [.bool], "output_type": outputs, "Tidx": [.int16, .int32, .int64]],
      shape: { [inferArgExtreme($0)] },
      prepare: { setup in
        let dtype = try setup.inputType(0)
        let output = try setup.outputType(0)
        return { try argExtreme($0, dtype, output, extreme) }
      })
  }

  private static func inferArgExtreme(_ context: ShapeContext) -> PartialShape {
    guard var dimensions = context.input(0).dimensions else { return .unknown }
    guard !dimensions.isEmpty else { return .unknown }
    guard let axis = context.value(1).flatMap({ try? $0.integer() }) else {
      return .ofRank(dimensions.count - 1)
    }
    let place = axis < 0 ? axis + dimensions.count : axis
    guard dimensions.indices.contains(place) else { return .unknown }
    dimensions.remove(at: place)
    return PartialShape(dimensions)
  }

  private static func argExtreme<E: Extreme>(
    _ context: KernelContext, _ dtype: DataType, _ output: DataType, _ extreme: E.Type
  ) throws {
    let (x, dimension) = (try context.input(0), try context.input(1))
    guard dimension.rank == 0 else {
      throw GraftError(
        .invalidArgument, "The dimension must be a scalar, and has shape \(dimension.shape).",
        at: .init(input: 1))
    }
    let axis = try AxisView.axis(try dimension.integer(), rank: x.rank, input: 1)
    let view = AxisView(x.shape, axis: axis)
    guard view.length > 0 else {
      throw GraftError(
        .invalidArgument, "Reduction axis \(axis) is empty in shape \(x.shape).", at: .init(input: 0),
        remedy: "Where there is nothing, nothing is the largest.")
    }
    var dimensions = x.shape.dimensions
    dimensions.remove(at: axis)
    let y = try context.allocate(0, output, Shape(dimensions))
    let values = SixteenBits(dtype) == nil ? x : try FloatConversion.widen(x, context)
    let search = ExtremeSearch<E>(view: view, x: values, y: y, workers: context.workers)
    switch values.dtype {
    case .float32 where view.length <= Int32.max: search.runFloats()
    case .float32: search.run(Float.self)
    case .float64: search.run(Double.self)
    case .int8: search.run(Int8.self)
    case .int16: search.run(Int16.self)
    case .int32: search.run(Int32.self)
    case .int64: search.run(Int64.self)
    case .uint8, .bool: search.run(UInt8.self)
    case .uint16: search.run(UInt16.self)
    case .uint32: search.run(UInt32.self)
    case .uint64: search.run(UInt64.self)
    default: throw GraftError(.unimplemented, "Elements of \(dtype) have no order here.")
    }
  }
}

/// What is looked for.
private protocol Extreme: Sendable {
  static func isBetter<T: OrderedElement>(_ a: T, than b: T) -> Bool
  static func worst<T: OrderedElement>(_ type: T.Type) -> T

  typealias RowPlaces = @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Int32>, Int, Int) -> Void
  typealias ColumnPlaces =
    @Sendable (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>, UnsafePointer<Float>, Int, Int, Int)
    -> Void
  /// The search over rows of float32, and down their columns, on the processor's vectors.
  static var rows: RowPlaces { get }
  static var columns: ColumnPlaces { get }
}

/// Looks for extremes along an axis. NaN is never better than anything, as in TensorFlow.
private struct ExtremeSearch<E: Extreme> {
  let view: AxisView
  let x: Tensor
  let y: Tensor
  let workers: WorkerPool

  /// Results that are found before they are written.
  private static var block: Int { 256 }

  func run<T: OrderedElement>(_ type: T.Type) {
    search(
      type,
      rows: { x, found, rows in
        for row in 0..<rows { found[row] = Self.search(x + row * view.length, view.length) }
      },
      columns: { best, found, x, columns in
        for step in 0..<view.length {
          let row = x + step * view.inner
          for i in 0..<columns where E.isBetter(row[i], than: best[i]) {
            best[i] = row[i]
            found[i] = step
          }
        }
      })
  }

  /// - Precondition: places are numbers of 32 bits.
  func runFloats() {
    let (rows, columns) = (E.rows, E.columns)
    search(
      Float.self,
      rows: { x, found, count in rows(x, found, count, view.length) },
      columns: { best, found, x, count in columns(best, found, x, view.inner, view.length, count) })
  }

  /// Searches rows, or down columns where places are no neighbours, some at a time.
  private func search<T: OrderedElement, Place: FixedWidthInteger & Sendable>(
    _ type: T.Type,
    rows: @Sendable (UnsafePointer<T>, UnsafeMutablePointer<Place>, Int) -> Void,
    columns:
      @Sendable (
        _ best: UnsafeMutablePointer<T>, UnsafeMutablePointer<Place>, UnsafePointer<T>, _ count: Int
      ) -> Void
  ) {
    nonisolated(unsafe) let x = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    let (length, inner) = (view.length, view.inner)
    let blocks = ((inner == 1 ? view.outer : inner) + Self.block - 1) / Self.block
    let cost = min(inner == 1 ? view.outer : inner, Self.block) * (length + 10) / Self.lanes(type)
    workers.forEach(inner == 1 ? blocks : view.outer * blocks, cost: max(cost, 1)) { tasks in
      withUnsafeTemporaryAllocation(of: Place.self, capacity: Self.block) { found in
        withUnsafeTemporaryAllocation(of: T.self, capacity: Self.block) { best in
          guard let found = found.baseAddress, let best = best.baseAddress else { return }
          for task in tasks {
            if inner == 1 {
              let first = task * Self.block
              let count = min(Self.block, view.outer - first)
              rows(x + first * length, found, count)
              write(found, first, count)
            } else {
              let first = task % blocks * Self.block
              let count = min(Self.block, inner - first)
              found.initialize(repeating: 0, count: count)
              best.initialize(repeating: E.worst(T.self), count: count)
              columns(best, found, x + task / blocks * length * inner + first, count)
              write(found, task / blocks * inner + first, count)
            }
          }
        }
      }
    }
  }

  /// How many elements are looked at at once, about.
  private static func lanes<T>(_ type: T.Type) -> Int { T.self == Float.self ? 8 : 1 }

  private static func search<T: OrderedElement>(_ x: UnsafePointer<T>, _ count: Int) -> Int {
    var (found, best) = (0, E.worst(T.self))
    for i in 0..<count where E.isBetter(x[i], than: best) {
      best = x[i]
      found = i
    }
    return found
  }

  /// Writes results as the output's integers.
  private func write<Place: FixedWidthInteger>(_ found: UnsafePointer<Place>, _ first: Int, _ count: Int) {
    func store<I: FixedWidthInteger>(_ type: I.Type) {
      let target = y.base.assumingMemoryBound(to: I.self) + first
      for i in 0..<count { target[i] = I(truncatingIfNeeded: found[i]) }
    }
    switch y.dtype.size {
    case 2: store(Int16.self)
    case 4: store(Int32.self)
    default: store(Int64.self)
    }
  }
}
