import CGraftVector
import GraftGraph
import GraftTensor

/// The largest elements of each row.
enum TopKOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "TopKV2", summary, types: ["T": .reals, "index_type": [.int16, .int32, .int64]],
      shape: { shape($0, $0.ints(1)?.first) }
    ) { node in
      let isSorted = try node.bool("sorted")
      let (dtype, indexType) = (try node.type("T"), try node.outputType(1))
      return { context in
        let count = try context.input(1)
        guard count.rank == 0 else {
          throw GraftError(
            .invalidArgument, "A scalar is expected for k, and a tensor of shape \(count.shape) was found.",
            at: .init(input: 1))
        }
        try run(context, dtype, indexType, count: try count.integer(), isSorted)
      }
    },
    OpDefinition(
      "TopK", summary, types: ["T": .reals], shape: { context in shape(context, try context.node.int("k")) }
    ) { node in
      let isSorted = try node.bool("sorted")
      let count = try node.int("k")
      let dtype = try node.type("T")
      return { context in try run(context, dtype, .int32, count: count, isSorted) }
    },
  ]

  private static let summary = """
    The k largest elements of each row of the last dimension, and their indices; of equal ones those with the lower \
    index first. Where `sorted` is false they come in the order that TensorFlow's search leaves them in.
    """

  private static func shape(_ context: ShapeContext, _ count: Int?) -> [PartialShape] {
    guard let sizes = context.input(0).dimensions, !sizes.isEmpty else { return [.unknown, .unknown] }
    let result = PartialShape(sizes.dropLast() + [count.flatMap { $0 < 0 ? nil : $0 }])
    return [result, result]
  }

  private static func run(
    _ context: KernelContext, _ dtype: DataType, _ indexType: DataType, count: Int, _ isSorted: Bool
  ) throws {
    let input = try context.input(0)
    guard let width = input.shape.dimensions.last else {
      throw GraftError(
        .invalidArgument, "At least one dimension is expected, and a scalar was found.", at: .init(input: 0))
    }
    guard count >= 0 else {
      throw GraftError(.invalidArgument, "k is \(count), and must be 0 or more.")
    }
    guard count <= width else {
      throw GraftError(
        .invalidArgument, "The \(count) largest were asked for, and a row has \(width) elements.",
        remedy: "Ask for at most as many as the last dimension has.")
    }
    guard width <= (indexType == .int16 ? Int(Int16.max) : Int(Int32.max)) else {
      throw GraftError(
        .invalidArgument, "A row has \(width) elements, more than can be indexed by \(indexType).")
    }
    let shape = try Shape(validating: input.shape.dimensions.dropLast() + [count])
    let values = try context.allocate(0, dtype, shape)
    let indices = try context.allocate(1, indexType, shape)
    guard values.elementCount > 0 else { return }
    try TopKWork(
      search: TopKSearch(width: width, count: count, isSorted: isSorted), input: input, values: values,
      indices: indices, workers: context.workers
    ).run(on: dtype)
  }
}

private struct TopKWork: RealElementWork {
  let search: TopKSearch
  let input: Tensor
  let values: Tensor
  let indices: Tensor
  let workers: WorkerPool

  func run<T: PoolingElement>(_ type: T.Type) { search.run(T.self, input, values, indices, workers) }
}

/// Searches rows of some width for their largest elements.
private struct TopKSearch: Sendable {
  let width: Int
  let count: Int
  let isSorted: Bool

