import GraftTensor

struct GradientDescent: ComplexOptimizer {
  static let name = "GradientDescent"
  static let summary = "Gradient descent: the variable becomes var - alpha * delta."

  init(_ setup: NodeSetup) {}

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, rate) = (places.variable, places.scalars[0])
    for i in 0..<places.count { variable[i] = variable[i] - places.gradient[i] * rate }
  }
}

struct ProximalGradientDescent: RealOptimizer {
  static let name = "ProximalGradientDescent"
  static let summary = "Gradient descent that draws the variable towards zero by l1 and l2."
  static let types: [DataType] = [.float32, .float64]

  init(_ setup: NodeSetup) {}

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, scalars) = (places.variable, places.scalars)
    let (rate, l1, l2) = (scalars[0], scalars[1], scalars[2])
    for i in 0..<places.count {
      let moved = variable[i] - places.gradient[i] * rate
      variable[i] = proximal(moved, rate: rate, l1: l1, l2: l2)
    }
  }
}

/// A value drawn towards zero, by a constant and by a part.
@inline(__always)
func proximal<E: RealOptimizerNumber>(_ value: E, rate: E, l1: E, l2: E) -> E {
  let scale = E.one + l2 * rate
  guard E.zero < l1 else { return value / scale }
  return value.sign * E.larger(value.magnitude - rate * l1, .zero) / scale
}

struct Momentum: ComplexOptimizer {
  static let name = "Momentum"
  static let summary =
    "Gradient descent with momentum: accum becomes accum * momentum + grad, and the variable var - lr * accum; "
    + "with `use_nesterov` as Nesterov has it."

  let isNesterov: Bool

  init(_ setup: NodeSetup) throws { isNesterov = try setup.bool("use_nesterov") }

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, sum) = (places.variable, places.slots.0)
    let (rate, momentum) = (places.scalars[0], places.scalars[1])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      sum[i] = sum[i] * momentum + gradient
      let step = isNesterov ? gradient * rate + sum[i] * momentum * rate : sum[i] * rate
      variable[i] = variable[i] - step
    }
  }
}

struct KerasMomentum: ComplexOptimizer {
  static let name = "KerasMomentum"
  static let summary =
    "Gradient descent with momentum: accum becomes accum * momentum - lr * grad, and the variable var + accum; "
    + "with `use_nesterov` as Nesterov has it."

  let isNesterov: Bool

  init(_ setup: NodeSetup) throws { isNesterov = try setup.bool("use_nesterov") }

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, sum) = (places.variable, places.slots.0)
    let (rate, momentum) = (places.scalars[0], places.scalars[1])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      sum[i] = sum[i] * momentum - gradient * rate
      let step = isNesterov ? sum[i] * momentum - gradient * rate : sum[i]
      variable[i] = variable[i] + step
    }
  }
}

struct AddSign: RealOptimizer {
  static let name = "AddSign"
  static let summary =
    "Gradient descent with steps longer where the gradient has the sign of its mean m: the variable becomes "
    + "var - lr * (alpha + sign_decay * sign(grad) * sign(m)) * grad."

  init(_ setup: NodeSetup) {}

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, mean, scalars) = (places.variable, places.slots.0, places.scalars)
    let (rate, alpha, decay, beta) = (scalars[0], scalars[1], scalars[2], scalars[3])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      mean[i] = mean[i] * beta + gradient * (E.one - beta)
      let agreement = gradient.sign * mean[i].sign
      variable[i] = variable[i] - rate * (alpha + decay * agreement) * gradient
    }
  }
}

struct PowerSign: RealOptimizer {
  static let name = "PowerSign"
  static let summary =
    "Gradient descent with steps longer where the gradient has the sign of its mean m: the variable becomes "
    + "var - lr * exp(logbase * sign_decay * sign(grad) * sign(m)) * grad."

  init(_ setup: NodeSetup) {}

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, mean, scalars) = (places.variable, places.slots.0, places.scalars)
    let (rate, base, decay, beta) = (scalars[0], scalars[1], scalars[2], scalars[3])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      mean[i] = mean[i] * beta + gradient * (E.one - beta)
      let scale = (base * decay * gradient.sign * mean[i].sign).exponential()
      variable[i] = variable[i] - rate * scale * gradient
    }
  }
}
