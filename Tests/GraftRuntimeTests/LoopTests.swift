import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Loops and conditionals of TensorFlow 1, interpreted and as structured nodes: one meaning.
@Suite struct LoopTests {
  private static let bool = ["dtype": "type: DT_BOOL", "shape": "shape { }"]

  /// `while i < n: i, x = i + 1, x * w`, as `tf.while_loop` writes it; or as TensorFlow 2 lowers `While`, with a
  /// node that waits for all inputs of the body.
  private func loop(_ iterations: Int = 32, limit: [Int] = [], isLowered: Bool = false) -> GraphText {
    let enter = { (isConstant: Bool) in
      [
        "T": "type: DT_FLOAT", "frame_name": "s: \"while\"", "is_constant": "b: \(isConstant)",
        "parallel_iterations": "i: \(iterations)",
      ]
    }
    return GraphText().placeholder("x", [2]).placeholder("n", limit).constant("zero", [], [0.0])
      .constant("w", [], [2.0])
      .node("i/enter", "Enter", ["zero"], enter(false)).node("x/enter", "Enter", ["x"], enter(false))
      .node("n/enter", "Enter", ["n"], enter(true)).node("w/enter", "Enter", ["w"], enter(true))
      .node("i", "Merge", ["i/enter", "i/next"], ["T": "type: DT_FLOAT", "N": "i: 2"])
      .node("v", "Merge", ["x/enter", "x/next"], ["T": "type: DT_FLOAT", "N": "i: 2"])
      .node("less", "Less", ["i", "n/enter"], GraphText.float).node("cond", "LoopCond", ["less"])
      .node("i/switch", "Switch", ["i", "cond"], GraphText.float)
      .node("x/switch", "Switch", ["v", "cond"], GraphText.float)
      .node("i/body", "Identity", ["i/switch:1"], GraphText.float)
      .node("one", "Const", ["^i/body"], ["dtype": "type: DT_FLOAT", "value": Self.one])
      .node("i/add", "AddV2", ["i/body", "one"], GraphText.float)
      .node("inputs", "NoOp", ["^n/enter", "^i/switch", "^x/switch", "^i/body"], [:])
      .node("x/mul", "Mul", ["x/switch:1", "w/enter"] + (isLowered ? ["^inputs"] : []), GraphText.float)
      .node("i/next", "NextIteration", ["i/add"], GraphText.float)
      .node("x/next", "NextIteration", ["x/mul"], GraphText.float)
      .node("i/exit", "Exit", ["i/switch"], GraphText.float).node(
        "x/exit", "Exit", ["x/switch"], GraphText.float
      )
      .node("y", "Neg", ["x/exit"], GraphText.float)
  }

  private static let one = "tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 }"

  /// `if p: x + 1 else: -x`, as `tf.cond` writes it.
  private func conditional() -> GraphText {
    GraphText().placeholder("x", [2]).node("p", "Placeholder", [], Self.bool)
      .node("p/switch", "Switch", ["p", "p"], ["T": "type: DT_BOOL"])
      .node("t", "Identity", ["p/switch:1"], ["T": "type: DT_BOOL"])
      .node("id", "Identity", ["p"], ["T": "type: DT_BOOL"])
      .node("one", "Const", ["^t"], ["dtype": "type: DT_FLOAT", "value": Self.one])
      .node("a/switch", "Switch", ["x", "id"], GraphText.float).node(
        "b/switch", "Switch", ["x", "id"], GraphText.float
      )
      .node("add", "AddV2", ["a/switch:1", "one"], GraphText.float)
      .node("neg", "Neg", ["b/switch"], GraphText.float)
      .node("merge", "Merge", ["neg", "add"], ["T": "type: DT_FLOAT", "N": "i: 2"])
      .node("y", "Square", ["merge"], GraphText.float)
  }

