import GraftKernels
import GraftTensor
import Synchronization

/// A frame that runs of a thread take again and again, without asking its program for it. One run at a time has it.
final class FrameLease: @unchecked Sendable {
  let program: Program
  let frame: Frame
  /// The plan's epoch in which the program was asked for.
  let epoch: Int
  /// For each feed the rank and the sizes. Numbers only, so that nothing is retained to look at them.
  private let sizes: UnsafeMutableBufferPointer<Int>
  private let dtypes: UnsafeMutableBufferPointer<DataType>
  /// How many runs took it again.
  var runs = 0

  /// - Parameter feeds: values of the types and shapes that runs have with it.
  init(_ frame: Frame, of program: Program, epoch: Int, feeds: [Tensor]) {
    (self.program, self.frame, self.epoch) = (program, frame, epoch)
    let sizes = feeds.flatMap { [$0.rank] + $0.shape.dimensions }
    self.sizes = .allocate(capacity: sizes.count)
    _ = self.sizes.initialize(from: sizes)
    dtypes = .allocate(capacity: feeds.count)
    _ = dtypes.initialize(from: feeds.lazy.map(\.dtype))
  }

  deinit {
    sizes.deallocate()
    dtypes.deallocate()
  }

  /// Gives the frame back to its program.
  func end() { program.putBack(frame, completed: false) }

  /// Whether it is for values of these types and shapes.
  func accepts(_ feeds: [Tensor]) -> Bool {
    guard feeds.count == dtypes.count else { return false }
    let given = feeds.span
    var next = 0
    for index in dtypes.indices {
      let dimensions = given[index].shape.dimensions.span
      guard given[index].dtype == dtypes[index], dimensions.count == sizes[next] else { return false }
      next += 1
      for axis in dimensions.indices where dimensions[axis] != sizes[next + axis] { return false }
      next += dimensions.count
    }
    return true
  }
}

/// The frames that the threads' last runs of a plan left, one for each of a few groups of threads: runs that overlap do
/// not disturb each other, and each finds in its processor's caches what it left there.
struct FrameLeases: ~Copyable, Sendable {
  /// A retained lease's address, or zero. An atomic of references would have its type made at run time, which takes a
  /// tenth of the time that it takes to plan a small graph.
  private typealias Place = Atomic<Int>
  private typealias Places = Striped<Place>

  private let places = Places { _ in Atomic(0) }

  deinit {
    for index in 0..<Places.count { _ = take(places[index]) }
  }

  /// What the last run on a thread of this one's group left, to be put back after the run.
  func take() -> FrameLease? { take(places.own) }

  /// Keeps a lease for the next run of this thread; where there is one already the frame goes back to its program.
  func putBack(_ lease: FrameLease) { put(lease, places.own) }

  private func put(_ lease: FrameLease, _ place: UnsafeMutablePointer<Place>) {
    let kept = Unmanaged.passRetained(lease)
    let address = Int(bitPattern: kept.toOpaque())
    if !place.pointee.compareExchange(expected: 0, desired: address, ordering: .releasing).exchanged {
      kept.release()
      lease.end()
    }
  }

  /// Ends the leases of other epochs, whose programs are not asked for again, and says how many runs took them.
  func end(except epoch: Int) -> Int {
    var runs = 0
    for index in 0..<Places.count {
      guard let lease = take(places[index]) else { continue }
      if lease.epoch == epoch {
        put(lease, places[index])
      } else {
        runs += lease.runs
        lease.end()
      }
    }
    return runs
  }

  /// A frame of the program that some other thread left. Those of other programs go back to these.
  func takeFrame(of program: Program) -> Frame? {
    for index in 0..<Places.count {
      guard let lease = take(places[index]) else { continue }
      if lease.program === program { return lease.frame }
      lease.end()
    }
    return nil
  }

  private func take(_ place: UnsafeMutablePointer<Place>) -> FrameLease? {
    UnsafeRawPointer(bitPattern: place.pointee.exchange(0, ordering: .acquiring)).map {
      Unmanaged.fromOpaque($0).takeRetainedValue()
    }
  }
}
