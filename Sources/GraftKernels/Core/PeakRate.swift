import CGraftVector

/// What one core can do at most: what kernels' rates are measured against.
package enum PeakRate {
  /// Billions of float32 multiplications and additions a second, measured for some ten milliseconds.
  package static func measured() -> Double {
    let clock = ContinuousClock()
    var best = 0.0
    var rounds = 1 << 12
    let end = clock.now + .milliseconds(15)
    repeat {
      var result: Float = 0
      let start = clock.now
      let operations = graft_multiply_add(rounds, &result)
      let nanoseconds = start.duration(to: clock.now) / .nanoseconds(1)
      if nanoseconds < 200_000 { rounds *= 2 } else { best = max(best, Double(operations) / nanoseconds) }
    } while clock.now < end || best == 0
    return best
  }
}
