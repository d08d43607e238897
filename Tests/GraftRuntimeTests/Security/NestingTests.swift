import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Values, datasets and functions that lie in one another deeper than any stack, or double at every level.
@Suite struct Nesting {
  /// A loop that puts what it has into a new list in every round, once or twice, and what is done with the last.
  private func lists(rounds: Int, twice: Bool, _ end: String) throws -> Graph {
    let variant = "type: DT_VARIANT"
    func push(_ name: String, _ list: String) -> String {
      """
      node_def { name: "\(name)" op: "TensorListPushBack" input: "\(list)" input: "x"
        attr { key: "element_dtype" value { \(variant) } } }
      """
    }
    func number(_ name: String, _ value: Int) -> String {
      """
      node_def { name: "\(name)" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
        attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: \(value) } } } }
      """
    }
    let arguments = """
      input_arg { name: "i" type: DT_INT32 } input_arg { name: "x" type: DT_VARIANT }
      """
    let library = """
      library { function { signature { name: "test" \(arguments) output_arg { name: "r" type: DT_BOOL } }
        \(number("n", rounds)) node_def { name: "less" op: "Less" input: "i" input: "n:output:0"
          attr { key: "T" value { type: DT_INT32 } } } ret { key: "r" value: "less:z:0" } }
      function { signature { name: "step" \(arguments)
          output_arg { name: "next" type: DT_INT32 } output_arg { name: "list" type: DT_VARIANT } }
        \(number("one", 1)) \(number("any", -1))
        node_def { name: "add" op: "Add" input: "i" input: "one:output:0" attr { key: "T" value { type: DT_INT32 } } }
        node_def { name: "empty" op: "EmptyTensorList" input: "any:output:0" input: "any:output:0"
          attr { key: "element_dtype" value { \(variant) } } attr { key: "shape_type" value { type: DT_INT32 } } }
        \(push("p", "empty:handle:0")) \(twice ? push("q", "p:output_handle:0") : "")
        ret { key: "next" value: "add:z:0" }
        ret { key: "list" value: "\(twice ? "q" : "p"):output_handle:0" } } }
      """
    let text =
      GraphText().constant("zero", [], [0]).constant("any", [], [-1])
      .node(
        "first", "EmptyTensorList", ["any", "any"],
        ["element_dtype": variant, "shape_type": "type: DT_INT32"]
      )
      .node(
        "loop", "While", ["zero", "first"],
        [
          "T": "list { type: DT_INT32 \(variant) }", "cond": "func { name: \"test\" }",
          "body": "func { name: \"step\" }",
        ]
      ).text + end
    return try graph(text + library)
  }

  private static let length = "node { name: \"y\" op: \"TensorListLength\" input: \"loop:1\" }"
  private static let zeros = """
    node { name: "z" op: "ZerosLike" input: "loop:1" attr { key: "T" value { type: DT_VARIANT } } }
    node { name: "y" op: "TensorListLength" input: "z" }
    """
  private static let sum = """
    node { name: "z" op: "AddN" input: "loop:1" input: "loop:1" attr { key: "T" value { type: DT_VARIANT } }
      attr { key: "N" value { i: 2 } } }
    node { name: "y" op: "TensorListLength" input: "z" }
    """

  private func graph(_ text: String) throws -> Graph {
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    return graph
  }

  private func run(_ graph: Graph, optimize: Bool = true, fetching fetch: String = "y") throws -> Tensor {
    try Session(
      graph: graph,
      options: SessionOptions(threads: 1, optimize: optimize, limits: SessionLimits(runTime: .seconds(60)))
    ).run(fetch)
  }

  @Test(arguments: [true, false]) func listsInListsAreLetGoOfWithoutAStackFrameForEach(optimize: Bool) throws
  {
    let value = try run(lists(rounds: 100_000, twice: false, Self.length), optimize: optimize)
    #expect(try value.scalars(as: Int32.self) == [1])
  }

  @Test(arguments: [zeros, sum]) func whatGoesThroughListsInListsSaysThatTheyAreTooDeep(end: String) throws {
    let error = thrown { _ = try run(lists(rounds: 100_000, twice: false, end)) }
    #expect(error?.code == .resourceExhausted && error?.description.contains("Variants") == true)
  }

