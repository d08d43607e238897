import GraftTensor
import Testing

@testable import GraftRuntime

/// Loops that read variables which the run changes somewhere.
@Suite struct LoopReadTests {
  /// `while i < n: x = x * w`, and `w = w + 1` after the loop, or in each round.
  private func loop(changesInside: Bool) -> GraphText {
    func enter(_ type: String, _ isConstant: Bool = false) -> [String: String] {
      ["T": "type: \(type)", "frame_name": "s: \"while\"", "is_constant": "b: \(isConstant)"]
    }
    let (int, float) = (["T": "type: DT_INT32"], GraphText.float)
    let variable = ["dtype": "type: DT_FLOAT"]
    let start = GraphText().placeholder("x", [2]).constant("zero", [], [0]).constant("ones", [2], [1.0, 1.0])
      .node("n", "Placeholder", [], ["dtype": "type: DT_INT32", "shape": "shape { }"])
      .weight("w", [2], [], .resources)
      .node("i/enter", "Enter", ["zero"], enter("DT_INT32")).node(
        "x/enter", "Enter", ["x"], enter("DT_FLOAT")
      )
      .node("n/enter", "Enter", ["n"], enter("DT_INT32", true))
      .node("w/enter", "Enter", ["w"], enter("DT_RESOURCE", true))
      .node("ones/enter", "Enter", ["ones"], enter("DT_FLOAT", true))
      .node("i", "Merge", ["i/enter", "i/next"], int.merging(["N": "i: 2"]) { $1 })
      .node("v", "Merge", ["x/enter", "x/next"], float.merging(["N": "i: 2"]) { $1 })
      .node("less", "Less", ["i", "n/enter"], int).node("cond", "LoopCond", ["less"])
      .node("i/switch", "Switch", ["i", "cond"], int).node("x/switch", "Switch", ["v", "cond"], float)
      .node("i/body", "Identity", ["i/switch:1"], int)
      .node(
        "one", "Const", ["^i/body"],
        ["dtype": "type: DT_INT32", "value": "tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 }"]
      )
      .node("i/add", "AddV2", ["i/body", "one"], int)
      .node("read", "ReadVariableOp", ["w/enter"] + (changesInside ? ["^i/body"] : []), variable)
    let body =
      changesInside
      ? start.node("change", "AssignAddVariableOp", ["w/enter", "ones/enter", "^read"], variable)
        .node("x/mul", "Mul", ["x/switch:1", "read", "^change"], float)
      : start.node("x/mul", "Mul", ["x/switch:1", "read"], float)
    let end = body.node("i/next", "NextIteration", ["i/add"], int)
      .node("x/next", "NextIteration", ["x/mul"], float)
      .node("i/exit", "Exit", ["i/switch"], int).node("y", "Exit", ["x/switch"], float)
    return changesInside ? end : end.node("change", "AssignAddVariableOp", ["w", "ones", "^y"], variable)
  }

  private func session(changesInside: Bool, optimize: Bool) throws -> Session {
    try loop(changesInside: changesInside).session(optimize: optimize)
  }

  private func run(_ session: Session, _ rounds: Int32, targets: [String] = []) throws -> [Float] {
    try session.run(
      ["y"], feeding: ["x": Tensor([Float(1), 2]), "n": Tensor(rounds)], targets: targets)[0].scalars()
  }

  @Test(arguments: [true, false]) func aLoopReadsTheValueThatTheVariableHasInItsRun(optimize: Bool) throws {
    let session = try session(changesInside: false, optimize: optimize)
    try session.assign("w", [2], [2, 3])
    #expect(try run(session, 3, targets: ["change"]) == [8, 54])
    #expect(try run(session, 3, targets: ["change"]) == [27, 128])
    #expect(try run(session, 2, targets: ["change"]) == [16, 50])
  }

  @Test(arguments: [true, false]) func aRoundReadsWhatTheOneBeforeItAssigned(optimize: Bool) throws {
    let session = try session(changesInside: true, optimize: optimize)
    try session.assign("w", [2], [2, 3])
    #expect(try run(session, 3) == [2 * 3 * 4, 2 * 3 * 4 * 5])
    #expect(try run(session, 2) == [5 * 6, 2 * 6 * 7])
  }
}
