import Synchronization
import Testing

@testable import GraftTensor

/// Parts for groups of threads.
@Suite struct StripedTests {
  private final class Counted: Sendable {
    let alive: Total

    init(_ alive: Total) {
      self.alive = alive
      alive.add(1)
    }

    deinit { alive.add(-1) }
  }

  @Test func everyPartIsMadeOnceAndLetGoOf() {
    let alive = Total()
    do {
      let striped = Striped { _ in Counted(alive) }
      #expect(alive.value == Striped<Counted>.count)
      let addresses = Set((0..<Striped<Counted>.count).map { Int(bitPattern: striped[$0]) / 64 })
      #expect(addresses.count == Striped<Counted>.count)
    }
    #expect(alive.value == 0)
  }

  @Test func aThreadsOwnPartIsOneOfThem() {
    let striped = Striped<Atomic<Int>> { _ in Atomic(0) }
    for _ in 0..<3 { striped.own.pointee.add(2, ordering: .relaxed) }
    let values = (0..<Striped<Atomic<Int>>.count).map { striped[$0].pointee.load(ordering: .relaxed) }
    #expect(values.reduce(0, +) == 6 && values.count { $0 != 0 } == 1)
  }
}

/// A number that objects share.
private final class Total: Sendable {
  private let number = Mutex(0)

  var value: Int { number.withLock { $0 } }

  func add(_ step: Int) { number.withLock { $0 += step } }
}
