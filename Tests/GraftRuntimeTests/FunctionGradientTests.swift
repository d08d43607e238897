import Foundation
import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Gradients of functions, held against differences of the functions' own values.
@Suite struct FunctionGradientTests {
  /// A function of float64 arguments: its body in text format, and where the result comes from.
  struct Function: CustomTestStringConvertible, Sendable {
    let name: String
    let shapes: [[Int]]
    let nodes: [String]
    let result: String
    var testDescription: String { name }

    init(_ name: String, _ shapes: [[Int]], _ nodes: [String], _ result: String) {
      (self.name, self.shapes, self.nodes, self.result) = (name, shapes, nodes, result)
    }

    /// A function of one op.
    init(op: String, _ shapes: [[Int]], _ attributes: String = type, output: String) {
      let inputs = shapes.indices.map { "x\($0)" }
      self.init(op, shapes, [FunctionGradientTests.node("y", op, inputs, attributes)], "y:\(output):0")
    }
  }

  private static let type = "attr { key: \"T\" value { type: DT_DOUBLE } }"

  private static func node(_ name: String, _ op: String, _ inputs: [String], _ attributes: String = type)
    -> String
  {
    let list = inputs.map { "input: \"\($0)\"" }.joined(separator: " ")
    return "node_def { name: \"\(name)\" op: \"\(op)\" \(list) \(attributes) }"
  }

  private static func integers(_ name: String, _ values: [Int]) -> String {
    let list = values.map { "int_val: \($0)" }.joined(separator: " ")
    return node(
      name, "Const", [],
      "attr { key: \"dtype\" value { type: DT_INT32 } } attr { key: \"value\" value { tensor { dtype: DT_INT32 "
        + "tensor_shape { dim { size: \(values.count) } } \(list) } } }")
  }

  private static func attribute(_ name: String, _ value: String) -> String {
    "attr { key: \"\(name)\" value { \(value) } }"
  }

  static let functions = unary + activations + binary + products + reductions + shapes + windows

  private static let unary: [Function] = [
    "Identity", "Neg", "Square", "Sqrt", "Rsqrt", "Reciprocal", "Exp", "Expm1", "Log", "Log1p", "Tanh",
    "Sigmoid", "Sinh", "Cosh", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Asinh", "Atanh", "Erf", "Abs",
  ].map { op in Function(op: op, [[2, 3]], output: op == "Identity" ? "output" : "y") }

  private static let activations: [Function] = [
    ("Relu", "activations"), ("Relu6", "activations"), ("Softplus", "activations"), ("Elu", "activations"),
    ("Softmax", "softmax"), ("LogSoftmax", "logsoftmax"),
  ].map { op, output in Function(op: op, [[2, 3]], output: output) }

  private static let binary: [Function] = [
    "AddV2", "Sub", "Mul", "RealDiv", "Pow", "Maximum", "Minimum", "SquaredDifference", "Xlogy", "Xdivy",
    "DivNoNan",
  ].map { op in Function(op: op, [[2, 1, 3], [2, 1]], output: "z") }

  private static let products: [Function] =
    [(false, false), (true, false), (false, true), (true, true)].map { a, b in
      let flags = attribute("transpose_a", "b: \(a)") + attribute("transpose_b", "b: \(b)")
      return Function(
        "MatMul \(a) \(b)", [a ? [3, 2] : [2, 3], b ? [4, 3] : [3, 4]],
        [node("y", "MatMul", ["x0", "x1"], type + flags)], "y:product:0")
    } + [
      Function(
        "BatchMatMulV2", [[2, 1, 3, 2], [2, 3, 4]],
        [node("y", "BatchMatMulV2", ["x0", "x1"], type + attribute("adj_x", "b: true"))], "y:output:0"),
      Function(op: "BiasAdd", [[2, 4, 3], [3]], output: "output"),
      Function(
        "AddN", [[3], [3]], [node("y", "AddN", ["x0", "x1", "x0"], type + attribute("N", "i: 3"))], "y:sum:0"),
    ]

  private static let reductions: [Function] = ["Sum", "Mean", "Max", "Min"].flatMap { op -> [Function] in
    let choices: [([Int], Bool)] = [([0], true), ([-1], false), ([0, 1], false), ([], true)]
    return choices.map { axes, keeps in
      let attributes = attribute("Tidx", "type: DT_INT32") + attribute("keep_dims", "b: \(keeps)")
      return Function(
        "\(op) \(axes) \(keeps)", [[2, 3]],
        [integers("axes", axes), node("y", op, ["x0", "axes:output:0"], type + attributes)], "y:output:0")
    }
  }

