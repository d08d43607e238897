import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Ops that compute element by element, as one: the plan for a shape of `x`, and that it gives what they give.
@Suite struct ElementwiseFusionTests {
  private func ops(_ text: GraphText, _ fetches: [String], _ shape: Shape) throws -> [String] {
    try text.opsRun(fetches, x: shape)
  }

  private func expectSame(
    _ text: GraphText, _ fetches: [String], _ shape: [Int], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let x = try Tensor(shape: shape, scalars: variedFloats(shape.reduce(1, *)))
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
    let expected = try plain.run(fetches, feeding: ["x": x]).map { try $0.scalars(as: Float.self) }
    for threads in [1, 3] {
      let optimized = try Session(graph: text.graph(), options: .init(threads: threads))
      for _ in 0..<3 {
        let found = try optimized.run(fetches, feeding: ["x": x]).map { try $0.scalars(as: Float.self) }
        // The same loops in the same order: the same bits.
        #expect(found == expected, sourceLocation: sourceLocation)
      }
    }
  }

  private func binary(_ text: GraphText, _ rows: [(String, String, String, String)]) -> GraphText {
    rows.reduce(text) { $0.node($1.0, $1.1, [$1.2, $1.3], GraphText.float) }
  }

  // Rows that are short, longer than what goes through at once, and no multiple of anything.
  @Test(arguments: [[3, 5], [7, 300], [300, 7], [2, 1500], [1, 1025], [5, 4, 33]])
  func allWaysOfBroadcastingAreOnePass(_ shape: [Int]) throws {
    let (width, rows) = (shape[shape.count - 1], shape.dropLast().reduce(1, *))
    let text = binary(
      GraphText().placeholder("x").constant("two", [], [2.0]).constant("row", [width], variedFloats(width))
        .constant("column", shape.dropLast() + [1], variedFloats(rows)),
      [("a", "Mul", "two", "x"), ("b", "AddV2", "a", "row"), ("c", "Sub", "column", "b")]
    ).node("d", "Tanh", ["c"], GraphText.float).node("y", "Maximum", ["d", "x"], GraphText.float)
    #expect(try ops(text, ["y"], Shape(shape)) == ["_FusedElementwise"])
    try expectSame(text, ["y"], shape)
  }

  // Innermost rows of one element, short ones, and such that do not all go through at once.
  @Test(arguments: [[5, 4, 1], [60, 7, 3], [3, 130, 17], [2, 3, 700]])
  func axesThatTakeTurnsAreOnePass(_ shape: [Int]) throws {
    let (outer, middle, inner) = (shape[0], shape[1], shape[2])
    let text = binary(
      GraphText().placeholder("x").constant("zero", [], [0.0])
        .constant("ends", [outer, 1, inner], variedFloats(outer * inner))
        .constant("middle", [middle, 1], variedFloats(middle).reversed())
        .constant("plane", [outer, middle, 1], variedFloats(outer * middle)),
      [("a", "Sub", "x", "ends"), ("b", "Mul", "middle", "a"), ("c", "AddV2", "b", "plane")]
    ).node("positive", "Greater", ["middle", "zero"], GraphText.float)
      .node("y", "SelectV2", ["positive", "c", "x"], GraphText.float)
    #expect(try ops(text, ["y"], Shape(shape)) == ["_FusedElementwise"])
    try expectSame(text, ["y"], shape)
  }

  @Test func elementsOfEverySizeAreBroadcast() throws {
    let complex = ["T": "type: DT_COMPLEX128"]
    let text = GraphText().placeholder("x").constant("axis", [1], [1])
      .node("d", "Cast", ["x"], ["SrcT": "type: DT_FLOAT", "DstT": "type: DT_DOUBLE"])
      .node(
        "sum", "Sum", ["d", "axis"],
        ["T": "type: DT_DOUBLE", "Tidx": "type: DT_INT32", "keep_dims": "b: true"]
      )
      .node("z", "Complex", ["d", "d"], ["T": "type: DT_DOUBLE", "Tout": "type: DT_COMPLEX128"])
      .node("column", "Complex", ["sum", "sum"], ["T": "type: DT_DOUBLE", "Tout": "type: DT_COMPLEX128"])
      .node("product", "Mul", ["z", "column"], complex).node("a", "AddV2", ["product", "z"], complex)
      .node("imaginary", "Imag", ["a"], ["T": "type: DT_COMPLEX128", "Tout": "type: DT_DOUBLE"])
      .node("y", "Cast", ["imaginary"], ["SrcT": "type: DT_DOUBLE", "DstT": "type: DT_FLOAT"])
    #expect(try ops(text, ["y"], [3, 5]).contains("_FusedElementwise"))
    try expectSame(text, ["y"], [3, 5])
  }

