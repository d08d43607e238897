import GraftCheckpoint
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

@Suite("Saver") struct SaverTests {
  @Test func findsVariablesWithoutACollection() throws {
    let saver = try Saver(graph: try VariableGraph.line().graph())
    #expect(saver.variables == ["w", "b"])
    #expect(try VariableGraph.result(VariableGraph.session()) == [9])
  }

  @Test func aFrozenGraphIsSaidToBeOne() throws {
    let graph = try GraphText().constant("c", [1], [1.0]).constant("d", [1], [2.0]).graph()
    let error = try #require(thrown { _ = try Saver(graph: graph) })
    #expect(error.message == "0 variables: this graph is frozen (2 constants).")
  }

  @Test func savesWithStepsAndKeepsTheLast() throws {
    let (session, folder) = (try VariableGraph.session(), try TestFolder())
    let saver = try Saver(graph: session.graph)
    for step in 1...4 {
      #expect(
        try saver.save(session, to: folder.file("m"), step: step, shards: 2, keeping: 2)
          == folder.file("m-\(step)"))
    }
    #expect(
      folder.names() == [
        "checkpoint", "m-3.data-00000-of-00002", "m-3.data-00001-of-00002", "m-3.index",
        "m-4.data-00000-of-00002", "m-4.data-00001-of-00002", "m-4.index",
      ])
    let other = Session(graph: try VariableGraph.line().graph())
    let report = try Saver(graph: other.graph).restore(folder.path, into: other)
    #expect(report.restored == ["w": "w", "b": "b"])
    #expect(try VariableGraph.result(other) == [9])
  }

  @Test func saysWhichVariablesHaveNoValueToSave() throws {
    let session = Session(graph: try VariableGraph.line().graph())
    let folder = try TestFolder()
    let error = try #require(
      thrown { try Saver(graph: session.graph).save(session, to: folder.file("m")) })
    #expect(error.code == .uninitialized)
    #expect(error.message.contains("2 of the 2 variables") && error.message.contains("'w', 'b'"))
    #expect(folder.names().isEmpty)
  }

  @Test(
    "A checkpoint with other names is answered with the rule that finds them",
    arguments: [
      ("", "ema/", "", "*", "ema/*"),
      ("model/", "", "", "model/*", "*"),
      ("model_1/", "model/", "", "model_1/*", "model/*"),
      ("", "", "/ExponentialMovingAverage", "*", "*/ExponentialMovingAverage"),
      ("", "net/", "/.ATTRIBUTES/VARIABLE_VALUE", "*", "net/*/.ATTRIBUTES/VARIABLE_VALUE"),
    ])
  func suggests(_ scope: String, _ lead: String, _ ending: String, _ pattern: String, _ replacement: String)
    throws
  {
    let session = Session(graph: try VariableGraph.line(scope: scope).graph())
    let folder = try TestFolder()
    try VariableGraph.checkpoint(
      folder.file("m"),
      ["\(lead)w\(ending)": VariableGraph.weights, "\(lead)b\(ending)": VariableGraph.bias])
    let saver = try Saver(graph: session.graph)
    let diff = try saver.diff(folder.file("m"))
    #expect(!diff.isAccepted && diff.rows.map(\.verdict) == [.missing, .missing])
    #expect(diff.rows[0].suggestion == "perhaps '\(lead)w\(ending)'")
    #expect(diff.suggestedRules == [.init(pattern: pattern, replacement: replacement, count: 2)])
    let error = try #require(thrown { try saver.restore(folder.file("m"), into: session) })
    #expect(error.code == .notFound)
    #expect(error.message.contains("2 of the 2 variables") && error.message.contains("'\(scope)b'"))
    #expect(error.remedy?.contains("rename: [(\"\(pattern)\", \"\(replacement)\")] finds all") == true)
    let options = RestoreOptions(rename: diff.suggestedRules.map { ($0.pattern, $0.replacement) })
    try saver.restore(folder.file("m"), into: session, options: options)
    #expect(try VariableGraph.result(session) == [9])
  }

  @Test func aNumberBehindAVariableIsSeenThrough() throws {
    let graph = try GraphText().node(
      "w_1", "VarHandleOp", [], ["dtype": "type: DT_FLOAT", "shape": "shape { dim { size: 1 } }"]
    ).graph()
    let folder = try TestFolder()
    try VariableGraph.checkpoint(folder.file("m"), ["w": VariableGraph.bias])
    let diff = try Saver(graph: graph).diff(folder.file("m"))
    #expect(diff.suggestedRules == [.init(pattern: "w_1", replacement: "w", count: 1)])
  }

  @Test func everyMissingKeyShapeAndDtypeIsToldAtOnceAndNothingChanges() throws {
    let session = try VariableGraph.session()
    let folder = try TestFolder()
    try VariableGraph.checkpoint(
      folder.file("m"),
      ["w": Tensor(shape: [2, 1], scalars: [1, 2] as [Double]), "extra": VariableGraph.bias])
    let saver = try Saver(graph: session.graph)
    let error = try #require(thrown { try saver.restore(folder.file("m"), into: session) })
    #expect(error.message.contains("nothing for 1 of the 2 variables: 'b'"))
    #expect(error.message.contains("'w' is float32, and 'w' is float64"))
    #expect(error.message.contains("No variable asks for 'extra'"))
    #expect(error.remedy?.contains("casts: true") == true)
    #expect(try VariableGraph.result(session) == [9])
    let report = try saver.restore(
      folder.file("m"), into: session, options: RestoreOptions(allowsMissing: true, casts: true))
    #expect(report.restored == ["w": "w"] && report.left == ["b"] && report.unused == ["extra"])
    #expect(try VariableGraph.result(session) == [6])
  }

  @Test func anotherShapeIsAnErrorForResourcesTooAndCanBeSkipped() throws {
    let session = try VariableGraph.session()
    let folder = try TestFolder()
    let wide = try Tensor(shape: [3], scalars: [1, 2, 3] as [Float])
    try VariableGraph.checkpoint(
      folder.file("m"), ["w": Tensor(shape: [2, 1], scalars: [1, 1] as [Float]), "b": wide])
    let saver = try Saver(graph: session.graph)
    let error = try #require(thrown { try saver.restore(folder.file("m"), into: session) })
    #expect(error.code == .invalidArgument)
    #expect(error.message.contains("'b' has shape [1], and 'b' has [3]"))
    #expect(error.remedy?.contains("skip: [\"b\"]") == true)
    #expect(try VariableGraph.result(session) == [9])
    try saver.restore(folder.file("m"), into: session, options: RestoreOptions(skip: ["b*"]))
    #expect(try VariableGraph.result(session) == [4])
  }

  @Test func everyShapeThatDiffersIsToldAtOnceAndNothingChanges() throws {
    let session = try VariableGraph.session()
    let folder = try TestFolder()
    try VariableGraph.checkpoint(
      folder.file("m"),
      [
        "w": Tensor(shape: [1, 2], scalars: [5, 6] as [Float]),
        "b": Tensor(shape: [3], scalars: [1, 2, 3] as [Float]),
      ])
    let saver = try Saver(graph: session.graph)
    let error = try #require(thrown { try saver.restore(folder.file("m"), into: session) })
    #expect(error.code == .invalidArgument && error.place.file == folder.file("m"))
    #expect(
      error.message
        == "2 do not fit: 'w' has shape [2,1], and 'w' has [1,2]; 'b' has shape [1], and 'b' has [3].")
    #expect(
      error.remedy
        == "If the checkpoint is the right one: skip: [\"w\", \"b\"] leaves what differs in shape, as a new head."
    )
    #expect(try VariableGraph.result(session) == [9])
    #expect(try saver.diff(folder.file("m")).rows.map(\.verdict) == [.shape, .shape])
    let report = try saver.restore(
      folder.file("m"), into: session, options: RestoreOptions(skip: ["w", "b"]))
    #expect(report.restored.isEmpty && report.left == ["w", "b"])
    #expect(try VariableGraph.result(session) == [9])
  }

  @Test func aMapGivesVariablesOtherKeys() throws {
    let session = try VariableGraph.session()
    let folder = try TestFolder()
    try VariableGraph.checkpoint(folder.file("m"), ["offset": Tensor(shape: [1], scalars: [5] as [Float])])
    try Saver(graph: session.graph, variables: ["offset": "b"]).restore(folder.file("m"), into: session)
    #expect(try VariableGraph.result(session) == [13])
    #expect(try Saver(graph: session.graph, variables: ["b"]).variables == ["b"])
    let error = try #require(thrown { _ = try Saver(graph: session.graph, variables: ["B"]) })
    #expect(error.code == .notFound && error.remedy == "Did you mean 'b'?")
  }

  @Test func aRunWithoutValuesNamesAllVariablesAndWhatFillsThem() throws {
    let session = Session(graph: try VariableGraph.line().graph())
    let error = try #require(thrown { _ = try VariableGraph.result(session) })
    #expect(error.code == .uninitialized)
    #expect(error.message.contains("2 variables that the fetches need have no value: 'b', 'w'."))
    #expect(error.remedy?.contains("run the operation 'init'") == true)
    _ = try session.run([], targets: ["init"])
    #expect(try VariableGraph.result(session) == [2])
    let one = Session(graph: session.graph)
    _ = try one.run([], targets: ["b/Assign"])
    #expect(thrown { _ = try VariableGraph.result(one) }?.message.contains("'w' has no value") == true)
  }

  @Test func aMetaGraphsSaverFollowsAnImportBelowAPrefix() throws {
    let (session, folder) = (try VariableGraph.session(), try TestFolder())
    let saved = try MetaGraph(
      exporting: session.graph,
      signatures: [
        "serving_default": SignatureDef(graph: session.graph, inputs: ["x": "x"], outputs: ["y": "y:0"])
      ], tags: ["serve"])
    for asText in [false, true] {
      try saved.write(to: folder.file("m.meta"), asText: asText)
      let metaGraph = try MetaGraph(contentsOf: folder.file("m.meta"))
      #expect(metaGraph.signatures["serving_default"]?.inputs["x"]?.name == "x:0")
      let other = Session()
      let result = try other.graph.importMetaGraph(metaGraph, options: ImportOptions(prefix: "two"))
      let imported = metaGraph.below(result.prefix)
      #expect(imported.signatures["serving_default"]?.outputs["y"]?.name == "two/y:0")
      try Saver(graph: session.graph).save(session, to: folder.file("m"))
      try Saver(metaGraph: imported, graph: other.graph).restore(folder.file("m"), into: other)
      #expect(try VariableGraph.result(other, prefix: "two/") == [9])
      try Saver(metaGraph: imported, graph: other.graph).save(other, to: folder.file("n"), step: 3)
      #expect(try Checkpoint(path: folder.file("n-3")).entries.map(\.key) == ["b", "w"])
      #expect(thrown { _ = try imported.metaGraphDef() }?.code == .failedPrecondition)
    }
  }
}
