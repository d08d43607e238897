import Foundation
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf
import Testing

/// What is read of a graph that contradicts itself: where, what was found, what was expected, what to do.
@Suite struct BadGraphTests {
  /// A graph, and parts of the text that its error has.
  struct Bad: Sendable, CustomTestStringConvertible {
    let file: String
    let phrases: [String]

    init(_ file: String, _ phrases: String...) {
      self.file = file
      self.phrases = phrases
    }

    var testDescription: String { file }
  }

  static let edges: [Bad] = [
    Bad("unknown-input", "node 'y' (Neg)", "'x'", "which the graph does not have"),
    Bad("unknown-input-near", "'hiden/relu'", "Did you mean 'hidden/relu'?"),
    Bad("unknown-control-input", "control input '^gone'", "does not have"),
    Bad("output-index-too-high", "output 3 of 'x' (Placeholder)", "one output, number 0"),
    Bad("output-index-negative", "'x:-1' is not written as inputs are", "'name:1'"),
    Bad("output-index-huge", "'x:99999999999999999999'"),
    Bad("output-of-none", "'n' (NoOp), which has no outputs", "'^name'"),
    Bad("input-with-two-colons", "'x:output:0'", "function bodies"),
    Bad("input-empty", "The input '' names no node"),
    Bad("input-only-caret", "The control input '^' names no node"),
    Bad("control-input-first", "'x' stands after a control input"),
    Bad("control-input-with-index", "'^x:0'", "without an output"),
    Bad("too-few-inputs", "has 1 input", "takes 2: x, y"),
    Bad("too-many-inputs", "has 2 inputs", "takes 1: x"),
    Bad("duplicate-name", "nodes 0 (Placeholder) and 1 (Placeholder)"),
    Bad("cycle-of-three", "a → b → c → a", "NextIteration"),
    Bad("cycle-of-one", "a → a"),
    Bad("cycle-by-control", "a → b → a"),
    Bad("cycles-two", "2 errors", "a → b → a", "c → d → c"),
    Bad("cycle-long", "40 nodes", "n0 → n1", "→ … →", "n39 → n0"),
  ]

  static let names: [Bad] = [
    Bad("name-with-space", "'not valid'", "letters, digits"),
    Bad("name-empty", "Node 1 has no name"),
    Bad("name-with-colon", "'y:0'"),
    Bad("name-with-caret", "'^y'"),
    Bad("op-empty", "has no op"),
  ]

  static let types: [Bad] = [
    Bad(
      "dtype-mismatch", "node 'y' (Neg), input 0", "'zeros' (Const)", "int32 of shape [2]", "expects float32"),
    Bad(
      "dtype-mismatch-declared", "'x' (Placeholder)", "float32 of shape [2]", "Abs expects int32",
      "'T' says so"),
    Bad("dtypes-differ", "'zeros' (Const)", "int32", "AddV2 expects float32", "'T' is missing"),
    Bad(
      "frozen-variable", "node 'w/Assign' (Assign)", "'w' (Const)", "float32_ref", "freeze the graph again"),
    Bad("dtype-not-allowed", "'T' is string", "float16, float32"),
    Bad("dtype-unknown", "data type number 77"),
    Bad("dtype-invalid", "data type number 0", "no type"),
  ]

  static let attributes: [Bad] = [
    Bad("type-not-inferable", "node 'y' (Cast)", "'DstT' (type) is missing"),
    Bad("placeholder-without-dtype", "'dtype' (type) is missing"),
    Bad("attribute-missing", "'strides' (list(int)) is missing"),
    Bad("attributes-missing", "'strides' (list(int)) and 'padding' (string) are missing"),
    Bad("attribute-of-other-kind", "'T' is of kind int", "type is expected"),
    Bad("attribute-list-for-one", "'T' is of kind list(type)", "type is expected"),
    Bad("attribute-mixed-list", "node 'y' (Conv2D)", "'strides'", "int and float values at once"),
    Bad("attribute-empty", "'T' has no value"),
    Bad("attribute-not-allowed", "\"MAYBE\"", "\"SAME\", \"VALID\", \"EXPLICIT\""),
    Bad("count-below-minimum", "'N' is 1", "least that the op takes is 2"),
    Bad("count-wrong", "has 2 inputs", "takes 3: 3 × values"),
    Bad("count-negative", "'N' is -1"),
    Bad("count-huge", "outputs to more than"),
    Bad("shape-negative", "node 'y' (Placeholder)", "'shape'", "size -3"),
    Bad("placeholder-attribute", "the placeholder 'T'", "inside of a function"),
    Bad("const-without-value", "'value' (tensor) is missing"),
    Bad("const-negative-size", "shape [?], which is not fully defined"),
    Bad("const-size-overflows", "[1099511627776,1099511627776]", "more elements than can be counted"),
    Bad("const-size-overflows-with-zero", "more elements than can be counted"),
    Bad("const-rank-300", "300 dimensions"),
  ]