  /// 2 to the power of 60 lists, of which 60 are different.
  @Test(arguments: [zeros, sum]) func listsThatAreHeldTwiceAreLookedAtOnce(end: String) throws {
    #expect(try run(lists(rounds: 60, twice: true, end)).scalars(as: Int32.self) == [2])
  }

  @Test func datasetsOfDatasetsAreAnErrorWhereTheStackEnds() throws {
    let kind = """
      attr { key: "output_types" value { list { type: DT_INT64 } } }
      attr { key: "output_shapes" value { list { shape { } } } }
      """
    func number(_ name: String, _ value: Int) -> String {
      """
      node { name: "\(name)" op: "Const" attr { key: "dtype" value { type: DT_INT64 } }
        attr { key: "value" value { tensor { dtype: DT_INT64 tensor_shape { } int64_val: \(value) } } } }
      """
    }
    func chain(_ depth: Int) throws -> Graph {
      let datasets = (1...depth).map {
        "node { name: \"d\($0)\" op: \"SkipDataset\" input: \"d\($0 - 1)\" input: \"skip\" \(kind) }"
      }
      return try graph(
        """
        \(number("start", 5)) \(number("end", 6)) \(number("step", 1)) \(number("skip", 0))
        node { name: "d0" op: "RangeDataset" input: "start" input: "end" input: "step" \(kind) }
        \(datasets.joined(separator: "\n"))
        node { name: "y" op: "DatasetToSingleElement" input: "d\(depth)" \(kind) }
        """)
    }
    #expect(try run(chain(2)).scalars(as: Int64.self) == [5])
    let error = thrown { _ = try run(chain(30_000)) }
    #expect(error?.code == .resourceExhausted && error?.description.contains("Datasets") == true)
  }

  /// Both branches of each conditional are the next function: 2 to the power of 200 bodies.
  @Test(arguments: [true, false]) func conditionalsThatMultiplyArePlannedWithinBounds(optimize: Bool) throws {
    let signature = "input_arg { name: \"a\" type: DT_FLOAT } output_arg { name: \"r\" type: DT_FLOAT }"
    var library = ""
    for level in 0..<60 {
      library += """
        function { signature { name: "f\(level)" \(signature) }
          node_def { name: "c" op: "StatelessIf" input: "a" input: "a" attr { key: "Tcond" value { type: DT_FLOAT } }
            attr { key: "Tin" value { list { type: DT_FLOAT } } } attr { key: "Tout" value { list { type: DT_FLOAT } } }
            attr { key: "then_branch" value { func { name: "f\(level + 1)" } } }
            attr { key: "else_branch" value { func { name: "f\(level + 1)" } } } }
          ret { key: "r" value: "c:output:0" } }
        """
    }
    library += """
      function { signature { name: "f60" \(signature) }
        node_def { name: "i" op: "Neg" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
        ret { key: "r" value: "i:y:0" } }
      """
    let text = GraphText().constant("x", [], [1.0]).node(
      "y", "PartitionedCall", ["x"],
      ["Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }", "f": "func { name: \"f0\" }"])
    let graph = try graph("\(text.text) library { \(library) }")
    #expect(try run(graph, optimize: optimize).scalars(as: Float.self) == [-1])
  }

  @Test func longChainsOfWhatPassesValuesOnArePlannedInTimeThatGrowsWithThem() throws {
    let chain = (1...30_000).map {
      """
      node { name: "n\($0)" op: "Identity" input: "n\($0 - 1)" attr { key: "T" value { type: DT_FLOAT } } }
      """
    }
    let graph = try graph(
      """
      \(GraphText().constant("n0", [], [1.0]).text) \(chain.joined(separator: "\n"))
      node { name: "y" op: "Neg" input: "n30000" attr { key: "T" value { type: DT_FLOAT } } }
      """)
    #expect(try run(graph).scalars(as: Float.self) == [-1])
  }

  // MARK: - Control flow of TensorFlow 1

