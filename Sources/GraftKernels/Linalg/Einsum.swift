import GraftGraph
import GraftTensor

/// Einstein's sums.
enum EinsumOps {
  static let all: [OpDefinition] = [einsum]

  static let einsum = OpDefinition(
    "Einsum",
    """
    Sums of products of one tensor or two as an equation says, with repeated labels (diagonals), ellipses that \
    broadcast, and labels of one operand alone. Computed as a product of matrices.
    """,
    types: ["T": [.int32, .int64] + .floats + .complexes], shape: shape
  ) { node in
    let equation = try EinsumEquation(try node.string("equation"))
    let dtype = try node.type("T")
    return { context in
      let operands = try context.inputs()
      let labels = try equation.labels(ranks: operands.map(\.rank))
      let sizes = try equation.sizes(labels.operands, operands.map(\.shape))
      let shape = try Shape(validating: labels.result.map { sizes[$0] ?? 1 })
      let output = try context.allocate(0, dtype, shape)
      guard output.elementCount > 0 else { return }
      let views = operands.indices.map {
        LabelledView(operands[$0], labels.operands[$0], sizes, input: $0)
      }
      try EinsumTask(sizes: sizes, result: labels.result, context: context).run(views, into: output)
    }
  }

  private static func shape(_ context: ShapeContext) throws -> [PartialShape] {
    let equation = try EinsumEquation(try context.node.string("equation"))
    let ranks = context.inputs.compactMap(\.rank)
    guard ranks.count == equation.operandCount else { return [.unknown] }
    let labels = try equation.labels(ranks: ranks)
    var sizes: [Int: Int] = [:]
    for (names, shape) in zip(labels.operands, context.inputs) {
      for (axis, label) in names.enumerated() {
        // A 1 of an ellipsis may be broadcast to what is not known yet.
        guard let size = shape[axis], label >= 0 || size != 1 else { continue }
        sizes[label] = size
      }
    }
    return [PartialShape(labels.result.map { sizes[$0] })]
  }
}

/// A tensor's elements by labels: how far one step along each label goes.
struct LabelledView {
  typealias Label = EinsumEquation.Label

  var tensor: Tensor
  /// Each label once, outermost first.
  var labels: [Label]
  var steps: [Label: Int]
  /// The op's input that it is; nil for what was computed of one.
  var input: Int?

  /// The dimensions of an input by their labels. A label that is there twice goes along the diagonal; one of size 1
  /// that is broadcast is left out.
  init(_ tensor: Tensor, _ names: [Label], _ sizes: [Label: Int], input: Int) {
    self.tensor = tensor
    self.input = input
    labels = []
    steps = [:]
    let strides = tensor.shape.strides
    for (axis, name) in names.enumerated() {
      if tensor.shape[axis] == 1, sizes[name] != 1 { continue }
      if steps[name] == nil { labels.append(name) }
      steps[name, default: 0] += strides[axis]
    }
  }

  /// A new tensor's dimensions.
  init(_ tensor: Tensor, _ labels: [Label]) {
    self.tensor = tensor
    self.labels = labels
    steps = Dictionary(uniqueKeysWithValues: zip(labels, tensor.shape.strides))
  }

  /// How far one step along some labels goes that are counted as one, the last fastest; nil where that is no
  /// constant.
  func step(along group: [Label], _ sizes: [Label: Int]) -> Int? {
    let group = group.filter { sizes[$0] != 1 }
    guard let last = group.last else { return 1 }
    let first = steps[last] ?? 0
    var expected = first
    for label in group.reversed() {
      guard steps[label] == expected else { return nil }
      expected *= sizes[label] ?? 1
    }
    return first
  }
}

/// Computes an einsum.
struct EinsumTask {
  typealias Label = EinsumEquation.Label

  let sizes: [Label: Int]
  let result: [Label]
  let context: KernelContext

  /// Writes the result, whose memory holds as many elements as its labels say.
  func run(_ operands: [LabelledView], into output: Tensor) throws {
    // Where a label is there twice in the result, only the diagonal is not zero.
    let distinct = result.enumerated().filter { result.firstIndex(of: $0.element) == $0.offset }.map(
      \.element)
    var views = operands
    for index in views.indices {
      let others = Set(views.enumerated().filter { $0.offset != index }.flatMap(\.element.labels) + distinct)
      views[index] = try summed(views[index], keeping: views[index].labels.filter { others.contains($0) })
    }
    let compact: LabelledView
    if views.count == 2 {
      compact = try multiplied(views[0], views[1], into: distinct, output)
    } else {
      compact = views[0]
    }
    if compact.tensor.storage !== output.storage || compact.labels != result {
      try place(compact, distinct, output)
    }
  }

  private func count(_ labels: [Label]) -> Int { labels.reduce(1) { $0 * (sizes[$1] ?? 1) } }

