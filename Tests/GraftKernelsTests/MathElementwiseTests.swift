import Foundation
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Math: elementwise functions")
struct MathElementwiseTests {
  private static let edges: [Float] = [.nan, -0.0, 0, -1, 1, 7, .infinity, -.infinity, 5]

  /// What TensorFlow gives for `edges`.
  @Test(
    "give at the edges what TensorFlow gives",
    arguments: [
      ("Relu", [.nan, 0, 0, 0, 1, 7, .infinity, 0, 5]),
      ("Relu6", [.nan, 0, 0, 0, 1, 6, 6, 0, 5]),
      ("Sign", [.nan, 0, 0, -1, 1, 1, 1, -1, 1]),
      ("Sqrt", [.nan, -0.0, 0, .nan, 1, 2.6457512, .infinity, .nan, 2.236068]),
      ("Rsqrt", [.nan, -.infinity, .infinity, .nan, 1, 0.37796447, 0, .nan, 0.4472136]),
      ("Reciprocal", [.nan, -.infinity, .infinity, -1, 1, 0.14285715, 0, -0.0, 0.2]),
      ("Sigmoid", [.nan, 0.5, 0.5, 0.26894143, 0.7310586, 0.999089, 1, 0, 0.9933072]),
      ("Tanh", [.nan, -0.0, 0, -0.7615942, 0.7615942, 0.9999983, 1, -1, 0.9999092]),
      ("Erf", [.nan, -0.0, 0, -0.8427008, 0.8427008, 1, 1, -1, 1]),
      ("Erfc", [.nan, 1, 1, 1.8427008, 0.15729921, 4.1838257e-23, 0, 2, 1.5374597e-12]),
      ("Exp", [.nan, 1, 1, 0.36787945, 2.7182817, 1096.6332, .infinity, 0, 148.41316]),
      ("Expm1", [.nan, -0.0, 0, -0.63212055, 1.7182817, 1095.6332, .infinity, -1, 147.41316]),
      ("Log", [.nan, -.infinity, -.infinity, .nan, 0, 1.9459102, .infinity, .nan, 1.609438]),
      ("Log1p", [.nan, -0.0, 0, -.infinity, 0.6931472, 2.0794415, .infinity, .nan, 1.7917595]),
      ("Softplus", [.nan, 0.6931472, 0.6931472, 0.31326166, 1.3132616, 7.0009117, .infinity, 0, 5.0067153]),
      ("Softsign", [.nan, -0.0, 0, -0.5, 0.5, 0.875, .nan, .nan, 0.8333333]),
      ("Elu", [.nan, -0.0, 0, -0.63212055, 1, 7, .infinity, -1, 5]),
      ("Selu", [.nan, -0.0, 0, -1.1113307, 1.050701, 7.354907, .infinity, -1.7580993, 5.253505]),
      ("Abs", [.nan, 0, 0, 1, 1, 7, .infinity, .infinity, 5]),
    ] as [(String, [Float])])
  func edges(op: String, expected: [Float]) throws {
    // Repeated, so that whole vectors are computed as well as what remains.
    let x = (0..<5).flatMap { _ in Self.edges }
    let y = try MathHarness.floats(op, [x])
    for i in y.indices {
      let wanted = expected[i % expected.count]
      if wanted == 0 || !wanted.isFinite {
        #expect(wanted.isNaN ? y[i].isNaN : y[i] == wanted, "\(op)(\(x[i])) is \(y[i])")
      } else {
        #expect(abs(y[i] - wanted) <= 1e-6 * abs(wanted), "\(op)(\(x[i])) is \(y[i])")
      }
    }
  }

  /// An op with its exact function, and where it is compared.
  struct Exact: Sendable, CustomTestStringConvertible {
    let op: String
    let low: Double
    let high: Double
    /// By how many units in the last place a result may differ.
    let units: Double
    let function: @Sendable (Double) -> Double

    init(
      _ op: String, _ low: Double, _ high: Double, units: Double = 2.5,
      _ function: @escaping @Sendable (Double) -> Double
    ) {
      self.op = op
      self.low = low
      self.high = high
      self.units = units
      self.function = function
    }

    var testDescription: String { "\(op) from \(low) to \(high)" }
  }