  /// Conditionals in the taken branches of conditionals, as deep as told.
  private func conditionals(_ depth: Int) -> GraphText {
    let float = ["T": "type: DT_FLOAT"]
    var text = GraphText().constant("x", [], [1.0]).node(
      "p", "Placeholder", [], ["dtype": "type: DT_BOOL", "shape": "shape { }"])
    var (value, predicate) = ("x", "p")
    for level in 0..<depth {
      text = text.node("s\(level)", "Switch", [value, predicate], float)
        .node("yes\(level)", "Neg", ["s\(level):1"], float)
        .node("no\(level)", "Abs", ["s\(level)"], float)
        .node("t\(level)", "Switch", ["p", predicate], ["T": "type: DT_BOOL"])
        .node("i\(level)", "Identity", ["t\(level):1"], ["T": "type: DT_BOOL"])
      (value, predicate) = ("yes\(level)", "i\(level)")
    }
    for level in (0..<depth).reversed() {
      text = text.node("m\(level)", "Merge", ["no\(level)", value], float.merging(["N": "i: 2"]) { $1 })
      value = "m\(level)"
    }
    return text.node("y", "Identity", [value], float)
  }

  /// Those too deep to be nodes stay for the interpreter, and so does what they stand in.
  @Test(arguments: [1, 31, 32, 33, 34, 63, 64, 65, 100, 3_000])
  func nestedConditionalsAreRunAsTheyStand(depth: Int) throws {
    for (holds, expected) in [(true, depth % 2 == 0 ? 1 : -1), (false, 1)] as [(Bool, Float)] {
      for optimize in [false, true] {
        let session = Session(graph: try conditionals(depth).graph(), options: .init(optimize: optimize))
        let y = try session.run("y", feeding: ["p": try Tensor(holds)])
        #expect(try y.scalars(as: Float.self) == [expected])
      }
    }
  }

  @Test func manyConditionalsArePlannedInTimeThatGrowsWithThem() throws {
    var text = GraphText().constant("m-1", [], [1.0]).node(
      "p", "Placeholder", [], ["dtype": "type: DT_BOOL", "shape": "shape { }"])
    let float = ["T": "type: DT_FLOAT"]
    for place in 0..<2_000 {
      text = text.node("s\(place)", "Switch", ["m\(place - 1)", "p"], float)
        .node("n\(place)", "Neg", ["s\(place):1"], float)
        .node("m\(place)", "Merge", ["s\(place)", "n\(place)"], float.merging(["N": "i: 2"]) { $1 })
    }
    let session = Session(graph: try text.graph())
    #expect(try session.run("m1999:0", feeding: ["p": try Tensor(true)]).scalars(as: Float.self) == [1])
  }

  /// Each branch sees a value of its own: all of them in each would be as many as the square of the branches.
  @Test(arguments: [64, 65, 1_000]) func manyBranchesArePlannedInTimeThatGrowsWithThem(count: Int) throws {
    let float = ["T": "type: DT_FLOAT"]
    var text = GraphText().node("n", "Placeholder", [], ["dtype": "type: DT_INT32", "shape": "shape { }"])
    for branch in 0..<count {
      text = text.constant("c\(branch)", [], [Float(branch)])
        .node("v\(branch)", "Neg", ["c\(branch)"], float)
        .node(
          "s\(branch)", "_SwitchN", ["v\(branch)", "n"], float.merging(["num_outs": "i: \(count)"]) { $1 })
    }
    text = text.node(
      "y", "Merge", (0..<count).map { "s\($0):\($0)" }, float.merging(["N": "i: \(count)"]) { $1 })
    let session = Session(graph: try text.graph())
    #expect(try session.run("y:0", feeding: ["n": try Tensor(Int32(7))]).scalars(as: Float.self) == [-7])
  }

  @Test func loopsInLoopsHaveNoLimitOfDepth() throws {
    let float = ["T": "type: DT_FLOAT"]
    var text = GraphText().constant("x", [], [1.0])
    var value = "x"
    for level in 0..<5_000 {
      text = text.node(
        "e\(level)", "Enter", [value], float.merging(["frame_name": "s: \"f\(level)\""]) { $1 })
      value = "e\(level)"
    }
    for level in 0..<5_000 {
      text = text.node("o\(level)", "Exit", [value], float)
      value = "o\(level)"
    }
    #expect(try run(try text.graph(), fetching: value).scalars(as: Float.self) == [1])
  }
}