  private func shape(_ labels: [Label]) throws -> Shape {
    try Shape(validating: labels.map { sizes[$0] ?? 1 })
  }

  // MARK: - Two operands

  /// The product of two operands, with the labels of the result in the order of the matrix product, or in the
  /// result's own where both are the same.
  private func multiplied(
    _ left: LabelledView, _ right: LabelledView, into distinct: [Label], _ output: Tensor
  ) throws -> LabelledView {
    let (inLeft, inRight) = (Set(left.labels), Set(right.labels))
    let batch = distinct.filter { inLeft.contains($0) && inRight.contains($0) }
    let rows = distinct.filter { inLeft.contains($0) && !inRight.contains($0) }
    let columns = distinct.filter { !inLeft.contains($0) && inRight.contains($0) }
    let depth = left.labels.filter { inRight.contains($0) && !distinct.contains($0) }
    let order = batch + rows + columns
    let isDirect = order == result
    if !isDirect, batch + columns + rows == result, !rows.isEmpty, !columns.isEmpty {
      return try multiplied(right, left, into: distinct, output)
    }
    if !isDirect, let product = try placed(left, right, into: output, batch, rows, columns, depth) {
      try multiply(product, into: output, isAll: true)
      return LabelledView(output, result)
    }
    let target = isDirect ? output : try context.scratch(output.dtype, try shape(order))
    try multiply(try product(left, right, batch, rows, columns, depth), into: target, isAll: isDirect)
    return LabelledView(target.reshaped(unchecked: try shape(order)), order)
  }

  /// The products of the operands as matrices, one after the other.
  private func product(
    _ left: LabelledView, _ right: LabelledView, _ batch: [Label], _ rows: [Label], _ columns: [Label],
    _ depth: [Label]
  ) throws -> MatrixProduct {
    MatrixProduct(
      rows: count(rows), columns: count(columns), depth: count(depth),
      left: try matrices(left, batch, rows, depth), right: try matrices(right, batch, depth, columns))
  }

  /// The product that writes rows where the result has them; nil where these do not lie one beside the other.
  private func placed(
    _ left: LabelledView, _ right: LabelledView, into output: Tensor, _ batch: [Label], _ rows: [Label],
    _ columns: [Label], _ depth: [Label]
  ) throws -> MatrixProduct? {
    guard output.dtype == .float32 || output.dtype == .float64, Set(result).count == result.count else {
      return nil
    }
    let view = LabelledView(output, result)
    if view.step(along: columns, sizes) != 1, view.step(along: rows, sizes) == 1, count(rows) > 1 {
      return try placed(right, left, into: output, batch, columns, rows, depth)
    }
    guard count(columns) > 1, view.step(along: columns, sizes) == 1, let row = view.step(along: rows, sizes)
    else { return nil }
    var product = try product(left, right, batch, rows, columns, depth)
    product.places = (row, offsets(view, batch))
    return product
  }

  /// Writes a product.
  ///
  /// - Parameter isAll: whether nothing is to be done with it afterwards.
  private func multiply(_ product: MatrixProduct, into target: Tensor, isAll: Bool) throws {
    if SteppedProduct.handles(target.dtype, depth: product.k) {
      return try SteppedProduct.run(product, into: target, context)
    }
    var product = product
    try product.prepareRight(context)
    if target.dtype == .float16 || target.dtype == .bfloat16 {
      return try product.widened(context, into: target, cuts: false)
    }
    let readsInputs = product.left.input != nil && product.right.input != nil
    try product.run(context, into: target, binds: isAll && readsInputs)
  }

  /// An operand as matrices: as it lies in memory where rows and columns have one step each, else copied.
  private func matrices(
    _ view: LabelledView, _ batch: [Label], _ rows: [Label], _ columns: [Label]
  ) throws -> MatrixOperand {
    if let row = view.step(along: rows, sizes), let column = view.step(along: columns, sizes) {
      return MatrixOperand(
        tensor: view.tensor, row: row, column: column, offsets: offsets(view, batch), input: view.input)
    }
    let order = batch + rows + columns
    let copy = try context.scratch(view.tensor.dtype, try shape(order))
    copyElements(view, order, into: copy, steps: copy.shape.strides)
    return MatrixOperand(
      tensor: copy, row: count(columns), column: 1,
      offsets: (0..<count(batch)).map { $0 * count(rows) * count(columns) })
  }

  private func offsets(_ view: LabelledView, _ batch: [Label]) -> [Int] {
    var offsets = [0]
    for label in batch {
      let step = view.steps[label] ?? 0
      offsets = offsets.flatMap { base in (0..<(sizes[label] ?? 1)).map { base + $0 * step } }
    }
    return offsets
  }

  // MARK: - One operand

