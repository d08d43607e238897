import GraftTensor
import Testing

@testable import GraftRuntime

/// Instructions that are bound to the memory of earlier runs compute from what lies there now.
@Suite struct BoundInstructionTests {
  private static let axes = ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT32"]

  /// Every kind of op that can be bound, after a feed that is too large to be copied to a place of its own.
  private func chain() -> GraphText {
    let slices = ["T": "type: DT_FLOAT", "Index": "type: DT_INT32"]
    let sum = ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT32", "keep_dims": "b: false"]
    return GraphText().placeholder("x", [96, 96]).placeholder("w", [96, 20]).placeholder("factor", [])
      .node("scaled", "Mul", ["x", "factor"], GraphText.float)
      .node("product", "MatMul", ["scaled", "w"], GraphText.float)
      .node(
        "few", "MatMul", ["row", "w"], GraphText.float
      )
      .constant("begin", [2], [1, 0]).constant("size", [2], [2, 96])
      .node("row", "Slice", ["scaled", "begin", "size"], slices)
      .node(
        "across", "Einsum", ["scaled", "w"],
        ["T": "type: DT_FLOAT", "N": "i: 2", "equation": "s: 'ab,bc->ca'"]
      )
      .constant("perm", [2], [1, 0])
      .node("turned", "Transpose", ["product", "perm"], ["T": "type: DT_FLOAT", "Tperm": "type: DT_INT32"])
      .constant("one", [], [1])
      .node(
        "halves", "Split", ["one", "product"], ["T": "type: DT_FLOAT", "num_split": "i: 2"]
      )
      .node(
        "swapped", "ConcatV2", ["halves:1", "halves", "one"],
        Self.axes.merging(["N": "i: 2"]) { $1 }
      )
      .node(
        "all", "AddN", ["swapped", "product", "swapped"], ["T": "type: DT_FLOAT", "N": "i: 3"]
      )
      .node("both", "AddN", ["all", "product"], ["T": "type: DT_FLOAT", "N": "i: 2"])
      .constant("zero", [1], [0])
      .node("columns", "Sum", ["both", "zero"], sum)
      .node("bias", "BiasAddGrad", ["both"], GraphText.float)
      .node("pair", "Pack", ["columns", "bias"], ["T": "type: DT_FLOAT", "N": "i: 2", "axis": "i: 1"])
  }

  @Test(arguments: [1, 2]) func whatFollowsALargeFeedIsComputedAnewInEachRun(threads: Int) throws {
    let text = chain()
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
    let fetches = ["pair", "turned", "few", "row", "across"]
    let names = ["x", "w", "factor"]
    let callable = try Session(graph: text.graph(), options: .init(threads: threads)).callable(
      feeds: names, fetches: fetches)
    for round in 0..<6 {
      let feeds = [
        try Tensor(shape: [96, 96], scalars: (0..<96 * 96).map { Float(($0 * 7 + round) % 13) - 6 }),
        try Tensor(shape: [96, 20], scalars: (0..<96 * 20).map { Float(($0 * (round + 1)) % 5) - 2 }),
        try Tensor(Float(round + 1)),
      ]
      let found = try callable.run(feeds)
      let wanted = try plain.run(fetches, feeding: Dictionary(uniqueKeysWithValues: zip(names, feeds)))
      for (found, wanted) in zip(found, wanted) {
        #expect(try found.scalars(as: Float.self) == wanted.scalars(as: Float.self))
      }
    }
  }