  static let exact: [Exact] = [
    Exact("Exp", -87, 89) { exp($0) },
    Exact("Expm1", -20, 89) { expm1($0) },
    Exact("Log", 1e-37, 1e38) { log($0) },
    Exact("Log1p", -0.999, 1e6) { log1p($0) },
    // About as near as TensorFlow's own, which is a quotient of polynomials, too.
    Exact("Tanh", -12, 12, units: 7) { tanh($0) },
    // TensorFlow's own is off by as much.
    Exact("Sigmoid", -80, 80, units: 6) { 1 / (1 + exp(-$0)) },
    Exact("Sigmoid", -5, 20, units: 4) { 1 / (1 + exp(-$0)) },
    Exact("Erf", -5, 5) { erf($0) },
    Exact("Erfc", -4, 9, units: 4) { erfc($0) },
    Exact("Atan", -50, 50) { atan($0) },
    Exact("Asin", -1, 1) { asin($0) },
    Exact("Acos", -1, 1) { acos($0) },
    Exact("Atanh", -0.999, 0.999) { atanh($0) },
    Exact("Sin", -1000, 1000) { sin($0) },
    Exact("Cos", -1000, 1000) { cos($0) },
    Exact("Sin", 1e6, 1e8) { sin($0) },
    Exact("Softplus", -30, 30) { log1p(exp($0)) },
  ]

  @Test("are within a few units in the last place", arguments: exact)
  func accuracy(_ exact: Exact) throws {
    let (op, low, high) = (exact.op, exact.low, exact.high)
    // More often near zero than far from it.
    let x: [Float] = (0..<20_000).map { step in
      let t = Double(step) / 19_999 * 2 - 1
      let middle = (low + high) / 2
      return Float(middle + (high - low) / 2 * t * t * t)
    }
    let y = try MathHarness.floats(op, [x])
    for i in x.indices {
      let wanted = exact.function(Double(x[i]))
      guard Float(wanted).isFinite else {
        #expect(y[i] == Float(wanted), "\(op)(\(x[i])) is \(y[i]), not \(wanted)")
        continue
      }
      let unit = Double(Float(wanted).ulp)
      #expect(abs(Double(y[i]) - wanted) <= exact.units * unit, "\(op)(\(x[i])) is \(y[i]), not \(wanted)")
    }
  }

