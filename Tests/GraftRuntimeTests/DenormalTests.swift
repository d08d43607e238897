import GraftTensor
import Testing

@testable import GraftRuntime

/// TensorFlow 2.21 gives these values for 1e-39, in a session and in a function, with one thread and with many.
@Suite struct DenormalNumbers {
  private let tiny = Float(1e-39)

  private func run(_ op: String, _ values: [Float], optimize: Bool, constant: Bool = false) throws -> [Float]
  {
    let other = GraphText().constant("one", [], [1.0])
    let text =
      (constant ? other.constant("x", [values.count], values) : other.placeholder("x"))
      .node("y", op, op == "Mul" || op == "Maximum" ? ["x", "one"] : ["x"], GraphText.float)
    let session = try Session(graph: text.graph(), options: .init(threads: 2, optimize: optimize))
    return try session.run("y", feeding: constant ? [:] : ["x": Tensor(values)]).scalars(as: Float.self)
  }

  @Test(arguments: [true, false], [("Mul", false), ("Mul", true), ("Relu", false), ("Sqrt", false)])
  func countAsZero(optimize: Bool, call: (op: String, isConstant: Bool)) throws {
    // Enough for several threads.
    let values = [Float](repeating: tiny, count: 200_000)
    let result = try run(call.op, values, optimize: optimize, constant: call.isConstant)
    #expect(result.allSatisfy { $0.bitPattern == 0 })
  }

  @Test(arguments: [true, false])
  func areKeptWhereNothingIsComputed(optimize: Bool) throws {
    #expect(try run("Identity", [tiny, -tiny], optimize: optimize) == [tiny, -tiny])
    #expect(try run("Abs", [-tiny], optimize: optimize).map(\.bitPattern) == [tiny.bitPattern])
  }

  @Test(arguments: [true, false])
  func ofHalfAreNumbersLikeOthers(optimize: Bool) throws {
    let half = ["T": "type: DT_HALF"]
    let text = GraphText().placeholder("x")
      .node("h", "Cast", ["x"], ["SrcT": "type: DT_FLOAT", "DstT": "type: DT_HALF"])
      .node("d", "AddV2", ["h", "h"], half)
      .node("y", "Cast", ["d"], ["SrcT": "type: DT_HALF", "DstT": "type: DT_FLOAT"])
    let session = try Session(graph: text.graph(), options: .init(threads: 1, optimize: optimize))
    let step = Float(Float16.leastNonzeroMagnitude)
    #expect(try session.run("y", feeding: ["x": Tensor([step * 3])]).scalars(as: Float.self) == [step * 6])
  }

  @Test func arePlainNumbersForTheCallerAfterwards() throws {
    _ = try run("Mul", [1], optimize: true)
    #expect(tiny * 2 > tiny)
  }
}
