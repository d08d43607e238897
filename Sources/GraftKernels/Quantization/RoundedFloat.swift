import CGraftVector
import GraftTensor

/// What numbers of a range are cut at, then multiplied by to be rounded, and by afterwards.
struct RoundingSteps<T: Sendable>: Sendable {
  let low: T
  let high: T
  let factor: T
  let step: T
}

/// Numbers that are rounded to steps, halves to the even number or up.
protocol RoundedFloat: BinaryFloatingPoint & TensorScalar {
  /// Lowers one end of a range and raises the other to those of some elements, of which NaN counts for nothing.
  static func widen(_ low: inout Self, _ high: inout Self, by x: UnsafePointer<Self>, _ count: Int)

  /// Rounds elements.
  static func round(
    _ x: UnsafePointer<Self>, into y: UnsafeMutablePointer<Self>, _ count: Int, _ steps: RoundingSteps<Self>,
    up: Bool)

  /// Rounds the elements of a row.
  ///
  /// - Parameter steps: what ``RoundingSteps`` has, of each column: all that is `low`, then all that is `high`, and so on.
  static func round(
    row x: UnsafePointer<Self>, into y: UnsafeMutablePointer<Self>, _ count: Int,
    _ steps: UnsafePointer<Self>,
    up: Bool)
}

extension Float: RoundedFloat {
  static func widen(_ low: inout Float, _ high: inout Float, by x: UnsafePointer<Float>, _ count: Int) {
    graft_f32_widen_range(x, count, &low, &high)
  }

  static func round(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, _ count: Int,
    _ steps: RoundingSteps<Float>, up: Bool
  ) {
    var steps = graft_steps(
      low: steps.low, high: steps.high, scale: steps.step, inverse: steps.factor, zero: 0)
    (up ? graft_f32_nearest_steps_up : graft_f32_nearest_steps_even)(x, y, count, &steps)
  }

  static func round(
    row x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, _ count: Int,
    _ steps: UnsafePointer<Float>, up: Bool
  ) {
    var steps = graft_channel_steps(
      low: steps, high: steps + count, scale: steps + 3 * count, inverse: steps + 2 * count, zero: steps)
    (up ? graft_f32_nearest_steps_up_of_channels : graft_f32_nearest_steps_even_of_channels)(
      x, y, count, &steps)
  }
}

extension Double: RoundedFloat {
  static func widen(_ low: inout Double, _ high: inout Double, by x: UnsafePointer<Double>, _ count: Int) {
    for index in 0..<count {
      if x[index] < low { low = x[index] }
      if x[index] > high { high = x[index] }
    }
  }

  static func round(
    _ x: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, _ count: Int,
    _ steps: RoundingSteps<Double>, up: Bool
  ) {
    for index in 0..<count { y[index] = round(x[index], steps, up: up) }
  }

  static func round(
    row x: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, _ count: Int,
    _ steps: UnsafePointer<Double>, up: Bool
  ) {
    for index in 0..<count {
      y[index] = round(
        x[index],
        RoundingSteps(
          low: steps[index], high: steps[count + index], factor: steps[2 * count + index],
          step: steps[3 * count + index]),
        up: up)
    }
  }

  @inline(__always)
  private static func round(_ x: Double, _ steps: RoundingSteps<Double>, up: Bool) -> Double {
    let limited = steps.high < x ? steps.high : x
    let place = (limited < steps.low ? steps.low : limited) * steps.factor
    return (up ? (place + 0.5).rounded(.down) : place.rounded(.toNearestOrEven)) * steps.step
  }
}
