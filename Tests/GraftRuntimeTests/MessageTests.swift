import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Messages for what users of TensorFlow struggle with, where no other test reads them.
@Suite struct Messages {
  @Test func aDamagedMetaFileIsToldByItsFirstBadByteAndNotAsText() throws {
    let folder = try TestFolder()
    let metaGraph = try MetaGraph(
      exporting: try VariableGraph.line().graph(), tags: ["serve"])
    var bytes = try metaGraph.metaGraphDef()
    bytes[bytes.count / 2] = 0xFF
    bytes.removeLast(3)
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file("m.meta")))
    let error = try #require(
      thrown { try Graph().importMetaGraph(try MetaGraph(contentsOf: folder.file("m.meta"))) })
    #expect(error.place.file == folder.file("m.meta") && !error.message.contains("line"), "\(error)")
    try Data("meta_info_def { hello: 1 }".utf8).write(to: URL(fileURLWithPath: folder.file("t.meta")))
    let text = try #require(thrown { _ = try MetaGraph(contentsOf: folder.file("t.meta")) })
    #expect(text.message.contains("Line 1, column 17") && text.message.contains("no field 'hello'"))
  }

  @Test(arguments: [true, false]) func shapesThatDoNotMeetAreToldWithBothEndsOfTheirEdges(optimize: Bool)
    throws
  {
    let graph = try GraphText().placeholder("x", [2, 7]).node("r", "Relu", ["x"], GraphText.float)
      .node("parts", "Split", ["axis", "w"], ["T": "type: DT_FLOAT", "num_split": "i: 2"])
      .constant("axis", [], [0]).constant("w", [4, 3], [Float](repeating: 1, count: 12))
      .node("y", "MatMul", ["r", "parts:1"], GraphText.float).graph()
    let session = Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize))
    let x = try Tensor(shape: [2, 7], scalars: [Float](repeating: 1, count: 14))
    let error = try #require(thrown { _ = try session.run("y", feeding: ["x": x]) })
    #expect(error.code == .invalidArgument && error.place.node == "y")
    #expect(error.message.contains("float32[2,7], float32[2,3]"), "\(error)")
    #expect(error.message.hasSuffix("They come from 'r' (Relu), 'parts:1' (Split)."), "\(error)")
  }

  @Test func aDamagedFieldOfAMetaFileIsNamedWithItsPlace() throws {
    let folder = try TestFolder()
    // A graph of no nodes, then tags whose length is beyond the end of their field.
    let bytes: [UInt8] = [0x12, 0x00, 0x0A, 0x03, 0x22, 0x7F, 0x41]
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file("m.meta")))
    let error = try #require(thrown { _ = try MetaGraph(contentsOf: folder.file("m.meta")) })
    #expect(error.place.offset == 2 && error.message.contains("'meta_info_def'"), "\(error)")
  }

  /// The weights are a hole in the file: it has 3 GB and takes a few KB.
  @Test func aGraphBeyondTwoGigabytesIsRead() throws {
    let folder = try TestFolder()
    let count = 3 << 30
    func field(_ number: UInt8, _ length: Int) -> [UInt8] {
      var (bytes, rest) = ([number << 3 | 2], length)
      while rest >= 0x80 {
        bytes.append(UInt8(rest & 0x7F) | 0x80)
        rest >>= 7
      }
      return bytes + [UInt8(rest)]
    }
    func text(_ number: UInt8, _ text: String) -> [UInt8] {
      field(number, text.utf8.count) + Array(text.utf8)
    }
    func attribute(_ key: String, _ head: [UInt8], _ length: Int) -> [UInt8] {
      let value = field(2, head.count + length) + head
      let entry = text(1, key) + value
      return field(5, entry.count + length) + entry
    }
    let shape: [UInt8] = {
      let size = [0x08] + Array(field(0, count / 4).dropFirst()); return field(2, size.count) + size
    }()
    let contents = [0x08, 1] + field(2, shape.count) + shape + field(4, count)
    let tensor = field(8, contents.count + count) + contents
    let node =
      text(1, "c") + text(2, "Const") + attribute("dtype", [0x30, 1], 0) + attribute("value", tensor, count)
    let path = folder.file("large.pb")
    try Data(field(1, node.count + count) + node).write(to: URL(fileURLWithPath: path))
    #expect(truncate(path, off_t(field(1, node.count + count).count + node.count + count)) == 0)
    let graph = Graph()
    try graph.importGraphDef(contentsOf: path)
    #expect(graph.operations.map(\.name) == ["c"])
    let text2 = GraphText().node("n", "Size", ["c"], ["T": "type: DT_FLOAT", "out_type": "type: DT_INT64"])
      .text
    try graph.importGraphDef(bytes: Array(text2.utf8), inputMap: ["c": "c:0"])
    let size = try Session(graph: graph, options: SessionOptions(threads: 1)).run("n")
    #expect(try size.scalars(as: Int64.self) == [Int64(count / 4)])
  }

  @Test(arguments: ["init", "init:0"]) func anOperationWithoutOutputsIsNoFetch(name: String) throws {
    let session = Session(graph: try VariableGraph.line().graph())
    let fetched = try #require(thrown { _ = try session.run(name) })
    #expect([.invalidArgument, .notFound].contains(fetched.code) && fetched.place.node == "init")
    #expect(fetched.message.contains("'\(name)'"), "\(fetched)")
    #expect(fetched.remedy == "The operation has no outputs; it can be a target.")
    #expect(try session.run([], targets: ["init"]).isEmpty)
  }

  @Test func aTensorIsNoTarget() throws {
    let session = Session(graph: try VariableGraph.line().graph())
    let target = try #require(thrown { _ = try session.run([], targets: ["x:0"]) })
    #expect(target.code == .invalidArgument)
    #expect(target.message == "'x:0' is a tensor, and an operation was asked for.")
    #expect(target.remedy == "The operation is 'x'.")
    let near = try #require(thrown { _ = try session.run([], targets: ["inti"]) })
    #expect(near.code == .notFound && near.remedy == "Did you mean 'init'?", "\(near)")
  }

  @Test func anOperationOfSeveralOutputsIsFetchedByTheirNumbers() throws {
    let graph = GraphText().constant("axis", [], [0]).constant("x", [2], [1.0, 2.0])
      .node("parts", "Split", ["axis", "x"], ["T": "type: DT_FLOAT", "num_split": "i: 2"])
    let session = Session(graph: try graph.graph())
    let error = try #require(thrown { _ = try session.run("parts") })
    #expect(error.remedy == "Its 2 outputs are 'parts:0' (float32), 'parts:1' (float32).")
    #expect(try session.run("parts:1").scalars() == [2] as [Float])
  }

  /// A table that a frozen graph left without what fills it.
  @Test(arguments: [true, false]) func aTableThatNothingFilledIsNamed(optimize: Bool) throws {
    let text = GraphText()
      .node(
        "table", "HashTableV2", [],
        ["key_dtype": "type: DT_INT32", "value_dtype": "type: DT_FLOAT", "shared_name": "s: \"t\""]
      )
      .constant("key", [1], [1]).constant("none", [], [0.0])
      .node(
        "y", "LookupTableFindV2", ["table", "key", "none"],
        ["Tin": "type: DT_INT32", "Tout": "type: DT_FLOAT"])
    let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1, optimize: optimize))
    let error = try #require(thrown { _ = try session.run("y") })
    #expect([.uninitialized, .failedPrecondition].contains(error.code), "\(error)")
    #expect(error.place.node == "y" || error.message.contains("table"), "\(error)")
  }

  @Test func whatFillsATableIsNamedWhereTheGraphHasIt() throws {
    let text = GraphText()
      .node(
        "table", "HashTableV2", [],
        ["key_dtype": "type: DT_INT32", "value_dtype": "type: DT_FLOAT", "shared_name": "s: \"t\""]
      )
      .constant("key", [1], [1]).constant("none", [], [0.0]).constant("value", [1], [2.0])
      .node(
        "fill", "LookupTableImportV2", ["table", "key", "value"],
        ["Tin": "type: DT_INT32", "Tout": "type: DT_FLOAT"]
      )
      .node(
        "y", "LookupTableFindV2", ["table", "key", "none"],
        ["Tin": "type: DT_INT32", "Tout": "type: DT_FLOAT"])
    let session = Session(graph: try text.graph())
    let error = try #require(thrown { _ = try session.run("y") })
    #expect(error.remedy?.contains("'fill'") == true, "\(error)")
    _ = try session.run([], targets: ["fill"])
    #expect(try session.run("y").scalars() == [2] as [Float])
  }

  @Test func devicesAndNeighboursThatAreNotThereDoNotMatter() throws {
    let text = """
      node { name: "x" op: "Placeholder" device: "/job:ps/task:3/device:GPU:7"
        attr { key: "dtype" value { type: DT_FLOAT } } }
      node { name: "y" op: "Neg" input: "x" device: "nonsense" attr { key: "T" value { type: DT_FLOAT } }
        attr { key: "_class" value { list { s: "loc:@gone" } } } }
      """
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    let result = try Session(graph: graph).run("y", feeding: ["x": try Tensor(1 as Float)])
    #expect(try result.scalars() == [-1] as [Float])
  }
}