  @Test(arguments: ["DT_HALF", "DT_BFLOAT16", "DT_DOUBLE"])
  func conversionsAreStepsToo(_ type: String) throws {
    let short = ["T": "type: \(type)"]
    func cast(_ from: String, _ to: String, truncating: Bool = false) -> [String: String] {
      ["SrcT": "type: \(from)", "DstT": "type: \(to)", "Truncate": "b: \(truncating)"]
    }
    func text(truncating: Bool) -> GraphText {
      GraphText().placeholder("x").constant("row", [33], variedFloats(33))
        .node("scaled", "Mul", ["x", "row"], GraphText.float)
        .node("short", "Cast", ["scaled"], cast("DT_FLOAT", type, truncating: truncating))
        .node("positive", "Relu", ["short"], short)
        .node("sum", "AddV2", ["positive", "short"], short)
        .node("y", "Cast", ["sum"], cast(type, "DT_FLOAT"))
    }
    #expect(try ops(text(truncating: false), ["y"], [20, 33]) == ["_FusedElementwise"])
    try expectSame(text(truncating: false), ["y"], [20, 33])
    #expect(try ops(text(truncating: true), ["y"], [20, 33]).contains("Cast"))
    try expectSame(text(truncating: true), ["y"], [20, 33])
  }

  @Test func comparisonsAndChoicesAreStepsToo() throws {
    let text = GraphText().placeholder("x").constant("zero", [], [0.0]).constant("slope", [], [0.25])
      .node("positive", "Greater", ["x", "zero"], GraphText.float)
      .node("small", "Mul", ["slope", "x"], GraphText.float)
      .node("root", "Sqrt", ["x"], GraphText.float)
      .node("y", "SelectV2", ["positive", "root", "small"], GraphText.float)
      .node("z", "Select", ["positive", "y", "x"], GraphText.float)
      .node("w", "SelectV2", ["positive", "z", "zero"], GraphText.float)
    #expect(try ops(text, ["w"], [40, 40]) == ["_FusedElementwise"])
    try expectSame(text, ["w"], [40, 40])
  }

