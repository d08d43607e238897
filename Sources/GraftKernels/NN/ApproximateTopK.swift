import Glibc
import GraftGraph
import GraftTensor

/// The largest or smallest elements along a dimension, where some may be missed. Here none is.
enum ApproximateTopKOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ApproxTopK",
      """
      The k largest elements along a dimension, or smallest where `is_max_k` is false, in order, and their indices. \
      Where `aggregate_to_topk` is false there are more of them: as many as TensorFlow's search leaves for that \
      recall.
      """,
      types: ["T": .reals],
      shape: { context in
        let options = try Options(context.node)
        guard var sizes = context.input(0).dimensions,
          let axis = ArrayArguments.axis(options.dimension, rank: sizes.count)
        else { return [.unknown, .unknown] }
        sizes[axis] = sizes[axis].flatMap { try? options.outputSize($0, rank: sizes.count) }
        return [PartialShape(sizes), PartialShape(sizes)]
      }
    ) { node in
      let options = try Options(node)
      let dtype = try node.type("T")
      return { context in
        let input = try context.input(0)
        guard let axis = ArrayArguments.axis(options.dimension, rank: input.rank) else {
          throw ArrayArguments.invalid(
            "There is no dimension \(options.dimension) in an input of shape \(input.shape).", input: 0)
        }
        var sizes = input.shape.dimensions
        let length = sizes[axis]
        guard length <= Int(Int32.max) else {
          throw ArrayArguments.invalid("Places among \(length) elements do not fit int32.", input: 0)
        }
        sizes[axis] = try options.outputSize(length, rank: sizes.count)
        let shape = try Shape(validating: sizes)
        let values = try context.allocate(0, dtype, shape)
        let indices = try context.allocate(1, .int32, shape)
        guard shape.elementCount > 0 else { return }
        try Work(
          input: input, values: values, indices: indices, count: sizes[axis], length: length,
          inner: ArrayArguments.product(sizes[(axis + 1)...]), isMaximum: options.isMaximum,
          workers: context.workers
        ).run(on: dtype)
      }
    }
  ]

  private struct Options: Sendable {
    let count: Int
    let dimension: Int
    let recall: Float
    let isMaximum: Bool
    let aggregates: Bool
    /// Of how many elements the dimension is thought to be a part; the dimension's own where negative.
    let wholeSize: Int

    init(_ node: NodeSetup) throws {
      count = try node.int("k")
      dimension = try node.int("reduction_dimension")
      recall = try node.float("recall_target")
      isMaximum = try node.bool("is_max_k")
      aggregates = try node.bool("aggregate_to_topk")
      wholeSize = try node.int("reduction_input_size_override")
      guard count >= 0 else { throw node.invalid("The attribute 'k' is \(count), and must be 0 or more.") }
      guard recall > 0, recall <= 1 else {
        throw node.invalid("The attribute 'recall_target' is \(recall), and must be in (0, 1].")
      }
    }

    /// How many elements are given of so many.
    func outputSize(_ size: Int, rank: Int) throws -> Int {
      guard count <= size else {
        throw ArrayArguments.invalid(
          "The \(count) best were asked for, and there are \(size) elements.", input: 0)
      }
      guard !aggregates else { return count }
      // XLA's rule: tiles of so many elements are reduced element by element, until so many are left that the
      // expected part of those asked for is among them.
      let tile = rank == 1 ? 1024 : 128
      guard size > tile else { return size }
      guard count != 1 else { return tile }
      let expected = Double(1 - count) / log(Double(recall))
      let needed = min(expected < Double(size) ? max(Int(expected), tile) : size, size)
      let whole = wholeSize >= 0 ? wholeSize : size
      guard whole >= 2 * needed else { return size }
      let halvings = Int.bitWidth - 1 - (whole / needed).leadingZeroBitCount
      let tiles = (size + tile - 1) / tile
      return min((tiles + (1 << halvings) - 1) >> halvings * tile, size)
    }
  }

  private struct Work: RealElementWork {
    let input: Tensor
    let values: Tensor
    let indices: Tensor
    let count: Int
    let length: Int
    let inner: Int
    let isMaximum: Bool
    let workers: WorkerPool

    func run<T: PoolingElement>(_ type: T.Type) {
      let lanes = input.elementCount / length
      workers.forEach(lanes, cost: length * 20) { range in
        let source = input.buffer(as: T.self)
        let target = values.mutableBuffer(as: T.self)
        let places = indices.mutableBuffer(as: Int32.self)
        for lane in range {
          let (outer, offset) = (lane / inner, lane % inner)
          let first = outer * length * inner + offset
          func value(_ place: Int32) -> T { source[first + Int(place) * inner] }
          let order = (0..<Int32(length)).sorted { a, b in
            let (x, y) = isMaximum ? (value(b), value(a)) : (value(a), value(b))
            return T.less(x, y) || !T.less(y, x) && a < b
          }
          for place in 0..<count {
            let at = (outer * count + place) * inner + offset
            target[at] = value(order[place])
            places[at] = order[place]
          }
        }
      }
    }
  }
}
