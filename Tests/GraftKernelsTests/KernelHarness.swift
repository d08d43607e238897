import GraftGraph
import GraftKernels
import GraftTensor

/// Runs the kernel of one op by itself, on memory from the heap.
enum KernelHarness {
  /// The outputs of an op for the given inputs.
  ///
  /// - Parameters:
  ///   - op: The op's type, as `MatMul`.
  ///   - definitions: Where to look for it.
  ///   - attributes: All attributes that the kernel reads, those of types excepted.
  ///   - types: The attributes of types, by name. `types:` of the definition is checked against them.
  ///   - outputs: The dtypes of the outputs.
  ///   - inPlace: Whether the first output lies where an input of as many bytes lies, for an op that
  ///     says that it may.
  ///   - threads: How many threads share a loop.
  static func run(
    _ op: String, in definitions: [OpDefinition], _ inputs: [Tensor],
    attributes: [String: AttributeValue] = [:], types: [String: DataType] = [:], outputs: [DataType],
    inPlace: Bool = false, threads: Int = 1
  ) throws -> [Tensor] {
    guard let definition = definitions.first(where: { $0.name == op }) else {
      throw GraftError(.notFound, "There is no op '\(op)' among the definitions.")
    }
    var all = attributes
    for (name, type) in types {
      all[name] = .type(ElementType(type))
      if let allowed = definition.types[name], !allowed.contains(type) {
        throw GraftError(.unimplemented, "\(op) has no kernel for \(name) = \(type).")
      }
    }
    let setup = NodeSetup(
      name: "node", op: op, attributes: NodeAttributes(all), inputTypes: inputs.map(\.dtype),
      outputTypes: outputs)
    let kernel = try definition.prepare(setup)

    // A copy of the inputs, so that what runs in place spoils none of the caller's.
    let copies = try inputs.map { try $0.copied() }
    let values = UnsafeMutableBufferPointer<Tensor?>.allocate(capacity: inputs.count + outputs.count)
    values.initialize(repeating: nil)
    defer { values.deinitialize().deallocate() }
    for (index, copy) in copies.enumerated() { values[index] = copy }
    let slots = UnsafeMutableBufferPointer<Int32>.allocate(capacity: inputs.count)
    defer { slots.deallocate() }
    _ = slots.initialize(from: copies.indices.map { Int32($0) })

    let reuse = inPlace && definition.traits.contains(.inPlace) ? copies : []
    let context = KernelContext(
      values: values, allocator: HeapAllocator(reuse: reuse), workers: WorkerPool(threads: threads))
    context.begin(0, inputs: UnsafeBufferPointer(slots), outputs: inputs.count..<values.count)
    try FlushedArithmetic.run(FlushedArithmetic.applies(to: inputs.map(\.dtype), outputs)) {
      try kernel(context)
    }
    return try (inputs.count..<values.count).map { slot in
      guard let tensor = values[slot] else {
        throw GraftError(.internalError, "\(op) gave no output \(slot - inputs.count).")
      }
      return tensor
    }
  }

  /// What is known of the outputs' shapes before a run.
  ///
  /// - Parameter constants: The inputs whose values are known, by position.
  static func inferShapes(
    _ op: String, in definitions: [OpDefinition], _ inputs: [PartialShape], inputTypes: [DataType],
    constants: [Int: Tensor] = [:], attributes: [String: AttributeValue] = [:],
    types: [String: DataType] = [:], outputs: [DataType]
  ) throws -> [PartialShape] {
    guard let definition = definitions.first(where: { $0.name == op }) else {
      throw GraftError(.notFound, "There is no op '\(op)' among the definitions.")
    }
    var all = attributes
    for (name, type) in types { all[name] = .type(ElementType(type)) }
    let setup = NodeSetup(
      name: "node", op: op, attributes: NodeAttributes(all), inputTypes: inputTypes, outputTypes: outputs)
    return try definition.shape(ShapeContext(node: setup, inputs: inputs) { constants[$0] })
  }
}

/// Gives memory from the heap; remembers what kernels prepare.
private final class HeapAllocator: OutputAllocator {
  private let reuse: [Tensor]
  private var kept: [Int: AnyObject] = [:]

  init(reuse: [Tensor]) {
    self.reuse = reuse
  }

  func allocate(output: Int, of instruction: Int, dtype: DataType, shape: Shape) throws -> Tensor {
    let bytes = shape.elementCount * dtype.size
    if output == 0, case .plain = dtype.layout, let input = reuse.first(where: { $0.byteCount == bytes }) {
      return input.reshaped(unchecked: shape).reinterpreted(as: dtype)
    }
    let tensor = try Tensor(uninitialized: dtype, shape: shape)
    // What a kernel forgets to write shows.
    if case .plain = dtype.layout {
      tensor.mutableBuffer(as: UInt8.self).update(repeating: 0xA5)
    }
    return tensor
  }

  func prepared(_ instruction: Int) -> AnyObject? { kept[instruction] }

  func setPrepared(_ instruction: Int, _ object: AnyObject & Sendable) { kept[instruction] = object }

  func isConstant(slot: Int) -> Bool { false }
}

/// The code of the error that something throws.
func code(_ body: () throws -> Void) -> GraftError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? GraftError)?.code
  }
}
