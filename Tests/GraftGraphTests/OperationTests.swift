import Foundation
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf
import Testing

/// Operations: types of inputs and outputs, attributes, defaults, what is inferred, unknown ops.
@Suite struct OperationTests {
  @Test func typesFollowFromAttributes() throws {
    let graph = try imported([
      placeholder("x"), node("Const", "axis", [], ["dtype": type(.dtInt32), "value": scalar]),
      node("Split", "s", ["axis", "x"], ["T": type(.dtFloat), "num_split": int(3)]),
      node(
        "IdentityN", "i", ["s:1", "axis"],
        ["T": .with { $0.list.type = [.dtFloat, .dtInt32] }]),
      node("VariableV2", "v", [], ["dtype": type(.dtFloat), "shape": shape([2])]),
      node("Assign", "a", ["v", "s"], ["T": type(.dtFloat)]),
    ])
    let nodes = graph.snapshot.nodes
    #expect(nodes[2].inputTypes.map(\.description) == ["int32", "float32"])
    #expect(nodes[2].outputTypes.map(\.description) == ["float32", "float32", "float32"])
    #expect(nodes[3].outputTypes.map(\.description) == ["float32", "int32"])
    #expect(nodes[4].outputTypes.map(\.description) == ["float32_ref"])
    #expect(nodes[5].inputTypes.map(\.description) == ["float32_ref", "float32"])
    #expect(try graph.tensor(named: "v").isReference)
  }

  private var scalar: Tensorflow_AttrValue {
    .with {
      $0.tensor.dtype = .dtInt32
      $0.tensor.intVal = [0]
    }
  }

  @Test func defaultsAreFilledIn() throws {
    let graph = try imported([
      placeholder("x"),
      node("MatMul", "y", ["x", "x"], ["T": type(.dtFloat), "transpose_b": .with { $0.b = true }]),
    ])
    let y = graph.snapshot.nodes[1]
    guard case .bool(false)? = y.attribute("transpose_a"), case .bool(true)? = y.attribute("transpose_b")
    else {
      Issue.record("transpose_a is false by default, transpose_b was given")
      return
    }
    #expect(y.attribute("nothing") == nil)
    #expect(try graph.operation(named: "y").attributeNames.contains("transpose_a"))
    #expect(try graph.operation(named: "y").attributeDescription("T") == "float32")
    #expect(Set(y.ownAttributes.keys) == ["T", "transpose_b"])
  }

  @Test func missingTypesFollowFromInputs() throws {
    // In reverse order, so that each waits for the next.
    let graph = Graph()
    let result = try graph.importGraphDef(
      bytes: try graphDef([
        node("Neg", "c", ["b"]), node("Neg", "b", ["a"]), node("Neg", "a", ["x"]), placeholder("x"),
      ])
      .bytes)
    #expect(try graph.tensor(named: "c").dtype == .float32)
    #expect(result.notes.count == 3)
    #expect(result.notes.contains { $0.contains("'a' (Neg)") && $0.contains("T = float32") })
  }

