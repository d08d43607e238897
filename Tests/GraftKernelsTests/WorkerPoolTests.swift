import Synchronization
import Testing

@testable import GraftKernels

@Suite struct SplittingLoops {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 7, 64, 1001]) func everyStepIsRunOnce(threads: Int, count: Int) {
    let pool = WorkerPool(threads: threads)
    for (cost, grain) in [(1, 1), (500, 1), (3000, 4), (100_000, 1)] {
      let runs = Mutex([Int](repeating: 0, count: count))
      pool.forEach(count, cost: cost, grain: grain) { range in
        runs.withLock { runs in for step in range { runs[step] += 1 } }
      }
      pool.forEachOnWorkers(count, cost: cost, grain: grain) { worker, range in
        #expect(0..<pool.workers ~= worker)
        runs.withLock { runs in for step in range { runs[step] += 1 } }
      }
      #expect(runs.withLock { $0 } == [Int](repeating: 2, count: count))
    }
  }

  @Test func whatIsOverAtOnceIsNotSplit() {
    #expect(WorkerPool(threads: 4).cut(2, 1000, 1).pieces == 1)
    #expect(WorkerPool(threads: 1).cut(1000, 1000, 1).pieces == 1)
  }

  @Test func aFewMicrosecondsAreForThreadsThatAreAwake() {
    let cut = WorkerPool(threads: 2).cut(9, 1000, 1)
    #expect(cut.pieces == 2)
    #expect(!cut.wakes)
  }

  @Test func shortLoopsAreForFewThreads() {
    #expect(WorkerPool(threads: 64).cut(9, 1000, 1).pieces == 4)
    #expect(WorkerPool(threads: 64).cut(100, 1000, 1).pieces == 10)
  }

  @Test func longLoopsWakeThreadsAndHaveMorePieces() {
    let cut = WorkerPool(threads: 2).cut(100, 1000, 1)
    #expect(cut.pieces == 10)
    #expect(cut.wakes)
  }

  @Test func coarseLoopsHaveAsManyPiecesForEveryThread() {
    #expect(WorkerPool(threads: 4).cut(100, 1000, 10).pieces == 8)
    #expect(WorkerPool(threads: 4).cut(100, 1000, 100).pieces == 4)
  }
}