  /// The sum over the labels that are not kept.
  private func summed(_ view: LabelledView, keeping kept: [Label]) throws -> LabelledView {
    let dropped = view.labels.filter { !kept.contains($0) }
    guard !dropped.isEmpty else { return view }
    let sums = try context.scratch(view.tensor.dtype, try shape(kept))
    switch sums.dtype {
    case .float16, .bfloat16:
      var wide = view
      wide.tensor = try FloatConversion.widen(view.tensor, context)
      let total = try context.scratch(.float32, sums.shape)
      sum(Float.self, wide, kept, dropped, total)
      FloatConversion.narrow(total, into: sums, context.workers)
    case .float32: sum(Float.self, view, kept, dropped, sums)
    case .float64: sum(Double.self, view, kept, dropped, sums)
    case .int32: sum(Int32.self, view, kept, dropped, sums)
    case .int64: sum(Int64.self, view, kept, dropped, sums)
    case .complex64: sum(Complex64.self, view, kept, dropped, sums)
    case .complex128: sum(Complex128.self, view, kept, dropped, sums)
    default: throw GraftError(.unimplemented, "There is no sum of \(sums.dtype).")
    }
    return LabelledView(sums, kept)
  }

  private func sum<T: MatrixElement>(
    _ type: T.Type, _ view: LabelledView, _ kept: [Label], _ dropped: [Label], _ sums: Tensor
  ) {
    nonisolated(unsafe) let source = UnsafePointer(view.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = sums.base.assumingMemoryBound(to: T.self)
    let outer = StridedWalk(kept, sizes, view.steps)
    let inner = StridedWalk(dropped, sizes, view.steps)
    context.workers.forEach(sums.elementCount, cost: inner.count) { range in
      for index in range {
        let base = outer.offset(of: index)
        var sum = T.zero
        inner.forEach { sum = T.add(sum, source[base + $0]) }
        target[index] = sum
      }
    }
  }

  // MARK: - The result

  /// Puts elements where the result has them.
  private func place(_ view: LabelledView, _ distinct: [Label], _ output: Tensor) throws {
    var steps: [Label: Int] = [:]
    for (label, stride) in zip(result, output.shape.strides) { steps[label, default: 0] += stride }
    if distinct.count < result.count {
      output.clear()
    }
    copyElements(view, distinct, into: output, steps: distinct.map { steps[$0] ?? 0 })
  }

  /// Copies a view's elements to where the given steps lead along its labels.
  private func copyElements(_ view: LabelledView, _ order: [Label], into target: Tensor, steps: [Int]) {
    switch target.dtype.size {
    case 2: copyElements(UInt16.self, view, order, target, steps)
    case 4: copyElements(UInt32.self, view, order, target, steps)
    case 8: copyElements(UInt64.self, view, order, target, steps)
    default: copyElements(Complex128.self, view, order, target, steps)
    }
  }

  private func copyElements<T>(
    _ type: T.Type, _ view: LabelledView, _ order: [Label], _ target: Tensor, _ steps: [Int]
  ) {
    nonisolated(unsafe) let source = UnsafePointer(view.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let destination = target.base.assumingMemoryBound(to: T.self)
    let from = StridedWalk(order, sizes, view.steps)
    let to = StridedWalk(order, sizes, Dictionary(uniqueKeysWithValues: zip(order, steps)))
    // Runs along the last label.
    let run = from.sizes.last ?? 1
    let (fromStep, toStep) = (from.steps.last ?? 0, to.steps.last ?? 0)
    context.workers.forEach(from.count / max(run, 1), cost: run) { range in
      for line in range {
        let (a, b) = (from.offset(of: line * run), to.offset(of: line * run))
        for index in 0..<run { destination[b + index * toStep] = source[a + index * fromStep] }
      }
    }
  }
}

/// A walk over some labels, the last fastest.
private struct StridedWalk: Sendable {
  let sizes: [Int]
  let steps: [Int]
  let count: Int

  init(_ labels: [Int], _ sizes: [Int: Int], _ steps: [Int: Int]) {
    self.sizes = labels.map { sizes[$0] ?? 1 }
    self.steps = labels.map { steps[$0] ?? 0 }
    count = self.sizes.reduce(1, *)
  }

  /// Where the element of the given number lies.
  func offset(of index: Int) -> Int {
    var (rest, offset) = (index, 0)
    for axis in sizes.indices.reversed() {
      offset += rest % sizes[axis] * steps[axis]
      rest /= sizes[axis]
    }
    return offset
  }

  /// Calls the body with each element's offset, in order.
  @inline(__always)
  func forEach(_ body: (Int) -> Void) {
    guard let last = sizes.last, let step = steps.last else { return body(0) }
    guard count > 0 else { return }
    for line in 0..<count / last {
      let base = offset(of: line * last)
      for index in 0..<last { body(base + index * step) }
    }
  }
}
