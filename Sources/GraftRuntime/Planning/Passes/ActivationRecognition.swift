import GraftGraph
import GraftKernels
import GraftTensor

/// Finds activations that graphs spell out in arithmetic: x · sigmoid(x), x · relu6(x + 3) / 6, x · tanh(softplus(x)), and
/// GELU by erf and by tanh.
///
/// What a node computes is followed as a polynomial of x, or a polynomial plus another one times a function
/// of a third. So every way of writing it is found, whatever the order and wherever the constants stand. Of half and
/// bfloat16, whose every step is rounded, only x · sigmoid(x) is taken, as it stands.
enum ActivationRecognition: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard node.op == "Mul" || node.op == "RealDiv", node.constants == nil, node.controlInputs.isEmpty,
        let (op, x) = node.outputTypes == [.float32]
          ? mish(node, graph) ?? recognize(index, graph) : swish(node, graph)
      else { continue }
      graph.nodes[index] = .applying(op, to: x, node.outputTypes[0], name: node.name)
    }
  }

  /// x · tanh(softplus(x)), a function of a function.
  private static func mish(_ node: PlanNode, _ graph: PlanGraph) -> (op: String, x: ValueReference)? {
    factor(of: node) { x, other in
      argument(of: "Tanh", other, graph).flatMap { argument(of: "Softplus", $0, graph) } == x
    }.map { ("_Mish", $0) }
  }

  /// x · sigmoid(x) of half or bfloat16.
  private static func swish(_ node: PlanNode, _ graph: PlanGraph) -> (op: String, x: ValueReference)? {
    guard node.outputTypes == [.float16] || node.outputTypes == [.bfloat16] else { return nil }
    return factor(of: node) { x, other in argument(of: "Sigmoid", other, graph) == x }.map { ("_Swish", $0) }
  }

  /// The side of a product by which the other side is what is looked for.
  private static func factor(
    of node: PlanNode, _ matches: (_ x: ValueReference, _ other: ValueReference) -> Bool
  ) -> ValueReference? {
    guard node.op == "Mul", node.inputs.count == 2 else { return nil }
    return (0..<2).first { matches(node.inputs[$0], node.inputs[1 - $0]) }.map { node.inputs[$0] }
  }

  private static func argument(
    of op: String, _ value: ValueReference, _ graph: PlanGraph
  ) -> ValueReference? {
    let node = graph.nodes[value.node]
    guard node.op == op, node.constants == nil, node.controlInputs.isEmpty, node.inputs.count == 1 else {
      return nil
    }
    return node.inputs[0]
  }

  private static func recognize(_ index: Int, _ graph: PlanGraph) -> (op: String, x: ValueReference)? {
    guard let function = functionBelow(index, graph) else { return nil }
    // x is what the function is of, or what that is made of.
    for x in candidates(for: graph.nodes[function].inputs[0], graph) {
      var follower = Follower(graph: graph, x: x)
      guard let found = follower.expression(ValueReference(node: index, output: 0), depth: 0),
        let (factor, of) = found.function, let op = found.activation(factor, of, graph.nodes[function].op)
      else { continue }
      return (op, x)
    }
    return nil
  }

  fileprivate static let functions: Set<String> = ["Sigmoid", "Relu6", "Erf", "Erfc", "Tanh"]

  /// The nearest function that a node's value is made with.
  private static func functionBelow(_ index: Int, _ graph: PlanGraph) -> Int? {
    var level = [index]
    for _ in 0..<4 {
      level = level.flatMap { node in
        graph.nodes[node].constants == nil ? graph.nodes[node].inputs.map(\.node) : []
      }
      if level.count > 16 { return nil }
      if let found = level.first(where: {
        functions.contains(graph.nodes[$0].op) && graph.nodes[$0].constants == nil
          && graph.nodes[$0].inputs.count == 1
      }) {
        return found
      }
    }
    return nil
  }

  private static func candidates(for value: ValueReference, _ graph: PlanGraph) -> [ValueReference] {
    var result = [value]
    var next = 0
    while next < result.count, result.count < 12 {
      let node = graph.nodes[result[next].node]
      next += 1
      guard Follower.arithmetic.contains(node.op), node.constants == nil else { continue }
      for input in node.inputs where graph.constant(input) == nil && !result.contains(input) {
        result.append(input)
      }
    }
    return result
  }
}

/// `polynomial + factor · f(argument)`, with coefficients of ascending powers of x.
private struct Expression {
  var polynomial: [Double]
  var function: (factor: [Double], argument: [Double])?

  /// Which activation it is, where `f` is the op of the given name.
  func activation(_ factor: [Double], _ argument: [Double], _ op: String) -> String? {
    switch op {
    case "Sigmoid":
      return isClose(polynomial, []) && isClose(factor, [0, 1]) && isClose(argument, [0, 1]) ? "_Swish" : nil
    case "Relu6":
      guard isClose(polynomial, []), isClose(factor, [0, 1.0 / 6]) else { return nil }
      return isClose(argument, [3, 1]) ? "_HardSwish" : nil
    case "Erf":
      guard isClose(polynomial, [0, 0.5]), isClose(factor, [0, 0.5]) else { return nil }
      return isClose(argument, [0, 0.5.squareRoot()]) ? "_GeluExact" : nil
    case "Erfc":
      // 1 - erf(-x) = 1 + erf(x)
      guard isClose(polynomial, []), isClose(factor, [0, 0.5]) else { return nil }
      return isClose(argument, [0, -0.5.squareRoot()]) ? "_GeluExact" : nil
    default:
      guard isClose(polynomial, [0, 0.5]), isClose(factor, [0, 0.5]) else { return nil }
      let slope = (2 / Double.pi).squareRoot()
      return isClose(argument, [0, slope, 0, slope * 0.044715]) ? "_GeluApproximate" : nil
    }
  }

