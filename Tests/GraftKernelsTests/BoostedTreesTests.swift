import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Boosted trees. TensorFlow has no kernels of them any more: what is expected follows from the messages.
@Suite struct BoostedTreesTests {
  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], outputs: [DataType] = []
  ) throws -> [Tensor] {
    try KernelHarness.run(op, in: BoostedTreesOps.all, inputs, attributes: attributes, outputs: outputs)
  }

  private func handle() throws -> Tensor {
    try run(
      "BoostedTreesEnsembleResourceHandleOp", [], ["container": .string(""), "shared_name": .string("t")],
      outputs: [.resource])[0]
  }

  private func block(_ field: UInt8, _ content: [UInt8]) -> [UInt8] {
    [field << 3 | 2, UInt8(content.count)] + content
  }

  private func number(_ field: UInt8, _ value: Float) -> [UInt8] {
    [field << 3 | 5] + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  private func leaf(_ value: Float) -> [UInt8] { block(1, block(1, number(3, value))) }

  /// A node that asks whether a feature's bucket is no more than a threshold, or is a value.
  private func split(_ kind: UInt8, feature: UInt8, _ value: UInt8, _ left: UInt8, _ right: UInt8) -> [UInt8]
  {
    block(1, block(kind, [8, feature, 16, value, 24, left, 32, right]))
  }

  /// Two trees: of two splits, and of one leaf that counts half.
  private func ensemble(left: UInt8 = 1) -> [UInt8] {
    let first =
      split(2, feature: 0, 3, left, 2) + leaf(1) + split(3, feature: 1, 7, 3, 4) + leaf(10) + leaf(100)
    return block(1, first) + block(1, leaf(4)) + number(2, 1) + number(2, 0.5)
      + block(4, [16, 2, 24, 3, 32, 5])
  }

  private func predict(_ trees: Tensor, _ features: [[Int32]], dimension: Int64 = 1) throws -> [Float] {
    try run(
      "BoostedTreesPredict", [trees] + features.map { try Tensor($0) },
      ["num_bucketized_features": .int(Int64(features.count)), "logits_dimension": .int(dimension)],
      outputs: [.float32])[0].scalars()
  }

  private func fill(_ trees: Tensor, _ bytes: [UInt8], _ op: String = "BoostedTreesDeserializeEnsemble")
    throws
  {
    _ = try run(op, [trees, Tensor(Int64(6)), Tensor(Bytes(bytes))])
  }

  @Test func leavesAreAddedUp() throws {
    let trees = try handle()
    #expect(code { _ = try predict(trees, [[1]]) } == .failedPrecondition)
    try fill(trees, ensemble(), "BoostedTreesCreateEnsemble")
    #expect(try predict(trees, [[3, 4, 9], [0, 7, 8]]) == [3, 12, 102])
    #expect(try predict(trees, [[3], [0]], dimension: 2) == [3, 0])
    let states = try run(
      "BoostedTreesGetEnsembleStates", [trees], outputs: [.int64, .int32, .int32, .int32, .int32])
    #expect(try states[0].scalars(as: Int64.self) == [6])
    #expect(try states[1].scalars(as: Int32.self) == [2] && states[3].scalars(as: Int32.self) == [2])
    #expect(try states[4].scalars(as: Int32.self) == [3, 5])
    let saved = try run("BoostedTreesSerializeEnsemble", [trees], outputs: [.int64, .string])
    #expect(try saved[1].scalars(as: Bytes.self) == [Bytes(ensemble())])
    // A feature that is not there, and batches that differ.
    #expect(code { _ = try predict(trees, [[4]]) } == .invalidArgument)
    #expect(code { _ = try predict(trees, [[4], [1, 2]]) } == .invalidArgument)
  }

  @Test func noMessageMakesAWalkWithoutEnd() throws {
    let trees = try handle()
    for left in [0, 9] as [UInt8] {
      #expect(code { try fill(trees, ensemble(left: left)) } == .invalidArgument)
    }
    let whole = ensemble()
    for place in whole.indices {
      for bit in 0..<8 as Range<UInt8> {
        var damaged = whole
        damaged[place] ^= 1 << bit
        try? fill(trees, damaged)
        _ = try? predict(trees, [[3, 4], [0, 7]])
      }
      try? fill(trees, Array(whole[..<place]))
    }
  }
}
