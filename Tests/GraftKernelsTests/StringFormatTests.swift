import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

/// Templates with tensors as text.
@Suite struct StringFormat {
  private func format(
    _ template: String, _ inputs: [Tensor], placeholder: String = "{}", summarize: Int = 3
  ) throws -> String {
    let results = try KernelHarness.run(
      "StringFormat", in: StringFormatOps.all, inputs,
      attributes: [
        "template": .string(Bytes(template)), "placeholder": .string(Bytes(placeholder)),
        "summarize": .int(Int64(summarize)),
      ], outputs: [.string])
    return try results[0].scalars(as: Bytes.self)[0].string
  }

  private func range(_ shape: [Int]) throws -> Tensor {
    try Tensor(shape: shape, scalars: (0..<shape.reduce(1, *)).map { Int32($0) })
  }

  // From the documentation of tf.strings.format.
  @Test func tensorsStandInPlaceOfPlaceholders() throws {
    let (matrix, row) = (try range([10, 10]), try range([10]))
    #expect(try format("tensor: {}, suffix", [row]) == "tensor: [0 1 2 ... 7 8 9], suffix")
    let expected =
      "first: [[0 1 2 ... 7 8 9]\n [10 11 12 ... 17 18 19]\n [20 21 22 ... 27 28 29]\n ...\n"
      + " [70 71 72 ... 77 78 79]\n [80 81 82 ... 87 88 89]\n [90 91 92 ... 97 98 99]], "
      + "second: [0 1 2 ... 7 8 9], suffix"
    #expect(try format("first: {}, second: {}, suffix", [matrix, row]) == expected)
  }

  // From TensorFlow's string_format_op_test.py.
  @Test func allElementsAreShownWhereNoneAreLeftOut() throws {
    #expect(try format("{}", [range([2, 2])]) == "[[0 1]\n [2 3]]")
    #expect(try format("{}", [range([10])], summarize: -1) == "[0 1 2 3 4 5 6 7 8 9]")
  }

  @Test func stringsAreQuotedAndScalarsHaveNoBrackets() throws {
    #expect(try format("%d of %d", [range([1]), Tensor(Int32(7))], placeholder: "%d") == "[0] of 7")
    #expect(try format("{}", [Tensor([Bytes("a\"b"), "c"])]) == #"["a\"b" "c"]"#)
    // A part of a long string is written as the whole of it would be.
    let long = String(repeating: "\n", count: 70_000)
    #expect(try format("{}", [Tensor(Bytes(long))]) == "\"" + String(repeating: "\\n", count: 70_000) + "\"")
  }

  @Test func placeholdersHaveToBeAsManyAsTensors() throws {
    #expect(throws: GraftError.self) { _ = try format("{} {}", [range([1])]) }
  }
}
