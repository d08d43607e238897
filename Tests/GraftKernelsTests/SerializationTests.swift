import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

struct SerializationTests {
  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], _ outputs: [DataType]
  ) throws -> [Tensor] {
    try KernelHarness.run(
      op, in: ParsingOps.all, inputs, attributes: attributes, outputs: outputs)
  }

  @Test func tensorsBecomeTheBytesThatTensorFlowWrites() throws {
    // tf.io.serialize_tensor(tf.zeros([0, 3])), and of "hello".
    let empty = try run("SerializeTensor", [try Tensor(shape: [0, 3], scalars: [Float]())], [:], [.string])
    #expect(try empty[0].scalars() == [Bytes([8, 1, 0x12, 6, 0x12, 0, 0x12, 2, 8, 3])])
    let text = try run("SerializeTensor", [try Tensor(Bytes("hello"))], [:], [.string])
    #expect(try text[0].scalars() == [Bytes([8, 7, 0x12, 0, 0x42, 5] + Array("hello".utf8))])
  }

  @Test func tensorsComeBackFromTheirBytes() throws {
    for tensor in [
      try Tensor(shape: [2, 2], scalars: [1, -2, 3, 4] as [Int16]), try Tensor([true, false]),
      try Tensor(shape: [1, 2], strings: ["a", ""]), try Tensor(Double(0.5)),
    ] {
      let bytes = try run("SerializeTensor", [tensor], [:], [.string])
      let type = AttributeValue.type(ElementType(tensor.dtype))
      let back = try run("ParseTensor", bytes, ["out_type": type], [tensor.dtype])[0]
      #expect(back.shape == tensor.shape)
      #expect(try run("SerializeTensor", [back], [:], [.string])[0].strings() == bytes[0].strings())
      let error = #expect(throws: GraftError.self) {
        try run("ParseTensor", bytes, ["out_type": .type(ElementType(.uint64))], [.uint64])
      }
      #expect(error?.code == .invalidArgument)
    }
    #expect(throws: GraftError.self) {
      try run(
        "ParseTensor", [try Tensor(Bytes("garbage"))], ["out_type": .type(ElementType(.int32))], [.int32])
    }
  }

  @Test(arguments: [DataType.string, .variant])
  func rowsOfASparseTensorComeBack(type: DataType) throws {
    let indices = try Tensor(shape: [2, 2], scalars: [0, 0, 1, 2] as [Int64])
    let sparse = [indices, try Tensor([Float(1), 2]), try Tensor([Int64(2), 3])]
    let many = try run("SerializeManySparse", sparse, [:], [type])
    #expect(many[0].shape == [2, 3])
    let back = try run(
      "DeserializeSparse", many, ["dtype": .type(ElementType(.float32))], [.int64, .float32, .int64])
    #expect(try back[0].scalars() == [0, 0, 1, 2] as [Int64])
    #expect(try back[1].scalars() == [1, 2] as [Float])
    #expect(try back[2].scalars() == [2, 3] as [Int64])
    #expect(throws: GraftError.self) {
      try run("DeserializeSparse", many, ["dtype": .type(ElementType(.int32))], [.int64, .int32, .int64])
    }
    let unordered = try Tensor(shape: [2, 2], scalars: [1, 2, 0, 0] as [Int64])
    #expect(throws: GraftError.self) {
      try run("SerializeManySparse", [unordered] + sparse[1...], [:], [type])
    }
  }

  @Test func jsonBecomesTheBytesThatTensorFlowWrites() throws {
    func decode(_ text: String) throws -> [UInt8] {
      let result: [Bytes] = try run("DecodeJSONExample", [try Tensor(Bytes(text))], [:], [.string])[0]
        .scalars()
      return result[0].bytes
    }
    #expect(try decode("{}") == [])
    #expect(try decode("{'features':null,}") == [])
    let expected: [UInt8] = [10, 14, 10, 12, 10, 1, 97, 18, 7, 18, 5, 13, 0, 0, 128, 63]
    #expect(try decode(#"{"features":{"feature":{"a":{"floatList":{"value":["1"]}}}}}"#) == expected)
    #expect(try decode("{features:{feature:{a:{float_list:{value:1}}}}}") == expected)
    #expect(
      try decode(#"{"features":{"feature":{"\u00e9":{"int64List":{"value":[1e3]}}}}}"#)
        == [10, 13, 10, 11, 10, 2, 0xC3, 0xA9, 18, 5, 26, 3, 8, 0xE8, 7])
    for text in [
      "", "[]", "{", "{\"x\":1}", "{\"features\":true}", "{} x",
      #"{"features":{"feature":{"a":{"int64List":{"value":[1.5]}}}}}"#,
      #"{"features":{"feature":{"a":{"bytesList":{"value":["!!!"]}}}}}"#,
      #"{"features":{"feature":{"a":{},"a":{}}}}"#,
    ] {
      let error = #expect(throws: GraftError.self) { try decode(text) }
      #expect(error?.code == .invalidArgument, "\(text)")
    }
  }

  @Test func compressedStringsAreInflated() throws {
    // zlib.compress(b"hello" * 2)
    let zlib: [UInt8] = [
      0x78, 0x9C, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0xCF, 0x00, 0x11, 0x00, 0x16, 0xBC, 0x04, 0x29,
    ]
    func decode(_ bytes: [UInt8], _ type: String) throws -> [String] {
      try run(
        "DecodeCompressed", [try Tensor(Bytes(bytes))], ["compression_type": .string(Bytes(type))], [.string]
      )[0].strings()
    }
    #expect(try decode(Array("abc".utf8), "") == ["abc"])
    #expect(try decode([], "ZLIB") == [""])
    #expect(try decode(zlib, "ZLIB") == ["hellohello"])
    #expect(try decode(Array(zlib.dropLast(4)), "ZLIB") == ["hellohello"])
    #expect(#expect(throws: GraftError.self) { try decode(Array("abc".utf8), "GZIP") }?.code == .dataLoss)
    #expect(
      #expect(throws: GraftError.self) { try decode(zlib, "SNAPPY") }?.code == .invalidArgument)
  }
}
