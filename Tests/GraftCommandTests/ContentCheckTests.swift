import GraftTensor
import Testing

@testable import GraftCommand

@Suite struct WhatPartsOfAGraphSayOfEachOther {
  private let graphs = repository + "Tests/Fixtures/graphs/"

  @Test(arguments: [
    (
      "const-dtype-differs", "y", "The value of a constant is float32, and its attribute 'dtype' says int32."
    ),
    (
      "function-other-signature", "y",
      "A call gives the function 'f' float32, and it takes float32, float32."
    ),
    ("function-recursive", "f", "Functions call themselves, or others that do, and no condition ends it."),
  ])
  func isTold(_ name: String, _ place: String, _ message: String) throws {
    let check = try ModelCheck(graphs + "bad/\(name).pb", ModelCheck.Request())
    #expect(check.problems.map(\.message) == [message])
    #expect(check.problems.first?.places == [place])
    #expect(check.problems.first?.advice != nil)
  }

  @Test(arguments: ["functions", "functional-control-flow", "constants", "odd-constants", "while-frames"])
  func isSilentWhereTheyAgree(_ name: String) throws {
    let check = try ModelCheck(graphs + "good/\(name)/graph.pb", ModelCheck.Request())
    #expect(check.problems.filter { $0.kind == .cannotRun }.isEmpty, "\(check.problems)")
  }

  @Test func aFunctionMayTakeWhatEachCallSays() throws {
    func call(_ name: String, _ type: String) -> String {
      """
      node { name: "x\(name)" op: "Placeholder" attr { key: "dtype" value { type: \(type) } } }
      node { name: "\(name)" op: "PartitionedCall" input: "x\(name)"
        attr { key: "Tin" value { list { type: \(type) } } } attr { key: "Tout" value { list { type: \(type) } } }
        attr { key: "f" value { func { name: "f" attr { key: "T" value { type: \(type) } } } } } }
      """
    }
    let text = """
      \(call("y", "DT_FLOAT")) \(call("z", "DT_INT32"))
      library { function {
        signature { name: "f" input_arg { name: "a" type_attr: "T" } output_arg { name: "r" type_attr: "T" }
          attr { name: "T" type: "type" } }
        node_def { name: "n" op: "Neg" input: "a" attr { key: "T" value { placeholder: "T" } } }
        ret { key: "r" value: "n:y:0" } } }
      versions { producer: 1882 }
      """
    try withTemporaryFolder { folder in
      let file = folder + "/graph.pbtxt"
      try FileBytes.write(Array(text.utf8), to: file)
      let check = try ModelCheck(file, ModelCheck.Request())
      #expect(check.calls.count == 2 && check.calls.allSatisfy { $0.obstacle == nil }, "\(check.calls)")
      #expect(check.problems.isEmpty, "\(check.problems)")
    }
  }
}
