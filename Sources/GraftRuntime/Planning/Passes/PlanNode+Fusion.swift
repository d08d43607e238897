import GraftGraph
import GraftKernels
import GraftTensor

extension PlanNode {
  /// Whether an attribute is there and true.
  func isTrue(_ attribute: String) -> Bool {
    if case .bool(true) = self.attributes[attribute] { return true }
    return false
  }

  /// The ops that others are fused into, and their fused forms.
  private static let fusedForms = [
    "Conv2D": "_FusedConv2D", "Conv3D": "_FusedConv3D",
    "DepthwiseConv2dNative": "_FusedDepthwiseConv2dNative", "MatMul": "_FusedMatMul",
  ]

  /// What is fused into a convolution or matrix product already, in order; nil for other nodes.
  var fusedOps: [Bytes]? {
    guard self.definition?.traits.contains(.takesFusedOps) == true, self.constants == nil,
      self.outputTypes == [.float32], self.inputs.count >= 2
    else { return nil }
    if Self.fusedForms[self.op] != nil { return [] }
    if case .strings(let names)? = self.attributes["fused_ops"] { return names }
    return nil
  }

  /// Whether this is a convolution or product with nothing fused but a scale of its weights.
  var isLinear: Bool { fusedOps.map { $0.isEmpty || $0 == ["Scale"] } ?? false }

  /// Whether an activation is fused.
  var hasActivation: Bool {
    guard let last = fusedOps?.last else { return false }
    return !["Scale", "BiasAdd", "Add"].contains(last)
  }

  /// The same with one more op, which reads one more input, unless it is an activation.
  func fusing(_ name: String, _ input: ValueReference? = nil) -> PlanNode {
    var node = self
    if let form = Self.fusedForms[self.op] {
      node.op = form
      node.definition = OpRegistry.standard[form]
    }
    node.attributes["fused_ops"] = .strings((fusedOps ?? []) + [Bytes(name)])
    if let input {
      node.inputs.append(input)
      node.inputTypes.append(.float32)
    }
    node.attributes["num_args"] = .int(Int64(node.inputs.count - 2))
    return node
  }

  /// The same with a tensor added, of the result's shape, before the activation where there is one.
  ///
  /// - Precondition: nothing is added yet.
  func adding(_ addend: ValueReference) -> PlanNode {
    guard hasActivation, let names = fusedOps, let activation = names.last else {
      return fusing("Add", addend)
    }
    var linear = self
    linear.attributes["fused_ops"] = .strings(names.dropLast())
    return linear.fusing("Add", addend).fusing(activation.string)
  }

  /// Whether the last axis of a result of images or volumes counts channels; the second one does otherwise.
  var isChannelsLast: Bool {
    guard case .string(let format)? = self.attributes["data_format"] else { return true }
    let name = format.string
    return name != "NCHW" && name != "NCDHW"
  }

  /// Whether this is a convolution of images, depthwise or not.
  var isImageConvolution: Bool {
    fusedOps != nil && !["MatMul", "_FusedMatMul", "Conv3D", "_FusedConv3D"].contains(self.op)
  }
}
