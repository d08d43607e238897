import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Each optimizer changes [1, -2, 0.25] by the gradient [0.5, -1, 0], its slots being taken from `slots`.
/// What comes of it is TensorFlow's: `tf.raw_ops.ResourceApply…` with the same values.
@Suite("Ops that train")
struct TrainingTests {
  private static let a: [Float] = [0.1, 0.2, 0.3]
  private static let b: [Float] = [0.5, -0.4, 0.05]
  private static let c: [Float] = [0.2, 0.1, 0.4]

  private static func variable(_ values: [Float], _ shape: [Int]? = nil) throws -> Variable {
    let variable = Variable(name: "v", dtype: .float32, shape: .unknown)
    try variable.assign(try Tensor(shape: shape ?? [values.count], scalars: values))
    return variable
  }

  /// Runs the resource form and gives the values of the variable and its slots afterwards.
  private func train(
    _ name: String, slots: [[Float]] = [], before: [Float] = [], after: [Float] = [],
    _ attributes: [String: AttributeValue] = [:]
  ) throws -> [[Float]] {
    let variables = try ([[1, -2, 0.25]] + slots).map { try Self.variable($0) }
    let inputs =
      try variables.map { try Tensor(handle: $0) } + before.map { try Tensor($0) }
      + [try Tensor([0.5, -1, 0] as [Float])] + after.map { try Tensor($0) }
    _ = try KernelHarness.run(
      "ResourceApply" + name, in: TrainingOps.all, inputs, attributes: attributes, types: ["T": .float32],
      outputs: [])
    return try variables.map { try $0.read().scalars() }
  }

  private func expect(
    _ found: [[Float]], _ expected: [[Float]], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for (values, wanted) in zip(found, expected) {
      try expectClose(try Tensor(values), wanted, within: 2e-6, sourceLocation: sourceLocation)
    }
  }

  @Test("Gradient descent, its proximal form and momentum")
  func descent() throws {
    try expect(try train("GradientDescent", before: [0.1]), [[0.95, -1.9, 0.25]])
    try expect(
      try train("ProximalGradientDescent", before: [0.1, 0.3, 0.2]), [[0.9019607, -1.8333334, 0.21568628]])
    try expect(
      try train(
        "Momentum", slots: [Self.a], before: [0.1], after: [0.9], ["use_nesterov": .bool(true)]),
      [[0.8969, -1.8262, 0.2257], [0.59, -0.82, 0.27]])
    try expect(
      try train(
        "KerasMomentum", slots: [Self.a], before: [0.1], after: [0.9], ["use_nesterov": .bool(false)]),
      [[1.04, -1.72, 0.52], [0.04, 0.28, 0.27]])
  }

  // tf.raw_ops.ResourceApplyProximalAdagrad asks for lr > 0 and l1, l2 >= 0.
  @Test(
    "Scalars of a sign that makes no sense are refused",
    arguments: [[0, 0, 0], [0.1, -1, 0], [0.1, 0, .nan]] as [[Float]])
  func signs(_ scalars: [Float]) throws {
    #expect(throws: GraftError.self) { try train("ProximalAdagrad", slots: [Self.a], before: scalars) }
  }

  @Test("The Adagrad family")
  func adagrad() throws {
    try expect(
      try train("Adagrad", slots: [Self.a], before: [0.1], ["update_slots": .bool(true)]),
      [[0.91548455, -1.9087129, 0.25], [0.35, 1.2, 0.3]])
    try expect(
      try train("AdagradV2", slots: [Self.a], before: [0.1, 0.01], ["update_slots": .bool(false)]),
      [[0.84673285, -1.7812839, 0.25], Self.a])
    try expect(
      try train("ProximalAdagrad", slots: [Self.a], before: [0.1, 0.3, 0.2]),
      [[0.83649653, -1.8475945, 0.18835016], [0.35, 1.2, 0.3]])
    try expect(
      try train("Adadelta", slots: [Self.a, Self.c], before: [0.1, 0.9, 0.01]),
      [[0.9351926, -1.9384118, 0.25], [0.115, 0.28, 0.27], [0.222, 0.12793103, 0.36]])
  }

