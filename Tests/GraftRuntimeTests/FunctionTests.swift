import Foundation
import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Calls, and control flow of TensorFlow 2.
@Suite struct FunctionTests {
  /// A graph that calls functions, with a library of them.
  private func graph(_ nodes: GraphText, _ functions: [String]) throws -> Graph {
    let graph = Graph()
    let library = functions.map { "function { \($0) }" }.joined(separator: "\n")
    try graph.importGraphDef(bytes: Array((nodes.text + "\nlibrary { \(library) }").utf8))
    return graph
  }

  private func signature(
    _ name: String, _ arguments: [String], _ results: [String], type: String = "DT_FLOAT"
  )
    -> String
  {
    let inputs = arguments.map { "input_arg { name: \"\($0)\" type: \(type) }" }
    let outputs = results.map { "output_arg { name: \"\($0)\" type: DT_FLOAT }" }
    return "signature { name: \"\(name)\" \((inputs + outputs).joined(separator: " ")) }"
  }

  private func node(_ name: String, _ op: String, _ inputs: [String], _ attributes: String = floatType)
    -> String
  {
    let list = inputs.map { "input: \"\($0)\"" }.joined(separator: " ")
    return "node_def { name: \"\(name)\" op: \"\(op)\" \(list) \(attributes) }"
  }

  private static let floatType = "attr { key: \"T\" value { type: DT_FLOAT } }"
  /// Attributes of a node in a function that calls another.
  private func calling(_ function: String, as attribute: String = "f") -> String {
    Self.callTypes + " attr { key: \"\(attribute)\" value { func { name: \"\(function)\" } } }"
  }

  private static let callTypes =
    "attr { key: \"Tin\" value { list { type: DT_FLOAT } } } "
    + "attr { key: \"Tout\" value { list { type: DT_FLOAT } } }"
  private static let call = ["Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }"]

  private var double: String {
    signature("double", ["a"], ["r"]) + node("sum", "AddV2", ["a", "a"])
      + "ret { key: \"r\" value: \"sum:z:0\" }"
  }

  private var negate: String {
    signature("negate", ["a"], ["r"]) + node("neg", "Neg", ["a"]) + "ret { key: \"r\" value: \"neg:y:0\" }"
  }

  private func expect(
    _ make: () throws -> Graph, _ feeds: [String: Tensor], _ fetch: String, gives expected: [Float],
    plan: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for optimize in [false, true] {
      let session = Session(graph: try make(), options: .init(threads: 1, optimize: optimize))
      for _ in 0..<3 {
        let found = try session.run(fetch, feeding: feeds).scalars(as: Float.self)
        #expect(found == expected, "optimize: \(optimize)", sourceLocation: sourceLocation)
      }
      let description = try session.callable(feeds: feeds.keys.sorted(), fetches: [fetch]).planDescription
      #expect(description.contains(plan) == optimize, "\(description)", sourceLocation: sourceLocation)
    }
  }

