import Foundation
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf
import Testing

/// Prefix, input map, return elements, control dependencies and names that are made unique.
@Suite struct ImportOptionsTests {
  /// x → y → z.
  let chain: [UInt8]

  init() throws {
    chain = try graphDef([placeholder("x"), neg("y", "x"), neg("z", "y", "^x")]).bytes
  }

  @Test func prefixStandsBeforeEveryName() throws {
    let graph = Graph()
    let result = try graph.importGraphDef(bytes: chain, prefix: "a/b")
    #expect(result.prefix == "a/b/")
    #expect(graph.operations.map(\.name) == ["a/b/x", "a/b/y", "a/b/z"])
    #expect(try graph.operation(named: "a/b/z").inputs.map(\.name) == ["a/b/y:0"])
    #expect(try graph.operation(named: "a/b/z").controlInputs.map(\.name) == ["a/b/x"])
  }

  @Test func slashAfterThePrefixMakesNoDifference() throws {
    let graph = Graph()
    try graph.importGraphDef(bytes: chain, prefix: "a/")
    #expect(graph.operations.first?.name == "a/x")
  }

  @Test func prefixHasToBeAName() throws {
    let error = try graftError { try Graph().importGraphDef(bytes: chain, prefix: "my model") }
    #expect(error.code == .invalidArgument)
    #expect(error.message.contains("'my model'"))
  }

  @Test func sameNamesTwiceAreAnError() throws {
    let graph = Graph()
    try graph.importGraphDef(bytes: chain)
    let error = try graftError { try graph.importGraphDef(bytes: chain) }
    #expect(error.code == .alreadyExists)
    #expect(error.message.contains("already contains 3 of these 3 nodes under the prefix ''"))
    #expect(error.remedy?.contains("another prefix") == true)
    #expect(error.remedy?.contains("uniquifyNames") == true)
    #expect(graph.operations.count == 3)
  }

  @Test func namesAreMadeUniqueOnRequest() throws {
    let graph = try imported([placeholder("x"), placeholder("y_1")])
    try graph.importGraphDef(
      bytes: try graphDef([placeholder("x"), neg("y", "x"), neg("x_1", "y")]).bytes, uniquifyNames: true)
    #expect(graph.operations.map(\.name) == ["x", "y_1", "x_2", "y", "x_1"])
    #expect(try graph.operation(named: "y").inputs.map(\.name) == ["x_2:0"])
  }

  @Test func prefixIsMadeUniqueOnRequest() throws {
    let graph = Graph()
    try graph.importGraphDef(bytes: chain, prefix: "m")
    let result = try graph.importGraphDef(bytes: chain, prefix: "m", uniquifyPrefix: true)
    #expect(result.prefix == "m_1/")
    #expect(graph.operations.last?.name == "m_1/z")
  }

  @Test func inputsAreReplacedAndCounted() throws {
    let graph = try imported([placeholder("mine"), node("NoOp", "ready")])
    let result = try graph.importGraphDef(
      bytes: try graphDef([placeholder("x"), neg("a", "x"), neg("b", "x:0", "^x")]).bytes, prefix: "m",
      inputMap: ["x": "mine", "^x": "ready"])
    #expect(result.inputMapUses == ["x": 2, "^x": 1])
    #expect(try graph.operation(named: "m/a").inputs.map(\.name) == ["mine:0"])
    #expect(try graph.operation(named: "m/b").inputs.map(\.name) == ["mine:0"])
    #expect(try graph.operation(named: "m/b").controlInputs.map(\.name) == ["ready"])
    let message = try Tensorflow_GraphDef(serializedBytes: try graph.graphDef())
    #expect(message.node.last?.input == ["mine", "^ready"])
  }

  @Test func mapStandsInForNodesThatWereCutOff() throws {
    let graph = try imported([placeholder("mine")])
    let result = try graph.importGraphDef(
      bytes: try graphDef([neg("a", "gone:1")]).bytes, inputMap: ["gone:1": "mine:0"])
    #expect(result.inputMapUses == ["gone:1": 1])
    #expect(try graph.operation(named: "a").inputs.map(\.name) == ["mine:0"])
  }

