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
    for element in elements where isSet(element) { count += 1 }
    let rank = input.rank
    let output = try context.allocate(0, .int64, Shape([count, rank]))
    let target = output.element(Int64.self, 0)
    let strides = input.shape.strides
    var row = 0
    for place in elements.indices where isSet(elements[place]) {
      var rest = place
      for axis in 0..<rank {
        let index = rest / strides[axis]
        target[row * rank + axis] = Int64(index)
        rest -= index * strides[axis]
      }
      row += 1
    }
  }
}