  private func failure(_ graph: Graph, _ feeds: [String: Tensor], _ fetch: String, optimize: Bool) -> String {
    do {
      _ = try Session(graph: graph, options: .init(threads: 1, optimize: optimize)).run(fetch, feeding: feeds)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func aFunctionStandsWhereItIsCalled() throws {
    let text = GraphText().placeholder("x").node(
      "y", "PartitionedCall", ["x"], Self.call.merging(["f": "func { name: \"double\" }"]) { $1 })
    try expect(
      { try graph(text, [double]) }, ["x": Tensor([Float(3)])], "y", gives: [6], plan: "y/sum = AddV2")
  }

  // tf.raw_ops.MapDefun of a function that adds.
  @Test func aFunctionIsCalledWithEachRow() throws {
    let add =
      signature("add", ["a", "b"], ["r"]) + node("sum", "AddV2", ["a", "b"])
      + "ret { key: \"r\" value: \"sum:z:0\" }"
    func mapped(_ rows: Tensor, shape: String) throws -> Tensor {
      let text = GraphText().placeholder("x").placeholder("c").node(
        "y", "MapDefun", ["x", "c"],
        [
          "Targuments": "list { type: DT_FLOAT }", "Tcaptured": "list { type: DT_FLOAT }",
          "output_types": "list { type: DT_FLOAT }", "output_shapes": "list { \(shape) }",
          "f": "func { name: \"add\" }", "max_intra_op_parallelism": "i: 1",
        ])
      return try Session(graph: graph(text, [add])).run(
        "y:0", feeding: ["x:0": rows, "c:0": Tensor([Float(10), 20])])
    }
    let pair = "shape { dim { size: 2 } }"
    let rows = try Tensor(shape: [3, 2], scalars: [Float(1), 2, 3, 4, 5, 6])
    let result = try mapped(rows, shape: pair)
    #expect(result.shape == [3, 2])
    #expect(try result.scalars(as: Float.self) == [11, 22, 13, 24, 15, 26])
    #expect(try mapped(Tensor(shape: [0, 2], scalars: [Float]()), shape: pair).shape == [0, 2])
    #expect(throws: GraftError.self) { try mapped(rows, shape: "shape { dim { size: 3 } }") }
    #expect(throws: GraftError.self) { try mapped(Tensor(Float(1)), shape: pair) }
  }

  @Test func aFunctionsNameMayBeAnOp() throws {
    let text = GraphText().placeholder("x").node("d", "double", ["x"]).node(
      "y", "Neg", ["d"], GraphText.float)
    try expect(
      { try graph(text, [double]) }, ["x": Tensor([Float(3)])], "y", gives: [-6], plan: "d/sum = AddV2")
  }

  @Test func conditionalsRunTheirFunctions() throws {
    let text = GraphText().placeholder("x").placeholder("p", []).node(
      "y", "If", ["p", "x"],
      Self.call.merging([
        "Tcond": "type: DT_FLOAT", "then_branch": "func { name: \"double\" }",
        "else_branch": "func { name: \"negate\" }",
      ]) { $1 })
    for (p, expected) in [(Float(1), Float(6)), (0, -3)] {
      try expect(
        { try graph(text, [double, negate]) }, ["x": Tensor([Float(3)]), "p": Tensor(p)], "y",
        gives: [expected], plan: "y = _If")
    }
  }

  @Test func truthsThatAreNoScalarsDecideWhereTensorFlowMakesNoSwitch() throws {
    for becomesSwitch in [false, true] {
      let text = GraphText().placeholder("x").node("p", "Placeholder", [], ["dtype": "type: DT_BOOL"]).node(
        "y", "If", ["p", "x"],
        Self.call.merging([
          "Tcond": "type: DT_BOOL", "then_branch": "func { name: \"double\" }",
          "else_branch": "func { name: \"negate\" }", "_lower_using_switch_merge": "b: \(becomesSwitch)",
        ]) { $1 })
      let x = try Tensor([Float(3)])
      let make = { try graph(text, [double, negate]) }
      for (p, expected) in [(true, Float(6)), (false, -3)] {
        try expect(make, ["x": x, "p": Tensor(p)], "y", gives: [expected], plan: "y = _If")
      }
      for (p, expected) in [([false, false], Float(6)), ([], -3)] {
        let feeds = ["x": x, "p": try Tensor(p)]
        guard becomesSwitch else {
          try expect(make, feeds, "y", gives: [expected], plan: "y = _If")
          continue
        }
        for optimize in [false, true] {
          let text = failure(try make(), feeds, "y", optimize: optimize)
          #expect(
            text.contains("The predicate is a scalar bool, and shape [\(p.count)] was found."), "\(text)")
        }
      }
    }
  }

  @Test(arguments: [(0, Float(6)), (1, Float(-3)), (7, Float(-3)), (-1, Float(-3))])
  func casesOutOfRangeTakeTheLastBranch(_ index: Int, _ expected: Float) throws {
    let text = GraphText().placeholder("x").node(
      "i", "Placeholder", [], ["dtype": "type: DT_INT32", "shape": "shape { }"]
    )
    .node(
      "y", "Case", ["i", "x"],
      Self.call.merging([
        "branches": "list { func { name: \"double\" } func { name: \"negate\" } }"
      ]) { $1 })
    try expect(
      { try graph(text, [double, negate]) }, ["x": Tensor([Float(3)]), "i": Tensor(Int32(index))], "y",
      gives: [expected], plan: "y = _Case")
  }

  /// `while x < limit: x = x + x`, the limit a variable that stays as it is.
  private var doubling: [String] {
    [
      """
      signature { name: "test" input_arg { name: "a" type: DT_FLOAT } input_arg { name: "l" type: DT_FLOAT }
        output_arg { name: "r" type: DT_BOOL } }
      """ + node("less", "Less", ["a", "l"]) + "ret { key: \"r\" value: \"less:z:0\" }",
      signature("body", ["a", "l"], ["r", "s"]) + node("sum", "AddV2", ["a", "a"])
        + "ret { key: \"r\" value: \"sum:z:0\" } ret { key: \"s\" value: \"l\" }",
    ]
  }

  @Test func loopsRunTheirFunctions() throws {
    let types = "list { type: [DT_FLOAT, DT_FLOAT] }"
    let text = GraphText().placeholder("x").placeholder("limit").node(
      "y", "StatelessWhile", ["x", "limit"],
      ["T": types, "cond": "func { name: \"test\" }", "body": "func { name: \"body\" }"])
    try expect(
      { try graph(text, doubling) }, ["x": Tensor(Float(3)), "limit": Tensor(Float(20))], "y:0", gives: [24],
      plan: "y = _While(x:0, limit:0)")
    try expect(
      { try graph(text, doubling) }, ["x": Tensor(Float(30)), "limit": Tensor(Float(20))], "y:0", gives: [30],
      plan: "y = _While(x:0, limit:0)")
  }

  /// `f(x) = x < 100 ? f(x + x) : x` when it ends, else without the test.
  private func recursive(ends: Bool) -> [String] {
    let again =
      signature("again", ["a"], ["r"]) + node("sum", "AddV2", ["a", "a"])
      + node("call", "PartitionedCall", ["sum:z:0"], calling("f"))
      + "ret { key: \"r\" value: \"call:output:0\" }"
    let stop = signature("stop", ["a"], ["r"]) + "ret { key: \"r\" value: \"a\" }"
    let limit = "tensor { dtype: DT_FLOAT tensor_shape { } float_val: \(ends ? "100" : "inf") }"
    let constant =
      "attr { key: \"dtype\" value { type: DT_FLOAT } } attr { key: \"value\" value { \(limit) } }"
    let branches =
      calling("again", as: "then_branch") + " attr { key: \"Tcond\" value { type: DT_BOOL } } "
      + "attr { key: \"else_branch\" value { func { name: \"stop\" } } }"
    let f =
      signature("f", ["a"], ["r"]) + node("limit", "Const", [], constant)
      + node("less", "LessEqual", ["a", "limit:output:0"])
      + node("if", "If", ["less:z:0", "a"], branches) + "ret { key: \"r\" value: \"if:output:0\" }"
    return [f, again, stop]
  }

  private var recursiveCall: GraphText {
    GraphText().placeholder("x").node(
      "y", "PartitionedCall", ["x"], Self.call.merging(["f": "func { name: \"f\" }"]) { $1 })
  }

  @Test func aFunctionMayCallItself() throws {
    for optimize in [false, true] {
      let session = Session(
        graph: try graph(recursiveCall, recursive(ends: true)), options: .init(threads: 1, optimize: optimize)
      )
      #expect(try session.run("y", feeding: ["x": Tensor(Float(3))]).scalars() == [192] as [Float])
    }
  }

  /// Threads that nobody gave a size have half a megabyte of stack on some systems.
  @Test(arguments: [true, false]) func deepCallsNeedLittleStack(optimize: Bool) async throws {
    for ends in [true, false] {
      let session = Session(
        graph: try graph(recursiveCall, recursive(ends: ends)), options: .init(threads: 1, optimize: optimize)
      )
      let found = await withCheckedContinuation { continuation in
        let thread = Thread {
          let result = Result {
            try session.run("y", feeding: ["x": Tensor(Float(3e-30))]).scalars() as [Float]
          }
          continuation.resume(returning: result)
        }
        thread.stackSize = 512 << 10
        thread.start()
      }
      switch found {
      case .success(let values): #expect(ends && values.count == 1 && values[0] > 100)
      case .failure(let error): #expect(!ends && "\(error)".contains("deep"), "\(error)")
      }
    }
  }

  @Test(arguments: [true, false]) func aFunctionThatNeverReturnsIsAnError(optimize: Bool) throws {
    let text = failure(
      try graph(recursiveCall, recursive(ends: false)), ["x": try Tensor(Float(3))], "y", optimize: optimize)
    #expect(text.contains("deep"), "\(text)")
    let empty =
      signature("f", ["a"], ["r"]) + node("call", "PartitionedCall", ["a"], calling("f"))
      + "ret { key: \"r\" value: \"call:output:0\" }"
    let other = failure(
      try graph(recursiveCall, [empty]), ["x": try Tensor(Float(3))], "y", optimize: optimize)
    #expect(other.contains("deep"), "\(other)")
  }

  @Test func functionsThatDoubleAtEveryLevelDoNotFillTheMemory() throws {
    // 2^30 additions when all is put in place: the plan must be made all the same.
    let first = signature("f0", ["a"], ["r"]) + node("neg", "Neg", ["a"])
    var functions = [first + "ret { key: \"r\" value: \"neg:y:0\" }"]
    for level in 1...30 {
      functions.append(
        signature("f\(level)", ["a"], ["r"]) + node("b", "PartitionedCall", ["a"], calling("f\(level - 1)"))
          + node("c", "PartitionedCall", ["b:output:0"], calling("f\(level - 1)"))
          + "ret { key: \"r\" value: \"c:output:0\" }")
    }
    let text = GraphText().placeholder("x").node(
      "y", "PartitionedCall", ["x"], Self.call.merging(["f": "func { name: \"f30\" }"]) { $1 })
    let session = Session(graph: try graph(text, functions), options: .init(threads: 1))
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    #expect(throws: GraftError.self) {
      _ = try callable.run([Tensor(Float(1))], options: .init(timeout: .milliseconds(50)))
    }
  }
}
