import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Runs an op of the NN and linear algebra families, perhaps with constant inputs, which kernels prepare.
enum NNHarness {
  /// The outputs of the op's second run, as later runs of a session are.
  static func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
    outputs: [DataType]? = nil,
    constants: Set<Int> = [], threads: Int = 1
  ) throws -> [Tensor] {
    let definition = try #require((NNOps.all + LinalgOps.all).first { $0.name == op })
    var all = attributes
    if all["T"] == nil, let first = inputs.last { all["T"] = .type(ElementType(first.dtype)) }
    let outputTypes = outputs ?? [inputs[0].dtype]
    let node = NodeSetup(
      name: "node", op: op, attributes: NodeAttributes(all), inputTypes: inputs.map(\.dtype),
      outputTypes: outputTypes)
    let kernel = try definition.prepare(node)
    let values = UnsafeMutableBufferPointer<Tensor?>.allocate(capacity: inputs.count + outputTypes.count)
    values.initialize(repeating: nil)
    defer { values.deinitialize().deallocate() }
    for (index, input) in inputs.enumerated() { values[index] = input }
    let slots = inputs.indices.map { Int32($0) }
    let context = KernelContext(
      values: values, allocator: Memory(constants: constants), workers: WorkerPool(threads: threads))
    for _ in 0..<2 {
      try slots.withUnsafeBufferPointer {
        context.begin(0, inputs: $0, outputs: inputs.count..<values.count)
        try FlushedArithmetic.run(FlushedArithmetic.applies(to: inputs.map(\.dtype))) { try kernel(context) }
      }
    }
    return try (inputs.count..<values.count).map { try #require(values[$0]) }
  }

  /// The floats 1, 2, 3 … in the given shape.
  static func counting(_ shape: Int..., scale: Float = 1) throws -> Tensor {
    let count = shape.reduce(1, *)
    return try Tensor(shape: shape, scalars: (0..<count).map { Float($0 + 1) * scale })
  }

  /// Floats between -1 and 1 that look random and are the same every time.
  static func noise(_ shape: [Int], seed: UInt64 = 1) throws -> Tensor {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return try Tensor(
      shape: shape,
      scalars: (0..<shape.reduce(1, *)).map { _ -> Float in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Float(Int64(truncatingIfNeeded: state) >> 40) / Float(1 << 23)
      })
  }

  static func ints(_ values: Int...) -> AttributeValue { .ints(values.map { Int64($0) }) }

  private final class Memory: OutputAllocator {
    let constants: Set<Int>
    private var kept: [Int: AnyObject] = [:]

    init(constants: Set<Int>) {
      self.constants = constants
    }

    func allocate(output: Int, of instruction: Int, dtype: DataType, shape: Shape) throws -> Tensor {
      let tensor = try Tensor(uninitialized: dtype, shape: shape)
      // What a kernel forgets to write shows.
      tensor.mutableBuffer(as: UInt8.self).update(repeating: 0xFF)
      return tensor
    }

    func scratch(dtype: DataType, shape: Shape) throws -> Tensor {
      let tensor = try Tensor(uninitialized: dtype, shape: shape)
      tensor.mutableBuffer(as: UInt8.self).update(repeating: 0xFF)
      return tensor
    }

    func prepared(_ instruction: Int) -> AnyObject? { kept[instruction] }
    func setPrepared(_ instruction: Int, _ object: AnyObject & Sendable) { kept[instruction] = object }
    func isConstant(slot: Int) -> Bool { constants.contains(slot) }
  }
}

/// Whether floats are equal within a tolerance; NaN is equal to NaN.
func expectClose(
  _ tensor: Tensor, _ expected: [Float], within tolerance: Float = 1e-5,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let found: [Float] =
    tensor.dtype == .float32 ? try tensor.scalars() : try tensor.scalars(as: Double.self).map { Float($0) }
  try #require(found.count == expected.count, sourceLocation: sourceLocation)
  for (index, (a, b)) in zip(found, expected).enumerated() where !(a.isNaN && b.isNaN) && a != b {
    #expect(
      abs(a - b) <= tolerance * max(1, abs(b)), "element \(index): \(a), not \(b)",
      sourceLocation: sourceLocation)
  }
}