  @Test func whatOthersReadIsComputedOnItsOwn() throws {
    let text = binary(
      GraphText().placeholder("x").node("a", "Neg", ["x"], GraphText.float)
        .node("b", "Exp", ["a"], GraphText.float),
      [("c", "Mul", "b", "x"), ("d", "AddV2", "c", "b")]
    ).constant("axis", [1], [0])
      .node("sum", "Sum", ["b", "axis"], ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT32"])
      .node("y", "Mul", ["d", "sum"], GraphText.float)
    // The sum reads b, so that b is made apart from what follows.
    #expect(try ops(text, ["y"], [6, 5]).sorted() == ["Sum", "_FusedElementwise", "_FusedElementwise"])
    try expectSame(text, ["y"], [6, 5])
    try expectSame(text, ["y", "c", "a"], [6, 5])
  }

  /// The squared distance of x from a row, reduced over some axes.
  private func distance(
    _ shape: [Int], _ reduction: String, axes: [Int], keepsDimensions: Bool
  ) -> GraphText {
    let width = shape[shape.count - 1]
    return GraphText().placeholder("x").constant("row", [width], variedFloats(width))
      .constant("axes", [axes.count], axes).node("difference", "Sub", ["row", "x"], GraphText.float)
      .node("square", "Square", ["difference"], GraphText.float)
      .node(
        "y", reduction, ["square", "axes"],
        ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT32", "keep_dims": "b: \(keepsDimensions)"])
  }

  @Test(arguments: [[7, 64], [60, 5, 33], [3, 1024], [700, 3], [2], [5, 1000]])
  func whatReducesTheInnermostDimensionJoins(_ shape: [Int]) throws {
    for reduction in ["Sum", "Mean", "Max", "Min", "Prod", "EuclideanNorm"] {
      for (axis, keepsDimensions) in [(-1, true), (shape.count - 1, false)] {
        let text = distance(shape, reduction, axes: [axis], keepsDimensions: keepsDimensions)
        #expect(try ops(text, ["y"], Shape(shape)) == ["_FusedReduction"])
        try expectSame(text, ["y"], shape)
      }
    }
  }

  @Test func whatReducesSeveralInnermostDimensionsJoins() throws {
    for axes in [[1, 2], [-1, 1], [0, 1, 2]] {
      let text = distance([4, 6, 7], "Sum", axes: axes, keepsDimensions: false)
      #expect(try ops(text, ["y"], [4, 6, 7]) == ["_FusedReduction"])
      try expectSame(text, ["y"], [4, 6, 7])
    }
  }

  @Test(arguments: [([4, 6, 1], 1), ([6, 1, 1], 0)])
  func dimensionsOfSizeOneAreInnermostToo(_ shape: [Int], _ axis: Int) throws {
    let text = distance(shape, "Sum", axes: [axis], keepsDimensions: true)
    #expect(try ops(text, ["y"], Shape(shape)) == ["_FusedReduction"])
    try expectSame(text, ["y"], shape)
  }

  @Test func aComparisonOfRowsIsOnePass() throws {
    let text = GraphText().placeholder("x").constant("row", [23], variedFloats(23)).constant("axis", [], [1])
      .node("equal", "Equal", ["x", "row"], GraphText.float)
      .node("all", "All", ["equal", "axis"], ["Tidx": "type: DT_INT32"])
      .node("y", "Cast", ["all"], ["SrcT": "type: DT_BOOL", "DstT": "type: DT_FLOAT"])
    #expect(try ops(text, ["y"], [30, 23]) == ["_FusedReduction", "Cast"])
    try expectSame(text, ["y"], [30, 23])
  }

  @Test func otherReductionsStayApart() throws {
    let apart = ["Sum", "_FusedElementwise"]
    let outer = distance([4, 6], "Sum", axes: [0], keepsDimensions: false)
    #expect(try ops(outer, ["y"], [4, 6]).sorted() == apart)
    try expectSame(outer, ["y"], [4, 6])
    let long = distance([2, 1025], "Sum", axes: [1], keepsDimensions: false)
    #expect(try ops(long, ["y"], [2, 1025]).sorted() == apart)
    try expectSame(long, ["y"], [2, 1025])
    let shared = distance([4, 6], "Sum", axes: [1], keepsDimensions: false)
    #expect(try ops(shared, ["y", "square"], [4, 6]).sorted() == apart)
    try expectSame(shared, ["y", "square"], [4, 6])
  }

  @Test func longChainsAreSeveral() throws {
    var text = GraphText().placeholder("x").constant("one", [], [1.0])
    var last = "x"
    for step in 0..<50 {
      text = text.node("n\(step)", step % 2 == 0 ? "AddV2" : "Mul", [last, "one"], GraphText.float)
      last = "n\(step)"
    }
    #expect(try ops(text, [last], [4, 9]) == ["_FusedElementwise", "_FusedElementwise"])
    try expectSame(text, [last], [4, 9])
  }

  @Test func stepsThatDoNotFitTogetherAreRefused() throws {
    func node(_ ops: [String], _ types: String, _ operands: String) -> GraphText {
      let names = ops.map { "s: \"\($0)\"" }.joined(separator: " ")
      return GraphText().placeholder("x").placeholder("z").node(
        "y", "_FusedElementwise", ["x", "z"],
        [
          "ops": "list { \(names) }", "types": "list { \(types) }", "results": "list { \(types) }",
          "operands": "list { \(operands) }",
        ])
    }
    for text in [
      node(["Neg"], "type: DT_DOUBLE", "i: 0"), node(["Neg"], "type: DT_FLOAT", "i: 2"),
      node(["Neg"], "type: DT_FLOAT", "i: -1"), node(["AddV2"], "type: DT_FLOAT", "i: 0"),
      node(["MatMul"], "type: DT_FLOAT", "i: 0 i: 1"), node([], "", ""),
      node(["Neg", "Neg"], "type: DT_FLOAT", "i: 0"),
    ] {
      #expect(throws: GraftError.self) {
        let session = try Session(graph: text.graph())
        _ = try session.run("y", feeding: ["x": Tensor([Float(1), 2]), "z": Tensor([Float(1), 2])])
      }
    }
  }
}
