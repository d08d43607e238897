import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

@Suite struct Limits {
  private func error(_ text: GraphText, _ fetch: String, _ options: SessionOptions) -> GraftError? {
    do {
      _ = try Session(graph: try text.graph(), options: options).run(fetch)
      return nil
    } catch {
      return error as? GraftError
    }
  }

  /// A megabyte for each element of the vector that is asked for.
  private func filled(_ count: Int) -> GraphText {
    GraphText().constant("dims", [1], [count << 18]).constant("value", [], [1.0])
      .node("y", "Fill", ["dims", "value"], ["T": "type: DT_FLOAT", "index_type": "type: DT_INT32"])
  }

  @Test(arguments: [true, false]) func aTensorBeyondItsLimitIsRefused(optimize: Bool) {
    let limits = SessionLimits(tensorBytes: 4 << 20)
    let found = error(filled(5), "y", SessionOptions(optimize: optimize, limits: limits))
    #expect(found?.code == .resourceExhausted)
    #expect(found?.description.contains("limits.tensorBytes") == true)
    #expect(error(filled(3), "y", SessionOptions(optimize: optimize, limits: limits)) == nil)
  }

  @Test(arguments: [true, false]) func allTensorsTogetherHaveALimit(optimize: Bool) {
    // Two tensors of three megabytes are alive when they are added.
    let text = filled(3).node("a", "Sqrt", ["y"], ["T": "type: DT_FLOAT"])
      .node("b", "Exp", ["y"], ["T": "type: DT_FLOAT"])
      .node("sum", "ConcatV2", ["a", "b", "axis"], ["T": "type: DT_FLOAT", "N": "i: 2"])
      .constant("axis", [], [0])
    let found = error(
      text, "sum", SessionOptions(optimize: optimize, limits: SessionLimits(totalBytes: 7 << 20)))
    #expect(found?.code == .resourceExhausted)
    #expect(found?.description.contains("limits.totalBytes") == true)
  }

  /// `y` shows a tensor of so many elements as often as the template asks for it.
  private func shown(_ shape: [Int], times: Int, summarize: Int) -> GraphText {
    let template = String(repeating: "{}", count: times)
    return GraphText().constant("dims", [shape.count], shape).constant("value", [], [1.0])
      .node("x", "Fill", ["dims", "value"], ["T": "type: DT_FLOAT", "index_type": "type: DT_INT32"])
      .node(
        "y", "StringFormat", [String](repeating: "x", count: times),
        [
          "T": "list { \(String(repeating: "type: DT_FLOAT ", count: times)) }",
          "template": "s: \"\(template)\"",
          "placeholder": "s: \"{}\"", "summarize": "i: \(summarize)",
        ])
  }

  /// Each time takes two bytes of an element: 65,536 elements a hundred times are 13 megabytes.
  @Test(arguments: [true, false]) func aTemplateIsNotFilledBeyondTheLimit(optimize: Bool) throws {
    let limits = SessionLimits(totalBytes: 8 << 20, tensorBytes: 1 << 19)
    let options = SessionOptions(threads: 1, optimize: optimize, limits: limits)
    let found = error(shown([1 << 16], times: 100, summarize: -1), "y", options)
    #expect(found?.code == .resourceExhausted && found?.place.node == "y", "\(String(describing: found))")
    #expect(found?.description.contains("limits.tensorBytes") == true)
    // Rows of one element in as many dimensions as there may be take a hundred times the room of the element.
    let nested = [1 << 12] + [Int](repeating: 1, count: 200)
    #expect(error(shown(nested, times: 1, summarize: -1), "y", options)?.code == .resourceExhausted)
  }

  /// What is left out of a summary takes no room: TensorFlow shows tensors of any size.
  @Test(arguments: [true, false]) func aSummaryOfALargeTensorTakesNoRoom(optimize: Bool) throws {
    let limits = SessionLimits(totalBytes: 8 << 20, tensorBytes: 1 << 19)
    let session = Session(
      graph: try shown([1 << 16], times: 100, summarize: 3).graph(),
      options: SessionOptions(threads: 1, optimize: optimize, limits: limits))
    let text = String(repeating: "[1 1 1 ... 1 1 1]", count: 100)
    #expect(try session.run("y").scalars() == [Bytes(text)])
  }

  @Test func memoryIsGivenBackWhenTensorsGo() throws {
    let session = Session(
      graph: try filled(3).graph(),
      options: SessionOptions(optimize: false, limits: .init(totalBytes: 4 << 20)))
    for _ in 0..<8 { #expect(try session.run("y").elementCount == 3 << 18) }
  }
}

@Suite struct Permissions {
  private let reading = GraphText()
    .node("prefix", "Const", [], ["dtype": "type: DT_STRING", "value": text(["/etc/model"], [])])
    .node("names", "Const", [], ["dtype": "type: DT_STRING", "value": text(["w"], [1])])
    .node("slices", "Const", [], ["dtype": "type: DT_STRING", "value": text([""], [1])])
    .node("w", "RestoreV2", ["prefix", "names", "slices"], ["dtypes": "list { type: DT_FLOAT }"])
    .constant("x", [1], [1.0])
    .node("save", "SaveV2", ["prefix", "names", "slices", "x"], ["dtypes": "list { type: DT_FLOAT }"])

  private static func text(_ values: [String], _ shape: [Int]) -> String {
    let sizes = shape.map { "dim { size: \($0) }" }.joined(separator: " ")
    let strings = values.map { "string_val: \"\($0)\"" }.joined(separator: " ")
    return "tensor { dtype: DT_STRING tensor_shape { \(sizes) } \(strings) }"
  }

  @Test func filesAreRefusedBeforeAnythingRuns() throws {
    let session = Session(graph: try reading.graph())
    let read = #expect(throws: GraftError.self) { try session.callable(feeds: [], fetches: ["w"]) }
    #expect(read?.code == .permissionDenied)
    #expect(read?.description.contains("node 'w' (RestoreV2)") == true)
    #expect(read?.description.contains("`readableFolders`") == true)
    let write = #expect(throws: GraftError.self) {
      try session.callable(feeds: [], fetches: [], targets: ["save"])
    }
    #expect(write?.description.contains("`writableFolders`") == true)
  }

  @Test func aFolderThatWasOpenedOpensNoOther() throws {
    let session = Session(
      graph: try reading.graph(), options: SessionOptions(readableFolders: ["/tmp"]))
    let read = #expect(throws: GraftError.self) { try session.run("w") }
    #expect(read?.code == .permissionDenied)
    #expect(read?.description.contains("/etc/model") == true)
  }
}
