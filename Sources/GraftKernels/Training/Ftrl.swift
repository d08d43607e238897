import GraftTensor

struct Ftrl: RealOptimizer {
  static let name = "Ftrl"
  static let summary = FtrlRule.summary

  let rule: FtrlRule

  init(_ setup: NodeSetup) throws { rule = try FtrlRule(setup) }

  func signs(isSparse: Bool) -> [RequiredSign] {
    isSparse ? [rule.rateSign, .nonNegative, .nonNegative, .nonPositive] : []
  }

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let scalars = places.scalars
    rule.update(
      places, rate: scalars[0], l1: scalars[1], l2: scalars[2], shrinkage: .zero, power: scalars[3])
  }
}

struct FtrlV2: RealOptimizer {
  static let name = "FtrlV2"
  static let summary = FtrlRule.summary + " The gradient grows by 2 * l2_shrinkage * var before."

  let rule: FtrlRule

  init(_ setup: NodeSetup) throws { rule = try FtrlRule(setup) }

  func signs(isSparse: Bool) -> [RequiredSign] {
    isSparse ? [rule.rateSign, .nonNegative, .nonNegative, .nonNegative, .nonPositive] : []
  }

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let scalars = places.scalars
    rule.update(
      places, rate: scalars[0], l1: scalars[1], l2: scalars[2], shrinkage: scalars[3], power: scalars[4])
  }
}

/// What both versions compute.
struct FtrlRule: Sendable {
  static let summary =
    "Follow the regularised leader: the variable is made of sums of gradients and of their squares, and is "
    + "zero where the first is within l1."

  /// Whether sums are kept multiplied by the learning rate.
  let multipliesByRate: Bool

  init(_ setup: NodeSetup) throws { multipliesByRate = try setup.bool("multiply_linear_by_lr") }

  /// What is asked of the learning rate.
  var rateSign: RequiredSign { multipliesByRate ? .nonNegative : .positive }

  @inline(__always)
  func update<E: RealOptimizerNumber>(
    _ places: UpdatePlaces.Typed<E>, rate: E, l1: E, l2: E, shrinkage: E, power: E
  ) {
    let (variable, squares, linear) = (places.variable, places.slots.0, places.slots.1)
    let two = E.one + E.one
    let half = E.one / two
    let exponent = E.zero - power
    let isRoot = exponent == half
    let (inner, outer) = multipliesByRate ? (rate, E.one) : (E.one, rate)
    let threshold = l1 * inner
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      let shrunk = gradient + two * shrinkage * variable[i]
      let sum = squares[i] + gradient * gradient
      let (new, old) =
        isRoot
        ? (sum.squareRoot(), squares[i].squareRoot()) : (sum.power(exponent), squares[i].power(exponent))
      linear[i] = linear[i] + shrunk * inner - (new - old) / outer * variable[i]
      let scale = new / outer + two * l2 * inner
      variable[i] =
        threshold < linear[i].magnitude ? (threshold * linear[i].sign - linear[i]) / scale : .zero
      squares[i] = sum
    }
  }
}
