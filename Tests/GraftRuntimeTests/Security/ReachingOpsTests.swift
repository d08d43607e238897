import Foundation
import GraftGraph
import GraftKernels
import GraftRuntime
import GraftTensor
import Testing

/// Ops that reach beyond their inputs: what a graph that nobody trusts may not have.
@Suite struct ReachingOps {
  /// Ops that need a folder which the session opened.
  private static let reading = [
    "ReadFile", "WholeFileReader", "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2",
    "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "TFRecordReader", "TFRecordReaderV2",
    "MatchingFiles", "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "Restore",
    "RestoreSlice", "RestoreV2", "TFRecordDataset", "TFRecordDatasetV2", "TextLineDataset",
    "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2", "GenerateVocabRemapping", "LoadAndRemapMatrix",
  ]
  private static let writing = ["Save", "SaveSlices", "SaveV2", "MergeV2Checkpoints", "WriteFile"]

  /// Ops that are there and reach no further than their inputs, though TensorFlow's do.
  private static let harmless: Set<String> = [
    // A reader that opens nothing; what drives readers, which have the permissions; a cache in memory; values
    // that nobody watches; a call that stays in this process; a vocabulary only where one is named.
    "IdentityReader", "IdentityReaderV2", "ReaderRead", "ReaderReadV2", "ReaderReadUpTo", "ReaderReadUpToV2",
    "CacheDataset", "CacheDatasetV2", "DebugIdentity", "DebugIdentityV3", "DebugNanCount", "RemoteCall",
    "FixedUnigramCandidateSampler",
  ]

  /// What ops of these kinds do stays inside of the session, or is text, or a closure of the caller's.
  private static let inside: Set<String> = [
    "dos", "recursion", "format", "native-parser", "path-string", "host-print", "python", "resource",
  ]

