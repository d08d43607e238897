import Glibc
import GraftGraph
import GraftTensor

/// Softmax cross entropy: the loss of each row, and its gradient.
enum CrossEntropyOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "SoftmaxCrossEntropyWithLogits",
      """
      The cross entropy between the softmax of each row and its labels, which are probabilities, and the gradient \
      by the logits. Both sides broadcast to a matrix.
      """,
      types: ["T": .floats],
      shape: { context in
        let both = ShapeRules.broadcast(context.input(0), context.input(1))
        return [PartialShape([both.rank == 2 ? both[0] : nil]), both]
      }
    ) { node in
      let dtype = try node.type("T")
      return { context in try dense(context, dtype) }
    },
    OpDefinition(
      "SparseSoftmaxCrossEntropyWithLogits",
      "The cross entropy between the softmax of each row and one class each, and the gradient by the logits.",
      types: ["T": .floats, "Tlabels": .indices],
      shape: { [PartialShape([$0.input(0)[0] ?? $0.input(1)[0]]), $0.input(0)] }
    ) { node in
      let dtype = try node.type("T")
      return { context in try sparse(context, dtype) }
    },
  ]

  // MARK: - Labels as probabilities

  private static func dense(_ context: KernelContext, _ dtype: DataType) throws {
    let (logits, labels) = (try context.input(0), try context.input(1))
    let shape = try matrix(logits.shape, labels.shape)
    let loss = try context.allocate(0, dtype, Shape([shape[0]]))
    let gradient = try context.allocate(1, dtype, shape)
    func stepped<T: HalfElement>(_ type: T.Type) {
      let (rows, columns) = (shape[0], shape[1])
      let (values, targets) = (BroadcastMatrix<T>(logits), BroadcastMatrix<T>(labels))
      let (losses, gradients) = (loss.mutableBuffer(as: T.self), gradient.mutableBuffer(as: T.self))
      SteppedExponentials<T>.withRow(of: columns) { shares in
        for row in 0..<rows {
          shares.load(row: row) { values[row, $0] }
          let logarithm = T(Float.logarithm(shares.sum)).compute
          var total: Float = 0
          for column in 0..<columns {
            let label = targets[row, column]
            total += T(label * T(logarithm - shares.shifted[column]).compute).compute
            gradients[row * columns + column] = T(T(shares.powers[column] / shares.sum).compute - label)
          }
          losses[row] = T(total)
        }
      }
    }
    func run<T: FloatElement>(_ type: T.Type) where T.Compute: Exponential {
      let (rows, columns) = (shape[0], shape[1])
      let (values, targets) = (BroadcastMatrix<T>(logits), BroadcastMatrix<T>(labels))
      let (losses, gradients) = (loss.mutableBuffer(as: T.self), gradient.mutableBuffer(as: T.self))
      for row in 0..<rows {
        let (largest, sum) = exponentials(columns) { values[row, $0] }
        let logarithm = T.Compute.logarithm(sum)
        var total: T.Compute = 0
        for column in 0..<columns {
          let shifted = values[row, column] - largest
          let label = targets[row, column]
          total += label * (logarithm - shifted)
          gradients[row * columns + column] = T(T.Compute.exponential(shifted) / sum - label)
        }
        losses[row] = T(total)
      }
    }
    if dtype == .float32, logits.shape == shape, labels.shape == shape {
      return CrossEntropyRows(logits, loss, gradient).run(context.workers, labels: labels)
    }
    try dispatch(
      dtype, { run(Float.self) }, { run(Double.self) }, { stepped(Float16.self) }, { stepped(BFloat16.self) })
  }

  private static func matrix(_ logits: Shape, _ labels: Shape) throws -> Shape {
    let rank = max(logits.rank, labels.rank)
    let padded = [logits, labels].map { [Int](repeating: 1, count: rank - $0.rank) + $0.dimensions }
    var sizes: [Int] = []
    for (a, b) in zip(padded[0], padded[1]) {
      guard a == b || a == 1 || b == 1 else {
        throw GraftError(
          .invalidArgument, "Logits of shape \(logits) and labels of shape \(labels) do not broadcast.")
      }
      sizes.append(a == 1 ? b : a)
    }
    guard rank == 2 else {
      throw GraftError(
        .invalidArgument, "Logits of shape \(logits) and labels of shape \(labels) are no matrices.",
        remedy: "Reshape both to [rows, classes].")
    }
    return try Shape(validating: sizes)
  }

  // MARK: - Labels as classes

  private static func sparse(_ context: KernelContext, _ dtype: DataType) throws {
    let (logits, labels) = (try context.input(0), try context.input(1))
    guard logits.rank == 2, logits.shape[1] > 0 else {
      throw GraftError(
        .invalidArgument,
        "Logits [rows, classes] are expected, with one class at least, and shape \(logits.shape) was found.",
        at: .init(input: 0))
    }
    let (rows, columns) = (logits.shape[0], logits.shape[1])
    guard labels.rank == 1, labels.elementCount == rows else {
      throw GraftError(
        .invalidArgument,
        "Labels of shape \(labels.shape) were found for logits of shape \(logits.shape): [\(rows)] is expected.",
        at: .init(input: 1))
    }
    let classes = try labels.integers()
    for (row, label) in classes.enumerated() where label < 0 || label >= columns {
      throw GraftError(
        .invalidArgument, "The label of row \(row) is \(label), outside of the classes 0..<\(columns).",
        at: .init(input: 1))
    }
    let loss = try context.allocate(0, dtype, Shape([rows]))
    let gradient = try context.allocate(1, dtype, logits.shape)
    func stepped<T: HalfElement>(_ type: T.Type) {
      let source = logits.buffer(as: T.self)
      let (losses, gradients) = (loss.mutableBuffer(as: T.self), gradient.mutableBuffer(as: T.self))
      SteppedExponentials<T>.withRow(of: columns) { shares in
        for row in 0..<rows {
          let base = row * columns
          shares.load(row: row) { source[base + $0].compute }
          let label = classes[row]
          losses[row] = T(T(Float.logarithm(shares.sum)).compute - shares.shifted[label])
          for column in 0..<columns {
            let part = T(shares.powers[column] / shares.sum).compute
            gradients[base + column] = T(column == label ? part - 1 : part)
          }
        }
      }
    }
    func run<T: FloatElement>(_ type: T.Type) where T.Compute: Exponential {
      let source = logits.buffer(as: T.self)
      let (losses, gradients) = (loss.mutableBuffer(as: T.self), gradient.mutableBuffer(as: T.self))
      for row in 0..<rows {
        let base = row * columns
        let (largest, sum) = exponentials(columns) { source[base + $0].compute }
        let label = classes[row]
        losses[row] = T(T.Compute.logarithm(sum) - (source[base + label].compute - largest))
        for column in 0..<columns {
          let part = T.Compute.exponential(source[base + column].compute - largest) / sum
          gradients[base + column] = T(column == label ? part - 1 : part)
        }
      }
    }
    try dispatch(
      dtype, { CrossEntropyRows(logits, loss, gradient).run(context.workers, classes: classes) },
      { run(Double.self) }, { stepped(Float16.self) }, { stepped(BFloat16.self) })
  }

  // MARK: - Parts

  /// The largest of some numbers, and the sum of the exponentials of what is left when it is taken off.
  @inline(__always)
  private static func exponentials<C: Exponential>(_ count: Int, _ value: (Int) -> C) -> (largest: C, sum: C)
  {
    var largest = -C.infinity
    for index in 0..<count where !(value(index) <= largest) {
      largest = value(index)
      if largest.isNaN { break }
    }
    var sum: C = 0
    for index in 0..<count { sum += C.exponential(value(index) - largest) }
    return (largest, sum)
  }

  private static func dispatch(
    _ dtype: DataType, _ float: () -> Void, _ double: () -> Void, _ half: () -> Void, _ bfloat16: () -> Void
  ) throws {
    switch dtype {
    case .float32: float()
    case .float64: double()
    case .float16: half()
    case .bfloat16: bfloat16()
    default: throw GraftError(.unimplemented, "There is no cross entropy of \(dtype).")
    }
  }
}

/// A matrix whose rows or columns may be repeated.
private struct BroadcastMatrix<T: FloatElement> {
  private let elements: UnsafeBufferPointer<T>
  private let row: Int
  private let column: Int

  init(_ tensor: Tensor) {
    elements = tensor.buffer(as: T.self)
    let columns = tensor.shape.dimensions.last ?? 1
    column = columns == 1 ? 0 : 1
    row = tensor.rank < 2 || tensor.shape[0] == 1 ? 0 : columns
  }

  subscript(row: Int, column: Int) -> T.Compute {
    @inline(__always) get { elements[row * self.row + column * self.column].compute }
  }
}
