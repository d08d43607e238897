import GraftTensor

/// The largest different elements of each row, as they are computed for processors that sort nothing.
///
/// TensorFlow has these ops for TPUs alone; they do here what its documentation says.
enum TopUniqueOps {
  static let all: [OpDefinition] = [
    top(
      "TopKUnique",
      "The k largest different numbers of each row, and for each the highest index that it stands at; minus "
        + "infinity and -1 where there are not so many. NaN counts for nothing, and subnormal numbers as zero.",
      makesUnique: false),
    top(
      "TopKWithUnique",
      "TopKUnique of what MakeUnique gives: numbers close to the k largest of each row, and their indices.",
      makesUnique: true),
    OpDefinition(
      "MakeUnique",
      "The numbers of each row made different by their lower bits, which say where they stand; zeros become the "
        + "smallest normal number.", shape: ShapeRules.sameAsInput
    ) { _ in
      return { context in
        let input = try matrix(context)
        let output = try context.allocate(0, .float32, input.shape).mutableBuffer(as: Float.self)
        let source = input.buffer(as: Float.self)
        let width = max(input.shape[1], 1)
        for index in source.indices { output[index] = unique(source[index], index % width, width) }
      }
    },
  ]

  private static func top(_ name: String, _ summary: String, makesUnique: Bool) -> OpDefinition {
    OpDefinition(
      name, summary,
      shape: { context in
        let shape = PartialShape([context.input(0)[0], try context.node.int("k")])
        return [shape, shape]
      }
    ) { node in
      let count = try node.int("k")
      guard count >= 0 else { throw node.invalid("k is \(count), and must be 0 or more.") }
      return { context in
        let input = try matrix(context)
        let (rows, width) = (input.shape[0], input.shape[1])
        let shape = try Shape(validating: [rows, count])
        let values = try context.allocate(0, .float32, shape).mutableBuffer(as: Float.self)
        let indices = try context.allocate(1, .int32, shape).mutableBuffer(as: Int32.self)
        let source = input.buffer(as: Float.self)
        for row in 0..<rows {
          try context.checkpoint()
          // Of each number the highest index.
          var places: [Float: Int] = [:]
          for column in 0..<width {
            var value = source[row * width + column]
            if makesUnique { value = unique(value, column, width) }
            if value.isSubnormal { value = 0 }
            if !value.isNaN { places[value] = column }
          }
          let largest = places.sorted { $0.key > $1.key }.prefix(count)
          for place in 0..<count {
            let found = place < largest.count ? largest[place] : (-.infinity, places[-.infinity] ?? -1)
            values[row * count + place] = found.0
            indices[row * count + place] = Int32(clamping: found.1)
          }
        }
      }
    }
  }

  private static func matrix(_ context: KernelContext) throws -> Tensor {
    let input = try context.input(0)
    guard input.rank == 2 else {
      throw GraftError(
        .invalidArgument, "A matrix is expected, and the shape \(input.shape) was found.", at: .init(input: 0)
      )
    }
    return input
  }

  private static func unique(_ value: Float, _ column: Int, _ width: Int) -> Float {
    let sign: UInt32 = value.bitPattern & 0x8000_0000
    let bits = value.bitPattern & 0x7FFF_FFFF == 0 ? sign | 0x0080_0000 : value.bitPattern
    var mask: UInt32 = 1
    while Int(mask) < width, mask < 1 << 22 { mask <<= 1 }
    return Float(bitPattern: bits & ~(mask - 1) | UInt32(truncatingIfNeeded: column) & (mask - 1))
  }
}
