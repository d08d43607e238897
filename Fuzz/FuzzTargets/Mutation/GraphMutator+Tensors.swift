import Foundation
import GraftProto
import SwiftProtobuf

extension GraphMutator {
  mutating func type() -> Tensorflow_DataType {
    let common: [Tensorflow_DataType] = [
      .dtFloat, .dtDouble, .dtInt32, .dtInt64, .dtString, .dtBool, .dtUint8, .dtHalf,
    ]
    return (chance.once(in: 3) ? chance.pick(Tensorflow_DataType.allCases) : chance.pick(common)) ?? .dtFloat
  }

  mutating func changed(_ text: Data) -> Data {
    var text = text
    switch chance.below(5) {
    case 0: text = Data(chance.text())
    case 1: text.append(contentsOf: chance.text())
    case 2: text = text.prefix(chance.below(text.count))
    case 3 where text.count < 4096: text.append(text)
    default:
      guard !text.isEmpty else { break }
      text[text.startIndex + chance.below(text.count)] = UInt8(truncatingIfNeeded: chance.next())
    }
    return Data(text)
  }

  mutating func change(_ shape: inout Tensorflow_TensorShapeProto) {
    switch chance.below(4) {
    case 0: shape.dim.append(.with { $0.size = Int64(chance.below(3)) })
    case 1 where !shape.dim.isEmpty: shape.dim.remove(at: chance.below(shape.dim.count))
    case 2: shape.unknownRank.toggle()
    default:
      if shape.dim.isEmpty { shape.dim.append(.init()) }
      shape.dim[chance.below(shape.dim.count)].size = chance.integer()
    }
  }

  /// Another value, size or dtype. Where the size changes, the values mostly follow it.
  mutating func change(_ tensor: inout Tensorflow_TensorProto) {
    switch chance.below(10) {
    case 0:
      tensor.dtype = type()
      fit(&tensor)
    case 1: change(&tensor.tensorShape)
    case 2, 3:
      guard !tensor.tensorShape.dim.isEmpty else {
        return tensor.tensorShape.dim.append(.with { $0.size = 1 })
      }
      tensor.tensorShape.dim[chance.below(tensor.tensorShape.dim.count)].size = Int64(chance.below(5))
      fit(&tensor)
    default: changeValue(&tensor)
    }
  }

  mutating func changeValue(_ tensor: inout Tensorflow_TensorProto) {
    if !tensor.stringVal.isEmpty {
      let index = chance.below(tensor.stringVal.count)
      tensor.stringVal[index] = changed(tensor.stringVal[index])
      return
    }
    let size = Self.size(of: tensor.dtype)
    guard size > 0, tensor.tensorContent.count >= size else { return }
    let start = chance.below(tensor.tensorContent.count / size) * size
    var content = Array(tensor.tensorContent)
    func put(_ value: some Any) {
      withUnsafeBytes(of: value) { bytes in
        for (offset, byte) in bytes.prefix(size).enumerated() { content[start + offset] = byte }
      }
    }
    switch tensor.dtype {
    case .dtFloat: put(Float(chance.real()))
    case .dtDouble: put(chance.real())
    case .dtComplex64: put((Float(chance.real()), Float(chance.real())))
    case .dtBfloat16, .dtHalf: put(UInt16(truncatingIfNeeded: chance.next()))
    case .dtBool: put(UInt8(chance.below(2)))
    default: put(chance.integer())
    }
    tensor.tensorContent = Data(content)
  }

  /// Makes the values as many as the shape says, where that is few.
  func fit(_ tensor: inout Tensorflow_TensorProto) {
    var count = 1
    for dimension in tensor.tensorShape.dim {
      let (product, overflow) = count.multipliedReportingOverflow(by: Int(dimension.size))
      guard !overflow, product >= 0, product <= 4096 else { return }
      count = product
    }
    if tensor.dtype == .dtString {
      let texts = tensor.stringVal.isEmpty ? [Data("a".utf8)] : tensor.stringVal
      tensor.tensorContent = Data()
      tensor.stringVal = (0..<count).map { texts[$0 % texts.count] }
    } else {
      let bytes = tensor.tensorContent.isEmpty ? Data([1]) : tensor.tensorContent
      tensor.stringVal = []
      let content = Array(bytes)
      tensor.tensorContent = Data(
        (0..<(count * Self.size(of: tensor.dtype))).map { content[$0 % content.count] })
    }
  }

  private static func size(of type: Tensorflow_DataType) -> Int {
    switch type {
    case .dtBool, .dtInt8, .dtUint8, .dtQint8, .dtQuint8: 1
    case .dtHalf, .dtBfloat16, .dtInt16, .dtUint16, .dtQint16, .dtQuint16: 2
    case .dtFloat, .dtInt32, .dtUint32, .dtQint32: 4
    case .dtDouble, .dtInt64, .dtUint64, .dtComplex64: 8
    case .dtComplex128: 16
    default: 0
    }
  }
}
