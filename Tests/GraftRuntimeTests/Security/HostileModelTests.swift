import Foundation
import GraftCheckpoint
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// SavedModels that reach out of their folder, and graphs that contradict themselves where loaders have fallen
/// for it.
@Suite struct HostileModels {
  private func export(_ folder: String, _ change: (inout SavedModelWriter) throws -> Void = { _ in }) throws {
    let session = try VariableGraph.session()
    var writer = SavedModelWriter(session)
    writer.signatures["serving_default"] = try SignatureDef(
      graph: session.graph, inputs: ["in": "x"], outputs: ["out": "y"])
    try change(&writer)
    try writer.write(to: folder)
  }

  private func load(_ folder: String, _ options: SessionOptions = SessionOptions()) throws {
    _ = try SavedModel.load(folder, tags: nil, into: Session(options: options))
  }

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  // MARK: - Paths

  @Test func variablesMayNotBeALinkOutOfTheFolder() throws {
    let folder = try TestFolder()
    try export(folder.file("m"))
    try FileManager.default.moveItem(atPath: folder.file("m/variables"), toPath: folder.file("secret"))
    try link(folder.file("m/variables"), to: folder.file("secret"))
    let error = try #require(thrown { try load(folder.file("m")) })
    #expect(error.code == .permissionDenied && error.remedy?.contains("readableFolders") == true)
    try load(folder.file("m"), SessionOptions(readableFolders: [folder.path]))
  }

  @Test func aShardMayNotBeALinkOutOfTheFolder() throws {
    let folder = try TestFolder()
    try export(folder.file("m"))
    let shard = "variables.data-00000-of-00001"
    try FileManager.default.moveItem(
      atPath: folder.file("m/variables/" + shard), toPath: folder.file("secret"))
    for target in [folder.file("secret"), "../../secret", "/dev/zero"] {
      try link(folder.file("m/variables/" + shard), to: target)
      let error = try #require(thrown { try load(folder.file("m")) })
      #expect(error.code == .permissionDenied && error.message.contains(shard))
      try FileManager.default.removeItem(atPath: folder.file("m/variables/" + shard))
    }
    // A link that stays inside is the model's own.
    try FileManager.default.moveItem(
      atPath: folder.file("secret"), toPath: folder.file("m/variables/blob"))
    try link(folder.file("m/variables/" + shard), to: "blob")
    try load(folder.file("m"))
  }

  /// With `assets` a link to a folder of somebody else's, that one would be the model's to read.
  @Test func aLinkInThePlaceOfAssetsOpensNothing() throws {
    let folder = try TestFolder()
    try Data("secret\n".utf8).write(to: URL(fileURLWithPath: folder.file("secret.txt")))
    let table = GraphText()
      .node(
        "table", "HashTableV2", [],
        ["key_dtype": "type: DT_INT64", "value_dtype": "type: DT_STRING", "shared_name": "s: \"t\""]
      )
      .node(
        "path", "Const", [],
        [
          "dtype": "type: DT_STRING",
          "value":
            "tensor { dtype: DT_STRING tensor_shape { } string_val: \"\(folder.file("secret.txt"))\" }",
        ]
      )
      .node(
        "init", "InitializeTableFromTextFileV2", ["table", "path"],
        ["key_index": "i: -1", "value_index": "i: -2", "delimiter": "s: \"\\t\""])
    let graph = table.text
    let model = """
      saved_model_schema_version: 1
      meta_graphs { meta_info_def { tags: "serve" } graph_def { \(graph) }
        signature_def { key: "__saved_model_init_op" value {
          outputs { key: "__saved_model_init_op" value { name: "init" } } } } }
      """
    try FileManager.default.createDirectory(atPath: folder.file("m"), withIntermediateDirectories: true)
    try Data(model.utf8).write(to: URL(fileURLWithPath: folder.file("m/saved_model.pbtxt")))
    #expect(thrown { try load(folder.file("m")) }?.code == .permissionDenied)
    try link(folder.file("m/assets"), to: folder.path)
    #expect(thrown { try load(folder.file("m")) }?.code == .permissionDenied)
    try FileManager.default.removeItem(atPath: folder.file("m/assets"))
    try link(folder.file("m/assets"), to: "/")
    #expect(thrown { try load(folder.file("m")) }?.code == .permissionDenied)
  }

