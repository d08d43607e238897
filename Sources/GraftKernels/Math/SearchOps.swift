import GraftTensor

/// Places of values in sorted rows, and ranks.
extension MathOps {
  static let search: [OpDefinition] = [
    bound("LowerBound", "how many elements of the sorted row are below it", isUpper: false),
    bound("UpperBound", "how many elements of the sorted row are not above it", isUpper: true),
    OpDefinition(
      "InTopK",
      "For each row of predictions whether fewer than `k` classes are predicted higher than the target. A row "
        + "with infinities or NaN is never in.",
      types: ["T": .indices], shape: { [PartialShape([$0.input(0)[0] ?? $0.input(1)[0]])] },
      prepare: { setup in
        let k = try setup.int("k")
        return { try inTopK($0, k) }
      }),
    OpDefinition(
      "InTopKV2",
      "For each row of predictions whether fewer than `k` classes are predicted higher than the target. A row "
        + "with infinities or NaN is never in.",
      types: ["T": .indices], shape: { [PartialShape([$0.input(0)[0] ?? $0.input(1)[0]])] },
      prepare: { _ in { try inTopK($0, try ArrayArguments.scalar($0, 2, "k")) } }),
    OpDefinition(
      "NthElement",
      "The element of each row that would be at place `n` if the row were sorted upwards, or downwards with "
        + "`reverse`.",
      types: ["T": .reals],
      shape: { [$0.input(0).dimensions.map { PartialShape(Array($0.dropLast())) } ?? .unknown] },
      prepare: { setup in
        let reverse = try setup.bool("reverse")
        return { context in
          let x = try context.input(0)
          let n = try ArrayArguments.scalar(context, 1, "n")
          guard let length = x.shape.dimensions.last, n >= 0, n < length else {
            throw ArrayArguments.invalid(
              "There is no element \(n) in the last dimension of shape \(x.shape).", input: 1)
          }
          let y = try context.allocate(0, x.dtype, Shape(Array(x.shape.dimensions.dropLast())))
          let place = reverse ? length - 1 - n : n
          try x.dtype.withOrderedElement(NthElementTask(x: x, y: y, length: length, place: place))
        }
      }),
  ]

  private static func bound(_ name: String, _ summary: String, isUpper: Bool) -> OpDefinition {
    OpDefinition(
      name, "For each value \(summary).", types: ["T": .reals, "out_type": .indices],
      shape: { [$0.input(1)] },
      prepare: { setup in
        let output = try setup.outputType(0)
        return { context in
          let (sorted, values) = (try context.input(0), try context.input(1))
          guard sorted.rank == 2, values.rank == 2, sorted.shape[0] == values.shape[0] else {
            throw ArrayArguments.invalid(
              "The sorted inputs have shape \(sorted.shape) and the values \(values.shape).",
              remedy: "Both need two dimensions and as many rows.")
          }
          let y = try context.allocate(0, output, values.shape)
          try sorted.dtype.withOrderedElement(
            BoundTask(sorted: sorted, values: values, y: y, isUpper: isUpper))
        }
      })
  }

  private static func inTopK(_ context: KernelContext, _ k: Int) throws {
    let (predictions, targets) = (try context.input(0), try context.input(1))
    guard predictions.rank == 2, targets.rank == 1, predictions.shape[0] == targets.shape[0] else {
      throw ArrayArguments.invalid(
        "The predictions have shape \(predictions.shape) and the targets \(targets.shape).",
        remedy: "There must be a row of predictions for each target.")
    }
    let y = try context.allocate(0, .bool, targets.shape).mutableBuffer(as: Bool.self)
    let scores = predictions.buffer(as: Float.self)
    let classes = predictions.shape[1]
    for (row, target) in try targets.integers().enumerated() {
      y[row] = false
      guard target >= 0, target < classes, case let score = scores[row * classes + target], score.isFinite
      else {
        continue
      }
      let others = scores[row * classes..<(row + 1) * classes]
      y[row] = others.allSatisfy(\.isFinite) && others.count { $0 > score } < k
    }
  }
}

private struct NthElementTask: OrderedElementTask {
  let x: Tensor
  let y: Tensor
  let length: Int
  let place: Int

  func run<E: OrderedElement>(_ type: E.Type) throws {
    let (x, y) = (x.buffer(as: E.self), y.mutableBuffer(as: E.self))
    for row in y.indices {
      // NaN comes last, so that the order is one.
      let sorted = x[row * length..<(row + 1) * length].sorted {
        E.less($0, $1) || $1.isNotANumber && !$0.isNotANumber
      }
      y[row] = sorted[place]
    }
  }
}

private struct BoundTask: OrderedElementTask {
  let sorted: Tensor
  let values: Tensor
  let y: Tensor
  let isUpper: Bool

  func run<E: OrderedElement>(_ type: E.Type) throws {
    if y.dtype == .int32 { search(E.self, Int32.self) } else { search(E.self, Int64.self) }
  }

  private func search<E: OrderedElement, I: FixedWidthInteger>(_ type: E.Type, _ index: I.Type) {
    let (sorted, values) = (self.sorted.buffer(as: E.self), self.values.buffer(as: E.self))
    let y = self.y.mutableBuffer(as: I.self)
    let (length, columns) = (self.sorted.shape[1], self.values.shape[1])
    for i in values.indices {
      let start = i / columns * length
      let place = (start..<start + length).partitioningIndex { index in
        isUpper ? E.less(values[i], sorted[index]) : !E.less(sorted[index], values[i])
      }
      y[i] = I(truncatingIfNeeded: place - start)
    }
  }
}