  @Test("Adagrad by dual averaging counts steps in int64")
  func dualAveraging() throws {
    let variables = try [[1, -2, 0.25], Self.a, Self.c].map { try Self.variable($0) }
    let inputs =
      try variables.map { try Tensor(handle: $0) } + [try Tensor([0.5, -1, 0] as [Float])]
      + [0.1, 0.03, 0.2].map { try Tensor(Float($0)) } + [try Tensor(Int64(3))]
    _ = try KernelHarness.run(
      "ResourceApplyAdagradDA", in: TrainingOps.all, inputs, types: ["T": .float32], outputs: [])
    try expect(
      try variables.map { try $0.read().scalars() },
      [[-0.0697846, 0.06403269, -0.03032686], [0.6, -0.8, 0.3], [0.45, 1.1, 0.4]])
  }

  @Test("Optimizers that keep means of gradients and of their squares")
  func means() throws {
    try expect(
      try train("RMSProp", slots: [Self.a, Self.b], before: [0.1, 0.9, 0.8, 0.01]),
      [[0.45857865, -1.4943047, 0.21], [0.115, 0.28, 0.27], [0.54142135, -0.50569534, 0.04]])
    try expect(
      try train("CenteredRMSProp", slots: [Self.a, Self.c, Self.b], before: [0.1, 0.9, 0.8, 0.1]),
      [
        [0.5064071, -1.4922211, 0.21], [0.14, 0.08, 0.27], [0.205, 0.19, 0.36],
        [0.4935929, -0.50777894, 0.04],
      ])
    let adam: [Float] = [0.9, 0.99, 0.1, 0.9, 0.99, 0.01]
    try expect(
      try train("Adam", slots: [Self.b, Self.a], before: adam, ["use_nesterov": .bool(true)]),
      [[0.84783506, -1.8897163, 0.24270241], [0.5, -0.46, 0.045], [0.1015, 0.208, 0.297]])
    try expect(
      try train("AdamWithAmsgrad", slots: [Self.b, Self.a, Self.c], before: adam),
      [
        [0.890642, -1.9013025, 0.24299563], [0.5, -0.46, 0.045], [0.1015, 0.208, 0.297], [0.2, 0.208, 0.4],
      ])
    try expect(
      try train("AdaMax", slots: [Self.b, Self.a], before: [0.9, 0.1, 0.9, 0.99, 0.01]),
      [[0.01960808, -1.5445545, 0.10342024], [0.5, -0.46, 0.045], [0.5, 1, 0.297]])
  }

  @Test("Optimizers that look at signs, and the regularised leader")
  func signs() throws {
    try expect(
      try train("AddSign", slots: [Self.b], before: [0.1, 1, 0.9, 0.9]),
      [[0.905, -1.81, 0.25], [0.5, -0.46, 0.045]])
    try expect(
      try train("PowerSign", slots: [Self.b], before: [0.1, 1, 0.9, 0.9]),
      [[0.8770198, -1.7540396, 0.25], [0.5, -0.46, 0.045]])
    try expect(
      try train(
        "Ftrl", slots: [Self.a, Self.b], after: [0.1, 0.1, 0.2, -0.5],
        ["multiply_linear_by_lr": .bool(false)]),
      [[0.26183999, -1.0097036, 0], [0.35, 1.2, 0.3], [-1.7538023, 11.564631, 0.05]])
    try expect(
      try train(
        "FtrlV2", slots: [Self.a, Self.b], after: [0.1, 0.1, 0.2, 0.3, -0.7],
        ["multiply_linear_by_lr": .bool(true)]),
      [[-0.6158247, -0.84513944, -0.11689402], [0.35, 1.2, 0.3], [0.32996106, 1.0039912, 0.065]])
  }

  @Test("A row that the indices name twice is changed twice, and a bad index changes nothing")
  func rows() throws {
    let variable = try Self.variable([1, 2, 3, 4, 5, 6], [3, 2])
    let slot = try Self.variable([0, 0, 0, 0, 0, 0], [3, 2])
    func inputs(_ indices: [Int32]) throws -> [Tensor] {
      [
        try Tensor(handle: variable), try Tensor(handle: slot), try Tensor(Float(0.1)),
        try Tensor(shape: [2, 2], scalars: [1, 2, 3, 4] as [Float]), try Tensor(indices),
        try Tensor(Float(0.5)),
      ]
    }
    func run(_ indices: [Int32]) throws {
      _ = try KernelHarness.run(
        "ResourceSparseApplyMomentum", in: TrainingOps.all, try inputs(indices),
        attributes: ["use_nesterov": .bool(false)], types: ["T": .float32], outputs: [])
    }
    try run([2, 2])
    try expectClose(try variable.read(), [1, 2, 3, 4, 4.55, 5.3])
    try expectClose(try slot.read(), [0, 0, 0, 0, 3.5, 5])
    #expect(throws: GraftError.self) { try run([0, 3]) }
    #expect(throws: GraftError.self) { try run([0]) }
    try expectClose(try variable.read(), [1, 2, 3, 4, 4.55, 5.3])
  }

