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
