import GraftTensor

/// A block of elements to be copied from one tensor to another, from and to the elements given.
struct BlockCopy {
  let block: StridedCopy
  let source: Tensor
  var sourceStart = 0
  let target: Tensor
  var targetStart = 0

  func run(_ workers: WorkerPool) throws {
    try block.run(from: source, at: sourceStart, to: target, startingAt: targetStart, workers)
  }
}

extension KernelContext {
  /// Copies blocks, and where ``isFixed`` has that done in the kernel's place from the next run on.
  ///
  /// - Parameters:
  ///   - cleared: what is filled with zeros before.
  ///   - binds: whether the kernel copies these blocks whatever its inputs' values are.
  func perform(
    _ copies: [BlockCopy], onZeros cleared: Tensor? = nil, binds: @autoclosure () -> Bool = true
  ) throws {
    let workers = workers
    func run() throws {
      cleared?.clear()
      for copy in copies { try copy.run(workers) }
    }
    try run()
    if isFixed, binds() { bind(attempting: { (try? run()) != nil }) }
  }
}
