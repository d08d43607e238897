import Foundation
import GraftTensor
import Synchronization
import Testing

@testable import GraftRuntime

/// Runs of one plan on several threads, with one frame for each.
@Suite struct OverlappingRunTests {
  private func plan() throws -> Plan {
    let graph = try GraphText().placeholder("x").node("y", "Relu", ["x"], GraphText.float).graph()
    return try Plan(graph.pruned(feeds: ["x"], fetches: ["y"]), feedCount: 1)
  }

  /// What keeps leases, and a program.
  private func kept() throws -> (plan: SessionPlan, program: Program) {
    (SessionPlan(fixed: .straight(PlanPrograms(plan: try plan()))), Program(plan: try plan()))
  }

  private func lease(of program: Program, _ feed: Tensor) throws -> FrameLease {
    FrameLease(try program.takeFrame([feed]), of: program, epoch: 0, feeds: [feed])
  }

  /// Calls the closure on a thread of its own, and waits for it.
  private func elsewhere(_ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      body()
      done.signal()
    }
    done.wait()
  }

  @Test func aThreadTakesAgainWhatItLeft() throws {
    let (plan, program) = try kept()
    let left = try lease(of: program, Tensor([1, 2] as [Float]))
    #expect(plan.leases.take() == nil)
    plan.leases.putBack(left)
    #expect(plan.leases.take() === left)
    #expect(plan.leases.take() == nil)
  }

  @Test func whatAnotherThreadLeftIsTakenOver() throws {
    let (plan, program) = try kept()
    let left = try lease(of: program, Tensor([1, 2] as [Float]))
    let frame = left.frame
    plan.leases.putBack(left)
    let found = Mutex<Frame?>(nil)
    elsewhere { found.withLock { $0 = plan.leases.takeFrame(of: program) } }
    #expect(found.withLock { $0 } === frame)
    #expect(plan.leases.takeFrame(of: program) == nil)
  }

  @Test func framesOfOtherProgramsAreNotTaken() throws {
    let (plan, program) = try kept()
    let other = try kept().program
    plan.leases.putBack(try lease(of: other, Tensor([1, 2] as [Float])))
    #expect(plan.leases.takeFrame(of: program) == nil)
  }

  @Test func leasesOfOtherEpochsGoWithTheirPrograms() throws {
    let plan = try kept().plan
    weak var old: Program?
    do {
      let program = try kept().program
      old = program
      let lease = try lease(of: program, Tensor([1, 2] as [Float]))
      lease.runs = 3
      plan.leases.putBack(lease)
    }
    #expect(plan.leases.end(except: 0) == 0)
    #expect(old != nil)
    #expect(plan.leases.end(except: 1) == 3)
    #expect(old == nil)
    #expect(plan.leases.take() == nil)
  }

  @Test func aLeaseIsForItsShapesOnly() throws {
    let lease = try lease(of: kept().program, Tensor([1, 2] as [Float]))
    #expect(lease.accepts([try Tensor([3, 4] as [Float])]))
    #expect(!lease.accepts([try Tensor([3, 4, 5] as [Float])]))
    #expect(!lease.accepts([try Tensor(shape: [2, 1], scalars: [3, 4] as [Float])]))
    #expect(!lease.accepts([]))
  }

  /// A perceptron small enough that its kernels are bound to the memory of their frames.
  private static let perceptron = GraphText().placeholder("x", [-1, 8])
    .constant("w", [8, 16], (0..<128).map { Float($0 % 7) - 3 })
    .constant("v", [16, 4], (0..<64).map { Float($0 % 5) - 2 })
    .node("m", "MatMul", ["x", "w"], GraphText.float).node("r", "Relu", ["m"], GraphText.float)
    .node("y", "MatMul", ["r", "v"], GraphText.float)

  /// Rows, different for every batch and number.
  private func feed(_ rows: Int, _ number: Int) throws -> Tensor {
    try Tensor(shape: [rows, 8], scalars: (0..<rows * 8).map { Float(($0 * 5 + number) % 11) - 4 })
  }

  @Test func overlappingRunsOfChangingShapesGiveWhatRunsAloneGive() throws {
    let graph = try Self.perceptron.graph()
    let alone = Session(graph: graph, options: .init(threads: 1))
    let expected = try (0..<24).map { number in
      try alone.run("y", feeding: ["x": feed(1 + number % 3, number)]).scalars(as: Float.self)
    }
    let session = Session(graph: graph, options: .init(threads: 1))
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    let differences = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for round in 0..<200 {
        // Several runs of one shape, then of the next.
        let number = (round / 10 + thread * 5) % 24
        let found = try? callable.run([feed(1 + number % 3, number)]).first?.scalars(as: Float.self)
        if found != expected[number] { differences.withLock { $0 += 1 } }
      }
    }
    #expect(differences.withLock { $0 } == 0)
  }

  @Test func resultsStayAsTheyWereWhenTheirFrameRunsAgain() throws {
    let session = Session(graph: try Self.perceptron.graph(), options: .init(threads: 1))
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    let results = try (0..<6).map { try callable.run([feed(1, $0)])[0] }
    let again = try (0..<6).map { try callable.run([feed(1, $0)])[0] }
    for (one, other) in zip(results, again) {
      #expect(try one.scalars(as: Float.self) == other.scalars(as: Float.self))
    }
    #expect(try results[0].scalars(as: Float.self) != results[1].scalars(as: Float.self))
  }

  @Test func aFeedOfAnotherTypeIsRefusedAfterRunsToo() throws {
    let session = Session(graph: try Self.perceptron.graph(), options: .init(threads: 1))
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    for number in 0..<4 { _ = try callable.run([feed(1, number)]) }
    #expect(throws: GraftError.self) { try callable.run([Tensor(shape: [1, 8], scalars: [Int32](0..<8))]) }
    #expect(throws: GraftError.self) {
      try callable.run([Tensor(shape: [1, 7], scalars: [Float](repeating: 0, count: 7))])
    }
    #expect(throws: GraftError.self) { try callable.run([]) }
    #expect(try callable.run([feed(1, 0)]).count == 1)
  }
}
