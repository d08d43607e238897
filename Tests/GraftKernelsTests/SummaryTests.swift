import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Summaries, byte for byte those of `tf.raw_ops`.
struct SummaryTests {
  private func summary(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:]
  ) throws -> String {
    let outputs = try KernelHarness.run(
      op, in: SummaryOps.all, inputs, attributes: attributes, outputs: [.string])
    let bytes = try #require(try outputs[0].scalars(as: Bytes.self).first)
    return bytes.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test func scalars() throws {
    let tags = try Tensor(shape: [2], strings: ["a", "b"])
    #expect(
      try summary("ScalarSummary", [tags, try Tensor([1, 2] as [Float])])
        == "0a080a0161150000803f0a080a01621500000040")
    #expect(try summary("ScalarSummary", [try Tensor(Bytes("")), try Tensor(Float(0))]) == "0a051500000000")
    #expect(throws: GraftError.self) {
      try summary("ScalarSummary", [try Tensor(Bytes("a")), try Tensor([1] as [Float])])
    }
  }

  @Test func histograms() throws {
    let tag = try Tensor(Bytes("h"))
    #expect(
      try summary("HistogramSummary", [tag, try Tensor([0, 0] as [Float])])
        == "0a420a01682a3d1900000000000000403218000000000000000011ea2d819997713dffffffffffffef7f3a18000000000000"
        + "000000000000000000400000000000000000")
    #expect(
      try summary("HistogramSummary", [tag, try Tensor(Int32(5))])
        == "0a660a01682a6109000000000000144011000000000000144019000000000000f03f210000000000001440290000000000003940"
        + "321821d10e9a768b1240d8b276a935661440ffffffffffffef7f3a180000000000000000000000000000f03f0000000000000000"
    )
    #expect(
      try summary("HistogramSummary", [tag, try Tensor([] as [Float])])
        == "0a2b0a01682a2609ffffffffffffef7f11ffffffffffffefff3208ffffffffffffef7f3a080000000000000000")
    #expect(throws: GraftError.self) { try summary("HistogramSummary", [tag, try Tensor(Float.nan)]) }
  }

  @Test func mergesDifferentTags() throws {
    let a = try Tensor(Bytes([0x0A, 8, 0x0A, 1, 0x61, 0x15, 0, 0, 0x80, 0x3F]))
    let b = try Tensor(Bytes([0x0A, 8, 0x0A, 1, 0x62, 0x15, 0, 0, 0, 0x40]))
    #expect(try summary("MergeSummary", [a, b]) == "0a080a0161150000803f0a080a01621500000040")
    #expect(throws: GraftError.self) { try summary("MergeSummary", [a, a]) }
  }

  @Test func tensors() throws {
    let (tag, nothing) = (try Tensor(Bytes("t")), try Tensor(Bytes("")))
    #expect(
      try summary("TensorSummaryV2", [tag, try Tensor([1, 2] as [Float]), nothing])
        == "0a190a01744212080112041202080222080000803f000000404a00")
    #expect(
      try summary("TensorSummaryV2", [tag, try Tensor(shape: [2], strings: ["a", "b"]), nothing])
        == "0a150a0174420e08071204120208024201614201624a00")
  }

  @Test func sounds() throws {
    let sound = try Tensor(shape: [1, 2, 2], scalars: [0.5, -1, 1, 0] as [Float])
    #expect(
      try summary(
        "AudioSummaryV2", [try Tensor(Bytes("a")), sound, try Tensor(Float(8000))], ["max_outputs": .int(3)])
        == "0a570a09612f617564696f2f30324a0d0000fa45100218022234524946462c00000057415645666d74201000000001000200"
        + "401f0000007d000004001000646174610800000000400080ff7f00002a09617564696f2f776176")
  }
}
