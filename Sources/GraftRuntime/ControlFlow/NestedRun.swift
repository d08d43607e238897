import GraftKernels
import GraftTensor

/// Runs a plan within a kernel, once or again and again: in one frame for as long as the shapes stay.
final class NestedRun {
  private let programs: PlanPrograms
  private let outer: KernelContext
  /// The values that all rounds see: the last feeds.
  private let captures: ArraySlice<Tensor>
  /// The feeds before those that are lists whose elements are the same from round to round, but for those taken away.
  private let shrinkingLists: [Int]
  /// Whether there are likely to be so many rounds that it is worth binding instructions to their memory.
  private let isLoop: Bool
  private var program: Program?
  private var frame: Frame?
  private var context: KernelContext?
  private var shapes: [Shape] = []
  /// The values of the variables in the round before: their memory serves the next.
  private var spares: [Tensor?] = []

  init(
    _ programs: PlanPrograms, captures: ArraySlice<Tensor>, shrinkingLists: [Int] = [], isLoop: Bool,
    in outer: KernelContext
  ) {
    self.programs = programs
    self.captures = captures
    self.shrinkingLists = shrinkingLists
    self.isLoop = isLoop
    self.outer = outer
  }

  /// Gives the frame back for runs to come. To be called after the last run.
  func end() {
    guard let frame else { return }
    frame.letGo()
    if let program { program.putBack(frame, completed: false) }
    self.frame = nil
  }

  /// The results for some values of the feeds before the captures.
  func results(_ variables: [Tensor]) throws -> [Tensor] {
    var variables = variables.map(Optional.some)
    let frame = try run(&variables)
    return try frame.plan.fetchSlots.indices.map { try take($0, from: frame) }
  }

  /// The results in place of the values of the feeds before the captures, whose memory they may take.
  ///
  /// - Returns: the result after those, where there is one; it holds until the next run.
  func advance(_ variables: inout [Tensor?]) throws -> Tensor? {
    let frame = try run(&variables)
    for position in variables.indices { variables[position] = try take(position, from: frame) }
    return frame.plan.fetchSlots.count > variables.count ? try value(variables.count, of: frame) : nil
  }

  private func value(_ fetch: Int, of frame: Frame) throws -> Tensor {
    guard let value = frame.values[frame.plan.fetchSlots[fetch]] else {
      throw GraftError(.internalError, "Result \(fetch) has no value after the run.")
    }
    return value
  }

  private func take(_ fetch: Int, from frame: Frame) throws -> Tensor {
    let slot = frame.plan.fetchSlots[fetch]
    let value = try value(fetch, of: frame)
    if frame.holds(value) {
      if spares.indices.contains(fetch), var spare = spares[fetch].take(), spare.storage.isOwned,
        spare.storage.byteCount == value.byteCount, isKnownUniquelyReferenced(&spare.storage)
      {
        spare.storage.base.copyMemory(from: value.base, byteCount: value.byteCount)
        return Tensor(dtype: value.dtype, shape: value.shape, storage: spare.storage)
      }
      return try value.copied()
    }
    if frame.plan.fetchesMove[fetch] { frame.values[slot] = nil }
    return value
  }

  private func run(_ variables: inout [Tensor?]) throws -> Frame {
    let frame = try prepare(variables)
    if spares.count != variables.count { spares = Array(repeating: nil, count: variables.count) }
    for position in variables.indices {
      guard let value = variables[position] else { continue }
      if case .plain = value.dtype.layout { spares[position] = value }
      frame.feed(position, value)
      variables[position] = nil
    }
    if let context { try frame.run(trace: context.trace as? RunTrace) { context } }
    // A frame that recorded gives the layout for the next.
    if !frame.isPlanned, let program {
      program.putBack(frame, completed: true)
      self.frame = nil
    }
    return frame
  }

  /// The shapes of the elements of lists and arrays that all rounds see.
  private func elementShapes(_ variables: [Tensor]) -> [Int: Shape] {
    var result: [Int: Shape] = [:]
    for feed in shrinkingLists where variables.indices.contains(feed) {
      result[feed] = variables[feed].commonElementShape
    }
    for (feed, capture) in zip(shapes.count..., captures) {
      result[feed] = capture.commonElementShape
    }
    return result
  }

  /// The frame for values of these shapes, with the captures in it.
  private func prepare(_ variables: [Tensor?]) throws -> Frame {
    let isSame = shapes.count == variables.count && zip(shapes, variables).allSatisfy { $0 == $1?.shape }
    if let frame {
      if isSame { return frame }
      if program == nil {
        frame.forgetPrepared()
        shapes = variables.map { $0?.shape ?? .scalar }
        return frame
      }
      end()
    }
    shapes = variables.map { $0?.shape ?? .scalar }
    let feeds = variables.compactMap { $0 }
    guard feeds.count == variables.count else {
      throw GraftError(.internalError, "A variable of a loop has no value.")
    }
    program = try programs.nestedProgram(
      for: FeedShapes(shapes + captures.map(\.shape), elements: elementShapes(feeds)),
      checkpoint: outer.checkpoint)
    // What runs once is not worth copying feeds to places of their own.
    let frame = try program?.takeFrame(isLoop ? feeds : []) ?? Frame(plan: programs.plan)
    frame.hold(captures, after: feeds, binds: isLoop)
    context = outer.nested(over: frame.values, allocator: frame)
    self.frame = frame
    return frame
  }
}
