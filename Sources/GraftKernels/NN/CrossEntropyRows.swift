import CGraftVector
import GraftTensor

/// Softmax cross entropy of rows of float32, on the processor's vectors.
struct CrossEntropyRows: @unchecked Sendable {
  private let rows: Int
  private let columns: Int
  private let logits: UnsafePointer<Float>
  private let losses: UnsafeMutablePointer<Float>
  private let gradients: UnsafeMutablePointer<Float>

  /// - Precondition: the caller holds the tensors: a matrix, a vector with a place for each of its rows, and another
  ///   matrix of its shape.
  init(_ logits: Tensor, _ loss: Tensor, _ gradient: Tensor) {
    rows = loss.elementCount
    columns = logits.shape.dimensions.last ?? 0
    self.logits = UnsafePointer(logits.base.assumingMemoryBound(to: Float.self))
    losses = loss.base.assumingMemoryBound(to: Float.self)
    gradients = gradient.base.assumingMemoryBound(to: Float.self)
  }

  /// With probabilities for labels, in a matrix of the logits' shape.
  func run(_ workers: WorkerPool, labels: Tensor) {
    nonisolated(unsafe) let labels = UnsafePointer(labels.base.assumingMemoryBound(to: Float.self))
    forEachRow(workers) { row, shifted, powers, sum in
      let (labels, logarithm) = (labels + row * columns, Float.logarithm(sum))
      losses[row] = Self.loss(shifted, labels, columns, logarithm)
      for column in 0..<columns { shifted[column] = powers[column] / sum - labels[column] }
    }
  }

  /// With a class for each row.
  func run(_ workers: WorkerPool, classes: [Int]) {
    forEachRow(workers) { row, shifted, powers, sum in
      let label = classes[row]
      losses[row] = Float.logarithm(sum) - shifted[label]
      for column in 0..<columns { shifted[column] = powers[column] / sum }
      shifted[label] -= 1
    }
  }

  /// Calls the body with each row without its largest element, which lies where the row's gradient goes, and with the
  /// exponentials of that and their sum.
  private func forEachRow(
    _ workers: WorkerPool,
    _ body:
      @Sendable (
        _ row: Int, _ shifted: UnsafeMutablePointer<Float>, _ powers: UnsafePointer<Float>, _ sum: Float
      ) -> Void
  ) {
    workers.forEach(rows, cost: columns * 2 + 20) { range in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: max(columns, 1)) { memory in
        guard let powers = memory.baseAddress else { return }
        for row in range {
          let (values, shifted) = (logits + row * columns, gradients + row * columns)
          var (largest, sum): (Float, Float) = (0, 0)
          graft_f32_max_rows(values, &largest, 1, columns)
          for column in 0..<columns { shifted[column] = values[column] - largest }
          graft_f32_exp(shifted, powers, columns)
          graft_f32_sum_rows(powers, &sum, 1, columns)
          body(row, shifted, powers, sum)
        }
      }
    }
  }

  /// The sum of `label * (logarithm - shifted)`.
  private static func loss(
    _ shifted: UnsafePointer<Float>, _ labels: UnsafePointer<Float>, _ count: Int, _ logarithm: Float
  ) -> Float {
    let width = SIMD8<Float>.scalarCount
    let (shiftedBytes, labelBytes) = (UnsafeRawPointer(shifted), UnsafeRawPointer(labels))
    var lanes = SIMD8<Float>.zero
    var column = 0
    while column + width <= count {
      let offset = column * MemoryLayout<Float>.stride
      let label = labelBytes.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
      let value = shiftedBytes.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
      lanes += label * (logarithm - value)
      column += width
    }
    var total = lanes.sum()
    while column < count {
      total += labels[column] * (logarithm - shifted[column])
      column += 1
    }
    return total
  }
}
