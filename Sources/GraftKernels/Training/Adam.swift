import GraftTensor

struct Adam: ComplexOptimizer {
  static let name = "Adam"
  static let summary =
    "Adam: steps along the mean of the gradients, by the root of the mean of their squares; with "
    + "`use_nesterov` as Nesterov has it."

  let isNesterov: Bool

  init(_ setup: NodeSetup) throws { isNesterov = try setup.bool("use_nesterov") }

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, mean, squares) = (places.variable, places.slots.0, places.slots.1)
    let scalars = places.scalars
    let (beta1, beta2, epsilon) = (scalars[3], scalars[4], scalars[5])
    let rate = scalars[2] * (E.one - scalars[1]).squareRoot() / (E.one - scalars[0])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      mean[i] = mean[i] + (gradient - mean[i]) * (E.one - beta1)
      squares[i] = squares[i] + (gradient * gradient - squares[i]) * (E.one - beta2)
      let step = isNesterov ? gradient * (E.one - beta1) + beta1 * mean[i] : mean[i]
      variable[i] = variable[i] - step * rate / (squares[i].squareRoot() + epsilon)
    }
  }
}

struct AdamWithAmsgrad: RealOptimizer {
  static let name = "AdamWithAmsgrad"
  static let summary = "Adam by the largest of the means of squares that there were."

  init(_ setup: NodeSetup) {}

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, mean, squares, largest) = (
      places.variable, places.slots.0, places.slots.1, places.slots.2
    )
    let scalars = places.scalars
    let (beta1, beta2, epsilon) = (scalars[3], scalars[4], scalars[5])
    let rate = scalars[2] * (E.one - scalars[1]).squareRoot() / (E.one - scalars[0])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      mean[i] = mean[i] + (gradient - mean[i]) * (E.one - beta1)
      squares[i] = squares[i] + (gradient * gradient - squares[i]) * (E.one - beta2)
      largest[i] = E.larger(largest[i], squares[i])
      variable[i] = variable[i] - mean[i] * rate / (largest[i].squareRoot() + epsilon)
    }
  }
}

struct AdaMax: RealOptimizer {
  static let name = "AdaMax"
  static let summary = "Adam by the largest gradient that there was, which fades, in place of a mean."
  static let types: [DataType] = [.float16, .float32, .float64]

  init(_ setup: NodeSetup) {}

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, mean, largest) = (places.variable, places.slots.0, places.slots.1)
    let scalars = places.scalars
    let (beta1, beta2, epsilon) = (scalars[2], scalars[3], scalars[4])
    let rate = scalars[1] / (E.one - scalars[0])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      mean[i] = mean[i] + (gradient - mean[i]) * (E.one - beta1)
      largest[i] = E.larger(beta2 * largest[i], gradient.magnitude)
      variable[i] = variable[i] - rate * (mean[i] / (largest[i] + epsilon))
    }
  }
}

struct RMSProp: ComplexOptimizer {
  static let name = "RMSProp"
  static let summary =
    "RMSProp: steps by the root of the mean of the gradients' squares ms, with momentum: mom becomes "
    + "momentum * mom + lr * grad / √(ms + epsilon), and the variable var - mom."
  static let sparseTypes: [DataType] = [.float16, .float32, .float64, .complex64, .complex128]

  init(_ setup: NodeSetup) {}

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, squares, moment) = (places.variable, places.slots.0, places.slots.1)
    let scalars = places.scalars
    let (rate, rho, momentum, epsilon) = (scalars[0], scalars[1], scalars[2], scalars[3])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      squares[i] = squares[i] + (gradient * gradient - squares[i]) * (E.one - rho)
      moment[i] = moment[i] * momentum + gradient * rate / (squares[i] + epsilon).squareRoot()
      variable[i] = variable[i] - moment[i]
    }
  }
}

struct CenteredRMSProp: ComplexOptimizer {
  static let name = "CenteredRMSProp"
  static let summary =
    "RMSProp by the gradients' variance: mom becomes momentum * mom + lr * grad / √(ms - mg² + epsilon), and "
    + "the variable var - mom."
  static let sparseTypes = RMSProp.sparseTypes

  init(_ setup: NodeSetup) {}

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, mean, squares, moment) = (
      places.variable, places.slots.0, places.slots.1, places.slots.2
    )
    let scalars = places.scalars
    let (rate, rho, momentum, epsilon) = (scalars[0], scalars[1], scalars[2], scalars[3])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      squares[i] = squares[i] + (gradient * gradient - squares[i]) * (E.one - rho)
      mean[i] = mean[i] + (gradient - mean[i]) * (E.one - rho)
      let variance = squares[i] - mean[i] * mean[i] + epsilon
      moment[i] = moment[i] * momentum + gradient * rate / variance.squareRoot()
      variable[i] = variable[i] - moment[i]
    }
  }
}
