import Foundation
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf
import Testing

/// Tensors from their messages, in all the forms that TensorFlow writes.
@Suite struct ConstantTests {
  /// The tensor of a constant.
  private func decode(_ proto: Tensorflow_TensorProto) throws -> Tensor {
    let value = Tensorflow_AttrValue.with { $0.tensor = proto }
    let graph = try imported([node("Const", "c", [], ["dtype": type(proto.dtype), "value": value])])
    guard case .tensor(let encoded)? = graph.snapshot.nodes[0].attribute("value") else {
      throw NothingThrown()
    }
    return try encoded.tensor()
  }

  private func proto(
    _ dtype: Tensorflow_DataType, _ sizes: [Int64], _ fill: (inout Tensorflow_TensorProto) -> Void
  ) -> Tensorflow_TensorProto {
    .with {
      $0.dtype = dtype
      $0.tensorShape.dim = sizes.map { size in .with { $0.size = size } }
      fill(&$0)
    }
  }

  @Test func contentIsReadAtAnyAlignment() throws {
    let bytes = withUnsafeBytes(of: (Float(1), Float(-2), Float(3.5))) { Data($0) }
    for padding in 0..<5 {
      let value = Tensorflow_AttrValue.with { $0.tensor = proto(.dtFloat, [3]) { $0.tensorContent = bytes } }
      let name = "c" + String(repeating: "c", count: padding)
      let graph = try imported([node("Const", name, [], ["dtype": type(.dtFloat), "value": value])])
      guard case .tensor(let encoded)? = graph.snapshot.nodes[0].attribute("value") else {
        throw NothingThrown()
      }
      #expect(try encoded.tensor().scalars(as: Float.self) == [1, -2, 3.5])
    }
  }

  @Test func copiesAreSharedWhileTheyAreHeld() throws {
    let value = Tensorflow_AttrValue.with { $0.tensor = proto(.dtFloat, [1024]) { $0.floatVal = [2] } }
    let graph = try imported([node("Const", "c", [], ["dtype": type(.dtFloat), "value": value])])
    guard case .tensor(let encoded)? = graph.snapshot.nodes[0].attribute("value") else {
      throw NothingThrown()
    }
    let (first, second) = (try encoded.tensor(), try encoded.tensor())
    #expect(first.withUnsafeBytes { $0.baseAddress } == second.withUnsafeBytes { $0.baseAddress })
  }

  @Test func alignedContentIsAViewOfTheFile() throws {
    let bytes = withUnsafeBytes(of: (Float(1), Float(-2), Float(3.5))) { Data($0) }
    let value = Tensorflow_AttrValue.with { $0.tensor = proto(.dtFloat, [3]) { $0.tensorContent = bytes } }
    var views = 0
    for padding in 0..<4 {
      let name = "c" + String(repeating: "c", count: padding)
      let graph = try imported([node("Const", name, [], ["dtype": type(.dtFloat), "value": value])])
      guard case .tensor(let encoded)? = graph.snapshot.nodes[0].attribute("value") else {
        throw NothingThrown()
      }
      let (first, second) = (try encoded.tensor(), try encoded.tensor())
      if first.withUnsafeBytes({ $0.baseAddress }) == second.withUnsafeBytes({ $0.baseAddress }) {
        views += 1
      }
    }
    // One of four places in a row is aligned, and small copies are not shared.
    #expect(views == 1)
  }

