import GraftTensor

/// Distances between points and centers, and choices by distance.
extension MathOps {
  static let clustering: [OpDefinition] = [
    OpDefinition(
      "NearestNeighbors", "For each point the k nearest centers, nearest first, and their squared distances.",
      shape: { context in
        let count = context.ints(2)?.first.flatMap { $0 >= 0 ? $0 : nil }
        let width = count.flatMap { count in context.input(1)[0].map { min(count, $0) } }
        let shape = PartialShape([context.input(0)[0], width])
        return [shape, shape]
      }
    ) { _ in
      return { context in
        let (points, centers) = (try context.input(0), try context.input(1))
        guard points.rank == 2, centers.rank == 2, points.shape[1] == centers.shape[1] else {
          throw ArrayArguments.invalid(
            "Points of shape \(points.shape) and centers of shape \(centers.shape) are not rows of one width."
          )
        }
        let asked = try ArrayArguments.scalar(context, 2, "k")
        guard asked > 0 else {
          throw ArrayArguments.invalid("'k' is \(asked), and must be positive.", input: 2)
        }
        let count = min(asked, centers.shape[0])
        let shape = Shape([points.shape[0], count])
        let indices = try context.allocate(0, .int64, shape)
        let distances = try context.allocate(1, .float32, shape)
        nearest(points, centers, count, indices, distances, context.workers)
      }
    },
    OpDefinition(
      "KMC2ChainInitialization",
      "The index at the end of a Markov chain over candidates, which goes on to farther ones rather than to "
        + "nearer ones.", shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let distances = try context.input(0)
        guard distances.rank == 1, distances.elementCount > 0 else {
          throw ArrayArguments.invalid(
            "'distances' must be a vector with an element or more, and its shape is \(distances.shape).",
            input: 0)
        }
        let seed = try ArrayArguments.scalar(context, 1, "seed")
        var numbers = PhiloxNumbers(Philox(seed: UInt64(bitPattern: Int64(seed)), seed2: 0))
        let values = distances.buffer(as: Float.self)
        var selected = 0
        for candidate in values.indices.dropFirst()
        where values[candidate] > numbers.float() * values[selected] {
          selected = candidate
        }
        try context.setOutput(0, try Tensor(Int64(selected)))
      }
    },
  ]

  private static func nearest(
    _ points: Tensor, _ centers: Tensor, _ count: Int, _ indices: Tensor, _ distances: Tensor,
    _ workers: WorkerPool
  ) {
    let (width, total) = (points.shape[1], centers.shape[0])
    workers.forEach(points.shape[0], cost: max(width * total, 1)) { range in
      let (p, c) = (points.buffer(as: Float.self), centers.buffer(as: Float.self))
      let (found, lengths) = (indices.mutableBuffer(as: Int64.self), distances.mutableBuffer(as: Float.self))
      func squared(_ values: UnsafeBufferPointer<Float>, _ row: Int) -> Float {
        (0..<width).reduce(0) { $0 + values[row * width + $1] * values[row * width + $1] }
      }
      let centerSquares = (0..<total).map { squared(c, $0) }
      for point in range {
        let own = squared(p, point)
        let all = (0..<total).map { center in
          var product: Float = 0
          for index in 0..<width { product += p[point * width + index] * c[center * width + index] }
          return own - 2 * product + centerSquares[center]
        }
        let order = all.indices.sorted { (all[$0], $0) < (all[$1], $1) }
        for place in 0..<count {
          found[point * count + place] = Int64(order[place])
          lengths[point * count + place] = all[order[place]]
        }
      }
    }
  }
}
