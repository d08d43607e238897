import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Graphs and files that are wrong, recorded with what TensorFlow says to them.
@Suite struct RecordedGraphs {
  private struct Fixtures: Decodable {
    struct Fixture: Decodable {
      let file: String
    }

    let fixtures: [Fixture]
  }

  /// The first fetch of a graph that takes what it is fed, as the recorded runs have it.
  private func run(_ file: String, optimize: Bool) throws -> GraftError? {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("graphs/\(file)"))
    let session = Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize))
    let x = try Tensor(shape: [2], scalars: [1, 2] as [Float])
    return thrown { _ = try session.run("y", feeding: ["x": x]) }
  }

  @Test func allOfThemAreTakenOrRefused() throws {
    let list = try Data(contentsOf: URL(filePath: fixture("graphs/fixtures.json")))
    let files = try JSONDecoder().decode(Fixtures.self, from: list).fixtures.map(\.file)
    #expect(files.count > 100)
    for file in files {
      let path = fixture("graphs/\(file)")
      let graph = Graph()
      do {
        try graph.importGraphDef(contentsOf: path)
      } catch let error as GraftError {
        #expect(
          error.code != .internalError && error.place.file?.hasPrefix(path) == true, "\(file): \(error)")
        // Of several errors each says what to do.
        #expect(error.remedy != nil || error.message.contains("errors:\n"), "\(file): \(error)")
        continue
      }
      let session = Session(graph: graph, options: SessionOptions(threads: 1))
      for operation in graph.operations {
        for output in operation.outputs where !output.isReference {
          let error = thrown { _ = try session.run(output.name) }
          #expect(error?.code != .internalError, "\(file): \(String(describing: error))")
        }
      }
    }
  }

  @Test(arguments: [true, false]) func aConstantOfAnotherDtypeThanItSaysIsRefused(optimize: Bool) throws {
    let graph = Graph()
    let error = try #require(
      thrown {
        try graph.importGraphDef(contentsOf: fixture("graphs/bad/const-dtype-differs.pb"))
        let session = Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize))
        for operation in graph.operations { _ = try session.run(operation.name) }
      })
    #expect(error.message.contains("int32") && error.message.contains("float32"), "\(error)")
    #expect(error.place.op == "Const", "\(error)")
  }

  @Test(arguments: [true, false]) func aFunctionThatCallsItselfWithoutEndIsTold(optimize: Bool) throws {
    let error = try #require(try run("bad/function-recursive.pb", optimize: optimize))
    #expect(error.code == .resourceExhausted && error.place.function == "f", "\(error)")
    #expect(error.message.hasPrefix("Functions call each other more than 1000 deep, last 'f'."), "\(error)")
    #expect(error.remedy?.contains("must come to an end") == true)
  }

  @Test(arguments: [true, false]) func aCallWithTooFewArgumentsSaysHowManyTheFunctionTakes(optimize: Bool)
    throws
  {
    let error = try #require(try run("bad/function-other-signature.pb", optimize: optimize))
    #expect(error.code == .invalidArgument && error.place.node == "y", "\(error)")
    #expect(error.message.hasPrefix("The function 'f' takes 2 arguments, and the call gives 1."), "\(error)")
    #expect(error.remedy?.contains("export it again") == true)
  }
}
