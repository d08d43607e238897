import GraftKernels
import GraftTensor
import Synchronization

/// A plan for the shapes of one set of feeds: where in an arena every value lies, and what kernels
/// prepared for these shapes.
///
/// The first run with new shapes allocates each value by itself and records sizes, lifetimes and which
/// outputs are views of others. From that the layout is made; later runs use it. Where a value turns out
/// larger than recorded (its shape depends on data), that value alone is allocated by itself.
final class Program: Sendable {
  private struct State {
    var layout: ArenaLayout?
    var frames: [Frame] = []
  }

  let plan: Plan
  private let state = Mutex(State())
  private let prepared: PreparedObjects

  init(plan: Plan) {
    self.plan = plan
    prepared = PreparedObjects(count: plan.instructions.count)
  }

  /// A frame that no other run uses: one that was used before, or a new one.
  ///
  /// - Parameter kept: looks for one elsewhere before a new one is made.
  func takeFrame(_ feeds: [Tensor], orKept kept: () -> Frame? = { nil }) throws -> Frame {
    try state.withLock { $0.frames.popLast() } ?? kept()
      ?? Frame(plan: plan, layout: state.withLock { $0.layout }, sharing: prepared, feeds: feeds)
  }

  /// Takes a frame back. One that recorded gives the layout, and is not used again.
  func putBack(_ frame: Frame, completed: Bool) {
    let layout = completed && !frame.isPlanned ? frame.recordedLayout() : nil
    state.withLock { state in
      if let layout, state.layout == nil { state.layout = layout }
      if frame.isPlanned, state.frames.count < 16 { state.frames.append(frame) }
    }
  }
}

/// What kernels prepared for a program's shapes, one object for each instruction: what its frames share.
final class PreparedObjects: Sendable {
  private let objects: Mutex<[(any AnyObject & Sendable)?]>

  init(count: Int) {
    objects = Mutex(Array(repeating: nil, count: count))
  }

  var all: [(any AnyObject & Sendable)?] { objects.withLock { $0 } }

  /// Keeps an object for the frames to come.
  func keep(_ object: any AnyObject & Sendable, for instruction: Int) {
    objects.withLock { $0[instruction] = object }
  }
}

/// The shapes of a plan's feeds.
struct FeedShapes: Equatable {
  let shapes: [Shape]
  /// Of feeds that are lists, the shape that all elements have, where there is one.
  let elements: [Int: Shape]

  init(_ shapes: [Shape], elements: [Int: Shape] = [:]) {
    self.shapes = shapes
    self.elements = elements
  }
}

/// A plan with its programs by the shapes fed, of which those used last are kept.
package final class PlanPrograms: Sendable {
  let plan: Plan

  /// How many programs a plan keeps: each holds packed weights and an arena.
  static let capacity = 8

  init(plan: Plan) {
    self.plan = plan
  }

  private let programs = Mutex<[(shapes: FeedShapes, program: Program)]>([])
  /// Held while a program is made: others that need the same one wait for it.
  private let planning = Mutex(())
  /// How many programs may still be made for runs within a loop; runs that need no new one add to it.
  private let nestedBudget = Atomic<Int>(128 * capacity)

  /// The plan of the program that was asked for last.
  var latest: Plan { programs.withLock { $0.last?.program.plan } ?? plan }

  /// A program for a run within a loop; nil where shapes change so often that making one does not pay.
  ///
  /// - Parameter checkpoint: ends the planning with the run.
  func nestedProgram(
    for shapes: FeedShapes, checkpoint: @escaping @Sendable () throws -> Void
  ) throws -> Program? {
    let budget = nestedBudget.load(ordering: .relaxed)
    if let known = known(where: { $0 == shapes }) {
      nestedBudget.store(min(budget + 1, 128 * Self.capacity), ordering: .relaxed)
      return known
    }
    guard budget >= 128 else { return nil }
    nestedBudget.store(budget - 128, ordering: .relaxed)
    return try program(where: { $0 == shapes }) {
      (shapes, try PlanningLimit.run(checkpoint) { try plan.specialized(for: shapes) })
    }
  }

  /// The program for feeds of the shapes of these.
  ///
  /// - Parameter control: ends the planning with the run.
  func program(for feeds: [Tensor], _ control: RunControl) throws -> Program {
    try program { known in
      known.elements.isEmpty && feeds.indices.allSatisfy { known.shapes[$0] == feeds[$0].shape }
    } orMake: {
      let shapes = FeedShapes(feeds.map(\.shape))
      return (shapes, try PlanningLimit.run({ try control.check() }) { try plan.specialized(for: shapes) })
    }
  }

  private func program(
    where isKnown: (FeedShapes) -> Bool, orMake make: () throws -> (shapes: FeedShapes, plan: Plan)
  ) throws -> Program {
    if let known = known(where: isKnown) { return known }
    // Runs whose program is there do not wait until another one is made.
    return try planning.withLock { _ in
      if let known = known(where: isKnown) { return known }
      let (shapes, plan) = try make()
      let program = Program(plan: plan)
      programs.withLock { programs in
        if programs.count == Self.capacity { programs.removeFirst() }
        programs.append((shapes, program))
      }
      return program
    }
  }

  private func known(where isKnown: (FeedShapes) -> Bool) -> Program? {
    programs.withLock { programs in
      guard let index = programs.lastIndex(where: { isKnown($0.shapes) }) else { return nil }
      let found = programs[index]
      if index != programs.count - 1 {
        programs.remove(at: index)
        programs.append(found)
      }
      return found.program
    }
  }
}