  @Test func tensorsOfAnotherShapeThanWhatTheyReplaceAreNoted() throws {
    func shaped(_ name: String, _ sizes: [Int64]) -> Tensorflow_NodeDef {
      node("Placeholder", name, [], ["dtype": type(.dtFloat), "shape": shape(sizes)])
    }
    for (sizes, fits) in [([2, 7], false), ([2, 3], true), ([-1, -1], true)] as [([Int64], Bool)] {
      let graph = try imported([shaped("mine", sizes)])
      let result = try graph.importGraphDef(
        bytes: try graphDef([shaped("x", [-1, 3]), neg("y", "x")]).bytes, inputMap: ["x:0": "mine:0"],
        uniquifyNames: true)
      #expect(
        result.notes
          == (fits
            ? []
            : [
              "The input map's key 'x:0' puts 'mine' (Placeholder) of shape [2,7] in the place of 'x' (Placeholder) of "
                + "shape [?,3]."
            ]))
    }
  }

  @Test func keysThatReplaceNothingAreCountedAsZero() throws {
    // z is the GraphDef's own, and no node takes it: there was nothing to replace.
    let graph = try imported([placeholder("mine"), node("NoOp", "ready")])
    let result = try graph.importGraphDef(
      bytes: chain, prefix: "m", inputMap: ["z:0": "mine:0", "^z": "ready", "y": "mine", "^x": "ready"])
    #expect(result.inputMapUses == ["z:0": 0, "^z": 0, "y": 1, "^x": 1])
    #expect(try graph.operation(named: "m/z").inputs.map(\.name) == ["mine:0"])
    #expect(try graph.operation(named: "m/z").controlInputs.map(\.name) == ["ready"])
  }

  @Test func onlyTheOutputThatIsNamedIsReplaced() throws {
    let graph = try imported([placeholder("mine")])
    let parts = node("Unpack", "parts", ["x"], ["T": type(.dtFloat), "num": int(2)])
    let result = try graph.importGraphDef(
      bytes: try graphDef([
        placeholder("x"), parts, neg("a", "parts"), neg("b", "parts:1"), neg("c", "parts:1"),
      ])
      .bytes, prefix: "m", inputMap: ["parts:1": "mine:0"])
    #expect(result.inputMapUses == ["parts:1": 2])
    #expect(try graph.operation(named: "m/a").inputs.map(\.name) == ["m/parts:0"])
    let error = try graftError {
      try graph.importGraphDef(
        bytes: try graphDef([placeholder("x"), parts, neg("a", "parts")]).bytes, prefix: "n",
        inputMap: ["parts:2": "mine:0"])
    }
    #expect(error.code == .notFound)
    #expect(error.message == "The input map's key 'parts:2' is not in the GraphDef, and no node takes it.")
    #expect(error.remedy == "'parts' has 2 outputs.")
  }

  @Test func severalUnknownKeysAreToldAtOnce() throws {
    let graph = try imported([placeholder("mine")])
    let error = try graftError {
      try graph.importGraphDef(
        bytes: try graphDef([placeholder("images"), neg("logits", "images")]).bytes,
        inputMap: ["image:0": "mine:0", "logit": "mine:0", "images": "mine:0"])
    }
    #expect(
      error.message
        == "The input map's keys 'image:0', 'logit' are not in the GraphDef, and no node takes them.")
    #expect(
      error.remedy == "For 'image:0': Did you mean 'images:0'? For 'logit': Did you mean 'logits:0'?")
  }

  @Test func unknownKeysAreToldWithSuggestions() throws {
    let graph = try imported([placeholder("mine")])
    let error = try graftError {
      try graph.importGraphDef(
        bytes: try graphDef([placeholder("images"), neg("y", "images")]).bytes,
        inputMap: ["image:0": "mine:0"])
    }
    #expect(error.code == .notFound)
    #expect(error.message.contains("'image:0'"))
    #expect(error.remedy?.contains("Did you mean 'images:0'?") == true)
  }

  @Test func unknownTensorsInTheMapAreTold() throws {
    let graph = try imported([placeholder("mine")])
    let error = try graftError {
      try graph.importGraphDef(bytes: chain, prefix: "m", inputMap: ["x:0": "mime:0"])
    }
    #expect(error.message.contains("'x:0'"))
    #expect(error.remedy?.contains("'mine:0'") == true)
  }

  @Test func tensorsAreNotMappedToControlInputs() throws {
    let graph = try imported([placeholder("mine")])
    let error = try graftError {
      try graph.importGraphDef(bytes: chain, prefix: "m", inputMap: ["x:0": "^mine"])
    }
    #expect(error.code == .invalidArgument)
  }

  @Test func returnElementsAreTensorsOperationsAndMappedTensors() throws {
    let graph = try imported([placeholder("mine")])
    let result = try graph.importGraphDef(
      bytes: chain, prefix: "m", inputMap: ["x:0": "mine:0"], returnElements: ["z:0", "y", "x:0"])
    #expect(result.returnElements[0].tensor?.name == "m/z:0")
    #expect(result.returnElements[1].operation?.name == "m/y")
    #expect(result.returnElements[2].tensor?.name == "mine:0")
  }

  @Test(arguments: [("zz:0", "has no 'zz'"), ("z:4", "output 4")])
  func unknownReturnElementsAreErrors(_ element: String, _ phrase: String) throws {
    let graph = Graph()
    let error = try graftError { try graph.importGraphDef(bytes: chain, returnElements: [element]) }
    #expect(error.code == .notFound)
    #expect(error.message.contains(phrase))
    #expect(graph.operations.isEmpty)
  }

  @Test func controlDependenciesReachNodesWithoutImportedInputs() throws {
    let graph = try imported([node("NoOp", "first")])
    try graph.importGraphDef(bytes: chain, prefix: "m", controlDependencies: ["first"])
    // y and z wait for x, and so for what x waits for.
    #expect(try graph.operation(named: "m/x").controlInputs.map(\.name) == ["first"])
    #expect(try graph.operation(named: "m/y").controlInputs.isEmpty)
    let error = try graftError {
      try graph.importGraphDef(bytes: chain, prefix: "n", controlDependencies: ["frist"])
    }
    #expect(error.remedy == "Did you mean 'first'?")
  }

  @Test func functionsOfTwoGraphsAreMerged() throws {
    let bytes = try fixtureBytes("good/functions/graph.pb")
    let graph = Graph()
    try graph.importGraphDef(bytes: bytes, prefix: "a")
    let names = graph.snapshot.functions.names
    try graph.importGraphDef(bytes: bytes, prefix: "b")
    #expect(graph.snapshot.functions.names == names)
  }
}