  /// A row of a value, at a number that is fed.
  private func row(by op: String, width: Int) -> GraphText {
    let int = ["dtype": "type: DT_INT32", "shape": "shape { }"]
    let text = GraphText().placeholder("x", [4, width]).placeholder("w", [width, 3])
      .node("n", "Placeholder", [], int)
      .node("y", "Square", ["x"], GraphText.float).constant("zero", [], [0]).constant("one", [1], [1])
      .constant("shape", [1], [1]).constant("whole", [2], [1, width])
      .node("at", "Reshape", ["n", "shape"], ["T": "type: DT_INT32", "Tshape": "type: DT_INT32"])
    let types = ["T": "type: DT_FLOAT", "Index": "type: DT_INT32"]
    let packed =
      text
      .node("begin", "Pack", ["n", "zero"], ["T": "type: DT_INT32", "N": "i: 2", "axis": "i: 0"])
      .node("end", "AddV2", ["at", "one"], ["T": "type: DT_INT32"])
    return switch op {
    case "Slice": packed.node("row", op, ["y", "begin", "whole"], types)
    case "StridedSlice": packed.node("row", op, ["y", "at", "end", "one"], types)
    case "SplitV":
      packed.node("rest", "Sub", ["three", "n"], ["T": "type: DT_INT32"]).constant("three", [], [3])
        .constant("single", [], [1])
        .node(
          "sizes", "Pack", ["n", "single", "rest"], ["T": "type: DT_INT32", "N": "i: 3", "axis": "i: 0"]
        )
        .node(
          "parts", op, ["y", "sizes", "zero"],
          ["T": "type: DT_FLOAT", "Tlen": "type: DT_INT32", "num_split": "i: 3"]
        )
        .node("row", "Reshape", ["parts:1", "whole"], ["T": "type: DT_FLOAT", "Tshape": "type: DT_INT32"])
    case "Gather":
      text.node("row", op, ["y", "at"], ["Tparams": "type: DT_FLOAT", "Tindices": "type: DT_INT32"])
    default:
      text.node(
        "row", op, ["y", "at", "zero"],
        ["Tparams": "type: DT_FLOAT", "Tindices": "type: DT_INT32", "Taxis": "type: DT_INT32"])
    }
  }

  @Test(arguments: ["Slice", "StridedSlice", "SplitV", "Gather", "GatherV2"], [8, 9000])
  func partsAtOtherPlacesInEachRunAreReadWhereTheyAre(op: String, width: Int) throws {
    let text = row(by: op, width: width).node("z", "MatMul", ["row", "w"], GraphText.float)
      .constant("axes", [2], [0, 1])
      .node("sum", "Sum", ["row", "axes"], Self.axes.merging(["keep_dims": "b: false"]) { $1 })
    let callable = try Session(graph: text.graph(), options: .init(threads: 1)).callable(
      feeds: ["x", "w", "n"], fetches: ["z", "sum"])
    let x = (0..<4 * width).map { Float($0 % 3 + $0 / width) }
    let w = (0..<width * 3).map { Float($0 % 2) }
    for row in [0, 1, 3, 3, 2, 0] {
      let found = try callable.run([
        Tensor(shape: [4, width], scalars: x), Tensor(shape: [width, 3], scalars: w), Tensor(Int32(row)),
      ])
      var wanted: [Float] = [0, 0, 0]
      for (place, column) in (0..<width).flatMap({ place in (0..<3).map { (place, $0) } }) {
        let value = x[row * width + place]
        wanted[column] += value * value * w[place * 3 + column]
      }
      #expect(try found[0].scalars(as: Float.self) == wanted)
      let squares = x[row * width..<(row + 1) * width].map { $0 * $0 }
      #expect(try found[1].scalars(as: Float.self) == [squares.reduce(0, +)])
    }
  }