  @Test func lastValueRepeats() throws {
    #expect(
      try decode(proto(.dtFloat, [4]) { $0.floatVal = [1, 2] }).scalars(as: Float.self) == [1, 2, 2, 2])
    #expect(
      try decode(proto(.dtInt32, [2, 2]) { $0.intVal = [-7] }).scalars(as: Int32.self) == [-7, -7, -7, -7])
    #expect(
      try decode(proto(.dtComplex64, [3]) { $0.scomplexVal = [1, 2, 3, 4] }).scalars(as: Complex64.self)
        == [Complex64(1, 2), Complex64(3, 4), Complex64(3, 4)])
    #expect(
      try decode(proto(.dtString, [3]) { $0.stringVal = [Data("ab".utf8)] }).strings() == ["ab", "ab", "ab"])
  }

  @Test func noValueIsZero() throws {
    #expect(try decode(proto(.dtDouble, [2]) { _ in }).scalars(as: Double.self) == [0, 0])
    #expect(try decode(proto(.dtString, [2]) { _ in }).strings() == ["", ""])
    #expect(try decode(proto(.dtFloat, [0, 3]) { _ in }).elementCount == 0)
  }

  @Test func valuesBeyondTheShapeAreLeftOut() throws {
    #expect(try decode(proto(.dtInt64, [2]) { $0.int64Val = [5, 6, 7] }).scalars(as: Int64.self) == [5, 6])
  }

  @Test func integersOfAllWidths() throws {
    #expect(
      try decode(proto(.dtInt8, [2]) { $0.intVal = [-128, 127] }).scalars(as: Int8.self) == [-128, 127])
    #expect(try decode(proto(.dtUint8, [1]) { $0.intVal = [255] }).scalars(as: UInt8.self) == [255])
    #expect(try decode(proto(.dtInt16, [1]) { $0.intVal = [-300] }).scalars(as: Int16.self) == [-300])
    #expect(try decode(proto(.dtUint16, [1]) { $0.intVal = [65535] }).scalars(as: UInt16.self) == [65535])
    #expect(
      try decode(proto(.dtUint32, [1]) { $0.uint32Val = [4_000_000_000] }).scalars(as: UInt32.self) == [
        4_000_000_000
      ])
    #expect(try decode(proto(.dtUint64, [1]) { $0.uint64Val = [.max] }).scalars(as: UInt64.self) == [.max])
    #expect(
      try decode(proto(.dtBool, [3]) { $0.boolVal = [true, false] }).scalars(as: Bool.self) == [
        true, false, false,
      ])
    #expect(try decode(proto(.dtQint8, [1]) { $0.intVal = [-3] }).scalars(as: Int8.self) == [-3])
    #expect(try decode(proto(.dtQuint16, [1]) { $0.intVal = [40000] }).scalars(as: UInt16.self) == [40000])
    #expect(try decode(proto(.dtQint32, [1]) { $0.intVal = [-9] }).scalars(as: Int32.self) == [-9])
    #expect(try decode(proto(.dtInt4, [2]) { $0.intVal = [-8, 7] }).scalars(as: Int8.self) == [-8, 7])
  }

  @Test func floatsOfAllWidths() throws {
    #expect(
      try decode(proto(.dtHalf, [2]) { $0.halfVal = [0x3C00] }).withUnsafeBytes { Array($0) } == [
        0, 0x3C, 0, 0x3C,
      ])
    #expect(
      try decode(proto(.dtBfloat16, [1]) { $0.halfVal = [0x3F80] }).scalars(as: BFloat16.self) == [
        BFloat16(1)
      ])
    #expect(
      try decode(proto(.dtComplex128, [1]) { $0.dcomplexVal = [1, -1] }).scalars(as: Complex128.self)
        == [Complex128(1, -1)])
    #expect(
      try decode(proto(.dtFloat8E5M2, [3]) { $0.float8Val = Data([0x3C, 0x40]) }).withUnsafeBytes {
        Array($0)
      }
        == [0x3C, 0x40, 0x40])
  }

  @Test func stringsAsContent() throws {
    let tensor = try decode(proto(.dtString, [2]) { $0.tensorContent = Data([2, 3]) + Data("abcde".utf8) })
    #expect(try tensor.strings() == ["ab", "cde"])
    let error = try graftError {
      _ = try decode(proto(.dtString, [2]) { $0.tensorContent = Data([2, 3]) + Data("abcdef".utf8) })
    }
    #expect(error.message.contains("2 strings take 5 bytes"))
  }

  @Test func boolsAreZeroOrOne() throws {
    let tensor = try decode(proto(.dtBool, [3]) { $0.tensorContent = Data([0, 1, 200]) })
    #expect(tensor.withUnsafeBytes { Array($0) } == [0, 1, 1])
  }

  @Test func resourcesAreRefused() throws {
    let error = try graftError { _ = try decode(proto(.dtResource, []) { _ in }) }
    #expect(error.code == .unimplemented)
  }

  @Test func fewBytesDoNotTakeAllMemory() throws {
    let error = try graftError { _ = try decode(proto(.dtFloat, [1 << 44]) { $0.floatVal = [1] }) }
    #expect(error.code == .resourceExhausted)
    #expect(error.message.contains("half of this machine's memory"))
  }

  @Test func declaredShapeHasToFitTheValue() throws {
    let value = Tensorflow_AttrValue.with { $0.tensor = proto(.dtFloat, [2]) { $0.floatVal = [1] } }
    let shapes = Tensorflow_AttrValue.with {
      $0.list.shape = [.with { $0.dim = [.with { $0.size = 2 }, .with { $0.size = 1 }] }]
    }
    let error = try graftError {
      _ = try imported([
        node("Const", "c", [], ["dtype": type(.dtFloat), "value": value, "_output_shapes": shapes])
      ])
    }
    #expect(error.message.contains("[2]"))
    #expect(error.message.contains("[2,1]"))
  }
}
