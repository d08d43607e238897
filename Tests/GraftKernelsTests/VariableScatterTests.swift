import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Ops on parts of variables")
struct VariableScatterTests {
  private func variable<T: TensorScalar>(_ shape: [Int], _ values: [T]) throws -> Variable {
    let variable = Variable(name: "v", dtype: T.dataType, shape: .unknown)
    try variable.assign(try Tensor(shape: shape, scalars: values))
    return variable
  }

  private func run(
    _ op: String, _ variable: Variable, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
    outputs: [DataType] = []
  ) throws -> [Tensor] {
    var all = attributes
    let type = AttributeValue.type(ElementType(variable.dtype))
    (all["T"], all["dtype"]) = (type, type)
    return try KernelHarness.run(
      op, in: StateOps.all, [try Tensor(handle: variable)] + inputs, attributes: all, outputs: outputs)
  }

  @Test(
    "Rows change by the updates",
    arguments: [
      ("Update", [1, 2, 7, 3]), ("Add", [1, 2, 13, 4]), ("Sub", [1, 2, -7, 4]), ("Mul", [1, 2, 63, 4]),
      ("Div", [1, 2, 0, 4]), ("Min", [1, 2, 3, 4]), ("Max", [1, 2, 7, 4]),
    ])
  func rows(_ name: String, _ expected: [Int32]) throws {
    let values = try variable([4], [1, 2, 3, 4] as [Int32])
    let updates: [Int32] = name == "Update" ? [1, 3, 7] : [3, 7]
    let indices: [Int32] = name == "Update" ? [2, 3, 2] : [2, 2]
    _ = try run("ResourceScatter" + name, values, [try Tensor(indices), try Tensor(updates)])
    #expect(try values.read().scalars() == expected)
  }

  @Test("A scalar serves for all rows, and a reference is passed on")
  func scalars() throws {
    let values = try variable([2, 2], [4, 5, 6, 7] as [Int32])
    let reference = try run(
      "ScatterAdd", values, [try Tensor([0, 1] as [Int64]), try Tensor(Int32(9))], outputs: [.resource])[0]
    #expect(try values.read().scalars() == [13, 14, 15, 16] as [Int32])
    #expect(reference.handled(as: Variable.self) === values)
  }

  @Test("What is wrong leaves the variable as it was")
  func errors() throws {
    let values = try variable([3], [1, 2, 3] as [Int32])
    func message(_ op: String, _ inputs: [Tensor]) -> String {
      do {
        _ = try run(op, values, inputs)
        return "no error"
      } catch { return (error as? GraftError)?.message ?? "\(error)" }
    }
    let updates = try Tensor([7, 8] as [Int32])
    #expect(
      message("ResourceScatterUpdate", [try Tensor([0, 3] as [Int32]), updates])
        == "indices[1] = 3 is not in [0, 3).")
    #expect(
      message("ResourceScatterAdd", [try Tensor([0] as [Int32]), updates]).contains("want [1] or a scalar"))
    #expect(
      message("ResourceScatterDiv", [try Tensor([0, 1] as [Int32]), try Tensor([1, 0] as [Int32])])
        .contains("contain 0"))
    #expect(
      message(
        "ResourceScatterNdUpdate", [try Tensor(shape: [2, 1], scalars: [0, 5] as [Int32]), updates])
        == "indices[1] = [5] does not index into shape [3].")
    #expect(
      message("ResourceScatterUpdate", [try Tensor([0] as [Int32]), try Tensor([1] as [Float])])
        .contains("int32"))
    #expect(try values.read().scalars() == [1, 2, 3] as [Int32])
    let scalar = try variable([], [4] as [Int32])
    #expect(throws: GraftError.self) {
      try run("ResourceScatterAdd", scalar, [Tensor([0] as [Int32]), Tensor([1] as [Int32])])
    }
    let empty = Variable(name: "empty", dtype: .int32, shape: .unknown)
    #expect(throws: GraftError.self) {
      try run("ResourceScatterAdd", empty, [Tensor([0] as [Int32]), Tensor([1] as [Int32])])
    }
  }

  @Test("Slices change by their first indices; bools differ")
  func slices() throws {
    let values = try variable([2, 2], [1, 2, 3, 4] as [Float])
    let place = try Tensor(shape: [1, 2], scalars: [1, 0] as [Int32])
    _ = try run("ResourceScatterNdMax", values, [place, try Tensor([10] as [Float])])
    _ = try run("ResourceScatterNdSub", values, [place, try Tensor([1] as [Float])])
    #expect(try values.read().scalars() == [1, 2, 9, 4] as [Float])
    let bools = try variable([4], [true, false, true, false])
    let all = try Tensor(shape: [4, 1], scalars: [0, 1, 2, 3] as [Int32])
    _ = try run("ResourceScatterNdSub", bools, [all, try Tensor([true, true, false, false])])
    #expect(try bools.read().scalars() == [false, true, true, false])
  }

  @Test("Gathering from a variable, along a dimension behind batches, and by slices")
  func gathers() throws {
    let values = try variable([2, 3, 1], [0, 1, 2, 3, 4, 5] as [Int32])
    let picks = try Tensor(shape: [2, 2], scalars: [1, 0, 2, 1] as [Int32])
    let batched = try run("ResourceGather", values, [picks], ["batch_dims": .int(1)], outputs: [.int32])[0]
    #expect(batched.shape == [2, 2, 1])
    #expect(try batched.scalars() == [1, 0, 5, 4] as [Int32])
    let slices = try run("ResourceGatherNd", values, [picks.rows()[0]], outputs: [.int32])[0]
    #expect(try slices.scalars() == [3] as [Int32])
    #expect(throws: GraftError.self) {
      try run("ResourceGather", values, [picks], ["batch_dims": .int(-1)], outputs: [.int32])
    }
  }

  @Test("Assigning to a slice broadcasts the value")
  func assigns() throws {
    let masks = ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"]
    let attributes = Dictionary(uniqueKeysWithValues: masks.map { ($0, AttributeValue.int(0)) })
    let values = try variable([3, 2], [0, 0, 0, 0, 0, 0] as [Int32])
    func vector(_ values: Int32...) throws -> Tensor { try Tensor(values) }
    let slice = [try vector(1, 0), try vector(3, 2), try vector(1, 1)]
    _ = try run("ResourceStridedSliceAssign", values, slice + [try vector(7, 8)], attributes)
    #expect(try values.read().scalars() == [0, 0, 7, 8, 7, 8] as [Int32])
    #expect(throws: GraftError.self) {
      try run("ResourceStridedSliceAssign", values, slice + [vector(1, 2, 3)], attributes)
    }
  }

  @Test("Counting ends at the limit")
  func counts() throws {
    let values = try variable([], [3] as [Int64])
    let attributes: [String: AttributeValue] = ["limit": .int(4)]
    let count = try run("ResourceCountUpTo", values, [], attributes, outputs: [.int64])[0]
    #expect(try count.scalars() == [3] as [Int64])
    #expect(throws: GraftError.self) {
      try run("ResourceCountUpTo", values, [], attributes, outputs: [.int64])
    }
    #expect(try values.read().scalars() == [4] as [Int64])
  }
}
