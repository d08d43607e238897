import GraftGraph
import GraftTensor

/// XLA's general product of tensors.
enum XlaDotOps {
  static let all: [OpDefinition] = [dot("XlaDot", types: ["T"]), dot("XlaDotV2", types: ["LhsT", "RhsT"])]

  private static let types: [DataType] = .numbers

  private static func dot(_ name: String, types names: [String]) -> OpDefinition {
    OpDefinition(
      name,
      "Sums of products over the dimensions that `dimension_numbers` contracts; the result has the batch "
        + "dimensions first, then the others of both inputs.",
      types: Dictionary(uniqueKeysWithValues: names.map { ($0, types) }), shape: ShapeRules.unknown
    ) { node in
      let numbers = try DimensionNumbers(node)
      let output = try node.outputType(0)
      // Products of narrow integers are those of wide ones, whose upper bits are cut off.
      let isNarrow = output.isInteger && output != .int32 && output != .int64
      let dtype = isNarrow ? .int64 : output
      let casts = try (0..<2).map { index in
        let source = try node.inputType(index)
        return source == dtype
          ? nil
          : try KernelCall(
            MathOps.cast, in: node,
            [
              "SrcT": .type(ElementType(source)), "DstT": .type(ElementType(dtype)), "Truncate": .bool(false),
            ], inputTypes: [source], outputTypes: [dtype])
      }
      let narrowing =
        isNarrow
        ? try KernelCall(
          MathOps.cast, in: node,
          [
            "SrcT": .type(ElementType(dtype)), "DstT": .type(ElementType(output)), "Truncate": .bool(false),
          ], inputTypes: [dtype], outputTypes: [output])
        : nil
      return { context in
        var inputs = try [context.input(0), context.input(1)]
        let equation = try numbers.equation(inputs[0].shape, inputs[1].shape)
        for (index, cast) in casts.enumerated() {
          if let cast { inputs[index] = try cast([inputs[index]], context)[0] }
        }
        let einsum = try KernelCall(
          EinsumOps.einsum, in: node,
          [
            "T": .type(ElementType(dtype)), "N": .int(2), "equation": .string(Bytes(equation)),
          ], inputTypes: [dtype, dtype], outputTypes: [dtype])
        let product = try einsum(inputs, context)
        try context.setOutputs(try narrowing.map { try $0(product, context) } ?? product)
      }
    }
  }

  /// XLA's `DotDimensionNumbers`, which the attribute holds as a serialized message.
  private struct DimensionNumbers: Sendable {
    /// Contracted dimensions of both inputs, and batch dimensions of both.
    private let fields: [[Int]]

    init(_ node: NodeSetup) throws {
      guard let numbers = DimensionFields(try node.bytes("dimension_numbers").bytes, fields: 1...4),
        numbers[1].count == numbers[2].count, numbers[3].count == numbers[4].count
      else { throw node.invalid("The attribute 'dimension_numbers' is no DotDimensionNumbers message.") }
      fields = (1...4).map { numbers[$0] }
    }

    /// The same as an equation of Einsum.
    func equation(_ left: Shape, _ right: Shape) throws -> String {
      let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".map { String($0) }
      var names = [[String?](repeating: nil, count: left.rank), [String?](repeating: nil, count: right.rank)]
      var used = 0
      func next() throws -> String {
        guard used < letters.count else {
          throw ArrayArguments.invalid("The inputs have too many dimensions.")
        }
        used += 1
        return letters[used - 1]
      }
      for (a, b) in zip(fields[0] + fields[2], fields[1] + fields[3]) {
        guard names[0].indices.contains(a), names[1].indices.contains(b), names[0][a] == nil,
          names[1][b] == nil, left[a] == right[b]
        else {
          throw ArrayArguments.invalid(
            "Dimension \(a) of shape \(left) and dimension \(b) of shape \(right) do not go together.")
        }
        let name = try next()
        (names[0][a], names[1][b]) = (name, name)
      }
      var result = fields[2].compactMap { names[0][$0] }
      for side in 0..<2 {
        for axis in names[side].indices where names[side][axis] == nil {
          let name = try next()
          names[side][axis] = name
          result.append(name)
        }
      }
      let terms = names.map { $0.compactMap { $0 }.joined() }
      return terms.joined(separator: ",") + "->" + result.joined()
    }
  }
}
