import GraftCheckpoint
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// A MetaGraph that is imported again into the graph that has it.
@Suite struct ImportedTwice {
  private func metaGraph() throws -> MetaGraph {
    try MetaGraph(exporting: try VariableGraph.line().graph(), tags: ["serve"])
  }

  @Test func theSameNamesAreAnErrorAndChangeNothing() throws {
    let metaGraph = try metaGraph()
    let graph = Graph()
    let count = try graph.importMetaGraph(metaGraph).operationCount
    let error = try #require(thrown { try graph.importMetaGraph(metaGraph) })
    #expect(error.code == .alreadyExists)
    #expect(error.message.contains("already contains \(count) of these \(count) nodes under the prefix ''"))
    #expect(error.remedy?.contains("uniquifyNames") == true)
    #expect(graph.operations.count == count)
    #expect(try Saver(graph: graph).variables == ["w", "b"])
  }

  @Test func eachCopyHasVariablesOfItsOwnNames() throws {
    let metaGraph = try metaGraph()
    let graph = Graph()
    try graph.importMetaGraph(metaGraph)
    try graph.importMetaGraph(metaGraph, options: ImportOptions(prefix: "two"))
    try graph.importMetaGraph(metaGraph, options: ImportOptions(uniquifyNames: true))
    #expect(try Saver(graph: graph).variables == ["w", "b", "two/w", "two/b", "w_1", "b_1"])
    let error = try #require(
      thrown { try graph.importMetaGraph(metaGraph, options: ImportOptions(prefix: "two/")) })
    #expect(error.message.contains("under the prefix 'two/', such as 'two/x'"))
  }

  @Test func aCopyBelowAPrefixIsRestoredByItself() throws {
    let folder = try TestFolder()
    try VariableGraph.checkpoint(folder.file("m"), ["w": VariableGraph.weights, "b": VariableGraph.bias])
    let metaGraph = try metaGraph()
    let session = Session()
    try session.graph.importMetaGraph(metaGraph)
    try session.graph.importMetaGraph(metaGraph, options: ImportOptions(prefix: "two"))
    let saver = try Saver(graph: session.graph, variables: ["two/w", "two/b"])
    try saver.restore(folder.file("m"), into: session, options: RestoreOptions(rename: [("two/*", "*")]))
    #expect(try VariableGraph.result(session, prefix: "two/") == [9])
    #expect(thrown { _ = try VariableGraph.result(session) }?.code == .uninitialized)
  }
}
