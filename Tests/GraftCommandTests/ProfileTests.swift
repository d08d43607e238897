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

  @Test func theTraceHasAnEventForEachInstruction() {
    let profile = Profile([event("a", "MatMul", 1500, 250)])
    let text = profile.chromeTrace.compact
    #expect(text.contains("\"name\": \"a\""))
    #expect(text.contains("\"ts\": 1.5"))
    #expect(text.contains("\"dur\": 0.25"))
  }
}