  /// `while i < n: list, x = pop(list); sum += x · w`, of a list of the rows of a tensor.
  private func products() -> GraphText {
    let list = ["element_dtype": "type: DT_FLOAT"]
    func loop(_ type: String, _ isConstant: Bool = false) -> [String: String] {
      ["T": "type: \(type)", "frame_name": "s: \"while\"", "is_constant": "b: \(isConstant)"]
    }
    func merge(_ type: String) -> [String: String] { ["T": "type: \(type)", "N": "i: 2"] }
    func of(_ type: String) -> [String: String] { ["T": "type: \(type)"] }
    let (int, float, variant) = ("DT_INT32", "DT_FLOAT", "DT_VARIANT")
    return GraphText().placeholder("x").placeholder("w", [3, 4])
      .node("n", "Placeholder", [], ["dtype": "type: DT_INT32", "shape": "shape { }"])
      .constant("start", [], [0]).constant("size", [2], [-1, 3]).constant(
        "none", [9, 4], [Float](repeating: 0, count: 36)
      )
      .node(
        "rows", "TensorListFromTensor", ["x", "size"], list.merging(["shape_type": "type: DT_INT32"]) { $1 }
      )
      .node("i/enter", "Enter", ["start"], loop(int)).node("list/enter", "Enter", ["rows"], loop(variant))
      .node("sum/enter", "Enter", ["none"], loop(float)).node("n/enter", "Enter", ["n"], loop(int, true))
      .node("w/enter", "Enter", ["w"], loop(float, true)).node(
        "size/enter", "Enter", ["size"], loop(int, true)
      )
      .node("i", "Merge", ["i/enter", "i/next"], merge(int))
      .node("list", "Merge", ["list/enter", "list/next"], merge(variant))
      .node("sum", "Merge", ["sum/enter", "sum/next"], merge(float))
      .node("less", "Less", ["i", "n/enter"], of(int)).node("cond", "LoopCond", ["less"])
      .node("i/switch", "Switch", ["i", "cond"], of(int))
      .node("list/switch", "Switch", ["list", "cond"], of(variant))
      .node("sum/switch", "Switch", ["sum", "cond"], of(float))
      .node("i/body", "Identity", ["i/switch:1"], of(int))
      .node(
        "one", "Const", ["^i/body"],
        ["dtype": "type: DT_INT32", "value": "tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 }"]
      )
      .node("i/add", "AddV2", ["i/body", "one"], of(int))
      .node("pop", "TensorListPopBack", ["list/switch:1", "size/enter"], list)
      .node("product", "MatMul", ["pop:1", "w/enter"], of(float))
      .node("sum/add", "AddV2", ["sum/switch:1", "product"], of(float))
      .node("i/next", "NextIteration", ["i/add"], of(int))
      .node("list/next", "NextIteration", ["pop"], of(variant))
      .node("sum/next", "NextIteration", ["sum/add"], of(float))
      .node("i/exit", "Exit", ["i/switch"], of(int)).node("list/exit", "Exit", ["list/switch"], of(variant))
      .node("y", "Exit", ["sum/switch"], of(float))
  }

  @Test(arguments: [true, false]) func elementsTakenOffAListAreMultipliedByTheWeightsOfTheRun(
    optimize: Bool
  ) throws {
    let session = Session(graph: try products().graph(), options: .init(threads: 1, optimize: optimize))
    // Other weights, other rows, fewer rounds than elements, elements of another shape than the sum's.
    for (round, count) in [5, 5, 3, 7, 5].enumerated() {
      let x = (0..<count * 27).map { Float(($0 * (round + 2)) % 9) - 4 }
      let w = (0..<12).map { Float(($0 + round) % 4) - 1.5 }
      let rounds = count - round % 2
      var sum = [Float](repeating: 0, count: 36)
      for row in (count - rounds)..<count {
        for (i, j, p) in (0..<9).flatMap({ i in (0..<4).flatMap { j in (0..<3).map { (i, j, $0) } } }) {
          sum[i * 4 + j] += x[row * 27 + i * 3 + p] * w[p * 4 + j]
        }
      }
      let found = try session.run(
        "y",
        feeding: [
          "x": Tensor(shape: [count, 9, 3], scalars: x), "w": Tensor(shape: [3, 4], scalars: w),
          "n": Tensor(Int32(rounds)),
        ])
      #expect(try found.scalars(as: Float.self) == sum)
    }
    #expect {
      try session.run(
        "y",
        feeding: [
          "x": Tensor(shape: [2, 9, 3], scalars: [Float](repeating: 1, count: 54)),
          "w": Tensor(shape: [3, 4], scalars: [Float](repeating: 1, count: 12)), "n": Tensor(Int32(3)),
        ])
    } throws: { "\($0)".contains("'pop'") && "\($0)".contains("list that has none") }
  }

  @Test func whatALoopDoesIsTracedWithinIt() throws {
    let session = Session(graph: try products().graph(), options: .init(threads: 1))
    let callable = try session.callable(feeds: ["x", "w", "n"], fetches: ["y"])
    let trace = RunTrace()
    _ = try callable.run(
      [
        Tensor(shape: [4, 9, 3], scalars: [Float](repeating: 1, count: 108)),
        Tensor(shape: [3, 4], scalars: [Float](repeating: 1, count: 12)), Tensor(Int32(4)),
      ], trace: trace)
    let loop = try #require(trace.events.last { $0.op == "_While" })
    let products = trace.events.filter { $0.op == "MatMul" || $0.op == "_FusedMatMul" }
    #expect(products.count == 4)
    #expect(
      products.allSatisfy {
        $0.start >= loop.start && $0.start + $0.duration <= loop.start + loop.duration
          && $0.inputs.first?.shape == [9, 3]
      })
  }
}
