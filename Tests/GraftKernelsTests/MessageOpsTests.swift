import Foundation
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Fields of protocol-buffer messages; what is expected is what `tf.raw_ops` gives.
struct MessageOpsTests {
  /// A FileDescriptorSet of `message p.M { optional int32 id = 1 [default = -7]; repeated float values = 2
  /// [packed = true]; repeated string names = 3; optional M inner = 4; optional sint64 delta = 5; required bool
  /// needed = 6; optional E kind = 7; enum E { B = 5; A = 0; } }`.
  private static let descriptors =
    "CqoBCgdhLnByb3RvEgFwIpMBCgFNEg4KAmlkGAEgASgFOgItNxISCgZ2YWx1ZXMYAiADKAJCAhABEg0KBW5hbWVzGAMgAygJEhMKBWlubmVy"
    + "GAQgASgLMgQucC5NEg0KBWRlbHRhGAUgASgSEg4KBm5lZWRlZBgGIAIoCBIUCgRraW5kGAcgASgOMgYucC5NLkUiEQoBRRIFCgFCEAUSBQoB"
    + "QRAAYgZwcm90bzI="

  private func source() throws -> AttributeValue {
    .string(Bytes(Array("bytes://".utf8) + Array(try #require(Data(base64Encoded: Self.descriptors)))))
  }

  private func decode(
    _ messages: [[UInt8]], _ fields: [(String, DataType)], format: String = "binary", sanitize: Bool = false,
    type: String = "p.M", source: AttributeValue? = nil
  ) throws -> [Tensor] {
    try KernelHarness.run(
      "DecodeProtoV2", in: ParsingOps.all, [try Tensor(messages.map { Bytes($0) })],
      attributes: [
        "message_type": .string(Bytes(type)), "field_names": .strings(fields.map { Bytes($0.0) }),
        "output_types": .types(fields.map { ElementType($0.1) }),
        "descriptor_source": try source ?? self.source(), "message_format": .string(Bytes(format)),
        "sanitize": .bool(sanitize),
      ], outputs: [.int32] + fields.map(\.1))
  }

  private func encode(_ sizes: [Int32], _ values: [Tensor], _ fields: [String]) throws -> [UInt8] {
    let result = try KernelHarness.run(
      "EncodeProto", in: ParsingOps.all, [try Tensor(shape: [1, sizes.count], scalars: sizes)] + values,
      attributes: [
        "message_type": .string("p.M"), "field_names": .strings(fields.map { Bytes($0) }),
        "descriptor_source": try source(),
      ], outputs: [.string])
    return try #require(try result[0].scalars(as: Bytes.self).first).bytes
  }

  // id: 3, values: [1, 2] packed, names: "a", "b", delta: -2
  private static let full: [UInt8] = [
    8, 3, 18, 8, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 26, 1, 97, 26, 1, 98, 40, 3,
  ]

  @Test func fieldsHaveTheirValuesAndDefaults() throws {
    let result = try decode(
      [Self.full, [34, 2, 8, 1]],
      [
        ("id", .int64), ("values", .float64), ("names", .string), ("inner", .string), ("delta", .int64),
        ("kind", .int32),
      ])
    #expect(result[0].shape == [2, 6])
    #expect(try result[0].scalars() == [1, 2, 2, 0, 1, 0, 0, 0, 0, 1, 0, 0] as [Int32])
    #expect(try result[1].scalars() == [3, -7] as [Int64])
    #expect(try result[2].scalars() == [1, 2, 0, 0] as [Double])
    #expect(try result[3].strings() == ["a", "b", "", ""])
    #expect(try result[4].scalars(as: Bytes.self) == [Bytes([]), Bytes([8, 1])])
    #expect(try result[5].scalars() == [-2, 0] as [Int64])
    #expect(try result[6].scalars() == [5, 5] as [Int32])
  }

  @Test func encodingsThatDifferAreRead() throws {
    // Unpacked where the field says packed, the last of two values, another wire type, an unknown field.
    let result = try decode(
      [[21, 0, 0, 0x80, 0x3F, 8, 1, 8, 2, 45, 1, 0, 0, 0, 0x98, 6, 1]],
      [("values", .float32), ("id", .int32), ("delta", .int64)])
    #expect(try result[0].scalars() == [1, 1, 0] as [Int32])
    #expect(try result[1].scalars() == [1] as [Float])
    #expect(try result[2].scalars() == [2] as [Int32])
  }

  @Test func damageIsAnError() {
    let id: [(String, DataType)] = [("id", .int32)]
    for bytes: [UInt8] in [
      [8], [18, 9, 0], [26, 200, 1], [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    ] {
      #expect(code { _ = try decode([bytes], id) } == .dataLoss, "\(bytes)")
    }
    #expect(code { _ = try decode([], id) } == .invalidArgument)
    #expect(code { _ = try decode([[]], [("nope", .int32)]) } == .invalidArgument)
    #expect(code { _ = try decode([[]], [("id", .string)]) } == .invalidArgument)
    #expect(code { _ = try decode([[]], id, type: "p.Q") } == .invalidArgument)
    #expect(code { _ = try decode([[]], id, format: "json") } == .invalidArgument)
    #expect(code { _ = try decode([[]], id, source: .string("bytes://zzz")) } == .invalidArgument)
    #expect(code { _ = try decode([[]], id, source: .string("/etc/passwd")) } == .permissionDenied)
    // What is required is missing.
    #expect(code { _ = try decode([[]], id, sanitize: true) } == .dataLoss)
    #expect(code { _ = try decode([Array("id: 5".utf8)], id, format: "text") } == .dataLoss)
    #expect(code { _ = try decode([Array("idd: 5 needed: true".utf8)], id, format: "text") } == .dataLoss)
  }

  @Test func textIsReadByTheDescriptors() throws {
    let text = Array("id: -5 values: [1, 2.5] inner { id: 3 needed: true } kind: A needed: true".utf8)
    let result = try decode(
      [text], [("id", .int32), ("values", .float32), ("inner", .string), ("kind", .int32)], format: "text")
    #expect(try result[1].scalars() == [-5] as [Int32])
    #expect(try result[2].scalars() == [1, 2.5] as [Float])
    #expect(try result[3].scalars(as: Bytes.self) == [Bytes([8, 3, 48, 1])])
    #expect(try result[4].scalars() == [0] as [Int32])
  }

  @Test func tensorFlowsOwnMessagesNeedNoDescriptors() throws {
    let result = try decode(
      [[10, 2, 1, 2]], [("value", .int64)], type: "tensorflow.Int64List", source: .string("local://"))
    #expect(try result[1].scalars() == [1, 2] as [Int64])
    #expect(
      code { _ = try decode([[]], [("x", .int64)], type: "my.Own", source: .string("local://")) }
        == .invalidArgument)
  }

  @Test func messagesAreWrittenInTheOrderOfTheirFields() throws {
    let names = try Tensor(shape: [1, 2], strings: ["a", "b"])
    let values = try Tensor(shape: [1, 2], scalars: [1, 2] as [Float])
    let (id, delta) = (
      try Tensor(shape: [1, 1], scalars: [3] as [Int64]), try Tensor(shape: [1, 1], scalars: [-2] as [Int64])
    )
    #expect(
      try encode([1, 2, 2, 1], [delta, names, values, id], ["delta", "names", "values", "id"]) == Self.full)
    #expect(try encode([0, 1], [id, names], ["id", "names"]) == [26, 1, 97])
    #expect(code { _ = try encode([3], [names], ["names"]) } == .invalidArgument)
    #expect(code { _ = try encode([1], [values], ["names"]) } == .invalidArgument)
    #expect(code { _ = try encode([1, 1], [names], ["names"]) } == .invalidArgument)
    #expect(code { _ = try encode([1], [try Tensor([1] as [Float])], ["values"]) } == .invalidArgument)
  }
}