  /// Each op that TensorFlow lets reach beyond its inputs, and how.
  private static let listed: [(op: String, kind: String)] = {
    let text = (try? String(contentsOfFile: fixture("reaching-ops.tsv"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").dropFirst().map { line in
      let columns = line.split(separator: "\t").map(String.init)
      return (columns[0], columns[1])
    }
  }()

  private func refusal(_ graph: Graph, _ fetch: String?, _ options: SessionOptions = SessionOptions())
    -> GraftError?
  {
    // Nothing is fed: if it got that far, the error would be that.
    thrown {
      _ = try Session(graph: graph, options: options).callable(
        feeds: [], fetches: [fetch].compactMap { $0 }, targets: ["node"])
    }
  }

  @Test(arguments: reading + writing) func filesNeedAFolderThatWasOpened(op: String) throws {
    let node = try #require(GeneratedNode(op))
    let error = try #require(refusal(try node.text.graph(), node.fetch))
    #expect(error.code == .permissionDenied, "\(error)")
    #expect(error.place.node == "node" && error.place.op == op)
    let option = Self.writing.contains(op) ? "writableFolders" : "readableFolders"
    #expect(error.remedy?.contains(option) == true)
    // With a folder opened, what is missing are the feeds.
    let opened = SessionOptions(writableFolders: ["/nonexistent"])
    let code = refusal(try node.text.graph(), node.fetch, opened)?.code
    #expect(code == (OpSignature.named(op)?.inputs.isEmpty == true ? nil : .notFed))
  }

  @Test func theListIsThere() { #expect(Self.listed.count == 150) }

  @Test(arguments: listed.filter { !inside.contains($0.kind) }.map(\.op))
  func whatReachesOutIsRefusedBeforeAnythingRuns(op: String) throws {
    guard let node = GeneratedNode(op) else {
      // TensorFlow makes such nodes itself; a graph that has one has an op that nobody knows.
      #expect(refusal(try GraphText().node("node", op).graph(), nil)?.code == .unimplemented)
      return
    }
    let refused = refusal(try node.text.graph(), node.fetch)
    guard !Self.harmless.contains(op) else {
      #expect(OpRegistry.standard[op] != nil && refused?.code != .permissionDenied)
      return
    }
    let error = try #require(refused)
    #expect(error.code == .permissionDenied, "\(error)")
    #expect(error.place.node == "node" && error.place.op == op)
    #expect(error.message.contains("'node'") && error.message.contains(op))
  }

  @Test(arguments: listed.filter { !inside.contains($0.kind) && OpRegistry.standard[$0.op] == nil }.map(\.op))
  func whatHasNoKernelIsRefusedWhateverWasOpened(op: String) throws {
    guard let node = GeneratedNode(op) else { return }
    let everything = SessionOptions(readableFolders: ["/"], writableFolders: ["/"])
    #expect(refusal(try node.text.graph(), node.fetch, everything)?.code == .permissionDenied)
  }

  @Test(arguments: listed.filter { inside.contains($0.kind) }.map(\.op))
  func whatStaysInsideIsThereOrIsRefusedByName(op: String) throws {
    if OpRegistry.standard[op] != nil { return }
    let node = try #require(GeneratedNode(op))
    #expect(refusal(try node.text.graph(), node.fetch)?.message.contains(op) == true)
  }

  /// A cache in a file would be written and read; here it is kept in memory whatever it is called.
  @Test func aCacheWithAFileNameIsRefused() throws {
    let text = GraphText()
      .node("n", "Const", [], Self.int64(3))
      .node("zero", "Const", [], Self.int64(0)).node("one", "Const", [], Self.int64(1))
      .node(
        "range", "RangeDataset", ["zero", "n", "one"],
        ["output_types": "list { type: DT_INT64 }", "output_shapes": "list { shape { } }"]
      )
      .node(
        "name", "Const", [],
        [
          "dtype": "type: DT_STRING",
          "value": "tensor { dtype: DT_STRING tensor_shape { } string_val: \"/tmp/graft-cache\" }",
        ]
      )
      .node(
        "node", "CacheDataset", ["range", "name"],
        ["output_types": "list { type: DT_INT64 }", "output_shapes": "list { shape { } }"]
      )
      .node(
        "sum", "DatasetCardinality", ["node"])
    let error = thrown { _ = try Session(graph: try text.graph()).run("sum") }
    #expect(error?.code == .permissionDenied || error?.code == .unimplemented, "\(String(describing: error))")
  }

  private static func int64(_ value: Int) -> [String: String] {
    ["dtype": "type: DT_INT64", "value": "tensor { dtype: DT_INT64 tensor_shape { } int64_val: \(value) }"]
  }

  @Test func aVocabularyIsAFileAndAListOfNumbersIsNone() throws {
    let list = [
      "unigrams": "list { f: 1 f: 2 }", "range_max": "i: 2", "num_true": "i: 1", "unique": "b: false",
    ]
    let file = list.merging(["vocab_file": "s: \"/etc/passwd\""]) { $1 }
    let op = "FixedUnigramCandidateSampler"
    let named = try #require(GeneratedNode(op, attributes: file))
    #expect(refusal(try named.text.graph(), named.fetch)?.code == .permissionDenied)
    let listed = try #require(GeneratedNode(op, attributes: list))
    #expect(refusal(try listed.text.graph(), listed.fetch)?.code == .notFed)
  }

  @Test(arguments: ["PyFunc", "PyFuncStateless", "EagerPyFunc"]) func hostCodeIsWhatTheCallerBound(op: String)
    throws
  {
    let node = try #require(
      GeneratedNode(
        op,
        attributes: ["Tin": "list { }", "Tout": "list { type: DT_FLOAT }", "token": "s: \"os.system\""]))
    let error = thrown { _ = try Session(graph: try Self.withoutInputs(op).graph()).run("node:0") }
    #expect(error?.code == .notFound && error?.remedy?.contains("hostFunctions") == true, "\(node)")
    #expect(error?.place.node == "node" && error?.place.op == op)
  }

  private static func withoutInputs(_ op: String) -> GraphText {
    var attributes = ["Tin": "list { }", "Tout": "list { type: DT_FLOAT }", "token": "s: \"os.system\""]
    if op == "EagerPyFunc" { attributes["is_async"] = "b: false" }
    return GraphText().node("node", op, [], attributes)
  }

  @Test func printingToAFileIsRefused() throws {
    let node = try #require(
      GeneratedNode("PrintV2", attributes: ["output_stream": "s: \"file:///tmp/graft-print\""]))
    let text = Session(graph: try node.text.graph())
    let error = thrown {
      _ = try text.run([], feeding: ["in0:0": try Tensor(Bytes("x"))], targets: ["node"])
    }
    #expect(error?.code == .permissionDenied && error?.place.node == "node")
  }

  // MARK: - Functions

  private func calling(_ body: String, through call: String = "StatefulPartitionedCall") throws -> Graph {
    let library = """
      function {
        signature { name: "inner" output_arg { name: "r" type: DT_STRING } }
        node_def { name: "path" op: "Const" attr { key: "dtype" value { type: DT_STRING } }
          attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "/etc/passwd" } } } }
        \(body)
        ret { key: "r" value: "path:output:0" }
      }
      function {
        signature { name: "outer" output_arg { name: "r" type: DT_STRING } }
        node_def { name: "call" op: "\(call)"
          attr { key: "Tin" value { list { } } } attr { key: "Tout" value { list { type: DT_STRING } } }
          attr { key: "f" value { func { name: "inner" } } } }
        ret { key: "r" value: "call:output:0" }
      }
      """
    let text = GraphText().node(
      "node", "StatefulPartitionedCall", [],
      ["Tin": "list { }", "Tout": "list { type: DT_STRING }", "f": "func { name: \"outer\" }"]
    ).text
    let graph = Graph()
    try graph.importGraphDef(bytes: Array("\(text) library { \(library) }".utf8))
    return graph
  }

  @Test func functionsAreLookedThroughBeforeAnythingRuns() throws {
    let reading = try calling(#"node_def { name: "read" op: "ReadFile" input: "path:output:0" }"#)
    let read = try #require(refusal(reading, "node:0"))
    #expect(read.code == .permissionDenied && read.place.node == "read" && read.place.function == "inner")
    let aborting = try calling(#"node_def { name: "end" op: "Abort" }"#)
    let abort = try #require(refusal(aborting, "node:0"))
    #expect(abort.code == .permissionDenied && abort.place.op == "Abort" && abort.place.function == "inner")
    #expect(abort.message.contains("it ends the process"))
  }

  @Test func aFunctionAsAnOpIsLookedThroughToo() throws {
    let text = """
      node { name: "node" op: "evil" }
      library { function { signature { name: "evil" } node_def { name: "end" op: "Abort" } } }
      """
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    #expect(refusal(graph, nil)?.place.op == "Abort")
  }
}
