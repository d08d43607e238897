import Foundation
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf
import Testing

/// GraphDefs in text format.
@Suite struct TextFormatTests {
  private func message(_ text: String) throws -> Tensorflow_GraphDef {
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    return try Tensorflow_GraphDef(serializedBytes: try graph.graphDef())
  }

  @Test func textIsTheSameGraphAsBinary() throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("good/text-quirks/graph.pbtxt"))
    let binary = try Tensorflow_GraphDef(serializedBytes: try fixtureBytes("good/text-quirks/graph.pb"))
    #expect(try Tensorflow_GraphDef(serializedBytes: try graph.graphDef()) == binary)
  }

  @Test func graphOfAnotherWriterIsRead() throws {
    let graph = Graph()
    let folder = fixture("good/mlp-text")
    let name = ["graph.pbtxt", "graph.pb"].first { (try? MappedFile(path: "\(folder)/\($0)")) != nil } ?? ""
    try graph.importGraphDef(contentsOf: "\(folder)/\(name)")
    #expect(try graph.tensor(named: "probabilities").dtype == .float32)
  }

  @Test func everyKindOfNumberIsRead() throws {
    let text = """
      node { name: "n" op: "NoOp"
        attr { key: "_f" value { list { f: [1, 1.5, .5, 2., 1e3, -2.5E-1f, inf, -infinity, nan, 1.e2] } } }
        attr { key: "_i" value { list { i: [0x10, -010, 9223372036854775807, -9223372036854775808, 0] } } }
        attr { key: "_b" value { list { b: [true, f, 1, False] } } }
        attr { key: "_t" value { list { type: [DT_FLOAT, 3] } } } }
      """
    let attributes = try message(text).node[0].attr
    let floats = try #require(attributes["_f"]?.list.f)
    #expect(floats.prefix(8) == [1, 1.5, 0.5, 2, 1000, -0.25, .infinity, -.infinity])
    #expect(floats[8].isNaN)
    #expect(floats[9] == 100)
    #expect(attributes["_i"]?.list.i == [16, -8, .max, .min, 0])
    #expect(attributes["_b"]?.list.b == [true, false, true, false])
    #expect(attributes["_t"]?.list.type == [.dtFloat, .dtInt32])
  }

  @Test func everyEscapeIsRead() throws {
    let text = #"""
      # comment
      node { name: "n" op: "NoOp" attr { key: "_s" value { s: "\a\b\f\n\r\t\v\\\'\"\?\0\12\377\x4\xfFg\u00e9\U0001F600" '"' } } }
      """#
    let bytes = try #require(try message(text).node[0].attr["_s"]?.s)
    let expected: [UInt8] =
      [7, 8, 12, 10, 13, 9, 11, 92, 39, 34, 63, 0, 10, 255, 4, 255, 103] + Array("é😀\"".utf8)
    #expect(Array(bytes) == expected)
  }

  @Test(arguments: [
    ("unknown-field.pbtxt", "has no field 'inputs'", "Did you mean 'input'?"),
    ("unknown-enum.pbtxt", "no value 'DT_FLOTA'", "'DT_FLOAT'"),
    ("bad-number.pbtxt", "'many'", "an integer for 'size'"),
    ("open-string.pbtxt", "no closing quote", "column 7"),
    ("wrong-bracket.pbtxt", "Found '}'", "'>'"),
    ("bad-escape.pbtxt", "The escape '\\q'", "column 16"),
    ("twice.pbtxt", "'name' is there twice", "Line 1"),
    ("deep.pbtxt", "More than 100 messages", "limit"),
    ("truncated.pbtxt", "no field 'ke'", "perhaps it was truncated"),
  ])
  func errorsHaveLineAndColumn(_ file: String, _ first: String, _ second: String) throws {
    let error = try graftError { try Graph().importGraphDef(contentsOf: fixture("files/\(file)")) }
    #expect(error.code == (file == "deep.pbtxt" ? .resourceExhausted : .dataLoss))
    #expect(error.message.hasPrefix("Line "))
    #expect(error.description.contains(first))
    #expect(error.description.contains(second))
  }

  @Test(arguments: [
    ("node { name: \"n\" op: \"NoOp\"", "The text ends where"),
    (
      "node { name: \"n\" op: \"NoOp\" attr { key: \"a\" value { i: 9223372036854775808 } } }",
      "no number from"
    ),
    ("node { name: \"n\" op: \"NoOp\" attr { key: \"a\" value { i: 1 b: true } } }", "exclude one another"),
    ("node { name: \"n\" op \"NoOp\" }", "':' after 'op'"),
    ("node { name: 7 op: \"NoOp\" }", "text in quotes"),
    ("node { name: \"n\" op: \"NoOp\" attr { key: \"a\" value { list { i: [1 2] } } } }", "',' or ']'"),
    ("node { name: \"\\xff\" op: \"NoOp\" }", "not UTF-8"),
    ("node [ 1 ]", "'{' after 'node'"),
  ])
  func mistakesAreTold(_ text: String, _ phrase: String) throws {
    let error = try graftError { try Graph().importGraphDef(bytes: Array(text.utf8)) }
    #expect(error.description.contains(phrase))
  }

  @Test func everyPrefixOfATextIsTakenOrRefused() throws {
    let text = try fixtureBytes("good/text-quirks/graph.pbtxt")
    for length in 1..<text.count {
      do { try Graph().importGraphDef(bytes: Array(text.prefix(length))) } catch is GraftError {}
    }
  }
}
