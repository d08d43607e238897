import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Arrays of tensors, stacks, maps and optionals; the values and refusals are TensorFlow 2.21's.
@Suite struct TensorArrayTests {
  private let unknown = AttributeValue.shape(.unknown)

  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
    outputs: [DataType] = [.float32]
  ) throws -> [Tensor] {
    try KernelHarness.run(op, in: DataFlowOps.all, inputs, attributes: attributes, outputs: outputs)
  }

  private func array(
    _ size: Int32, shape: PartialShape = .unknown, dynamic: Bool = false, clears: Bool = true,
    identical: Bool = false
  ) throws -> Tensor {
    try run(
      "TensorArrayV3", [Tensor(size)],
      [
        "dtype": .type(ElementType(.float32)), "element_shape": .shape(shape), "dynamic_size": .bool(dynamic),
        "clear_after_read": .bool(clears), "identical_element_shapes": .bool(identical),
        "tensor_array_name": .string("a"),
      ], outputs: [.resource, .float32])[0]
  }

  private func flow() throws -> Tensor { try Tensor(Float(0)) }

  private func write(_ array: Tensor, _ index: Int32, _ values: [Float]) throws {
    _ = try run("TensorArrayWriteV3", [array, Tensor(index), Tensor(values), flow()])
  }

  private func read(_ array: Tensor, _ index: Int32) throws -> [Float] {
    try run(
      "TensorArrayReadV3", [array, Tensor(index), flow()], ["dtype": .type(ElementType(.float32))])[0]
      .scalars()
  }

  private func gather(_ array: Tensor, _ indices: [Int32], shape: PartialShape = .unknown) throws -> Tensor {
    try run(
      "TensorArrayGatherV3", [array, Tensor(indices), flow()],
      ["dtype": .type(ElementType(.float32)), "element_shape": .shape(shape)])[0]
  }

  @Test func anElementIsReadOnceUnlessTheArrayKeepsIt() throws {
    let once = try array(2)
    try write(once, 0, [1, 2])
    #expect(try read(once, 0) == [1, 2])
    #expect(throws: GraftError.self) { try read(once, 0) }
    let kept = try array(2, clears: false)
    try write(kept, 0, [1, 2])
    #expect(try read(kept, 0) == [1, 2])
    #expect(try read(kept, 0) == [1, 2])
    #expect(throws: GraftError.self) { try write(kept, 0, [3, 4]) }
  }

  @Test func whatWasNotWrittenIsZerosWhereItsShapeIsKnown() throws {
    #expect(try read(array(1, shape: PartialShape([3])), 0) == [0, 0, 0])
    #expect(throws: GraftError.self) { try read(array(1, shape: PartialShape([nil])), 0) }
    let identical = try array(2, identical: true)
    try write(identical, 0, [1, 2])
    #expect(try gather(identical, [0, 1]).scalars(as: Float.self) == [1, 2, 0, 0])
  }

  @Test func onlyADynamicArrayGrows() throws {
    #expect(throws: GraftError.self) { try write(array(2), 5, [1]) }
    let growing = try array(2, dynamic: true)
    try write(growing, 5, [1])
    #expect(try run("TensorArraySizeV3", [growing, flow()], outputs: [.int32])[0].scalars() == [Int32(6)])
    #expect(throws: GraftError.self) { try write(growing, -1, [1]) }
    #expect(throws: GraftError.self) { try write(growing, .max, [1]) }
    #expect(throws: GraftError.self) { try array(-1) }
  }

  @Test func rowsAreScatteredAndGathered() throws {
    let array = try array(3)
    let rows = try Tensor(shape: [3, 2], scalars: (0..<6).map { Float($0) })
    _ = try run("TensorArrayScatterV3", [array, Tensor([Int32(2), 0, 1]), rows, flow()])
    let gathered = try gather(array, [0, 1, 2])
    #expect(gathered.shape == [3, 2])
    #expect(try gathered.scalars(as: Float.self) == [2, 3, 4, 5, 0, 1])
  }

  @Test func noElementsHaveAShapeOnlyIfTheOpSaysIt() throws {
    #expect(try gather(array(0), [], shape: PartialShape([2])).shape == [0, 2])
    #expect(throws: GraftError.self) { try gather(array(0, shape: PartialShape([2])), []) }
  }

  @Test func piecesAreSplitAndConcatenated() throws {
    let array = try array(2)
    let rows = try Tensor(shape: [3, 2], scalars: (0..<6).map { Float($0) })
    _ = try run("TensorArraySplitV3", [array, rows, Tensor([Int64(1), 2]), flow()])
    let joined = try run(
      "TensorArrayConcatV3", [array, flow()],
      ["dtype": .type(ElementType(.float32)), "element_shape_except0": unknown], outputs: [.float32, .int64])
    #expect(joined[0].shape == [3, 2])
    #expect(try joined[1].scalars() == [Int64(1), 2])
    for lengths in [[1, 1], [4, -1], [3], [1, 1, 1]] as [[Int64]] {
      let other = try self.array(2)
      #expect(throws: GraftError.self) {
        try run("TensorArraySplitV3", [other, rows, Tensor(lengths), flow()])
      }
    }
  }

  @Test func gradientsAddUp() throws {
    let forward = try array(2, dynamic: true)
    try write(forward, 0, [1, 2])
    let source: [String: AttributeValue] = ["source": .string("g")]
    let outputs: [DataType] = [.resource, .float32]
    let gradient = try run("TensorArrayGradV3", [forward, flow()], source, outputs: outputs)[0]
    try write(gradient, 0, [1, 2])
    try write(gradient, 0, [10, 20])
    let same = try run("TensorArrayGradV3", [forward, flow()], source, outputs: outputs)[0]
    #expect(try read(same, 0) == [11, 22])
    #expect(throws: GraftError.self) { try write(forward, 5, [1]) }
    #expect(throws: GraftError.self) {
      try run("TensorArrayGradV3", [gradient, flow()], source, outputs: outputs)
    }
    let wide = try run(
      "TensorArrayGradWithShape", [forward, flow(), Tensor([Int32(3)])], ["source": .string("w")],
      outputs: outputs)[0]
    #expect(try gather(wide, [0]).shape == [1, 3, 2])
  }

  @Test func aClosedArrayIsOfNoUse() throws {
    let array = try array(1)
    _ = try run("TensorArrayCloseV3", [array], outputs: [])
    #expect(throws: GraftError.self) { try read(array, 0) }
    #expect(throws: GraftError.self) { try read(Tensor(Float(1)), 0) }
  }

  @Test func stacksGiveBackTheLastFirst() throws {
    let stack = try run(
      "StackV2", [Tensor(Int32(2))],
      ["elem_type": .type(ElementType(.float32)), "stack_name": .string("")], outputs: [.resource])[0]
    let pop: [String: AttributeValue] = ["elem_type": .type(ElementType(.float32))]
    for value in [1, 2] as [Float] { _ = try run("StackPushV2", [stack, Tensor(value)]) }
    #expect(throws: GraftError.self) { try run("StackPushV2", [stack, Tensor(Float(3))]) }
    #expect(try run("StackPopV2", [stack], pop)[0].scalars() == [Float(2)])
    #expect(try run("StackPopV2", [stack], pop)[0].scalars() == [Float(1)])
    #expect(throws: GraftError.self) { try run("StackPopV2", [stack], pop) }
  }

  @Test func mapsAreValuesThatDoNotChange() throws {
    let empty = try run("EmptyTensorMap", [], outputs: [.variant])[0]
    let one = try run("TensorMapInsert", [empty, Tensor(Float(1)), Tensor([Float(5)])], outputs: [.variant])[
      0]
    let value: [String: AttributeValue] = ["value_dtype": .type(ElementType(.float32))]
    #expect(try run("TensorMapLookup", [one, Tensor(Float(1))], value)[0].scalars() == [Float(5)])
    #expect(throws: GraftError.self) { try run("TensorMapLookup", [empty, Tensor(Float(1))], value) }
    #expect(throws: GraftError.self) {
      try run("TensorMapErase", [one, Tensor(Float(2))], outputs: [.variant])
    }
    #expect(try run("TensorMapHasKey", [one, Tensor([Float(1)])], outputs: [.bool])[0].scalars() == [false])
    let sum = try KernelHarness.run(
      "AddN", in: MathOps.all, [one, one], types: ["T": .variant], outputs: [.variant])[0]
    #expect(try run("TensorMapLookup", [sum, Tensor(Float(1))], value)[0].scalars() == [Float(10)])
  }

  @Test func optionalsHoldTensorsOrNone() throws {
    let some = try run("OptionalFromValue", [Tensor(Float(5)), Tensor(Int32(2))], outputs: [.variant])[0]
    let none = try run("OptionalNone", [], outputs: [.variant])[0]
    let attributes: [String: AttributeValue] = [
      "output_types": .types([ElementType(.float32), ElementType(.int32)]),
      "output_shapes": .shapes([.scalar, .unknown]),
    ]
    let types: [DataType] = [.float32, .int32]
    #expect(try run("OptionalGetValue", [some], attributes, outputs: types)[1].scalars() == [Int32(2)])
    #expect(throws: GraftError.self) { try run("OptionalGetValue", [none], attributes, outputs: types) }
    #expect(try run("OptionalHasValue", [none], outputs: [.bool])[0].scalars() == [false])
    let zeros = try KernelHarness.run(
      "ZerosLike", in: MathOps.all, [some], types: ["T": .variant], outputs: [.variant])[0]
    #expect(try run("OptionalGetValue", [zeros], attributes, outputs: types)[0].scalars() == [Float(0)])
    #expect(throws: GraftError.self) {
      try KernelHarness.run(
        "AddN", in: MathOps.all, [some, none], types: ["T": .variant], outputs: [.variant])
    }
  }

  @Test func partsOfACompositeTensorComeBackFromAVariantOfTheirKind() throws {
    // CompositeTensorVariantMetadata { type_spec_proto { type_spec_class: ... } }
    func metadata(_ kind: UInt8) -> [String: AttributeValue] {
      ["metadata": .string(Bytes([0x0A, 2, 0x08, kind]))]
    }
    func composite(
      _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue], outputs: [DataType]
    ) throws -> [Tensor] {
      try KernelHarness.run(op, in: ControlFlowOps.all, inputs, attributes: attributes, outputs: outputs)
    }
    let parts = [try Tensor([Float(1), 2]), try Tensor([Int64(0), 2])]
    let variant = try composite(
      "CompositeTensorVariantFromComponents", parts, metadata(3), outputs: [.variant])[0]
    func back(_ kind: UInt8, _ types: [DataType]) throws -> [Tensor] {
      let attributes = metadata(kind).merging(["Tcomponents": .types(types.map { ElementType($0) })]) { $1 }
      return try composite("CompositeTensorVariantToComponents", [variant], attributes, outputs: types)
    }
    let found = try back(3, [.float32, .int64])
    #expect(try found[0].scalars(as: Float.self) == [1, 2])
    #expect(try found[1].scalars(as: Int64.self) == [0, 2])
    // As a sparse tensor, with other parts, and out of what is no such variant.
    #expect(code { _ = try back(1, [.float32, .int64]) } == .invalidArgument)
    #expect(code { _ = try back(3, [.float32]) } == .invalidArgument)
    let attributes = metadata(3).merging(["Tcomponents": .types([])]) { $1 }
    #expect(
      code { _ = try composite("CompositeTensorVariantToComponents", [flow()], attributes, outputs: []) }
        == .invalidArgument)
    #expect(
      code {
        _ = try composite(
          "CompositeTensorVariantFromComponents", parts, ["metadata": .string(Bytes([0x0A, 200]))],
          outputs: [.variant])
      } == .invalidArgument)
  }
}
