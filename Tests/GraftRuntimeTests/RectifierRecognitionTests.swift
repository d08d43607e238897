import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Rectifiers in the forms in which graphs spell them out.
@Suite struct RectifierRecognitionTests {
  private static let inputs: [Float] = [-.infinity, -7, -0.5, -0.0, 0, 0.5, 5.5, 6, 7, .infinity, .nan]

  /// The plan of `y` from `x`, a line a node, after the pass.
  private func lines(_ text: GraphText) throws -> [String] {
    var graph = try text.graph().pruned(feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try RectifierRecognition.run(&graph)
    return graph.description.split(separator: "\n").map(String.init)
  }

  private func expectSameResults(_ text: GraphText, _ x: Tensor) throws {
    let (plain, optimized) = try text.results("y", x: x)
    let (expected, found) = (try plain.scalars(as: Float.self), try optimized.scalars(as: Float.self))
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) {
      #expect(a == b || a.isNaN && b.isNaN || abs(a - b) <= 1e-6 * abs(b))
    }
  }

  @Test func reluUnderTheBoundsOfAClipIsRelu6() throws {
    let text = GraphText().placeholder("x").constant("six", [], [6.0]).constant("zero", [], [0.0])
      .node("relu", "Relu", ["x"], GraphText.float)
      .node("below", "Minimum", ["relu", "six"], GraphText.float)
      .node("y", "Maximum", ["zero", "below"], GraphText.float)
    #expect(try lines(text) == ["x = feed 0()", "y = Relu6(x:0)"])
    try expectSameResults(text, Tensor(Self.inputs))
  }

  @Test func boundsInEitherOrderAreRelu6() throws {
    let start = GraphText().placeholder("x").constant("six", [], [6.0]).constant("zero", [], [0.0])
    let upperFirst = start.node("a", "Minimum", ["x", "six"], GraphText.float)
      .node("y", "Maximum", ["a", "zero"], GraphText.float)
    let lowerFirst = start.node("a", "Maximum", ["x", "zero"], GraphText.float)
      .node("y", "Minimum", ["a", "six"], GraphText.float)
    for text in [upperFirst, lowerFirst] {
      #expect(try lines(text) == ["x = feed 0()", "y = Relu6(x:0)"])
      try expectSameResults(text, Tensor(Self.inputs))
    }
  }

  @Test func reluThatOthersReadStaysBelowItsBound() throws {
    let text = GraphText().placeholder("x").constant("six", [], [6.0])
      .node("relu", "Relu", ["x"], GraphText.float)
      .node("below", "Minimum", ["relu", "six"], GraphText.float)
      .node("y", "AddV2", ["relu", "below"], GraphText.float)
    #expect(try lines(text).contains("below = Minimum(relu:0, six:0)"))
    try expectSameResults(text, Tensor(Self.inputs))
  }

  @Test func theLargerOfAValueAndZeroIsRelu() throws {
    let text = GraphText().placeholder("x").constant("zero", [], [0.0])
      .node("y", "Maximum", ["zero", "x"], GraphText.float)
    #expect(try lines(text) == ["x = feed 0()", "y = Relu(x:0)"])
    try expectSameResults(text, Tensor(Self.inputs))
  }

  @Test(arguments: [(1.0, 6.0), (0.0, 5.0), (0.0, -1.0), (0.0, Double.nan)])
  func otherBoundsStay(low: Double, high: Double) throws {
    let text = GraphText().placeholder("x").constant("low", [], [Float(low)])
      .constant("high", [], [Float(high)])
      .node("a", "Maximum", ["x", "low"], GraphText.float)
      .node("y", "Minimum", ["a", "high"], GraphText.float)
    #expect(try lines(text).last?.hasPrefix("y = Minimum") == true)
    try expectSameResults(text, Tensor(Self.inputs))
  }

  /// A product, for a LeakyRelu is looked for behind one only.
  private static let product = GraphText().placeholder("x", [-1, 2]).constant(
    "w", [2, 2], [1.0, -2.0, 3.0, 4.0]
  )
  .node("m", "MatMul", ["x", "w"], GraphText.float).constant("slope", [], [0.2])
  .constant("half", [], [0.6]).constant("rest", [], [0.4])

  private static let leaky: [GraphText] = [
    product.node("scaled", "Mul", ["m", "slope"], GraphText.float)
      .node("y", "Maximum", ["scaled", "m"], GraphText.float),
    product.node("positive", "Relu", ["m"], GraphText.float).node("minus", "Neg", ["m"], GraphText.float)
      .node("negative", "Relu", ["minus"], GraphText.float)
      .node("scaled", "Mul", ["slope", "negative"], GraphText.float)
      .node("y", "Sub", ["positive", "scaled"], GraphText.float),
    product.node("a", "Mul", ["half", "m"], GraphText.float).node("abs", "Abs", ["m"], GraphText.float)
      .node("b", "Mul", ["rest", "abs"], GraphText.float).node("y", "AddV2", ["a", "b"], GraphText.float),
  ]

