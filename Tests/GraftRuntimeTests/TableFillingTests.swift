import Foundation
import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

@Suite("Tables of graphs that are no SavedModels") struct TableFillingTests {
  private static let kinds = ["Tkey": "type: DT_STRING", "Tval": "type: DT_INT64"]

  /// A graph in which `word` is looked up as `number`, -1 where it is unknown; `fill` fills the table.
  private func graph(_ fill: (GraphText) -> GraphText) throws -> Graph {
    try fill(
      GraphText()
        .node("word", "Placeholder", [], ["dtype": "type: DT_STRING"])
        .node("table", "HashTableV2", [], ["key_dtype": "type: DT_STRING", "value_dtype": "type: DT_INT64"])
        .node(
          "unknown", "Const", [],
          ["dtype": "type: DT_INT64", "value": "tensor { dtype: DT_INT64 tensor_shape { } int64_val: -1 }"]
        )
        .node(
          "keys", "Const", [],
          [
            "dtype": "type: DT_STRING",
            "value":
              "tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: \"a\" string_val: \"b\" }",
          ]
        )
        .node(
          "values", "Const", [],
          [
            "dtype": "type: DT_INT64",
            "value": "tensor { dtype: DT_INT64 tensor_shape { dim { size: 2 } } int64_val: 5 int64_val: 7 }",
          ]
        )
        .node(
          "number", "LookupTableFindV2", ["table", "word", "unknown"],
          ["Tin": "type: DT_STRING", "Tout": "type: DT_INT64"])
    ).graph()
  }

  private func number(_ word: String, in session: Session) throws -> [Int64] {
    try session.run("number", feeding: ["word": try Tensor([Bytes(word)])]).scalars()
  }

  private func filledByConstants(_ text: GraphText) -> GraphText {
    text.node("fill", "InitializeTableV2", ["table", "keys", "values"], Self.kinds)
  }

  private func filledFromFile(_ path: String) -> (GraphText) -> GraphText {
    { text in
      text.node(
        "file", "Const", [],
        [
          "dtype": "type: DT_STRING",
          "value": "tensor { dtype: DT_STRING tensor_shape { } string_val: \"\(path)\" }",
        ]
      )
      .node(
        "fill", "InitializeTableFromTextFileV2", ["table", "file"],
        ["key_index": "i: -2", "value_index": "i: -1"])
    }
  }

  @Test func areFilledWithWhatTheGraphHoldsForThem() throws {
    let session = Session(graph: try graph(filledByConstants))
    let error = try #require(thrown { _ = try number("b", in: session) })
    #expect(error.code == .failedPrecondition)
    #expect(error.remedy?.contains("Session.initializeTables()") == true)
    // To fill them twice is no error.
    for _ in 0..<2 { #expect(try session.initializeTables() == ["table"]) }
    #expect(try number("b", in: session) == [7])
    #expect(try number("c", in: session) == [-1])
  }

  @Test func areFilledByFunctionsAsInTensorFlow2() throws {
    let text = """
      node { name: "call" op: "StatefulPartitionedCall" input: "table" input: "keys" input: "values"
        attr { key: "Tin" value { list { type: DT_RESOURCE type: DT_STRING type: DT_INT64 } } }
        attr { key: "Tout" value { list { } } } attr { key: "f" value { func { name: "f" } } } }
      library { function { signature { name: "f" input_arg { name: "t" type: DT_RESOURCE }
          input_arg { name: "k" type: DT_STRING } input_arg { name: "v" type: DT_INT64 }
          control_output: "fill" is_stateful: true }
        node_def { name: "fill" op: "LookupTableImportV2" input: "t" input: "k" input: "v"
          attr { key: "Tin" value { type: DT_STRING } } attr { key: "Tout" value { type: DT_INT64 } } }
        control_ret { key: "fill" value: "fill" } } }
      """
    let session = Session()
    try session.graph.importGraphDef(bytes: Array((try graph { $0 }.textGraphDef() + text).utf8))
    #expect(try session.initializeTables() == ["table"])
    #expect(try number("a", in: session) == [5])
  }

  @Test func fromFilesNeedPermission() throws {
    let folder = try TestFolder()
    try Data("x\ny\n".utf8).write(to: URL(filePath: folder.file("words")))
    let graph = try graph(filledFromFile(folder.file("words")))
    let refused = try #require(thrown { try Session(graph: graph).initializeTables() })
    #expect(refused.code == .permissionDenied && refused.place.node == "fill")
    let session = Session(graph: graph, options: .init(readableFolders: [folder.path]))
    #expect(try session.initializeTables() == ["table"])
    #expect(try number("y", in: session) == [1])
  }

  @Test func stayEmptyWhereTheirContentsAreFed() throws {
    let graph = try graph { text in
      text.node("fed", "Placeholder", [], ["dtype": "type: DT_STRING"])
        .node("fill", "InitializeTableV2", ["table", "fed", "values"], Self.kinds)
    }
    #expect(try Session(graph: graph).initializeTables().isEmpty)
  }

  @Test func areFrozenWithTheirContents() throws {
    let frozen = try Session(graph: try graph(filledByConstants)).freeze(["number"])
    #expect(frozen.tables == ["table"])
    #expect(try number("b", in: Session(graph: try frozen.graph())) == [7])
  }

  @Test func fromFilesAreNotFrozen() throws {
    let session = Session(graph: try graph(filledFromFile("words")))
    let error = try #require(thrown { _ = try session.freeze(["number"]) })
    #expect(error.code == .unimplemented && error.message == "1 tables are filled from files: 'table'.")
    #expect(error.remedy?.contains("SavedModel") == true)
  }
}
