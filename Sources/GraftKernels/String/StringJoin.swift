import GraftGraph
import GraftTensor

enum StringJoinOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "StringJoin", "Joins strings of several tensors place by place; scalars are joined to all.",
      shape: { context in
        var shape = PartialShape.scalar
        for input in context.inputs {
          if input.rank == nil { return [.unknown] }
          if input.rank != 0 && shape.fullyDefined == nil || shape.rank == 0 { shape = input }
        }
        return [shape]
      },
      prepare: { setup in
        let separator = try setup.bytes("separator").bytes
        return { context in try join(context, separator) }
      }),
    OpDefinition(
      "ReduceJoin", "Joins strings along dimensions, the first one named fastest.",
      shape: { context in
        guard let shape = context.input(0).dimensions, let axes = context.ints(1) else { return [.unknown] }
        let places = Set(axes.map { $0 < 0 ? $0 + shape.count : $0 })
        if try context.node.bool("keep_dims") {
          return [PartialShape(shape.indices.map { places.contains($0) ? 1 : shape[$0] })]
        }
        return [PartialShape(shape.indices.filter { !places.contains($0) }.map { shape[$0] })]
      },
      prepare: { setup in
        let separator = try setup.bytes("separator").bytes
        let keeps = try setup.bool("keep_dims")
        return { context in try reduce(context, separator, keeps: keeps) }
      }),
    OpDefinition(
      "UnsortedSegmentJoin", "Joins the strings that belong to each segment.",
      types: ["Tindices": .indices, "Tnumsegments": .indices],
      shape: { context in
        guard let shape = context.input(0).dimensions, let rank = context.input(1).rank, rank <= shape.count
        else {
          return [.unknown]
        }
        let count = context.ints(2)?.first
        return [PartialShape([count.flatMap { $0 < 0 ? nil : $0 }] + shape.dropFirst(rank))]
      },
      prepare: { setup in
        let separator = try setup.bytes("separator").bytes
        return { context in try joinSegments(context, separator) }
      }),
  ]

  private static func join(_ context: KernelContext, _ separator: [UInt8]) throws {
    let inputs = try context.inputs()
    var shape = Shape.scalar
    for (index, input) in inputs.enumerated() where input.rank > 0 {
      guard shape.rank == 0 || shape == input.shape else {
        throw GraftError(
          .invalidArgument, "The inputs' shapes do not fit each other: \(shape) and \(input.shape).",
          at: .init(input: index))
      }
      shape = input.shape
    }
    let parts = try inputs.indices.map { try context.strings($0) }
    let result = try context.allocate(0, .string, shape)
    let output = result.mutableBuffer(as: Bytes.self)
    for index in output.indices {
      var length = separator.count * max(parts.count - 1, 0)
      for (place, part) in parts.enumerated() { length += part[inputs[place].rank == 0 ? 0 : index].count }
      try result.storage.charge(text: length)
      var joined: [UInt8] = []
      joined.reserveCapacity(length)
      for (place, part) in parts.enumerated() {
        if place > 0 { joined += separator }
        joined += part[inputs[place].rank == 0 ? 0 : index].bytes
      }
      output[index] = Bytes(joined)
    }
  }

  private static func reduce(_ context: KernelContext, _ separator: [UInt8], keeps: Bool) throws {
    let input = try context.input(0)
    let strings = try context.strings(0)
    let rank = input.rank
    var axes: [Int] = []
    for given in try context.input(1).integers() {
      let axis = given < 0 ? given + rank : given
      guard axis >= 0, axis < rank, !axes.contains(axis) else {
        throw GraftError(
          .invalidArgument,
          "The dimension \(given) is not one of the input's \(rank), or is named twice.", at: .init(input: 1))
      }
      axes.append(axis)
    }
    guard !axes.isEmpty else {
      try context.setOutput(0, input)
      return
    }
    let kept = (0..<rank).filter { !axes.contains($0) }
    let strides = input.shape.strides
    let sizes =
      keeps ? (0..<rank).map { axes.contains($0) ? 1 : input.shape[$0] } : kept.map { input.shape[$0] }
    let result = try context.allocate(0, .string, Shape(validating: sizes))
    let output = result.mutableBuffer(as: Bytes.self)
    // Where the strings of one joined string lie, from the first of them.
    var offsets = [0]
    for axis in axes.reversed() {
      offsets = offsets.flatMap { offset in (0..<input.shape[axis]).map { offset + $0 * strides[axis] } }
    }
    for index in output.indices {
      var rest = index
      var start = 0
      for axis in kept.reversed() {
        start += rest % input.shape[axis] * strides[axis]
        rest /= input.shape[axis]
      }
      var length = separator.count * max(offsets.count - 1, 0)
      for offset in offsets { length += strings[start + offset].count }
      try result.storage.charge(text: length)
      var joined: [UInt8] = []
      joined.reserveCapacity(length)
      for (place, offset) in offsets.enumerated() {
        if place > 0 { joined += separator }
        joined += strings[start + offset].bytes
      }
      output[index] = Bytes(joined)
    }
  }

  private static func joinSegments(_ context: KernelContext, _ separator: [UInt8]) throws {
    let input = try context.input(0)
    let strings = try context.strings(0)
    let segments = try context.input(1)
    let count = try context.scalarInteger(2, named: "num_segments")
    guard count >= 0 else {
      throw GraftError(
        .invalidArgument, "'num_segments' is \(count); it must not be negative.", at: .init(input: 2))
    }
    guard segments.rank > 0, segments.rank <= input.rank,
      input.shape.dimensions.prefix(segments.rank) == segments.shape.dimensions[...]
    else {
      throw GraftError(
        .invalidArgument,
        "'segment_ids' of shape \(segments.shape) must be as the first dimensions of the input's \(input.shape).",
        at: .init(input: 1))
    }
    let rest = input.shape.dimensions.dropFirst(segments.rank)
    let result = try context.allocate(0, .string, Shape(validating: [count] + rest))
    let output = result.mutableBuffer(as: Bytes.self)
    let run = rest.reduce(1, *)
    var begun = [Bool](repeating: false, count: count)
    for (row, segment) in try segments.integers().enumerated() {
      guard segment >= 0, segment < count else {
        throw GraftError(
          .invalidArgument, "Row \(row) belongs to segment \(segment), and there are \(count).",
          at: .init(input: 1))
      }
      for place in 0..<run {
        try result.storage.charge(text: separator.count + strings[row * run + place].count)
        if begun[segment] { output[segment * run + place].bytes += separator }
        output[segment * run + place].bytes += strings[row * run + place].bytes
      }
      begun[segment] = true
    }
  }
}
