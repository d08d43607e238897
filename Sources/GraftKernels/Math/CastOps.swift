import GraftTensor

/// Numbers of one dtype as numbers of another.
extension MathOps {
  static let cast = OpDefinition(
    "Cast",
    "Each element as a number of dtype `DstT`. Floats become integers without their fraction, complex "
      + "numbers lose the imaginary part; with `Truncate` floats are cut instead of rounded.",
    types: ["SrcT": castTypes, "DstT": castTypes], traits: [.inPlace], shape: ShapeRules.sameAsInput
  ) { setup in
    let source = try setup.inputType(0)
    let target = try setup.outputType(0)
    if source == target { return { try $0.setOutput(0, try $0.input(0)) } }
    let truncates = setup.has("Truncate") ? try setup.bool("Truncate") : false
    guard let conversion = CastRows.conversion(from: source, to: target, truncates: truncates) else {
      throw setup.unimplemented("Cast from \(source) to \(target) is not supported.")
    }
    return { context in
      let x = try context.input(0)
      let y = try context.allocate(0, target, x.shape)
      let count = x.elementCount
      let main = count - count % conversion.block
      ElementwiseKernels.run(conversion.main, x.base, y.base, main, context.workers)
      ElementwiseKernels.run(
        conversion.rest, x.base + main * source.size, y.base + main * target.size, count - main,
        context.workers)
    }
  }.converting { source, target in
    // In a fused op nobody says which elements are the last ones.
    guard let conversion = CastRows.conversion(from: source, to: target, truncates: false),
      conversion.block == 1
    else { return nil }
    return .unary(conversion.main)
  }

  private static let castTypes: [DataType] =
    .numbers + [
      .bool, .qint8, .quint8, .qint16, .quint16, .qint32, .float8e5m2, .float8e4m3fn, .int4, .uint4,
    ]
}