  private static let shapes: [Function] = [
    Function(
      "Reshape", [[2, 3]],
      [
        integers("s", [3, -1]), node("y", "Reshape", ["x0", "s:output:0"]),
        node("z", "Square", ["y:output:0"]),
      ],
      "z:y:0"),
    Function(
      "Transpose", [[2, 1, 3]], [integers("p", [2, 0, 1]), node("y", "Transpose", ["x0", "p:output:0"])],
      "y:y:0"),
    Function(
      "Pack, Unpack", [[2, 3], [2, 3]],
      [
        node("p", "Pack", ["x0", "x1"], type + attribute("N", "i: 2") + attribute("axis", "i: -1")),
        node("u", "Unpack", ["p:output:0"], type + attribute("num", "i: 3") + attribute("axis", "i: 1")),
        node("y", "Mul", ["u:output:0", "u:output:2"]),
      ], "y:z:0"),
    Function(
      "ConcatV2, Split", [[2, 3], [2, 1]],
      [
        integers("a", [-1]), integers("none", []),
        node("axis", "Reshape", ["a:output:0", "none:output:0"], intType),
        node("c", "ConcatV2", ["x0", "x1", "axis:output:0"], type + attribute("N", "i: 2")),
        node("s", "Split", ["axis:output:0", "c:output:0"], type + attribute("num_split", "i: 2")),
        node("y", "Mul", ["s:output:0", "s:output:1"]),
      ], "y:z:0"),
    Function(
      "Slice, Pad", [[2, 3]],
      [
        integers("b", [0, 1]), integers("n", [-1, 2]),
        node("s", "Slice", ["x0", "b:output:0", "n:output:0"], type + attribute("Index", "type: DT_INT32")),
        integers("flat", [1, 0, 0, 2]), integers("shape", [2, 2]),
        node("p", "Reshape", ["flat:output:0", "shape:output:0"], intType),
        node("y", "Pad", ["s:output:0", "p:output:0"]),
      ], "y:output:0"),
    Function(
      "StridedSlice", [[3, 4]],
      [
        integers("b", [2, 0]), integers("e", [0, 4]), integers("s", [-1, 3]),
        node(
          "y", "StridedSlice", ["x0", "b:output:0", "e:output:0", "s:output:0"],
          type + attribute("Index", "type: DT_INT32")),
      ], "y:output:0"),
  ]

  private static let windows: [Function] = [
    Function(
      "Conv2D, AvgPool, MaxPool", [[1, 5, 5, 2], [3, 3, 2, 2]],
      [
        node(
          "c", "Conv2D", ["x0", "x1"],
          type + attribute("padding", "s: \"SAME\"") + attribute("strides", "list { i: 1 i: 1 i: 1 i: 1 }")),
        node("a", "AvgPool", ["c:output:0"], window), node("m", "MaxPool", ["c:output:0"], window),
        node("y", "Sub", ["a:output:0", "m:output:0"]),
      ], "y:z:0"),
    // The result depends on the same value by two ways, and on one argument not at all.
    Function(
      "two ways", [[2], [3]],
      [node("a", "Exp", ["x0"]), node("b", "Mul", ["a:y:0", "x0"]), node("y", "Add", ["b:z:0", "a:y:0"])],
      "y:z:0"),
  ]

  private static let intType = "attr { key: \"T\" value { type: DT_INT32 } }"
  private static let window =
    type + attribute("padding", "s: \"VALID\"") + attribute("ksize", "list { i: 1 i: 2 i: 2 i: 1 }")
    + attribute("strides", "list { i: 1 i: 2 i: 2 i: 1 }")

  /// A graph that calls the function, and its gradient, on placeholders.
  private func graph(_ function: Function, library: String = "") throws -> Graph {
    let count = function.shapes.count
    let arguments = (0..<count).map { "input_arg { name: \"x\($0)\" type: DT_DOUBLE }" }.joined(
      separator: " ")
    let body = function.nodes.joined(separator: "\n")
    let types = "list { \((0..<count).map { _ in "type: DT_DOUBLE" }.joined(separator: " ")) }"
    var nodes = GraphText()
    for name in (0..<count).map({ "x\($0)" }) + ["dy"] {
      nodes = nodes.node(
        name, "Placeholder", [], ["dtype": "type: DT_DOUBLE", "shape": "shape { unknown_rank: true }"])
    }
    let inputs = (0..<count).map { "x\($0)" }
    nodes = nodes.node(
      "y", "PartitionedCall", inputs,
      ["Tin": types, "Tout": "list { type: DT_DOUBLE }", "f": "func { name: \"f\" }"]
    )
    .node(
      "g", "SymbolicGradient", inputs + ["dy"],
      [
        "Tin": "list { \((0...count).map { _ in "type: DT_DOUBLE" }.joined(separator: " ")) }", "Tout": types,
        "f": "func { name: \"f\" }",
      ])
    let graph = Graph()
    try graph.importGraphDef(
      bytes: Array(
        """
        \(nodes.text)
        library {
          function {
            signature { name: "f" \(arguments) output_arg { name: "r" type: DT_DOUBLE } }
            \(body)
            ret { key: "r" value: "\(function.result)" }
          }
          \(library)
        }
        """.utf8))
    return graph
  }

  /// Values from 0.2 to 0.9, no two of them alike.
  private func values(_ count: Int, _ seed: Int) -> [Double] {
    (0..<count).map { index in
      let step = (index * 37 + seed * 53) % 101
      return 0.2 + 0.7 * Double(step) / 101
    }
  }

