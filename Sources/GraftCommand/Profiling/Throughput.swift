import Glibc
import GraftTensor
import Synchronization

/// How many runs a second there are one after the other, and with several going on at the same time.
struct Throughput {
  /// Runs at the same time.
  let overlap: Int
  /// Runs a second, one after the other.
  let alone: Double
  /// Runs a second of all threads together.
  let together: Double

  typealias MakeRun = @Sendable () throws -> () throws -> Void

  /// Phases of each kind. They alternate, so that a machine that changes its speed does so for both.
  private static let phases = 5

  /// Seconds that a phase takes at least.
  private static let shortest = 0.1

  /// Measures.
  ///
  /// - Parameters:
  ///   - runs: how many runs each thread has in a phase, on average; more of them where these are soon over.
  ///   - makeRun: called by each thread for what it then does again and again.
  init(overlap: Int, runs: Int, _ makeRun: @escaping MakeRun) throws {
    self.overlap = overlap
    // What overlapping runs need of their own is made now.
    _ = try Self.rate(threads: overlap, runs: 2 * overlap, makeRun)
    // To begin a thread takes as long as some short runs.
    let rate = try Self.rate(threads: 1, runs: runs, makeRun)
    let runs = max(runs, Int(min(rate * Self.shortest, 1e8)))
    var rates: (alone: [Double], together: [Double]) = ([], [])
    for _ in 0..<Self.phases {
      rates.alone.append(try Self.rate(threads: 1, runs: runs, makeRun))
      rates.together.append(try Self.rate(threads: overlap, runs: runs * overlap, makeRun))
    }
    alone = rates.alone.median
    together = rates.together.median
  }

  /// How many times as many runs there are a second.
  var gain: Double { together / max(alone, .leastNormalMagnitude) }

  /// The runs of a phase, each done by the thread that is free for it: none waits long for the last one.
  private final class Phase: Sendable {
    let makeRun: MakeRun
    let left: Atomic<Int>
    /// How many runs a thread takes at a time: so many that threads seldom meet for it, so few that all end together.
    let share: Int
    let failure = Mutex<(any Error)?>(nil)

    init(runs: Int, threads: Int, _ makeRun: @escaping MakeRun) {
      self.makeRun = makeRun
      left = Atomic(runs)
      share = max(runs / threads / 64, 1)
    }

    func work() {
      do {
        let run = try makeRun()
        while case let found = left.subtract(share, ordering: .relaxed).oldValue, found > 0 {
          for _ in 0..<min(share, found) { try run() }
        }
      } catch {
        failure.withLock { $0 = $0 ?? error }
        left.store(0, ordering: .relaxed)
      }
    }
  }

  private static func rate(
    threads: Int, runs: Int, _ makeRun: @escaping MakeRun
  ) throws -> Double {
    let phase = Phase(runs: runs, threads: threads, makeRun)
    var others: [pthread_t] = []
    let start = ContinuousClock.now
    for _ in 1..<max(threads, 1) {
      var thread = pthread_t()
      let failure = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          Unmanaged<Phase>.fromOpaque(argument).takeUnretainedValue().work()
          return nil
        }, Unmanaged.passUnretained(phase).toOpaque())
      guard failure == 0 else {
        phase.left.store(0, ordering: .relaxed)
        phase.failure.withLock {
          $0 = GraftError(
            .resourceExhausted, "The system has no thread left: \(others.count + 1) of \(threads) run.",
            remedy: "Let fewer runs overlap.")
        }
        break
      }
      others.append(thread)
    }
    phase.work()
    for thread in others { pthread_join(thread, nil) }
    let milliseconds = start.duration(to: .now).milliseconds
    if let failure = phase.failure.withLock({ $0 }) { throw failure }
    return Double(runs) / max(milliseconds / 1000, .leastNormalMagnitude)
  }
}