  @Test(arguments: leaky.indices) func aSlopeBelowZeroIsLeakyRelu(form: Int) throws {
    let text = Self.leaky[form]
    #expect(try lines(text).last == "y = LeakyRelu(m:0)")
    let x = try Tensor(shape: [4, 2], scalars: [1, -2, 3, 4, -5, 6, 0, -1] as [Float])
    try expectSameResults(text, x)
  }

  @Test func aSlopeOfMoreThanOneAndSlopesOfTwoValuesStay() throws {
    let steep = Self.product.constant("two", [], [2.0]).node("scaled", "Mul", ["m", "two"], GraphText.float)
      .node("y", "Maximum", ["scaled", "m"], GraphText.float)
    #expect(try lines(steep).last == "y = Maximum(scaled:0, m:0)")
    let two = Self.product.node("n", "MatMul", ["m", "w"], GraphText.float)
      .node("scaled", "Mul", ["m", "slope"], GraphText.float)
      .node("y", "Maximum", ["scaled", "n"], GraphText.float)
    #expect(try lines(two).last == "y = Maximum(scaled:0, n:0)")
  }

  // MARK: A slope for each channel

  private static let channels = product.constant("slopes", [2], [0.25, -1.5])

  private static let parametric: [GraphText] = [
    // As Keras writes it, its slopes in the shape of a batch of one.
    product.constant("slopes", [1, 2], [-0.25, 1.5])
      .node("positive", "Relu", ["m"], GraphText.float).node("minus", "Neg", ["m"], GraphText.float)
      .node("negative", "Relu", ["minus"], GraphText.float)
      .node("scaled", "Mul", ["slopes", "negative"], GraphText.float)
      .node("y", "AddV2", ["positive", "scaled"], GraphText.float),
    // As older networks do: by the half of x - |x|, or by the lesser of x and 0.
    channels.constant("part", [], [0.5])
      .node("positive", "Relu", ["m"], GraphText.float).node("abs", "Abs", ["m"], GraphText.float)
      .node("below", "Sub", ["m", "abs"], GraphText.float)
      .node("scaled", "Mul", ["slopes", "below"], GraphText.float)
      .node("negative", "Mul", ["scaled", "part"], GraphText.float)
      .node("y", "Add", ["positive", "negative"], GraphText.float),
    channels.constant("zero", [], [0.0])
      .node("positive", "Maximum", ["zero", "m"], GraphText.float)
      .node("negative", "Minimum", ["zero", "m"], GraphText.float)
      .node("scaled", "Mul", ["slopes", "negative"], GraphText.float)
      .node("y", "AddV2", ["positive", "scaled"], GraphText.float),
  ]

  @Test(arguments: parametric.indices) func slopesOfChannelsAreFused(form: Int) throws {
    let text = Self.parametric[form]
    #expect(try lines(text).last == "y = _FusedMatMul(x:0, w:0, y/slopes:0)")
    let x = try Tensor(shape: [4, 2], scalars: [1, -2, 3, 4, -5, 6, 0, -1] as [Float])
    try expectSameResults(text, x)
  }

  @Test(arguments: ["m", "positive", "scaled"]) func slopesOfWhatOthersReadStay(other: String) throws {
    let text = Self.channels.constant("zero", [], [0.0])
      .node("positive", "Relu", ["m"], GraphText.float)
      .node("negative", "Minimum", ["zero", "m"], GraphText.float)
      .node("scaled", "Mul", ["slopes", "negative"], GraphText.float)
      .node("rectified", "AddV2", ["positive", "scaled"], GraphText.float)
      .node("y", "Mul", ["rectified", other], GraphText.float)
    #expect(try lines(text).contains("rectified = AddV2(positive:0, scaled:0)"))
    let x = try Tensor(shape: [2, 2], scalars: [1, -2, 3, 4] as [Float])
    try expectSameResults(text, x)
  }

  @Test func slopesThatWidenTheProductStay() throws {
    let text = GraphText().placeholder("x", [-1, 2]).constant("w", [2, 1], [1.0, -2.0])
      .node("m", "MatMul", ["x", "w"], GraphText.float).constant("slopes", [2], [0.25, -1.5])
      .constant("zero", [], [0.0]).node("positive", "Relu", ["m"], GraphText.float)
      .node("negative", "Minimum", ["zero", "m"], GraphText.float)
      .node("scaled", "Mul", ["slopes", "negative"], GraphText.float)
      .node("y", "AddV2", ["positive", "scaled"], GraphText.float)
    #expect(try lines(text).last == "y = AddV2(positive:0, scaled:0)")
    try expectSameResults(text, Tensor(shape: [2, 2], scalars: [1, -2, 3, 4] as [Float]))
  }
}
