import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Each pass, by the plan before and after it, and by what the session gives with and without.
@Suite struct PlanPassTests {
  /// The plan between feeds and fetches, before any pass.
  private func pruned(_ text: GraphText, feeds: [String], fetches: [String]) throws -> PlanGraph {
    try text.graph().pruned(feeds: feeds, fetches: fetches)
  }

  private func lines(_ graph: PlanGraph) -> [String] {
    graph.description.split(separator: "\n").map(String.init)
  }

  private func expectSameResults(
    _ text: GraphText, feeds: [String: Tensor], fetch: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
    let optimized = try Session(graph: text.graph(), options: .init(threads: 1))
    let expected = try plain.run(fetch, feeding: feeds).scalars(as: Float.self)
    // The first run records the layout, the second uses it.
    for _ in 0..<3 {
      let found = try optimized.run(fetch, feeding: feeds).scalars(as: Float.self)
      #expect(found.count == expected.count, sourceLocation: sourceLocation)
      for (a, b) in zip(found, expected) {
        #expect(abs(a - b) <= 1e-5 + 1e-5 * abs(b), sourceLocation: sourceLocation)
      }
    }
  }

  private let convolution = [
    "T": "type: DT_FLOAT", "strides": "list { i: 1 i: 1 i: 1 i: 1 }", "padding": "s: \"VALID\"",
  ]

  @Test func pruningKeepsOnlyWhatTheFetchNeeds() throws {
    let text = GraphText().placeholder("x").placeholder("unused").node("y", "Neg", ["x"], GraphText.float)
      .node("z", "Neg", ["unused"], GraphText.float)
    let graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    #expect(lines(graph) == ["x = feed 0()", "y = Neg(x:0)"])
  }