  private func expect(
    _ text: GraphText, _ feeds: [String: Tensor], _ fetch: String, gives expected: [Float],
    isStructured: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for optimize in [false, true] {
      let session = Session(graph: try text.graph(), options: .init(threads: 1, optimize: optimize))
      for _ in 0..<3 {
        let found = try session.run(fetch, feeding: feeds).scalars(as: Float.self)
        #expect(found == expected, "optimize: \(optimize)", sourceLocation: sourceLocation)
      }
      let plan = try session.callable(feeds: feeds.keys.sorted(), fetches: [fetch]).planDescription
      #expect(
        plan.contains("Switch") == !(optimize && isStructured), "\(plan)", sourceLocation: sourceLocation)
    }
  }

  private func failure(
    _ text: GraphText, _ feeds: [String: Tensor], _ fetch: String, optimize: Bool, limit: Int = 100
  ) -> String {
    do {
      let session = Session(
        graph: try text.graph(),
        options: .init(threads: 1, optimize: optimize, limits: SessionLimits(loopSteps: limit)))
      _ = try session.run(fetch, feeding: feeds)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [0, 1, 5]) func aLoopGivesWhatItsVariablesAreInTheEnd(_ count: Int) throws {
    let factor = Float(1 << count)
    try expect(
      loop(), ["x": Tensor([Float(1), 3]), "n": Tensor(Float(count))], "y", gives: [-factor, -3 * factor])
    try expect(
      loop(1), ["x": Tensor([Float(1), 3]), "n": Tensor(Float(count))], "i/exit", gives: [Float(count)])
  }

  /// `while i < n: i, a, b = i + 1, b, a * w + reshape(b)`.
  private func exchange() -> GraphText {
    let merge = ["T": "type: DT_FLOAT", "N": "i: 2"]
    func enter(_ isConstant: Bool) -> [String: String] {
      [
        "T": "type: DT_FLOAT", "frame_name": "s: \"while\"", "is_constant": "b: \(isConstant)",
        "parallel_iterations": "i: 32",
      ]
    }
    var text = GraphText().placeholder("a").placeholder("b").placeholder("w").placeholder("n", [])
      .constant("zero", [], [0.0])
      .node("n/enter", "Enter", ["n"], enter(true)).node("w/enter", "Enter", ["w"], enter(true))
    for (name, start) in [("i", "zero"), ("a", "a"), ("b", "b")] {
      text = text.node("\(name)/enter", "Enter", [start], enter(false))
        .node("\(name)/merge", "Merge", ["\(name)/enter", "\(name)/next"], merge)
        .node("\(name)/switch", "Switch", ["\(name)/merge", "cond"], GraphText.float)
        .node("\(name)/exit", "Exit", ["\(name)/switch"], GraphText.float)
    }
    return text.node("less", "Less", ["i/merge", "n/enter"], GraphText.float)
      .node("cond", "LoopCond", ["less"])
      .node("i/body", "Identity", ["i/switch:1"], GraphText.float)
      .node("one", "Const", ["^i/body"], ["dtype": "type: DT_FLOAT", "value": Self.one])
      .node("i/add", "AddV2", ["i/body", "one"], GraphText.float)
      .node("i/next", "NextIteration", ["i/add"], GraphText.float)
      .node("a/next", "NextIteration", ["b/switch:1"], GraphText.float)
      .node("product", "Mul", ["a/switch:1", "w/enter"], GraphText.float)
      .node("size", "Shape", ["product"], GraphText.float)
      .node("flat", "Reshape", ["b/switch:1", "size"], GraphText.float)
      .node("b/sum", "AddV2", ["product", "flat"], GraphText.float)
      .node("b/next", "NextIteration", ["b/sum"], GraphText.float)
  }

  // Rounds bind kernels to memory: it must be this run's, whatever is fed, and of this round's variables.
  @Test(arguments: [true, false]) func variablesChangePlacesAndWhatIsCapturedChangesFromRunToRun(
    optimize: Bool
  ) throws {
    let session = Session(graph: try exchange().graph(), options: .init(threads: 1, optimize: optimize))
    for (run, size) in [3, 3, 3, 3, 2000, 2000, 3, 5, 5].enumerated() {
      var (a, b) = (variedFloats(size).map { $0 + Float(run) }, variedFloats(size).map { 1 - $0 })
      let w = (0..<size).map { Float($0 % 3) - Float(run % 2) }
      let rounds = run % 4 + 2
      let found = try session.run(
        ["a/exit", "b/exit"],
        feeding: ["a": Tensor(a), "b": Tensor(b), "w": Tensor(w), "n": Tensor(Float(rounds))])
      for _ in 0..<rounds { (a, b) = (b, a.indices.map { a[$0] * w[$0] + b[$0] }) }
      #expect(try found[0].scalars(as: Float.self) == a, "run \(run)")
      #expect(try found[1].scalars(as: Float.self) == b, "run \(run)")
    }
  }

  @Test func aLoweredLoopIsFoundToo() throws {
    try expect(
      loop(isLowered: true), ["x": Tensor([Float(3), -1]), "n": Tensor(Float(5))], "y", gives: [-96, 32])
  }

  @Test func countersThatCountAlikeAreOne() throws {
    let text = loop().node(
      "j/enter", "Enter", ["zero"],
      [
        "T": "type: DT_FLOAT", "frame_name": "s: \"while\"", "is_constant": "b: false",
        "parallel_iterations": "i: 32",
      ]
    )
    .node("j", "Merge", ["j/enter", "j/next"], ["T": "type: DT_FLOAT", "N": "i: 2"])
    .node("j/switch", "Switch", ["j", "cond"], GraphText.float)
    .node("j/add", "AddV2", ["j/switch:1", "one"], GraphText.float)
    .node("j/next", "NextIteration", ["j/add"], GraphText.float)
    .node("j/exit", "Exit", ["j/switch"], GraphText.float)
    .node("both", "AddV2", ["i/exit", "j/exit"], GraphText.float)
    let feeds = ["x": try Tensor([Float(1), 3]), "n": try Tensor(Float(4))]
    try expect(text, feeds, "both", gives: [8])
    let plan = try Session(graph: text.graph()).callable(feeds: ["n", "x"], fetches: ["both"])
      .planDescription
    #expect(plan.split(separator: "\n").count { $0.contains("AddV2(") } == 2, "\(plan)")
  }

  @Test(arguments: [true, false]) func aLoopThatGoesOnForTooLongIsStopped(optimize: Bool) throws {
    let text = failure(
      loop(), ["x": try Tensor([Float(1), 3]), "n": try Tensor(Float(1000))], "y", optimize: optimize)
    #expect(text.contains("stopped after 100 rounds"))
    #expect(text.contains("limits.loopSteps"))
  }

  /// `while i < n: out[i] = -rows[i]`, with the rows of x and the results in lists.
  private func listLoop() -> GraphText {
    let int = ["T": "type: DT_INT32"], list = ["element_dtype": "type: DT_FLOAT"]
    let variant = ["T": "type: DT_VARIANT"]
    func enter(_ type: String, isConstant: Bool) -> [String: String] {
      ["T": "type: \(type)", "frame_name": "s: \"while\"", "is_constant": "b: \(isConstant)"]
    }
    let shape = list.merging(["shape_type": "type: DT_INT32"]) { $1 }
    let start = GraphText().placeholder("x")
      .node("n", "Placeholder", [], ["dtype": "type: DT_INT32", "shape": "shape { }"])
      .constant("zero", [], [0]).constant("size", [1], [3])
      .node("rows", "TensorListFromTensor", ["x", "size"], shape)
      .node("out", "TensorListReserve", ["size", "n"], shape)
    return start.node("i/enter", "Enter", ["zero"], enter("DT_INT32", isConstant: false))
      .node("out/enter", "Enter", ["out"], enter("DT_VARIANT", isConstant: false))
      .node("n/enter", "Enter", ["n"], enter("DT_INT32", isConstant: true))
      .node("rows/enter", "Enter", ["rows"], enter("DT_VARIANT", isConstant: true))
      .node("size/enter", "Enter", ["size"], enter("DT_INT32", isConstant: true))
      .node("i", "Merge", ["i/enter", "i/next"], ["T": "type: DT_INT32", "N": "i: 2"])
      .node("o", "Merge", ["out/enter", "o/next"], ["T": "type: DT_VARIANT", "N": "i: 2"])
      .node("less", "Less", ["i", "n/enter"], int).node("cond", "LoopCond", ["less"])
      .node("i/switch", "Switch", ["i", "cond"], int).node("o/switch", "Switch", ["o", "cond"], variant)
      .node("i/body", "Identity", ["i/switch:1"], int)
      .node("one", "Const", ["^i/body"], ["dtype": "type: DT_INT32", "value": Self.oneCount])
      .node("i/add", "AddV2", ["i/body", "one"], int)
      .node("row", "TensorListGetItem", ["rows/enter", "i/body", "size/enter"], list)
      .node("result", "Neg", ["row"], GraphText.float)
      .node("o/set", "TensorListSetItem", ["o/switch:1", "i/body", "result"], list)
      .node("i/next", "NextIteration", ["i/add"], int).node("o/next", "NextIteration", ["o/set"], variant)
      .node("o/exit", "Exit", ["o/switch"], variant)
      .node("y", "TensorListStack", ["o/exit", "size"], list)
  }

  private static let oneCount = "tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 }"

  @Test(arguments: [true, false]) func rowsOfListsAreReadAndWrittenRoundByRound(optimize: Bool) throws {
    let session = Session(graph: try listLoop().graph(), options: .init(threads: 1, optimize: optimize))
    // Other rows and other lengths from run to run; the memory of one round serves the next.
    for (rows, base) in [(6, 1), (6, 100), (2, 7), (6, 1000)] as [(Int, Float)] {
      let values = (0..<3 * rows).map { base + Float($0) }
      let feeds = ["x": try Tensor(shape: [rows, 3], scalars: values), "n": try Tensor(Int32(rows))]
      let found = try session.run("y", feeding: feeds)
      #expect(try found.scalars(as: Float.self) == values.map { -$0 })
    }
    #expect {
      try session.run(
        "y",
        feeding: [
          "x": Tensor(shape: [4, 3], scalars: [Float](repeating: 1, count: 12)), "n": Tensor(Int32(6)),
        ])
    } throws: { "\($0)".contains("row") && "\($0)".contains("which has 4 elements") }
  }

  @Test(arguments: [true, false]) func aVectorIsNoCondition(optimize: Bool) throws {
    let text = failure(
      loop(limit: [2]), ["x": try Tensor([Float(1), 3]), "n": try Tensor([Float(3), 3])], "y",
      optimize: optimize)
    #expect(text.contains("scalar"))
  }

  @Test(arguments: [true, false]) func aValueInsideOfALoopCannotBeFetched(optimize: Bool) throws {
    let text = failure(
      loop(), ["x": try Tensor([Float(1), 3]), "n": try Tensor(Float(2))], "x/mul", optimize: optimize)
    #expect(text.contains("inside of a loop"))
  }

  @Test func aConditionalRunsTheBranchThatItsPredicateNames() throws {
    let x = try Tensor([Float(1), 3])
    try expect(conditional(), ["x": x, "p": Tensor(true)], "y", gives: [4, 16])
    try expect(conditional(), ["x": x, "p": Tensor(false)], "y", gives: [1, 9])
  }

  @Test func theIndexOfAMergeTellsTheInput() throws {
    let text = conditional().node(
      "index", "Cast", ["merge:1"], ["SrcT": "type: DT_INT32", "DstT": "type: DT_FLOAT"])
    let x = try Tensor([Float(1), 3])
    try expect(text, ["x": x, "p": Tensor(true)], "index", gives: [1])
    try expect(text, ["x": x, "p": Tensor(false)], "index", gives: [0])
  }

  @Test func constantsThatAnInterpretedNodePreparedServeInputsOfOtherShapes() throws {
    // A convolution by 3x3, which is prepared for the input's size, on a branch.
    let text = GraphText().placeholder("x").node("p", "Placeholder", [], Self.bool)
      .constant("w", [3, 3, 16, 16], (0..<3 * 3 * 16 * 16).map { Float($0 % 7) - 3 })
      .node("a/switch", "Switch", ["x", "p"], GraphText.float)
      .node(
        "conv", "Conv2D", ["a/switch:1", "w"],
        [
          "T": "type: DT_FLOAT", "strides": "list { i: [1, 1, 1, 1] }", "padding": "s: \"SAME\"",
        ]
      )
      .node("neg", "Neg", ["a/switch"], GraphText.float)
      .node("y", "Merge", ["neg", "conv"], ["T": "type: DT_FLOAT", "N": "i: 2"])
    let sessions = try [false, true].map { optimize in
      Session(graph: try text.graph(), options: .init(threads: 1, optimize: optimize))
    }
    for size in [12, 20, 12, 9, 9] {
      let x = try Tensor(
        shape: [1, size, size, 16], scalars: (0..<size * size * 16).map { Float($0 % 11) - 5 })
      let found = try sessions.map {
        try $0.run("y:0", feeding: ["x": x, "p": Tensor(true)]).scalars(as: Float.self)
      }
      #expect(found[0].count == size * size * 16)
      for (a, b) in zip(found[0], found[1]) { #expect(abs(a - b) <= 1e-3) }
    }
  }

  @Test func whatTheInterpreterRunsIsTraced() throws {
    let session = Session(graph: try conditional().graph(), options: .init(threads: 1, optimize: false))
    let callable = try session.callable(feeds: ["x:0", "p:0"], fetches: ["y:0"])
    let trace = RunTrace()
    let y = try callable.run([Tensor([1, 2] as [Float]), Tensor(true)], trace: trace)
    #expect(try y[0].scalars() == [4, 9] as [Float])
    #expect(Set(trace.events.map(\.op)).isSuperset(of: ["AddV2", "Square"]))
    #expect(!trace.events.contains { $0.op == "Neg" })
    #expect(trace.events.first { $0.op == "Square" }?.outputs.first?.shape == [2])
  }

  @Test(arguments: [true, false]) func aFetchOnADeadBranchNamesThePredicate(optimize: Bool) throws {
    let x = try Tensor([Float(1), 3])
    let text = failure(conditional(), ["x": x, "p": try Tensor(false)], "add", optimize: optimize)
    #expect(text.contains("'add:0' was fetched, and it is on a branch that was not taken"))
    #expect(text.contains("'p' is false"))
    try expect(
      conditional(), ["x": x, "p": Tensor(true)], "add", gives: [2, 4], isStructured: false)
  }

  /// `[x + 1, -x, x^2][n]`, as a frozen `tf.switch_case` has it, with a constant of the second branch.
  private func choice() -> GraphText {
    let three = ["T": "type: DT_FLOAT", "num_outs": "i: 3"]
    return GraphText().placeholder("x", [2]).node("n", "Placeholder", [], ["dtype": "type: DT_INT32"])
      .node("pivot", "_SwitchN", ["n", "n"], ["T": "type: DT_INT32", "num_outs": "i: 3"])
      .node("first", "Identity", ["pivot"], ["T": "type: DT_INT32"])
      .node("one", "Const", ["^first"], ["dtype": "type: DT_FLOAT", "value": Self.one])
      .node("s", "_SwitchN", ["x", "n"], three)
      .node("add", "AddV2", ["s", "one"], GraphText.float)
      .node("neg", "Neg", ["s:1"], GraphText.float).node("square", "Square", ["s:2"], GraphText.float)
      .node("merge", "Merge", ["add", "neg", "square"], ["T": "type: DT_FLOAT", "N": "i: 3"])
      .node("y", "Abs", ["merge"], GraphText.float)
      .node("index", "Cast", ["merge:1"], ["SrcT": "type: DT_INT32", "DstT": "type: DT_FLOAT"])
  }

  // tf.switch_case(n, [lambda: x + 1, lambda: -x, lambda: x * x])
  @Test(
    arguments: [(0, [2, 2]), (1, [1, 3]), (2, [1, 9]), (3, [1, 9]), (-1, [1, 9])] as [(Int32, [Float])])
  func aNumberChoosesAmongBranches(number: Int32, expected: [Float]) throws {
    let feeds = ["x": try Tensor([Float(1), -3]), "n": try Tensor(number)]
    try expect(choice(), feeds, "y", gives: expected)
    try expect(choice(), feeds, "index", gives: [(0...2).contains(number) ? Float(number) : 2])
  }

  @Test(arguments: [true, false]) func aFetchOnABranchThatANumberDidNotChooseNamesIt(optimize: Bool) throws {
    let x = try Tensor([Float(1), 3])
    let text = failure(choice(), ["x": x, "n": try Tensor(Int32(7))], "neg", optimize: optimize)
    #expect(text.contains("'neg:0' was fetched, and it is on a branch that was not taken"))
    #expect(text.contains("the number 'n' chose branch 2"))
    try expect(choice(), ["x": x, "n": Tensor(Int32(1))], "neg", gives: [-1, -3], isStructured: false)
  }

  @Test func aBranchThatIsKnownTakesThePlaceOfTheConditional() throws {
    let text = GraphText().placeholder("x", [2])
      .node(
        "p", "Const", [],
        ["dtype": "type: DT_BOOL", "value": "tensor { dtype: DT_BOOL tensor_shape { } bool_val: true }"]
      )
      .node("s", "Switch", ["x", "p"], GraphText.float).node("a", "Neg", ["s:1"], GraphText.float)
      .node("b", "Square", ["s:0"], GraphText.float)
      .node("y", "Merge", ["b", "a"], ["T": "type: DT_FLOAT", "N": "i: 2"])
    let callable = try Session(graph: text.graph()).callable(feeds: ["x"], fetches: ["y:0"])
    #expect(callable.planDescription == "x = feed 0()\na = Neg(x:0)")
    #expect(try callable.run([Tensor([Float(1), 2])])[0].scalars() == [-1, -2] as [Float])
  }

  @Test func constantsAndWhatStaysTheSameLeaveTheVariables() throws {
    let callable = try Session(graph: loop().graph()).callable(feeds: ["x", "n"], fetches: ["y"])
    #expect(
      callable.planDescription.contains("while = _While(x:0, zero:0, n:0)"), "\(callable.planDescription)")
  }
}
