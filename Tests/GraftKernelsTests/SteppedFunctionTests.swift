import GraftTensor
import Testing

@testable import GraftKernels

/// Functions of half and bfloat16, whose loops are held against their definitions for all numbers that there are.
@Suite("Functions that round at every step")
struct SteppedFunctionTests {
  private static let halves = (0...UInt16.max).map { Float16(bitPattern: $0) }
  private static let bfloats = (0...UInt16.max).map { BFloat16(bitPattern: $0) }

  /// What a definition gives with the arithmetic of a run.
  private func defined<T: HalfElement>(_ values: () -> [T]) -> [T] {
    FlushedArithmetic.run(FlushedArithmetic.applies(to: [T.dataType]), values)
  }

  private func expectSame<T: HalfElement>(
    _ found: [T], _ expected: [T], _ op: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let different = zip(found, expected).filter { found, expected in
      !(found.isNotANumber && expected.isNotANumber) && found.double != expected.double
    }
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    let examples = "\(different.prefix(3))"
    #expect(different.count == 0, "\(op) gives others, such as \(examples)", sourceLocation: sourceLocation)
  }

  private func checkUnary<F: SteppedUnary, T: HalfElement>(_ op: String, _ function: F.Type, _ values: [T])
    throws
  {
    let found = try MathHarness.run(op, [Tensor(shape: [values.count], scalars: values)])[0]
    expectSame(try found.scalars(as: T.self), defined { values.map { F.apply($0) } }, op)
  }

  private func checkUnary<F: SteppedUnary>(_ op: String, _ function: F.Type) throws {
    try checkUnary(op, F.self, Self.halves)
    try checkUnary(op, F.self, Self.bfloats)
  }

  @Test("Activations give what their definitions give")
  func activations() throws {
    try checkUnary("Sigmoid", MathOps.Sigmoid.self)
    try checkUnary("_Swish", MathOps.Swish.self)
    try checkUnary("Elu", MathOps.Elu.self)
    try checkUnary("Selu", MathOps.Selu.self)
    try checkUnary("Softplus", MathOps.Softplus.self)
    try checkUnary("Softsign", MathOps.Softsign.self)
  }

  /// Every number together with some other one, and with one that stays on either side.
  private func checkBinary<F: SteppedBinary, T: HalfElement>(
    _ op: String, _ function: F.Type, _ values: [T], broadcasts: Bool
  ) throws {
    let others = values.indices.map { values[$0 &* 40503 % values.count] }
    let first = try Tensor(shape: [values.count], scalars: values)
    func check(_ a: Tensor, _ b: Tensor, _ expected: [T]) throws {
      expectSame(try MathHarness.run(op, [a, b])[0].scalars(as: T.self), expected, op)
    }
    try check(
      first, Tensor(shape: [values.count], scalars: others),
      defined { zip(values, others).map { F.apply($0, $1) } })
    guard broadcasts else { return }
    let one = T(nearest: -1.625)
    let single = try Tensor(shape: [], scalars: [one])
    try check(first, single, defined { values.map { F.apply($0, one) } })
    try check(single, first, defined { values.map { F.apply(one, $0) } })
  }

  private func checkBinary<F: SteppedBinary>(_ op: String, _ function: F.Type, broadcasts: Bool = false)
    throws
  {
    try checkBinary(
      op, F.self, Self.halves, broadcasts: broadcasts)
    try checkBinary(
      op, F.self, Self.bfloats, broadcasts: broadcasts)
  }

  @Test("Functions of two numbers give what their definitions give")
  func pairs() throws {
    try checkBinary("SquaredDifference", MathOps.SquaredDifference.self, broadcasts: true)
    try checkBinary("Xlogy", MathOps.XLogY.self, broadcasts: true)
    try checkBinary("Xlog1py", MathOps.XLog1pY.self, broadcasts: true)
    try checkBinary("FloorDiv", MathOps.FloorDivide.self, broadcasts: true)
    try checkBinary("TruncateDiv", MathOps.TruncateDivide.self, broadcasts: true)
  }

  @Test("Gradients give what their definitions give")
  func gradients() throws {
    try checkBinary("SigmoidGrad", SigmoidGradient.self)
    try checkBinary("TanhGrad", TanhGradient.self)
    try checkBinary("SqrtGrad", SqrtGradient.self)
    try checkBinary("RsqrtGrad", RsqrtGradient.self)
    try checkBinary("ReciprocalGrad", ReciprocalGradient.self)
    try checkBinary("ReluGrad", ReluGradient.self)
    try checkBinary("Relu6Grad", Relu6Gradient.self)
    try checkBinary("EluGrad", EluGradient.self)
    try checkBinary("SeluGrad", SeluGradient.self)
    try checkBinary("SoftplusGrad", SoftplusGradient.self)
    try checkBinary("SoftsignGrad", SoftsignGradient.self)
  }
}