  @Test func constantsAreFoldedAndFeedsAreNot() throws {
    let text = GraphText().constant("a", [2], [1.0, 2.0]).node("b", "Neg", ["a"], GraphText.float)
      .placeholder("x").node("y", "AddV2", ["x", "b"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    #expect(lines(graph) == ["x = feed 0()", "a = constant()", "b = Neg(a:0)", "y = AddV2(x:0, b:0)"])
    try ConstantFolding.run(&graph)
    #expect(lines(graph) == ["x = feed 0()", "b = constant()", "y = AddV2(x:0, b:0)"])
    try expectSameResults(text, feeds: ["x": Tensor([Float(3), 4])], fetch: "y")
  }

  @Test func whatIsComputedTwiceIsComputedOnce() throws {
    let text = GraphText().placeholder("x").constant("c", [], [2.0]).constant("d", [], [2.0])
      .node("a", "Mul", ["x", "c"], GraphText.float).node("b", "Mul", ["x", "d"], GraphText.float)
      .node("p", "LeakyRelu", ["a"], ["T": "type: DT_FLOAT", "alpha": "f: 0.1"])
      .node("q", "LeakyRelu", ["b"], ["T": "type: DT_FLOAT", "alpha": "f: 0.2"])
      .node("m", "Maximum", ["a", "b"], GraphText.float)
      .node("s", "AddN", ["p", "q", "m"], ["T": "type: DT_FLOAT", "N": "i: 3"])
    var graph = try pruned(text, feeds: ["x"], fetches: ["s"])
    try ConstantEvaluation.run(&graph)
    try CommonSubexpressions.run(&graph)
    let plan = lines(graph)
    // Of equal constants and products one is left; activations with other slopes are others.
    #expect(plan.count { $0.contains("Mul(") } == 1 && plan.count { $0.contains("constant") } == 1)
    #expect(plan.count { $0.contains("LeakyRelu(") } == 2 && !plan.contains { $0.contains("Maximum(") })
    try expectSameResults(text, feeds: ["x": Tensor([Float(3), -4])], fetch: "s")
  }

  @Test func identitiesAreTakenOutAndFetchesFollow() throws {
    let text = GraphText().placeholder("x").node("i", "Identity", ["x"], GraphText.float)
      .node("y", "Neg", ["i"], GraphText.float).node("z", "Identity", ["y"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["z"])
    try PassThroughRemoval.run(&graph)
    #expect(lines(graph) == ["x = feed 0()", "y = Neg(x:0)"])
  }

  @Test func controlEdgesFromNodesWithoutEffectsAreDropped() throws {
    let text = GraphText().placeholder("x").node("n", "Neg", ["x"], GraphText.float)
      .node("y", "Identity", ["x", "^n"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try PassThroughRemoval.run(&graph)
    #expect(lines(graph) == ["x = feed 0()"])
  }

  @Test func paddingGoesIntoTheConvolution() throws {
    let text = GraphText().placeholder("x").constant("p", [4, 2], [0, 0, 1, 0, 0, 2, 0, 0])
      .node("pad", "Pad", ["x", "p"], ["T": "type: DT_FLOAT", "Tpaddings": "type: DT_INT32"])
      .constant("w", [2, 2, 1, 1], [1.0, 2.0, 3.0, 4.0]).node("y", "Conv2D", ["pad", "w"], convolution)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try PadFolding.run(&graph)
    #expect(lines(graph) == ["x = feed 0()", "w = constant()", "y = Conv2D(x:0, w:0)"])
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [1, 2, 2, 1], scalars: [1, 2, 3, 4] as [Float])], fetch: "y")
  }

  @Test func paddingOfChannelsStays() throws {
    let text = GraphText().placeholder("x").constant("p", [4, 2], [0, 0, 0, 0, 0, 0, 1, 0])
      .node("pad", "Pad", ["x", "p"], ["T": "type: DT_FLOAT", "Tpaddings": "type: DT_INT32"])
      .constant("w", [1, 1, 2, 1], [1.0, 2.0]).node("y", "Conv2D", ["pad", "w"], convolution)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try PadFolding.run(&graph)
    #expect(lines(graph).contains("y = Conv2D(pad:0, w:0)"))
  }

  @Test func batchNormalisationGoesIntoTheWeights() throws {
    let text = GraphText().placeholder("x").constant("w", [1, 1, 1, 2], [1.0, 2.0])
      .node("c", "Conv2D", ["x", "w"], convolution)
      .constant("scale", [2], [1.5, 0.5]).constant("offset", [2], [0.25, -1.0]).constant(
        "mean", [2], [0.5, 2.0]
      )
      .constant("variance", [2], [4.0, 0.25])
      .node(
        "y", "FusedBatchNormV3", ["c", "scale", "offset", "mean", "variance"],
        ["T": "type: DT_FLOAT", "U": "type: DT_FLOAT", "is_training": "b: false", "epsilon": "f: 0.001"])
    var graph = try pruned(text, feeds: ["x"], fetches: ["y:0"])
    try ConstantEvaluation.run(&graph)
    try BatchNormFolding.run(&graph)
    #expect(
      lines(graph) == [
        "x = feed 0()", "w = constant()", "c/scale = constant()", "c = _FusedConv2D(x:0, w:0, c/scale:0)",
        "y/offset = constant()", "y = BiasAdd(c:0, y/offset:0)",
      ])
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [1, 1, 3, 1], scalars: [1, -2, 3] as [Float])], fetch: "y:0")
  }

  @Test(arguments: ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"])
  func whatFollowsFusedBatchNormalisationIsFusedToo(_ op: String) throws {
    var text = GraphText().placeholder("x").constant("w", [1, 1, 1, 2], [1.0, 2.0])
      .node("c", "Conv2D", ["x", "w"], convolution)
    for (name, values) in [
      ("scale", [1.5, 0.5]), ("offset", [0.25, -1.0]), ("mean", [0.5, 2.0]), ("variance", [4.0, 0.25]),
    ] as [(String, [Float])] {
      text = text.constant(name, [2], values)
    }
    text = text.node(
      "norm", op, ["c", "scale", "offset", "mean", "variance"],
      ["T": "type: DT_FLOAT", "is_training": "b: false", "epsilon": "f: 0.001"]
        .merging(op == "FusedBatchNorm" ? [:] : ["U": "type: DT_FLOAT"]) { $1 }
    ).node("y", "Relu6", ["norm"], GraphText.float)
    #expect(try text.opsRun(["y"], x: [1, 1, 3, 1]) == ["_FusedConv2D"])
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [1, 1, 3, 1], scalars: [1, -2, 3] as [Float])], fetch: "y")
  }

  @Test func biasAndActivationAreFused() throws {
    let text = GraphText().placeholder("x").constant("w", [2, 2], [1.0, -2.0, 3.0, 4.0])
      .node("m", "MatMul", ["x", "w"], GraphText.float).constant("b", [2], [0.5, -0.5])
      .node("a", "BiasAdd", ["m", "b"], GraphText.float).node("y", "Relu", ["a"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try BiasFusion.run(&graph)
    #expect(lines(graph).last == "y = Relu(a:0)")
    try ActivationFusion.run(&graph)
    #expect(lines(graph).last == "y = _FusedMatMul(x:0, w:0, b:0)")
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [3, 2], scalars: [1, -2, 3, 4, -5, 6] as [Float])], fetch: "y")
  }

  @Test func aSumThatIsFetchedIsNotFused() throws {
    let text = GraphText().placeholder("x").constant("w", [2, 2], [1.0, -2.0, 3.0, 4.0])
      .node("m", "MatMul", ["x", "w"], GraphText.float).constant("b", [2], [0.5, -0.5])
      .node("a", "BiasAdd", ["m", "b"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["a", "m"])
    try ConstantEvaluation.run(&graph)
    try BiasFusion.run(&graph)
    #expect(lines(graph).contains("m = MatMul(x:0, w:0)"))
    #expect(lines(graph).contains("a = BiasAdd(m:0, b:0)"))
  }

  @Test func batchNormalisationInSingleStepsGoesIntoTheWeightsThoughABiasIsBetween() throws {
    // As Keras 3 exports it: x · factor + offset, of constants that are [1, 1, 1, channels].
    let text = GraphText().placeholder("x").constant("w", [1, 1, 1, 2], [1.0, 2.0])
      .node("c", "Conv2D", ["x", "w"], convolution).constant("b", [2], [0.5, -1.5])
      .node("d", "BiasAdd", ["c", "b"], GraphText.float)
      .constant("factor", [1, 1, 1, 2], [3.0, -2.0]).node("e", "Mul", ["d", "factor"], GraphText.float)
      .constant("offset", [1, 1, 1, 2], [0.25, 1.0]).node("f", "AddV2", ["e", "offset"], GraphText.float)
      .node("y", "Relu", ["f"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    for pass in Planner.passes { try pass.run(&graph) }
    #expect(lines(graph).last == "y = _FusedConv2D(x:0, w:0, c/scale:0, f/bias:0)")
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [1, 1, 3, 1], scalars: [1, -2, 3] as [Float])], fetch: "y")
  }

  @Test(arguments: ["NDHWC", "NCDHW"])
  func convolutionsOfVolumesAreFusedAsThoseOfImages(_ format: String) throws {
    let isLast = format == "NDHWC"
    let axes = "list { i: 1 i: 1 i: 1 i: 1 i: 1 }"
    let attributes = [
      "T": "type: DT_FLOAT", "strides": axes, "dilations": axes, "padding": "s: \"VALID\"",
      "data_format": "s: \"\(format)\"",
    ]
    let text = GraphText().placeholder("x").constant("w", [1, 1, 2, 1, 2], [1.0, 2.0, -3.0, 4.0])
      .node("c", "Conv3D", ["x", "w"], attributes).constant("b", [2], [0.5, -1.5])
      .node(
        "d", "BiasAdd", ["c", "b"],
        ["T": "type: DT_FLOAT", "data_format": "s: \"\(isLast ? "NHWC" : "NCHW")\""]
      ).node("y", "Relu", ["d"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    for pass in Planner.passes { try pass.run(&graph) }
    #expect(lines(graph).last == "y = _FusedConv3D(x:0, w:0, b:0)")
    let shape = isLast ? [1, 1, 2, 3, 1] : [1, 1, 1, 2, 3]
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: shape, scalars: [1, -2, 3, 4, 5, -6] as [Float])], fetch: "y")
  }

  @Test func whatNothingNeedsIsTakenOutAndTheRestStaysAsItWas() throws {
    let text = GraphText().constant("a", [2], [1.0, 2.0]).node("b", "Neg", ["a"], GraphText.float)
      .placeholder("x").placeholder("unused").node("y", "AddV2", ["x", "b"], GraphText.float)
    var graph = try pruned(text, feeds: ["unused", "x"], fetches: ["y", "b"])
    try ConstantEvaluation.run(&graph)
    try ConstantFolding.run(&graph)
    let before = lines(graph)
    #expect(graph.nodes.count == 5)
    try UnneededRemoval.run(&graph)
    #expect(graph.nodes.map(\.name).sorted() == ["b", "unused", "x", "y"])
    #expect(lines(graph) == before)
    try expectSameResults(
      text, feeds: ["x": Tensor([Float(3), 4]), "unused": Tensor(Float(1))], fetch: "y")
  }

  @Test func aBiasAddedAfterAShortcutGoesBeforeIt() throws {
    let text = GraphText().placeholder("x", [3, 2]).constant("w", [2, 2], [1.0, -2.0, 3.0, 4.0])
      .node("m", "MatMul", ["x", "w"], GraphText.float).node("s", "AddV2", ["x", "m"], GraphText.float)
      .constant("b", [2], [0.5, -0.5]).node("y", "AddV2", ["s", "b"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try BiasMerging.run(&graph)
    try BiasFusion.run(&graph)
    #expect(lines(graph).last == "s = AddV2(x:0, y:0)")
    #expect(lines(graph).contains("y = _FusedMatMul(x:0, w:0, y/hoisted:0)"))
    #expect(try ResidualFusion.run(&graph, ShapeInference(graph, feeds: FeedShapes([[3, 2]]))))
    #expect(lines(graph).last == "s = _FusedMatMul(x:0, w:0, y/hoisted:0, x:0)")
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [3, 2], scalars: [1, -2, 3, 4, -5, 6] as [Float])], fetch: "y")
  }

  @Test func aSecondBiasOfMoreDimensionsKeepsTheResultsShape() throws {
    let text = GraphText().placeholder("x").constant("w", [2, 2], [1.0, -2.0, 3.0, 4.0])
      .node("m", "MatMul", ["x", "w"], GraphText.float).constant("b", [2], [0.5, -0.5])
      .node("a", "BiasAdd", ["m", "b"], GraphText.float).constant("c", [1, 1, 2], [2.0, 3.0])
      .node("y", "AddV2", ["a", "c"], GraphText.float)
    try expectSameResults(
      text, feeds: ["x": Tensor(shape: [1, 2], scalars: [1, -2] as [Float])], fetch: "y")
    let session = try Session(graph: text.graph())
    #expect(
      try session.run("y", feeding: ["x": Tensor(shape: [1, 2], scalars: [1, -2] as [Float])]).shape
        == [1, 1, 2])
  }

  @Test func swishIsFoundHoweverItIsWritten() throws {
    let text = GraphText().placeholder("x").constant("beta", [], [1.0])
      .node("scaled", "Mul", ["beta", "x"], GraphText.float)
      .node("sigmoid", "Sigmoid", ["scaled"], GraphText.float)
      .node("y", "Mul", ["x", "sigmoid"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try ActivationRecognition.run(&graph)
    #expect(lines(graph) == ["x = feed 0()", "y = _Swish(x:0)"])
    try expectSameResults(text, feeds: ["x": Tensor([Float(-3), -0.5, 0, 0.5, 8])], fetch: "y")
  }

  @Test(arguments: ["DT_HALF", "DT_BFLOAT16"]) func swishOf16BitsIsFoundAsItStands(dtype: String) throws {
    let short = ["T": "type: \(dtype)"]
    func text(_ factor: String) -> GraphText {
      GraphText().placeholder("x")
        .node("h", "Cast", ["x"], ["SrcT": "type: DT_FLOAT", "DstT": "type: \(dtype)"])
        .node("sigmoid", "Sigmoid", ["h"], short).node("negative", "Neg", ["h"], short)
        .node("product", "Mul", ["sigmoid", factor], short)
        .node("y", "Cast", ["product"], ["SrcT": "type: \(dtype)", "DstT": "type: DT_FLOAT"])
    }
    var graph = try pruned(text("h"), feeds: ["x"], fetches: ["y"])
    try ActivationRecognition.run(&graph)
    #expect(lines(graph).contains("product = _Swish(h:0)"))
    // The product with something else is another function, and would be rounded elsewhere.
    var other = try pruned(text("negative"), feeds: ["x"], fetches: ["y"])
    try ActivationRecognition.run(&other)
    #expect(lines(other).contains("product = Mul(sigmoid:0, negative:0)"))
    let x = try Tensor((-400...400).map { Float($0) / 37 })
    let plain = try Session(graph: text("h").graph(), options: .init(threads: 1, optimize: false))
    let optimized = try Session(graph: text("h").graph(), options: .init(threads: 1))
    let expected = try plain.run("y", feeding: ["x": x]).scalars(as: Float.self)
    for _ in 0..<3 { #expect(try optimized.run("y", feeding: ["x": x]).scalars() == expected) }
  }

  @Test func hardSwishIsFoundHoweverItIsWritten() throws {
    let gate = GraphText().placeholder("x").constant("three", [], [3.0]).constant("six", [], [6.0])
      .constant("sixth", [], [0.16666667]).node("moved", "AddV2", ["x", "three"], GraphText.float)
      .node("cut", "Relu6", ["moved"], GraphText.float)
    let divided = gate.node("gate", "RealDiv", ["cut", "six"], GraphText.float)
      .node("y", "Mul", ["x", "gate"], GraphText.float)
    let multiplied = gate.node("product", "Mul", ["cut", "x"], GraphText.float)
      .node("y", "Mul", ["product", "sixth"], GraphText.float)
    for text in [divided, multiplied] {
      var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
      try ConstantEvaluation.run(&graph)
      try ActivationRecognition.run(&graph)
      #expect(lines(graph) == ["x = feed 0()", "y = _HardSwish(x:0)"])
      try expectSameResults(text, feeds: ["x": Tensor([Float(-7), -3, -1.5, 0, 0.5, 3, 8])], fetch: "y")
    }
  }

  @Test func mishIsFoundWhereBothOfItsPartsAreOfOneValue() throws {
    let start = GraphText().placeholder("x").node("soft", "Softplus", ["x"], GraphText.float)
      .node("tanh", "Tanh", ["soft"], GraphText.float)
    let text = start.node("y", "Mul", ["tanh", "x"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ActivationRecognition.run(&graph)
    #expect(lines(graph) == ["x = feed 0()", "y = _Mish(x:0)"])
    try expectSameResults(text, feeds: ["x": Tensor([Float(-90), -3, -0.5, 0, 0.5, 8, 30, 100])], fetch: "y")

    let other = start.node("z", "Neg", ["x"], GraphText.float).node(
      "y", "Mul", ["z", "tanh"], GraphText.float)
    graph = try pruned(other, feeds: ["x"], fetches: ["y"])
    try ActivationRecognition.run(&graph)
    #expect(lines(graph).last == "y = Mul(z:0, tanh:0)")
  }

  @Test func geluByErfIsFoundInEitherOrder() throws {
    let halves = GraphText().placeholder("x").constant("half", [], [0.5]).constant("one", [], [1.0])
      .constant("root", [], [1.4142135]).node("z", "RealDiv", ["x", "root"], GraphText.float)
      .node("erf", "Erf", ["z"], GraphText.float).node("p", "AddV2", ["one", "erf"], GraphText.float)
    let first = halves.node("h", "Mul", ["half", "x"], GraphText.float)
      .node("y", "Mul", ["h", "p"], GraphText.float)
    let last = halves.node("h", "Mul", ["x", "p"], GraphText.float)
      .node("y", "Mul", ["h", "half"], GraphText.float)
    for text in [first, last] {
      var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
      try ConstantEvaluation.run(&graph)
      try ActivationRecognition.run(&graph)
      #expect(lines(graph) == ["x = feed 0()", "y = _GeluExact(x:0)"])
      try expectSameResults(text, feeds: ["x": Tensor([Float(-3), -0.5, 0, 0.5, 8])], fetch: "y")
    }
  }

  @Test func geluByTanhIsFoundWithItsPolynomialInAnyForm() throws {
    // 0.5 x (1 + tanh(0.7978846 (x + 0.044715 x^3))), and the same with x (1 + 0.044715 x^2) inside.
    let start = GraphText().placeholder("x").constant("half", [], [0.5]).constant("one", [], [1.0])
      .constant("k", [], [0.7978846]).constant("c", [], [0.044715]).constant("three", [], [3.0])
    let cubic = start.node("cube", "Pow", ["x", "three"], GraphText.float)
      .node("t", "Mul", ["c", "cube"], GraphText.float).node("s", "AddV2", ["x", "t"], GraphText.float)
    let factored = start.node("square", "Square", ["x"], GraphText.float)
      .node("t", "Mul", ["c", "square"], GraphText.float).node("u", "AddV2", ["one", "t"], GraphText.float)
      .node("s", "Mul", ["x", "u"], GraphText.float)
    for text in [cubic, factored] {
      let whole = text.node("z", "Mul", ["k", "s"], GraphText.float)
        .node("tanh", "Tanh", ["z"], GraphText.float).node("p", "AddV2", ["one", "tanh"], GraphText.float)
        .node("h", "Mul", ["half", "x"], GraphText.float).node("y", "Mul", ["h", "p"], GraphText.float)
      var graph = try pruned(whole, feeds: ["x"], fetches: ["y"])
      try ConstantEvaluation.run(&graph)
      try ActivationRecognition.run(&graph)
      #expect(lines(graph) == ["x = feed 0()", "y = _GeluApproximate(x:0)"])
      try expectSameResults(whole, feeds: ["x": Tensor([Float(-3), -0.5, 0, 0.5, 8])], fetch: "y")
    }
  }

  @Test func whatOnlyLooksLikeAnActivationStays() throws {
    let text = GraphText().placeholder("x").constant("beta", [], [1.702])
      .node("scaled", "Mul", ["beta", "x"], GraphText.float)
      .node("sigmoid", "Sigmoid", ["scaled"], GraphText.float)
      .node("y", "Mul", ["x", "sigmoid"], GraphText.float)
    var graph = try pruned(text, feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    try ActivationRecognition.run(&graph)
    #expect(lines(graph).last == "y = Mul(x:0, sigmoid:0)")
  }
}