  @Test func devicesAndPipesAreNoModels() throws {
    let folder = try TestFolder()
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    for path in ["/dev/zero", "/dev/null", folder.file("pipe")] {
      let graph = thrown { try Graph().importGraphDef(contentsOf: path) }
      #expect(graph?.code == .wrongFileKind, "\(path)")
      #expect(thrown { _ = try MetaGraph(contentsOf: path) }?.code == .wrongFileKind)
      #expect(thrown { _ = try Checkpoint(path: path) } != nil)
      #expect(thrown { try load(path) } != nil)
    }
  }

  @Test func pathsWithZeroBytesAreRefused() throws {
    for path in ["/tmp/x\u{0}.pb", "\u{0}"] {
      #expect(thrown { try Graph().importGraphDef(contentsOf: path) } != nil)
      #expect(thrown { _ = try Checkpoint(path: path) } != nil)
      #expect(thrown { try load(path) } != nil)
    }
  }

  // MARK: - What a SavedModel says of itself

  private func text(_ metaGraph: String) throws -> GraftError? {
    let folder = try TestFolder()
    try Data(
      "saved_model_schema_version: 1 meta_graphs { meta_info_def { tags: \"serve\" } \(metaGraph) }".utf8
    )
    .write(to: URL(fileURLWithPath: folder.file("saved_model.pbtxt")))
    return thrown { try load(folder.path) }
  }

