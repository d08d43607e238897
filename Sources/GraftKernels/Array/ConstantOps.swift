import GraftTensor

/// Values that a graph holds, and values that it is given.
package enum ConstantOps {
  static let all: [OpDefinition] = [
    constant("Const"), constant("HostConst"), placeholder("Placeholder"), placeholder("PlaceholderV2"),
    placeholderWithDefault, fakeParameter,
  ]

  private static func constant(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The value of the attribute `value`.",
      shape: { [try $0.node.tensorShape("value")] },
      prepare: { setup in
        let value = try value(setup).aligned()
        return { try $0.setOutput(0, value) }
      })
  }

  /// The value of a constant, which need not be aligned.
  package static func value(_ setup: NodeSetup) throws -> Tensor {
    let value = try setup.tensorView("value")
    let declared = try setup.type("dtype")
    guard value.dtype == declared else {
      throw setup.invalid(
        "The value is of \(value.dtype), and the attribute 'dtype' says \(declared).",
        remedy: "Export the graph again; it was edited by hand.")
    }
    return value
  }

  private static func placeholder(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "A value that the caller feeds. A run that needs it and is not given it ends in an error.",
      traits: [.stateful],
      shape: { [$0.node.has("shape") ? try $0.node.shape("shape") : .unknown] },
      prepare: { setup in
        let dtype = try setup.type("dtype")
        let shape = setup.has("shape") ? try setup.shape("shape") : .unknown
        return { _ in
          throw GraftError(
            .notFed,
            "The placeholder '\(setup.name)' with dtype \(dtype) and shape \(shape) was not fed.",
            at: .init(node: setup.name, op: setup.op),
            remedy: "Feed a value for '\(setup.name):0'.")
        }
      })
  }

  private static let placeholderWithDefault = OpDefinition(
    "PlaceholderWithDefault", "The input, unless the caller feeds a value in its place.",
    traits: [.passesThrough],
    shape: { [$0.node.has("shape") ? try $0.node.shape("shape") : $0.input(0)] },
    prepare: { _ in { try $0.setOutput(0, try $0.input(0)) } })

  private static let fakeParameter = OpDefinition(
    "FakeParam", "A stand-in for a value that nobody reads, as branches of `If` have it: zeros of its shape.",
    shape: { [try $0.node.shape("shape")] },
    prepare: { setup in
      let dtype = try setup.type("dtype")
      let sizes = try setup.shape("shape").dimensions ?? []
      // What is not known is one: nobody reads the value.
      let shape = try Shape(validating: sizes.map { $0 ?? 1 })
      return { try $0.allocate(0, dtype, shape).clear() }
    })
}
