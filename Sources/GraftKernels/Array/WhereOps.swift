import GraftTensor

/// Where a tensor's elements are not zero.
enum WhereOps {
  static let all: [OpDefinition] = [whereOp]

  private static let whereOp = OpDefinition(
    "Where", "The indices of the elements that are true or not zero, row by row.",
    types: ["T": .plainValues],
    shape: { [PartialShape([nil, $0.input(0).rank])] },
    prepare: { _ in
      { context in
        let input = try context.input(0)
        guard (1...8).contains(input.rank) else {
          throw ArrayArguments.invalid(
            "The input must have 1 to 8 dimensions, and its shape is \(input.shape).", input: 0)
        }
        switch input.dtype {
        case .float16:
          throw GraftError(
            .unimplemented, "TensorFlow's CPU kernel finds no places in half.", at: .init(input: 0),
            remedy: "Cast the input to float32 or bool.")
        case .float32: try find(context, input, Float.self) { $0 != 0 }
        case .float64: try find(context, input, Double.self) { $0 != 0 }
        // The sign does not count.
        case .bfloat16: try find(context, input, UInt16.self) { $0 & 0x7FFF != 0 }
        case .complex64: try find(context, input, Complex64.self) { $0.real != 0 || $0.imaginary != 0 }
        case .complex128: try find(context, input, Complex128.self) { $0.real != 0 || $0.imaginary != 0 }
        case .int16, .uint16: try find(context, input, UInt16.self) { $0 != 0 }
        case .int32, .uint32: try find(context, input, UInt32.self) { $0 != 0 }
        case .int64, .uint64: try find(context, input, UInt64.self) { $0 != 0 }
        default: try find(context, input, UInt8.self) { $0 != 0 }
        }
      }
    })

  @inline(__always)
  private static func find<E>(
    _ context: KernelContext, _ input: Tensor, _ type: E.Type, _ isSet: (E) -> Bool
  ) throws {
    let elements = input.buffer(as: type)
    var count = 0
    for element in elements { count += isSet(element) ? 1 : 0 }
    let rank = input.rank
    let output = try context.allocate(0, .int64, Shape([count, rank]))
    let target = output.element(Int64.self, 0)
    let length = input.shape[rank - 1]
    guard count > 0, length > 0 else { return }
    var outer = [Int](repeating: 0, count: rank - 1)
    var row = 0
    for first in stride(from: 0, to: elements.count, by: length) {
      for last in 0..<length {
        // Whether it is set is not asked for before it is written: a processor would guess wrong half of the time.
        guard row < count else { return }
        for (axis, index) in outer.enumerated() { target[row * rank + axis] = Int64(index) }
        target[row * rank + rank - 1] = Int64(last)
        row += isSet(elements[first + last]) ? 1 : 0
      }
      var axis = rank - 2
      while axis >= 0 {
        outer[axis] += 1
        if outer[axis] < input.shape[axis] { break }
        outer[axis] = 0
        axis -= 1
      }
    }
  }
}