  /// CVE-2022-23577: an initialiser that is not there.
  @Test func initialisersThatAreNotThereAreNamed() throws {
    let graph = "graph_def { node { name: \"a\" op: \"NoOp\" } versions { producer: 1882 } }"
    for name in ["missing", "", ":0", "^a", "a:99999999999999999999"] {
      let signature = """
        \(graph) signature_def { key: "__saved_model_init_op" value {
          outputs { key: "__saved_model_init_op" value { name: "\(name)" } } } }
        """
      let error = try text(signature)
      #expect(error == nil || error?.code == .notFound || error?.code == .invalidArgument, "\(name)")
      for collection in ["saved_model_main_op", "legacy_init_op"] {
        let error = try text(
          "\(graph) collection_def { key: \"\(collection)\" value { node_list { value: \"\(name)\" } } }")
        #expect(error == nil || error?.code == .notFound || error?.code == .invalidArgument, "\(name)")
      }
    }
    #expect(try text("\(graph) collection_def { key: \"legacy_init_op\" value { node_list { } } }") == nil)
    #expect(
      try text("\(graph) collection_def { key: \"legacy_init_op\" value { int64_list { value: 1 } } }") == nil
    )
    #expect(try text("\(graph) signature_def { key: \"__saved_model_init_op\" value { } }") == nil)
  }

  @Test func saversAndAssetsThatAreNotThereAreNamed() throws {
    let graph = """
      graph_def { node { name: "w" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "shape" value { shape { } } } } versions { producer: 1882 } }
      """
    let saver = try text(
      "\(graph) saver_def { filename_tensor_name: \"nowhere:7\" restore_op_name: \"nothing\" version: V2 }")
    #expect(saver?.code == .notFound)
    let asset = try text(
      "\(graph) asset_file_def { tensor_info { name: \"nowhere\" } filename: \"a\" } "
        + "signature_def { key: \"__saved_model_init_op\" value { outputs { key: \"__saved_model_init_op\" value "
        + "{ name: \"w\" } } } }")
    #expect(asset?.code == .notFound)
  }

  // MARK: - Constants

  private func value(_ tensor: String, dtype: String = "DT_FLOAT") -> GraftError? {
    thrown {
      let graph = try GraphText().node(
        "c", "Const", [], ["dtype": "type: \(dtype)", "value": "tensor { \(tensor) }"]
      ).node("y", "Identity", ["c"], ["T": "type: \(dtype)"]).graph()
      _ = try Session(graph: graph).run("y")
    }
  }

  @Test(arguments: [
    // CVE-2022-23583: the attribute and the tensor name different types.
    ("dtype: DT_INT64 tensor_shape { } int64_val: 1", "DT_FLOAT"),
    ("dtype: DT_STRING tensor_shape { } string_val: \"x\"", "DT_FLOAT"),
    ("dtype: DT_RESOURCE tensor_shape { } resource_handle_val { }", "DT_RESOURCE"),
    ("dtype: DT_FLOAT_REF tensor_shape { } float_val: 1", "DT_FLOAT"),
    // CVE-2022-23582: shapes that are none.
    ("dtype: DT_FLOAT tensor_shape { dim { size: -1 } } float_val: 1", "DT_FLOAT"),
    ("dtype: DT_FLOAT tensor_shape { unknown_rank: true } float_val: 1", "DT_FLOAT"),
    ("dtype: DT_FLOAT tensor_shape { unknown_rank: true dim { size: 1 } } float_val: 1", "DT_FLOAT"),
    (
      "dtype: DT_FLOAT tensor_shape { dim { size: 4611686018427387904 } dim { size: 4 } } float_val: 1",
      "DT_FLOAT"
    ),
    ("dtype: DT_FLOAT tensor_shape { dim { size: -9223372036854775808 } } float_val: 1", "DT_FLOAT"),
    // TFSA-2020-010: contents that do not fit.
    ("dtype: DT_FLOAT tensor_shape { dim { size: 2 } } tensor_content: \"abc\"", "DT_FLOAT"),
    ("dtype: DT_FLOAT tensor_shape { dim { size: 1 } } tensor_content: \"0123456789abcdef\"", "DT_FLOAT"),
    (
      "dtype: DT_STRING tensor_shape { dim { size: 2 } } tensor_content: \"\\377\\377\\377\\377\\377\"",
      "DT_STRING"
    ),
    ("dtype: DT_VARIANT tensor_shape { } variant_val { type_name: \"evil\" metadata: \"x\" }", "DT_VARIANT"),
  ])
  func constantsThatContradictThemselvesAreRefused(tensor: String, dtype: String) {
    let error = value(tensor, dtype: dtype)
    #expect(error != nil && error?.code != .internalError, "\(String(describing: error))")
  }

  // MARK: - Limits of an import

  private func refused(_ text: String, _ limits: ImportLimits) -> GraftError? {
    thrown { try Graph().importGraphDef(bytes: Array(text.utf8), options: ImportOptions(limits: limits)) }
  }

  @Test func nodesAreCountedThoseOfFunctionsToo() throws {
    let three = (0..<3).map { "node { name: \"n\($0)\" op: \"NoOp\" }" }.joined()
    let function = """
      library { function { signature { name: "f" } node_def { name: "a" op: "NoOp" } node_def { name: "b" op: "NoOp" } } }
      """
    let error = try #require(refused(three, ImportLimits(nodes: 2)))
    #expect(error.code == .resourceExhausted && error.remedy?.contains("`nodes`") == true)
    #expect(refused(three, ImportLimits(nodes: 3)) == nil)
    #expect(refused(three + function, ImportLimits(nodes: 4))?.code == .resourceExhausted)
    #expect(refused(three + function, ImportLimits(nodes: 5)) == nil)
    #expect(refused(function, ImportLimits(functions: 0))?.remedy?.contains("`functions`") == true)
  }

  @Test func namesHaveALimit() throws {
    let long = String(repeating: "n", count: 1001)
    let limits = ImportLimits(nameLength: 1000)
    for text in [
      "node { name: \"\(long)\" op: \"NoOp\" }", "node { name: \"a\" op: \"\(long)\" }",
      "node { name: \"a\" op: \"NoOp\" input: \"^\(long)\" }",
      "node { name: \"a\" op: \"NoOp\" device: \"\(long)\" }",
      "library { function { signature { name: \"\(long)\" } } }",
    ] {
      let error = try #require(refused(text, limits))
      #expect(error.code == .resourceExhausted && error.remedy?.contains("`nameLength`") == true, "\(text)")
    }
  }

  @Test func messagesInsideOfOneAnotherHaveALimit() throws {
    func nested(_ depth: Int) -> String {
      var value = "i: 1"
      for _ in 0..<depth { value = "func { name: \"f\" attr { key: \"a\" value { \(value) } } }" }
      return "node { name: \"n\" op: \"Custom\" attr { key: \"a\" value { \(value) } } }"
    }
    #expect(refused(nested(20), ImportLimits()) == nil)
    let error = try #require(refused(nested(20), ImportLimits(nesting: 30)))
    #expect(error.code == .resourceExhausted && error.remedy?.contains("`nesting`") == true)
    #expect(refused(nested(60), ImportLimits())?.code == .resourceExhausted)
    #expect(refused(nested(60), ImportLimits(nesting: 400)) == nil)
    #expect(refused(nested(50_000), ImportLimits(nesting: .max))?.code == .resourceExhausted)
  }

  @Test func aSavedModelIsReadWithTheSessionsLimits() throws {
    let folder = try TestFolder()
    try export(folder.file("m"))
    let error = thrown {
      try load(folder.file("m"), SessionOptions(limits: SessionLimits(imports: ImportLimits(nodes: 3))))
    }
    #expect(error?.code == .resourceExhausted && error?.remedy?.contains("limits.imports") == true)
  }

  // MARK: - Depth

  /// A chain of nodes as long as no stack is deep.
  @Test func longChainsTakeNoStack() throws {
    var lines = ["node { name: \"n0\" op: \"Placeholder\" attr { key: \"dtype\" value { type: DT_FLOAT } } }"]
    let attribute = "attr { key: \"T\" value { type: DT_FLOAT } }"
    for index in 1...50_000 {
      lines.append("node { name: \"n\(index)\" op: \"Neg\" input: \"n\(index - 1)\" \(attribute) }")
    }
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(lines.joined(separator: "\n").utf8))
    for optimize in [true, false] {
      let session = Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize))
      let result = try session.run("n50000", feeding: ["n0": try Tensor(1 as Float)])
      #expect(try result.scalars() == [1] as [Float])
    }
  }

  @Test func longCyclesAreTold() {
    var lines: [String] = []
    for index in 0..<20_000 {
      lines.append(
        "node { name: \"n\(index)\" op: \"Neg\" input: \"n\((index + 1) % 20_000)\" "
          + "attr { key: \"T\" value { type: DT_FLOAT } } }")
    }
    let error = thrown { try Graph().importGraphDef(bytes: Array(lines.joined(separator: "\n").utf8)) }
    #expect(error?.code == .invalidGraph)
  }

  // MARK: - Altered graphs

  /// CVE-2022-23579, -23581: passes that trust what an altered graph says.
  @Test func everyChangedByteRunsOrIsRefused() throws {
    let session = try VariableGraph.session()
    let bytes = try session.freeze(["y"]).graph().graphDef()
    let input = try VariableGraph.input
    let limits = SessionLimits(totalBytes: 64 << 20, loopSteps: 100, runTime: .seconds(5))
    for position in bytes.indices {
      for change: UInt8 in [0x01, 0x80, 0xFF] {
        var altered = bytes
        altered[position] ^= change
        let graph = Graph()
        guard (try? graph.importGraphDef(bytes: altered)) != nil else { continue }
        for optimize in [true, false] {
          let session = Session(
            graph: graph, options: SessionOptions(threads: 1, optimize: optimize, limits: limits))
          _ = try? session.run("y:0", feeding: ["x:0": input])
        }
      }
    }
  }
}