  static let others: [Bad] = [
    Bad(
      "min-consumer-too-high", "999999", "2474", "TensorFlow 2.21", "later version of Graft",
      "written by TensorFlow"),
    Bad("bad-consumer", "version 2474 get it wrong"),
    Bad("negative-producer", "version -5"),
    Bad("function-twice", "two different functions 'f'"),
    Bad("function-named-like-op", "function 'Neg'", "an op of the same name"),
  ]

  @Test(arguments: edges + names + types + attributes + others)
  func errorSaysWhatIsWrong(_ bad: Bad) throws {
    let path = fixture("bad/\(bad.file).pb")
    let error = try graftError { try Graph().importGraphDef(contentsOf: path) }
    #expect(error.code == .invalidGraph)
    #expect(error.place.file == path)
    for phrase in bad.phrases { #expect(error.description.contains(phrase)) }
  }

  @Test func allErrorsAreToldAtOnce() throws {
    let error = try graftError { try Graph().importGraphDef(contentsOf: fixture("bad/many-errors.pb")) }
    let text = error.description
    #expect(text.contains("The graph has 7 errors"))
    for phrase in [
      "nodes 0 (Placeholder) and 1 (Placeholder)", "'nowhere'", "output 2 of 'x'", "c → d → c", "'bad name'",
      "Neg expects int32", "'^lost'",
    ] { #expect(text.contains(phrase)) }
    // In the order of the nodes.
    let positions = ["nodes 0", "'nowhere'", "output 2 of", "c → d", "bad name", "expects int32", "'^lost'"]
      .map {
        text.range(of: $0)?.lowerBound
      }
    #expect(!positions.contains(nil))
    #expect(positions.compactMap { $0 } == positions.compactMap { $0 }.sorted())
  }

  @Test func hundredsOfErrorsAreCounted() throws {
    let nodes = (0..<300).map { neg("n\($0)", "gone") }
    let error = try graftError { _ = try imported(nodes) }
    #expect(error.message.contains("300 errors"))
    #expect(error.message.contains("and 260 more"))
  }

  @Test func oneFaultIsToldOnce() throws {
    // What takes the output of a wrong node is not wrong itself.
    let error = try graftError {
      _ = try imported([
        placeholder("x"), node("Neg", "bad", ["x"], ["T": int(1)]), neg("y", "bad"), neg("z", "y"),
      ])
    }
    #expect(error.place.node == "bad")
  }

  @Test func failedImportLeavesTheGraphAsItWas() throws {
    let graph = try imported([placeholder("x"), neg("y", "x")])
    let before = graph.snapshot.version
    #expect(throws: GraftError.self) {
      try graph.importGraphDef(bytes: try graphDef([neg("z", "gone")]).bytes)
    }
    #expect(graph.snapshot.version == before)
    #expect(graph.operations.map(\.name) == ["x", "y"])
  }

  @Test func mismatchOfMappedInputNamesTheKey() throws {
    let graph = try imported([node("Placeholder", "indices", [], ["dtype": type(.dtInt32)])])
    let error = try graftError {
      try graph.importGraphDef(
        bytes: try graphDef([placeholder("x"), neg("y", "x")]).bytes, prefix: "model",
        inputMap: ["x:0": "indices:0"])
    }
    #expect(error.message.contains("'indices' (Placeholder)"))
    #expect(error.message.contains("key 'x:0'"))
    #expect(error.remedy?.contains("float32") == true)
  }

  @Test(arguments: [
    ("const-content-short", "8 bytes of content; 16 were expected"),
    ("const-content-long", "20 bytes of content; 16 were expected"),
    ("const-splat-huge", "more elements than can be addressed"),
    ("const-strings-content-cut", "127 bytes"),
  ])
  func constantsAreLookedAtWhenTheyAreUsed(_ file: String, _ phrase: String) throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("bad/\(file).pb"))
    let node = try #require(graph.snapshot.nodes.first)
    guard case .tensor(let value)? = node.attribute("value") else {
      Issue.record("no tensor")
      return
    }
    let error = try graftError { _ = try value.tensor() }
    #expect(error.description.contains(phrase))
    #expect(error.place.file != nil)
  }

  @Test(arguments: [
    "unknown-ops-everywhere", "op-misspelled", "py-func", "function-missing", "shape-mismatch",
  ])
  func whatOnlyARunCanRefuseIsImported(_ file: String) throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("bad/\(file).pb"))
    #expect(!graph.operations.isEmpty)
  }
}