  private func isClose(_ found: [Double], _ wanted: [Double]) -> Bool {
    (0..<max(found.count, wanted.count)).allSatisfy { power in
      let a = power < found.count ? found[power] : 0
      let b = power < wanted.count ? wanted[power] : 0
      return (a - b).magnitude <= 1e-6 * max(b.magnitude, 0.01)
    }
  }
}

/// Follows values back to x.
private struct Follower {
  static let arithmetic: Set<String> = [
    "Mul", "Add", "AddV2", "Sub", "RealDiv", "Square", "Pow", "Neg",
  ]

  let graph: PlanGraph
  let x: ValueReference
  /// What was looked at already: a graph may read a value many times.
  private var known = ReferenceMap<Expression?>()

  init(graph: PlanGraph, x: ValueReference) {
    self.graph = graph
    self.x = x
  }

  /// What a value is of x; nil where it is made of anything else.
  mutating func expression(_ value: ValueReference, depth: Int) -> Expression? {
    if value == x { return Expression(polynomial: [0, 1]) }
    if let constant = graph.constant(value) {
      guard constant.rank == 0, constant.dtype == .float32, let number = try? constant.scalars(as: Float.self)
      else { return nil }
      return Expression(polynomial: [Double(number[0])])
    }
    if let found = known[value] { return found }
    let found = depth < 12 ? computed(value, depth: depth + 1) : nil
    known[value] = .some(found)
    return found
  }

  private mutating func computed(_ value: ValueReference, depth: Int) -> Expression? {
    let node = graph.nodes[value.node]
    guard node.outputTypes == [.float32], node.controlInputs.isEmpty, node.feed == nil else { return nil }
    var inputs: [Expression] = []
    guard Self.arithmetic.contains(node.op) || ActivationRecognition.functions.contains(node.op) else {
      return nil
    }
    for input in node.inputs {
      guard let expression = expression(input, depth: depth) else { return nil }
      inputs.append(expression)
    }
    switch (node.op, inputs.count) {
    case ("Add", 2), ("AddV2", 2): return sum(inputs[0], inputs[1])
    case ("Sub", 2): return sum(inputs[0], scaled(inputs[1], by: -1))
    case ("Neg", 1): return scaled(inputs[0], by: -1)
    case ("Mul", 2): return product(inputs[0], inputs[1])
    case ("Square", 1): return product(inputs[0], inputs[0])
    case ("RealDiv", 2):
      guard inputs[1].function == nil, inputs[1].polynomial.count == 1, inputs[1].polynomial[0] != 0 else {
        return nil
      }
      return scaled(inputs[0], by: 1 / inputs[1].polynomial[0])
    case ("Pow", 2):
      guard inputs[1].function == nil, inputs[1].polynomial.count == 1 else { return nil }
      switch inputs[1].polynomial[0] {
      case 2: return product(inputs[0], inputs[0])
      case 3: return product(inputs[0], inputs[0]).flatMap { product($0, inputs[0]) }
      default: return nil
      }
    case (_, 1):
      guard inputs[0].function == nil else { return nil }
      return Expression(polynomial: [0], function: ([1], inputs[0].polynomial))
    default: return nil
    }
  }

  private func scaled(_ a: Expression, by factor: Double) -> Expression {
    Expression(
      polynomial: a.polynomial.map { $0 * factor },
      function: a.function.map { ($0.factor.map { $0 * factor }, $0.argument) })
  }

  private func sum(_ a: Expression, _ b: Expression) -> Expression? {
    guard a.function == nil || b.function == nil else { return nil }
    let polynomial = (0..<max(a.polynomial.count, b.polynomial.count)).map { power in
      (power < a.polynomial.count ? a.polynomial[power] : 0)
        + (power < b.polynomial.count ? b.polynomial[power] : 0)
    }
    return Expression(polynomial: polynomial, function: a.function ?? b.function)
  }

  private func product(_ a: Expression, _ b: Expression) -> Expression? {
    guard a.function == nil || b.function == nil, let polynomial = product(a.polynomial, b.polynomial) else {
      return nil
    }
    guard let function = a.function ?? b.function else { return Expression(polynomial: polynomial) }
    guard let factor = product(function.factor, a.function == nil ? a.polynomial : b.polynomial) else {
      return nil
    }
    return Expression(polynomial: polynomial, function: (factor, function.argument))
  }

  private func product(_ a: [Double], _ b: [Double]) -> [Double]? {
    guard a.count + b.count <= 6 else { return nil }
    var result = [Double](repeating: 0, count: a.count + b.count - 1)
    for (i, left) in a.enumerated() {
      for (j, right) in b.enumerated() { result[i + j] += left * right }
    }
    return result
  }
}
