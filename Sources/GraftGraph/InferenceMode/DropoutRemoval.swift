import GraftTensor

extension NodeScope {
  /// Lets what drops elements at random pass all of them on, as they were before they were scaled.
  ///
  /// Known are the forms of all versions: `x / keep × floor(keep + random)`, `x × scale × (random >= rate)` with a
  /// cast between, and `select(random >= rate, x × scale, 0)`.
  ///
  /// - Returns: those nodes.
  mutating func removeDropout() -> [TrainingPart] {
    var removed: [TrainingPart] = []
    for index in own {
      guard let text = dropped(by: index) else { continue }
      pass(text, inPlaceOf: index)
      removed.append(TrainingPart(index: index, name: nodes[index].name))
    }
    return removed
  }

  /// What a node drops elements of, as it is written; nil for a node that drops none.
  private func dropped(by index: Int) -> String? {
    let node = nodes[index]
    switch node.op {
    case "Mul" where node.inputs.count == 2:
      for (mask, value) in [(1, 0), (0, 1)] where isMask(node.inputs[mask]) {
        return unscaled(node.inputs[value])
      }
      return nil
    case "Select", "SelectV2":
      guard node.inputs.count == 3, isMask(node.inputs[0]), isZero(node.inputs[2]) else { return nil }
      return unscaled(node.inputs[1])
    default: return nil
    }
  }

  /// What is multiplied or divided by one number, as it is written.
  private func unscaled(_ edge: Edge) -> String? {
    let index = Int(edge.node)
    let node = nodes[index]
    guard node.inputs.count == 2, ["Mul", "RealDiv", "Div"].contains(node.op) else { return nil }
    if isScalar(node.inputs[1]) { return text(ofInput: 0, of: index) }
    return node.op == "Mul" && isScalar(node.inputs[0]) ? text(ofInput: 1, of: index) : nil
  }

  /// Whether something is 0 or 1, false or true by chance.
  private func isMask(_ edge: Edge) -> Bool {
    let node = nodes[Int(origin(of: edge).node)]
    switch node.op {
    case "Greater", "GreaterEqual", "Less", "LessEqual":
      return node.inputs.contains { isUniform($0, depth: 6) }
    case "Floor":
      let sum = node.inputs.first.map { nodes[Int($0.node)] }
      return sum?.op.hasPrefix("Add") == true && sum?.inputs.contains { isUniform($0, depth: 6) } == true
    default: return false
    }
  }

  /// Whether something comes from a uniform distribution, scaled and moved at most.
  private func isUniform(_ edge: Edge, depth: Int) -> Bool {
    let node = nodes[Int(origin(of: edge).node)]
    switch node.op {
    case "RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2": return true
    case "Add", "AddV2", "Mul", "Sub":
      return depth > 0 && node.inputs.contains { isUniform($0, depth: depth - 1) }
    default: return false
    }
  }

  /// Whether something is known to be one number.
  private func isScalar(_ edge: Edge, depth: Int = 6) -> Bool {
    let edge = origin(of: edge)
    if let value = constant(edge) { return value.shape.rank == 0 }
    let node = nodes[Int(edge.node)]
    switch node.op {
    case "Placeholder", "PlaceholderV2", "PlaceholderWithDefault":
      if case .shape(let shape)? = node.attribute("shape"), shape.rank == 0 { return true }
      return ModeSwitch(node.name, node.outputTypes.first?.dtype) != nil
    case "Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Reciprocal", "Inv":
      return depth > 0 && !node.inputs.isEmpty && node.inputs.allSatisfy { isScalar($0, depth: depth - 1) }
    default: return false
    }
  }

  /// Whether something is nothing but zeros.
  private func isZero(_ edge: Edge) -> Bool {
    var edge = origin(of: edge)
    let node = nodes[Int(edge.node)]
    if node.op == "ZerosLike" { return true }
    if node.op == "Fill", node.inputs.count == 2 { edge = origin(of: node.inputs[1]) }
    guard let value = constant(edge), value.shape.rank == 0, let tensor = try? value.tensor() else {
      return false
    }
    return tensor.withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
  }
}