  @Test func missingCountsFollowFromInputs() throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("good/missing-counts/graph.pb"))
    #expect(try graph.operation(named: "pack").attributeDescription("N") == "3")
    #expect(try graph.operation(named: "concat").attributeDescription("N") == "2")
    #expect(try graph.operation(named: "all").attributeDescription("T") == "[float32, int32]")
    #expect(try graph.tensor(named: "halves:1").dtype == .float32)
  }

  @Test func typesInALoopFollowFromItsEntry() throws {
    let graph = try imported([
      placeholder("x"), node("Enter", "enter", ["x"], ["frame_name": .with { $0.s = Data("f".utf8) }]),
      node("Merge", "merge", ["enter", "next"]), node("NextIteration", "next", ["merge"]),
    ])
    #expect(try graph.tensor(named: "merge:0").dtype == .float32)
    #expect(try graph.tensor(named: "merge:1").dtype == .int32)
    #expect(try graph.tensor(named: "next:0").dtype == .float32)
  }

  @Test func typesThatNothingTellsAreReportedWhereTheyBegin() throws {
    let error = try graftError {
      _ = try imported([
        node("UnknownOp", "u"), node("Neg", "a", ["u"]), node("Neg", "b", ["a"]), node("Neg", "c", ["b"]),
      ])
    }
    #expect(error.place.node == "a")
    #expect(error.message.contains("'T' is missing"))
  }

  @Test func unknownOpsHaveAsManyOutputsAsAreUsed() throws {
    let graph = try imported([
      placeholder("x"), node("MyOp", "u", ["x"]), neg("y", "u:2"), node("MyOp", "alone", ["x", "u:1"]),
    ])
    let u = try graph.operation(named: "u")
    #expect(!u.isKnown)
    #expect(u.outputs.map(\.name) == ["u:0", "u:1", "u:2"])
    #expect(u.outputs.map(\.dtype) == [nil, nil, .float32])
    #expect(try graph.operation(named: "alone").outputs.count == 1)
    try graph.importGraphDef(
      bytes: try graphDef([neg("z", "u:5")]).bytes, prefix: "m", inputMap: ["u:5": "u:2"])
    #expect(try graph.operation(named: "m/z").inputs.map(\.name) == ["u:2"])
  }

  @Test func attributesOfAllKindsAreRead() throws {
    let attributes: [String: Tensorflow_AttrValue] = [
      "_s": .with { $0.s = Data([0, 255]) }, "_i": int(-5), "_f": .with { $0.f = 1.5 },
      "_b": .with { $0.b = true },
      "_t": type(.dtHalf), "_shape": shape([2, -1]), "_none": .with { $0.shape.unknownRank = true },
      "_func": .with {
        $0.func.name = "f"
        $0.func.attr = ["T": type(.dtInt8)]
      },
      "_ints": .with { $0.list.i = [1, -2] }, "_floats": .with { $0.list.f = [0.5] },
      "_bools": .with { $0.list.b = [true, false] }, "_strings": strings(["a", ""]),
      "_types": .with { $0.list.type = [.dtFloat, .dtString] },
      "_shapes": .with { $0.list.shape = [.with { $0.unknownRank = true }, .init()] },
      "_funcs": .with { $0.list.func = [.with { $0.name = "g" }] }, "_empty": .with { $0.list = .init() },
    ]
    let graph = try imported([node("NoOp", "n", [], attributes)])
    let operation = try graph.operation(named: "n")
    let expected = [
      "_i": "-5", "_f": "1.5", "_b": "true", "_t": "float16", "_shape": "[2,?]", "_none": "<unknown>",
      "_func": "f",
      "_ints": "[1, -2]", "_floats": "[0.5]", "_bools": "[true, false]", "_strings": "[\"a\", \"\"]",
      "_types": "[float32, string]", "_shapes": "[<unknown>, []]", "_funcs": "[g]", "_empty": "[]",
    ]
    for (name, text) in expected { #expect(operation.attributeDescription(name) == text, "\(name)") }
    guard case .string(let bytes)? = graph.snapshot.nodes[0].attribute("_s"),
      case .function(let function)? = graph.snapshot.nodes[0].attribute("_func"),
      case .type(let type)? = function.attributes["T"]
    else {
      Issue.record("a string and a function")
      return
    }
    #expect(bytes.bytes == [0, 255])
    #expect(type.dtype == .int8)
  }

  @Test func attributesThatTheOpDoesNotHaveMayBeAnything() throws {
    let mixed = Tensorflow_AttrValue.with {
      $0.list.i = [1]
      $0.list.f = [2]
    }
    let graph = try imported([
      placeholder("x"), node("Neg", "y", ["x"], ["T": type(.dtFloat), "future": mixed, "none": .init()]),
    ])
    let message = try Tensorflow_GraphDef(serializedBytes: try graph.graphDef())
    #expect(message.node[1].attr["future"] == mixed)
  }

  @Test func attributesThatTheOpDoesNotHaveAreNoted() throws {
    let graph = Graph()
    let notes = try graph.importGraphDef(contentsOf: fixture("good/unknown-attributes/graph.pb")).notes
    #expect(notes.count == 1)
    #expect(notes.first?.hasPrefix("1 node of Neg has the attribute 'some_future_flag', which") == true)
    let message = Tensorflow_AttrValue.with { $0.b = true }
    let several = (0..<3).map { node("Neg", "y\($0)", ["x"], ["T": type(.dtFloat), "future": message]) }
    let result = try Graph().importGraphDef(
      bytes: Array(
        Tensorflow_GraphDef.with { $0.node = [placeholder("x")] + several }.serializedBytes() as Data))
    #expect(result.notes.first?.hasPrefix("3 nodes of Neg have the attribute 'future'") == true)
  }

  @Test func loopsOfVersionOneAreNoCycles() throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("good/while-frames/graph.pb"))
    #expect(graph.operations.contains { $0.type == "NextIteration" })
  }

  @Test func controlInputsAreThereOnce() throws {
    let graph = try imported([placeholder("x"), neg("y", "x", "^x", "^x")])
    #expect(try graph.operation(named: "y").controlInputs.map(\.name) == ["x"])
  }

  @Test func releaseOfTheWriterIsTold() {
    #expect(TensorFlowRelease.describe(producer: 561) == "TensorFlow 2.4 (graph version 561)")
    #expect(
      TensorFlowRelease.describe(producer: 600) == "TensorFlow between 2.4 and 2.5 (graph version 600)")
    #expect(TensorFlowRelease.describe(producer: 9999).contains("after 2.21"))
    #expect(TensorFlowRelease.describe(producer: 0).contains("does not say"))
  }
}