  func run<T: OrderedElement>(
    _ type: T.Type, _ input: Tensor, _ values: Tensor, _ indices: Tensor, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = UnsafePointer(input.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = values.base.assumingMemoryBound(to: T.self)
    let places = IndexWriter(indices)
    let cost = T.self == Float.self && isSorted ? width : width * 4
    workers.forEach(input.elementCount / width, cost: cost) { range in
      var found: [Int32] = []
      RadixOrder.withRows(of: sortsDigits ? width : 0) { order in
        for row in range {
          if !collect(source + row * width, target + row * count, &found),
            !sort(source + row * width, order, &found)
          {
            search(source + row * width, &found)
          }
          for position in 0..<count {
            let index = Int(found[position])
            target[row * count + position] = source[row * width + index]
            places.write(index, at: row * count + position)
          }
        }
      }
    }
  }

  /// Whether rows are put in order as a whole, by their digits: that is where many of their elements are wanted.
  private var sortsDigits: Bool { isSorted && RadixOrder.lengths.contains(width) && count > width / 32 }

  /// Finds few elements of a row while it goes by; false where they are not few, or not all are numbers.
  private func collect<T: OrderedElement>(
    _ row: UnsafePointer<T>, _ values: UnsafeMutablePointer<T>, _ found: inout [Int32]
  ) -> Bool {
    guard T.self == Float.self, isSorted else { return false }
    if found.count != count { found = [Int32](repeating: 0, count: count) }
    return found.withUnsafeMutableBufferPointer { found in
      guard let places = found.baseAddress else { return false }
      return graft_f32_top(
        UnsafeRawPointer(row).assumingMemoryBound(to: Float.self), width, count,
        UnsafeMutableRawPointer(values).assumingMemoryBound(to: Float.self), places) != 0
    }
  }

  private func sort<T: OrderedElement>(_ row: UnsafePointer<T>, _ order: RadixOrder, _ found: inout [Int32])
    -> Bool
  {
    guard T.self == Float.self, sortsDigits else { return false }
    if found.count != count { found = [Int32](repeating: 0, count: count) }
    return order.sort(UnsafeRawPointer(row).assumingMemoryBound(to: Float.self), into: &found)
  }

  /// Puts the indices of the row's largest elements first in `found`.
  private func search<T: OrderedElement>(_ row: UnsafePointer<T>, _ found: inout [Int32]) {
    func isBefore(_ a: Int32, _ b: Int32) -> Bool {
      let (x, y) = (row[Int(a)], row[Int(b)])
      return T.less(y, x) || !T.less(x, y) && a < b
    }
    found.removeAll(keepingCapacity: true)
    if count == 1 {
      var best = -1
      for index in 0..<width where !row[index].isNotANumber {
        if best < 0 || T.less(row[best], row[index]) { best = index }
      }
      found.append(Int32(max(best, 0)))
    } else if count == width {
      found.append(contentsOf: 0..<Int32(width))
      found.sort(by: isBefore)
    } else {
      select(&found, isBefore)
      if isSorted { found[..<count].sort(by: isBefore) }
    }
  }

  /// Collects the first `count` of a row in the order given, as a heap with the last of them on top: of the
  /// first `count + 1` elements the last in order is dropped, then each one that comes before the top replaces it.
  private func select(_ heap: inout [Int32], _ isBefore: (Int32, Int32) -> Bool) {
    heap.append(contentsOf: 0...Int32(count))
    for parent in stride(from: (heap.count - 2) / 2, through: 0, by: -1) {
      Self.sift(&heap, from: parent, length: heap.count, heap[parent], isBefore)
    }
    Self.pop(&heap, isBefore)
    heap.removeLast()
    for index in Int32(count) + 1..<max(Int32(width), Int32(count) + 1) where isBefore(index, heap[0]) {
      Self.pop(&heap, isBefore)
      heap[count - 1] = index
      var hole = count - 1
      while hole > 0, isBefore(heap[(hole - 1) / 2], index) {
        heap[hole] = heap[(hole - 1) / 2]
        hole = (hole - 1) / 2
      }
      heap[hole] = index
    }
  }

  /// Moves the heap's first element to the end, and makes a heap of the others.
  private static func pop(_ heap: inout [Int32], _ isBefore: (Int32, Int32) -> Bool) {
    let last = heap.count - 1
    let value = heap[last]
    heap[last] = heap[0]
    sift(&heap, from: 0, length: last, value, isBefore)
  }

  /// Puts a value into the heap where there is a hole: down to a leaf along the later children, then up.
  private static func sift(
    _ heap: inout [Int32], from top: Int, length: Int, _ value: Int32, _ isBefore: (Int32, Int32) -> Bool
  ) {
    var hole = top
    var child = hole
    while child < (length - 1) / 2 {
      child = 2 * (child + 1)
      if isBefore(heap[child], heap[child - 1]) { child -= 1 }
      heap[hole] = heap[child]
      hole = child
    }
    if length % 2 == 0, child == (length - 2) / 2 {
      child = 2 * (child + 1)
      heap[hole] = heap[child - 1]
      hole = child - 1
    }
    var parent = (hole - 1) / 2
    while hole > top, isBefore(heap[parent], value) {
      heap[hole] = heap[parent]
      hole = parent
      parent = (hole - 1) / 2
    }
    heap[hole] = value
  }
}

/// Writes indices into a tensor of int16, int32 or int64.
private struct IndexWriter: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  private let size: Int

  init(_ tensor: Tensor) {
    base = tensor.base
    size = tensor.dtype.size
  }

  func write(_ index: Int, at position: Int) {
    switch size {
    case 2: base.assumingMemoryBound(to: Int16.self)[position] = Int16(truncatingIfNeeded: index)
    case 4: base.assumingMemoryBound(to: Int32.self)[position] = Int32(truncatingIfNeeded: index)
    default: base.assumingMemoryBound(to: Int64.self)[position] = Int64(index)
    }
  }
}
