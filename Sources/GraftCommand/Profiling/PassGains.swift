import Graft
import GraftRuntime
import GraftTensor

/// What each pass over a plan gives: the plan's runs with all passes beside those without one of them.
struct PassGains {
  /// A plan without one pass.
  struct Gain {
    let pass: String
    /// How many operations the plan has.
    let operations: Int
    /// Milliseconds, the median.
    let time: Double
    /// Times that of the whole plan's runs between them.
    let ratio: Double
  }

  private let operations: Int
  private let gains: [Gain]

  /// Measures.
  ///
  /// - Parameter callable: makes a callable whose plan is made without the passes named.
  init(runs: Int, feeds: [Tensor], _ callable: (_ skipped: Set<String>) throws -> Callable) throws {
    let whole = try callable([])
    for _ in 0..<2 { _ = try whole.run(feeds) }
    operations = whole.operationCount
    gains = try Planner.optionalPasses.map { pass in
      let part = try callable([pass])
      for _ in 0..<2 { _ = try part.run(feeds) }
      var times: (whole: [Double], part: [Double]) = ([], [])
      for _ in 0..<runs {
        times.whole.append(try Self.time(whole, feeds))
        times.part.append(try Self.time(part, feeds))
      }
      let (with, without) = (times.whole.median, times.part.median)
      return Gain(
        pass: pass, operations: part.operationCount, time: without, ratio: without / max(with, 1e-9))
    }
  }

  private static func time(_ callable: Callable, _ feeds: [Tensor]) throws -> Double {
    let start = ContinuousClock.now
    _ = try callable.run(feeds)
    return start.duration(to: .now).milliseconds
  }

  /// A line for each pass, in the order in which they run.
  var text: String {
    var table = TextTable(.right, .right, .right, .left)
    table.append("x", "ms", "operations", "without")
    table.append("", "", "\(operations)", "(the whole plan)")
    for gain in gains {
      table.append(gain.ratio.fixed(2), gain.time.fixed(3), "\(gain.operations)", gain.pass)
    }
    return table.text
  }
}
