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
}