  static let exactDoubles: [Exact] = [
    Exact("Exp", -745, 709) { exp($0) },
    Exact("Expm1", -40, 709) { expm1($0) },
    Exact("Log", 1e-300, 1e300) { log($0) },
    Exact("Log", 0.5, 2) { log($0) },
    Exact("Log1p", -0.999, 1e6) { log1p($0) },
    Exact("Tanh", -25, 25, units: 4) { tanh($0) },
    Exact("Sigmoid", -700, 700, units: 4) { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) },
    Exact("Softplus", -700, 700, units: 3) { max($0, 0) + log1p(exp(-abs($0))) },
    Exact("Elu", -40, 40) { $0 < 0 ? expm1($0) : $0 },
    Exact("Selu", -40, 40, units: 4) {
      $0 < 0 ? 1.7580993408473768599 * expm1($0) : 1.0507009873554804934 * $0
    },
    Exact("Sqrt", 0, 1e300, units: 0) { $0.squareRoot() },
    Exact("Rsqrt", 1e-300, 1e300, units: 1) { 1 / $0.squareRoot() },
    Exact("Sign", -3, 3, units: 0) { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 },
  ]

  @Test("of doubles are within a few units in the last place", arguments: exactDoubles)
  func accuracyOfDoubles(_ exact: Exact) throws {
    let (op, low, high) = (exact.op, exact.low, exact.high)
    let x: [Double] =
      [.nan, .infinity, -.infinity, 0, -0.0, 1e-200, -1e-200, 1, -1]
      + (0..<20_000).map { step in
        let t = Double(step) / 19_999 * 2 - 1
        return (low + high) / 2 + (high - low) / 2 * t * t * t
      }
    let y = try MathHarness.run(op, [Tensor(x)])[0].scalars(as: Double.self)
    for i in x.indices {
      let wanted = x[i].isNaN ? .nan : exact.function(x[i])
      guard wanted.isFinite, wanted != 0, wanted.magnitude >= .leastNormalMagnitude else {
        let isSame = wanted.isNaN ? y[i].isNaN : wanted.isFinite ? y[i].magnitude < 1e-307 : y[i] == wanted
        #expect(isSame, "\(op)(\(x[i])) is \(y[i]), not \(wanted)")
        continue
      }
      #expect(abs(y[i] - wanted) <= exact.units * wanted.ulp, "\(op)(\(x[i])) is \(y[i]), not \(wanted)")
    }
  }

  @Test(
    "are the same bits wherever an element stands",
    arguments: [
      "Exp", "Log", "Tanh", "Sigmoid", "Erf", "Softplus", "Elu", "Relu6", "Square", "Rsqrt", "Floor",
    ])
  func places(op: String) throws {
    let x: [Float] = (0..<150).map { Float($0 * 37 % 150) * 0.1 - 5 }
    let alone = try x.map { try MathHarness.floats(op, [[$0]])[0].bitPattern }
    for count in [7, 16, 33, 150] {
      let y = try MathHarness.floats(op, [Array(x.prefix(count))])
      #expect(y.map(\.bitPattern) == Array(alone.prefix(count)), "\(count) elements")
    }
  }

  @Test("Rounding goes to the even neighbour, also for large numbers")
  func rounding() throws {
    let x: [Float] = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -0.4, 0.4, 8_388_609, 1e20]
    #expect(try MathHarness.floats("Round", [x]) == [-2, -2, 0, 0, 2, 2, 0, 0, 8_388_609, 1e20])
    #expect(try MathHarness.floats("Rint", [x]) == [-2, -2, 0, 0, 2, 2, 0, 0, 8_388_609, 1e20])
    #expect(try MathHarness.floats("Floor", [x]) == [-3, -2, -1, 0, 1, 2, -1, 0, 8_388_609, 1e20])
    #expect(try MathHarness.floats("Ceil", [x]) == [-2, -1, 0, 1, 2, 3, 0, 1, 8_388_609, 1e20])
  }

  @Test("Half and bfloat16 round at every step where TensorFlow does")
  func sixteenBits() throws {
    func halves(_ op: String, _ x: [Float16]) throws -> [Float16] {
      try MathHarness.run(op, [Tensor(x)])[0].scalars(as: Float16.self)
    }
    // From TensorFlow: exp(x) is rounded before one is taken away.
    #expect(try halves("Elu", [-0.000_244_1, -0.01, -1, 2]) == [0, -0.009_766, -0.632, 2])
    #expect(try halves("Sigmoid", [0.000_488_28, -1.14]) == [0.500_488_28, 0.2422])
    let x = try Tensor([BFloat16(-0.001_953_125), BFloat16(3)])
    let y = try MathHarness.run("Elu", [x])[0].scalars(as: BFloat16.self)
    #expect(y.map { Float($0) } == [0, 3])
  }

  @Test("Integers wrap around")
  func integers() throws {
    #expect(try MathHarness.run("Abs", [Tensor([Int8.min, -3])])[0].scalars(as: Int8.self) == [.min, 3])
    #expect(try MathHarness.run("Square", [Tensor([Int8(100)])])[0].scalars(as: Int8.self) == [16])
    #expect(try MathHarness.run("Neg", [Tensor([Int64.min, 1])])[0].scalars(as: Int64.self) == [.min, -1])
  }

  @Test("LeakyRelu takes the larger or the smaller of both, as alpha says")
  func leakyRelu() throws {
    let x: [Float] = [.nan, -1, 2, -.infinity]
    for (alpha, expected) in [
      (Float(0.2), [-0.2, 2, -.infinity]), (2, [-2, 2, -.infinity]), (-0.5, [0.5, 2, .infinity]),
    ]
      as [(Float, [Float])]
    {
      let y = try MathHarness.floats("LeakyRelu", [x], ["alpha": .float(alpha)])
      #expect(y[0].isNaN)
      #expect(Array(y[1...]) == expected)
    }
  }

  @Test("Complex functions are those of complex analysis")
  func complex() throws {
    let x = try Tensor([Complex64(3, 4), Complex64(0, 1)])
    func run(_ op: String) throws -> [Complex64] {
      try MathHarness.run(op, [x])[0].scalars(as: Complex64.self)
    }
    #expect(try run("Square") == [Complex64(-7, 24), Complex64(-1, 0)])
    #expect(try run("Sqrt")[0] == Complex64(2, 1))
    #expect(try run("Sign")[0] == Complex64(0.6, 0.8))
    #expect(try run("Conj")[0] == Complex64(3, -4))
    #expect(try MathHarness.run("ComplexAbs", [x], outputs: [.float32])[0].scalars(as: Float.self) == [5, 1])
    #expect(try MathHarness.run("Imag", [x], outputs: [.float32])[0].scalars(as: Float.self) == [4, 1])
  }
}
