import CGraftVector
import GraftGraph
import GraftTensor

/// Normalisation of each row by its own mean and variance.
enum LayerNormalizationOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "_LayerNorm",
      """
      Each row along the last dimension without its mean, over the root of its variance and `epsilon`, times the \
      second input, plus the third: both have one value for each place of a row. Planning makes it; graphs need \
      not hold it.
      """,
      types: ["T": [.float32]], traits: .inPlace, shape: ShapeRules.sameAsInput
    ) { node in
      let epsilon = try node.float("epsilon")
      return { context in
        let (x, scale, offset) = (try context.input(0), try context.input(1), try context.input(2))
        guard let width = x.shape.dimensions.last, scale.shape == [width], offset.shape == [width] else {
          throw GraftError(
            .invalidArgument,
            "Rows of a tensor of shape \(x.shape) cannot be normalised with factors of shape \(scale.shape) and "
              + "offsets of shape \(offset.shape).", at: .init(input: 1))
        }
        let output = try context.allocate(0, .float32, x.shape)
        guard output.elementCount > 0 else { return }
        let rows = Rows(
          x: x.floats, scale: scale.floats, offset: offset.floats,
          y: output.base.assumingMemoryBound(to: Float.self), count: x.elementCount / width, width: width,
          epsilon: epsilon)
        let workers = context.workers
        context.perform { rows.normalize(workers) }
      }
    }
  ]

  private struct Rows: @unchecked Sendable {
    let x: UnsafePointer<Float>
    let scale: UnsafePointer<Float>
    let offset: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let count: Int
    let width: Int
    let epsilon: Float

    func normalize(_ workers: WorkerPool) {
      workers.forEach(count, cost: width / 4 + 10) { range in
        graft_f32_normalize_rows(
          x + range.lowerBound * width, scale, offset, y + range.lowerBound * width, range.count, width,
          epsilon)
      }
    }
  }
}
