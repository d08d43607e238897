import GraftTensor

struct Adagrad: ComplexOptimizer {
  static let name = "Adagrad"
  static let summary =
    "Adagrad: accum becomes accum + grad², unless `update_slots` is false, and the variable "
    + "var - lr * grad / √accum."

  let updatesSlots: Bool

  init(_ setup: NodeSetup) throws { updatesSlots = try setup.bool("update_slots") }

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, sum, rate) = (places.variable, places.slots.0, places.scalars[0])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      if updatesSlots { sum[i] = sum[i] + gradient * gradient }
      variable[i] = variable[i] - gradient * rate * (E.one / sum[i].squareRoot())
    }
  }
}

struct AdagradV2: ComplexOptimizer {
  static let name = "AdagradV2"
  static let summary =
    "Adagrad: accum becomes accum + grad², unless `update_slots` is false, and the variable "
    + "var - lr * grad / (√accum + epsilon)."

  let updatesSlots: Bool

  init(_ setup: NodeSetup) throws { updatesSlots = try setup.bool("update_slots") }

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, sum) = (places.variable, places.slots.0)
    let (rate, epsilon) = (places.scalars[0], places.scalars[1])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      if updatesSlots { sum[i] = sum[i] + gradient * gradient }
      variable[i] = variable[i] - gradient * rate / (sum[i].squareRoot() + epsilon)
    }
  }
}

struct ProximalAdagrad: RealOptimizer {
  static let name = "ProximalAdagrad"
  static let summary = "Adagrad that draws the variable towards zero by l1 and l2."
  static let types: [DataType] = [.float32, .float64]

  init(_ setup: NodeSetup) {}

  func signs(isSparse: Bool) -> [RequiredSign] { [.positive, .nonNegative, .nonNegative] }

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, sum, scalars) = (places.variable, places.slots.0, places.scalars)
    let (rate, l1, l2) = (scalars[0], scalars[1], scalars[2])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      sum[i] = sum[i] + gradient * gradient
      let own = rate * (E.one / sum[i].squareRoot())
      variable[i] = proximal(variable[i] - gradient * own, rate: own, l1: l1, l2: l2)
    }
  }
}

struct AdagradDualAveraging: RealOptimizer {
  static let name = "AdagradDA"
  static let summary =
    "Adagrad by dual averaging: gradients and their squares are summed up, and the variable is made of the "
    + "sums, drawn towards zero by l1 and l2."
  static let types: [DataType] = [.float32, .float64]

  init(_ setup: NodeSetup) {}

  func update<E: RealOptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, sum, squares) = (places.variable, places.slots.0, places.slots.1)
    let scalars = places.scalars
    let (rate, l1, l2, step) = (scalars[0], scalars[1], scalars[2], scalars[3])
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      sum[i] = sum[i] + gradient
      squares[i] = squares[i] + gradient * gradient
      let scale = l2 * step * rate + squares[i].squareRoot()
      let size =
        E.zero < l1 ? sum[i].sign * E.larger(sum[i].magnitude - l1 * step, .zero) : sum[i]
      variable[i] = (E.zero - E.one) * rate * size / scale
    }
  }
}

struct Adadelta: ComplexOptimizer {
  static let name = "Adadelta"
  static let summary =
    "Adadelta: steps as long as the mean of earlier ones, by the mean of the gradients' squares."

  init(_ setup: NodeSetup) {}

  func update<E: OptimizerNumber>(_ places: UpdatePlaces.Typed<E>) {
    let (variable, squares, steps) = (places.variable, places.slots.0, places.slots.1)
    let (rate, rho, epsilon) = (places.scalars[0], places.scalars[1], places.scalars[2])
    let rest = E.one - rho
    for i in 0..<places.count {
      let gradient = places.gradient[i]
      squares[i] = squares[i] * rho + gradient * gradient * rest
      let inverse = E.one / (squares[i] + epsilon).squareRoot()
      let step = (steps[i] + epsilon).squareRoot() * inverse * gradient
      variable[i] = variable[i] - step * rate
      steps[i] = steps[i] * rho + step * step * rest
    }
  }
}
