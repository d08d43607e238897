import GraftTensor

/// The nodes of a graph or of a function's body, some of which are rewritten.
struct NodeScope {
  /// The nodes, those that are not rewritten included.
  let nodes: [GraphNode]
  /// The nodes that may be rewritten.
  let own: Range<Int>
  let isFunction: Bool
  /// What nodes become.
  private(set) var changes: [Int: NodeMessage] = [:]
  /// Nodes that are put besides, by name.
  private(set) var additions: [String: NodeMessage] = [:]
  /// In a function's body, outputs that have other names now: `mul:z` is `mul:output`.
  private(set) var renamedOutputs: [String: String] = [:]

  /// Whether nodes run or not by what their inputs are, as in the conditionals and loops of TensorFlow 1: what loses an
  /// input has to wait for it all the same.
  private let hasControlFlow: Bool
  private let written = WrittenInputs()

  init(nodes: [GraphNode], own: Range<Int>, isFunction: Bool) {
    (self.nodes, self.own, self.isFunction) = (nodes, own, isFunction)
    let ops: Set<String> = ["Switch", "RefSwitch", "Enter", "RefEnter"]
    hasControlFlow = !isFunction && nodes[own].contains { ops.contains($0.op) }
  }

  /// The body of a function.
  init(_ body: FunctionBody) {
    self.init(nodes: body.nodes, own: body.argumentCount..<body.nodes.count, isFunction: true)
  }

  /// Whether nothing is rewritten.
  var isUnchanged: Bool { changes.isEmpty }

  // MARK: - Looking

  /// Operations that pass their first input on, whatever they do to its type or shape.
  private static let passing: Set<String> = [
    "Cast", "Enter", "Identity", "ReadVariableOp", "RefEnter", "RefIdentity", "RefSwitch", "Reshape",
    "Snapshot",
    "Squeeze", "StopGradient", "Switch",
  ]

  /// Where a value comes from, behind operations that only pass it on.
  func origin(of edge: Edge) -> Edge {
    var edge = edge
    for _ in 0..<16 {
      let node = nodes[Int(edge.node)]
      guard Self.passing.contains(node.op), let next = node.inputs.first else { return edge }
      edge = next
    }
    return edge
  }

  /// The value of a constant; nil for what is none.
  func constant(_ edge: Edge) -> EncodedTensor? {
    let node = nodes[Int(edge.node)]
    guard node.op == "Const", case .tensor(let value)? = node.attribute("value") else { return nil }
    return value
  }

  /// How an input of a node is written; nil where what is written stands for several tensors.
  func text(ofInput position: Int, of index: Int) -> String? {
    guard own.contains(index) else { return nil }
    let written = written.inputs(of: nodes[index], index)
    return written.count == nodes[index].inputs.count ? written[position] : nil
  }

  /// A node as it is now.
  func message(_ index: Int) -> NodeMessage? {
    changes[index] ?? nodes[index].source.flatMap { try? NodeMessage($0) }
  }

  // MARK: - Rewriting

  /// Rewrites a node.
  mutating func change(_ index: Int, _ body: (inout NodeMessage) throws -> Void) rethrows {
    guard var message = message(index) else { return }
    try body(&message)
    changes[index] = message
  }

  /// Puts a node besides those that there are.
  mutating func add(_ message: NodeMessage) { additions[message.name] = message }

  /// Makes a node one of another op and with other inputs.
  ///
  /// - Parameter kept: the attributes that it keeps.
  mutating func replace(_ index: Int, by op: String, inputs: [String], keeping kept: Set<String> = []) {
    let waitsForAll = hasControlFlow
    change(index) { message in
      var inputs = inputs
      if waitsForAll {
        for lost in message.inputs[..<message.dataInputCount] where !inputs.contains(lost) {
          let control = "^" + (NodeName.split(lost)?.0 ?? lost)
          if !inputs.contains(control), !message.controlInputs.contains(control) { inputs.append(control) }
        }
      }
      message.become(op, inputs: inputs, keeping: kept)
    }
  }

  /// Lets a node of one output pass a value on instead.
  ///
  /// - Parameter text: how the value is written as an input.
  mutating func pass(_ text: String, inPlaceOf index: Int) {
    let node = nodes[index]
    guard let dtype = node.outputTypes.first?.dtype else { return }
    if isFunction, let output = node.signature?.outputs.first?.name, output != "output" {
      renamedOutputs["\(node.name):\(output)"] = "\(node.name):output"
    }
    replace(index, by: "Identity", inputs: [text])
    change(index) { $0.set("T", dtype) }
  }

  /// An input or result of a function's body with today's names of outputs.
  func renamed(_ text: String) -> String {
    guard !renamedOutputs.isEmpty, let end = text.lastIndex(of: ":") else { return text }
    if let whole = renamedOutputs[text] { return whole }
    return renamedOutputs[String(text[..<end])].map { $0 + text[end...] } ?? text
  }
}

/// The inputs of nodes as they are written, read once: any number of others may ask.
private final class WrittenInputs {
  private var known: [Int: [String]] = [:]

  /// The inputs that are no control inputs.
  func inputs(of node: GraphNode, _ index: Int) -> [String] {
    if let inputs = known[index] { return inputs }
    let message = node.source.flatMap { try? NodeMessage($0) }
    let inputs = message.map { Array($0.inputs[..<$0.dataInputCount]) } ?? []
    known[index] = inputs
    return inputs
  }
}