  @Test("Half rounds after each operation; complex numbers train, too; references are passed on")
  func dtypes() throws {
    func variable<T: TensorScalar>(_ values: [T]) throws -> Variable {
      let variable = Variable(name: "v", dtype: T.dataType, shape: .unknown)
      try variable.assign(try Tensor(values))
      return variable
    }
    let half = (try variable([1, 2, 3] as [Float16]), try variable([0.1, 0.2, 0.3] as [Float16]))
    let reference = try KernelHarness.run(
      "ApplyMomentum", in: TrainingOps.all,
      [
        try Tensor(handle: half.0), try Tensor(handle: half.1), try Tensor(Float16(0.1)),
        try Tensor([0.3, 0.7, -0.9] as [Float16]), try Tensor(Float16(0.9)),
      ], attributes: ["use_nesterov": .bool(false)], types: ["T": .float16], outputs: [.resource])[0]
    #expect(try half.0.read().scalars() == [0.9609375, 1.912109375, 3.0625] as [Float16])
    #expect(reference.handled(as: Variable.self) === half.0)
    let complex = (try variable([Complex64(1, 2)]), try variable([Complex64(0.5, -1)]))
    _ = try KernelHarness.run(
      "ResourceApplyAdagrad", in: TrainingOps.all,
      [
        try Tensor(handle: complex.0), try Tensor(handle: complex.1), try Tensor(Complex64(0.1)),
        try Tensor([Complex64(0.5, 0.25)]),
      ], attributes: ["update_slots": .bool(true)], types: ["T": .complex64], outputs: [])
    let value = try complex.0.read().scalars(as: Complex64.self)[0]
    #expect(abs(value.real - 0.96460623) < 1e-6 && abs(value.imaginary - 1.9573531) < 1e-6)
  }

  @Test("Shapes that differ, scalars that are none, and one variable in two places")
  func edges() throws {
    let variable = try Self.variable([1, 2])
    func run(_ slot: Variable, rate: [Float], gradient: [Float]) throws {
      _ = try KernelHarness.run(
        "ResourceApplyMomentum", in: TrainingOps.all,
        [
          try Tensor(handle: variable), try Tensor(handle: slot),
          try Tensor(shape: rate.count == 1 ? [] : [rate.count], scalars: rate), try Tensor(gradient),
          try Tensor(Float(0.5)),
        ], attributes: ["use_nesterov": .bool(false)], types: ["T": .float32], outputs: [])
    }
    #expect(throws: GraftError.self) { try run(variable, rate: [0.1, 0.1], gradient: [1, 1]) }
    #expect(throws: GraftError.self) { try run(variable, rate: [0.1], gradient: [1]) }
    #expect(throws: GraftError.self) { try run(Self.variable([1]), rate: [0.1], gradient: [1, 1]) }
    let empty = Variable(name: "slot", dtype: .float32, shape: .unknown)
    #expect(throws: GraftError.self) { try run(empty, rate: [0.1], gradient: [1, 1]) }
    try expectClose(try variable.read(), [1, 2])
    // Both are the same memory, as in TensorFlow.
    try run(variable, rate: [0.1], gradient: [1, 1])
    try expectClose(try variable.read(), [1.35, 1.8])
  }

  @Test("What was read before keeps its values")
  func snapshots() throws {
    let variable = try Self.variable([1, 2])
    let before = try variable.read()
    _ = try KernelHarness.run(
      "ResourceApplyGradientDescent", in: TrainingOps.all,
      [try Tensor(handle: variable), try Tensor(Float(1)), try Tensor([1, 1] as [Float])],
      types: ["T": .float32], outputs: [])
    #expect(try before.scalars() == [1, 2] as [Float])
    #expect(try variable.read().scalars() == [0, 1] as [Float])
  }
}