  @Test(arguments: functions)
  func gradientsAreWhatSmallChangesGive(_ function: Function) throws {
    for optimize in [false, true] {
      let session = Session(graph: try graph(function), options: .init(threads: 1, optimize: optimize))
      var inputs = function.shapes.enumerated().map { values($1.reduce(1, *), $0) }
      func feeds() throws -> [String: Tensor] {
        var feeds: [String: Tensor] = [:]
        for (index, shape) in function.shapes.enumerated() {
          feeds["x\(index)"] = try Tensor(shape: shape, scalars: inputs[index])
        }
        return feeds
      }
      let y = try session.run("y", feeding: feeds())
      let weights = values(y.elementCount, 7)
      func loss() throws -> Double {
        let y = try session.run("y", feeding: feeds()).scalars(as: Double.self)
        return zip(y, weights).reduce(0) { $0 + $1.0 * $1.1 }
      }
      var all = try feeds()
      all["dy"] = try Tensor(shape: y.shape.dimensions, scalars: weights)
      for (index, shape) in function.shapes.enumerated() {
        let gradient = try session.run("g:\(index)", feeding: all)
        #expect(gradient.shape == Shape(shape))
        for (element, found) in try gradient.scalars(as: Double.self).enumerated() {
          let value = inputs[index][element]
          inputs[index][element] = value + 1e-6
          let more = try loss()
          inputs[index][element] = value - 1e-6
          let less = try loss()
          inputs[index][element] = value
          let expected = (more - less) / 2e-6
          #expect(
            abs(found - expected) < 1e-6 + 1e-6 * abs(expected),
            "x\(index)[\(element)], optimize: \(optimize): \(found), expected \(expected)")
        }
      }
    }
  }

  private func failure(_ graph: Graph) -> String {
    do {
      let one = try Tensor(shape: [1], scalars: [0.5])
      _ = try Session(graph: graph).run("g:0", feeding: ["x0": one, "dy": one])
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func anOpWithoutAGradientIsNamed() throws {
    let message = failure(try graph(Function(op: "Lgamma", [[1]], output: "y")))
    #expect(message.contains("No gradient is defined for the op 'Lgamma'"))
  }

  @Test func theLibraryMayNameAGradient() throws {
    let gradient = """
      function {
        signature {
          name: "g" input_arg { name: "x" type: DT_DOUBLE } input_arg { name: "dy" type: DT_DOUBLE }
          output_arg { name: "r" type: DT_DOUBLE }
        }
        \(Self.node("n", "Neg", ["dy"]))
        ret { key: "r" value: "n:y:0" }
      }
      gradient { function_name: "f" gradient_func: "g" }
      """
    let graph = try graph(Function(op: "Lgamma", [[1]], output: "y"), library: gradient)
    let feeds = ["x0": try Tensor(shape: [1], scalars: [0.5]), "dy": try Tensor(shape: [1], scalars: [3.0])]
    for optimize in [false, true] {
      let session = Session(graph: graph, options: .init(optimize: optimize))
      #expect(try session.run("g:0", feeding: feeds).scalars(as: Double.self) == [-3])
    }
  }

  @Test func callsInsideOfFunctionsHaveGradients() throws {
    let cube = """
      function {
        signature {
          name: "cube" input_arg { name: "a" type: DT_DOUBLE } output_arg { name: "r" type: DT_DOUBLE }
        }
        \(Self.node("s", "Square", ["a"])) \(Self.node("m", "Mul", ["s:y:0", "a"]))
        ret { key: "r" value: "m:z:0" }
      }
      """
    let types =
      Self.attribute("Tin", "list { type: DT_DOUBLE }") + Self.attribute("Tout", "list { type: DT_DOUBLE }")
    let function = Function(
      "calls", [[1]],
      [
        Self.node("a", "cube", ["x0"], ""),
        Self.node("b", "PartitionedCall", ["a:r:0"], types + Self.attribute("f", "func { name: \"cube\" }")),
      ], "b:output:0")
    let feeds = ["x0": try Tensor(shape: [1], scalars: [2.0]), "dy": try Tensor(shape: [1], scalars: [1.0])]
    for optimize in [false, true] {
      let session = Session(graph: try graph(function, library: cube), options: .init(optimize: optimize))
      // The ninth power's derivative at 2.
      #expect(try session.run("g:0", feeding: feeds).scalars(as: Double.self) == [2304])
    }
  }

  @Test func anOpIsAFunctionToo() throws {
    let text = GraphText().placeholder("x").placeholder("dy").node(
      "g", "SymbolicGradient", ["x", "dy"],
      [
        "Tin": "list { type: DT_FLOAT type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }",
        "f": "func { name: \"Square\" attr { key: \"T\" value { type: DT_FLOAT } } }",
      ])
    let result = try Session(graph: text.graph()).run(
      "g", feeding: ["x": Tensor([Float(3)]), "dy": Tensor([Float(2)])])
    #expect(try result.scalars(as: Float.self) == [12])
  }
}
