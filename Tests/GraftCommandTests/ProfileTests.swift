import GraftGraph
import GraftTensor
import Testing

@testable import GraftCommand
@testable import GraftRuntime

@Suite struct ProfileTests {
  private func event(_ name: String, _ op: String, _ start: Int, _ duration: Int) -> RunTrace.Event {
    RunTrace.Event(name: name, op: op, start: start, duration: duration, inputs: [], outputs: [])
  }

  @Test func whatAFunctionsOperationsTookIsNotItsCallersOwn() {
    // In the order in which they end: those within a call before the call.
    let profile = Profile([
      event("a", "MatMul", 0, 10), event("f/b", "Mul", 12, 3), event("f/c", "Mul", 16, 4),
      event("call", "PartitionedCall", 11, 12),
    ])
    #expect(profile.total == 22)
    #expect(profile.ops.map(\.op) == ["MatMul", "Mul", "PartitionedCall"])
    #expect(profile.ops.map(\.nanoseconds) == [10, 7, 5])
    #expect(profile.ops[1].count == 2)
  }

  @Test func theTableHasRatesAndTheirShareOfThePeak() {
    let value = RunTrace.Value(dtype: .float32, shape: [10, 10])
    let product = RunTrace.Event(
      name: "y", op: "MatMul", start: 0, duration: 40, inputs: [value, value], outputs: [value])
    let lines = Profile([product, event("z", "Relu", 50, 60)]).text(top: 1, peak: 100).split(separator: "\n")
    // 2000 multiplications and additions in 40 ns.
    #expect(
      lines.contains {
        $0.split(separator: " ").map(String.init) == ["0.000", "40.0", "50.0", "50", "1", "MatMul"]
      })
    #expect(lines.contains { $0.split(separator: " ").map(String.init) == ["0.000", "60.0", "1", "Relu"] })
  }

  @Test func theTraceHasAnEventForEachInstruction() {
    let profile = Profile([event("a", "MatMul", 1500, 250)])
    let text = profile.chromeTrace.compact
    #expect(text.contains("\"name\": \"a\""))
    #expect(text.contains("\"ts\": 1.5"))
    #expect(text.contains("\"dur\": 0.25"))
  }
}
