import CFuzzer
import FuzzTargets
import Glibc

/// The target of this process, by the environment's `GRAFT_FUZZ_TARGET`.
private let target: FuzzTarget? = getenv("GRAFT_FUZZ_TARGET").flatMap {
  FuzzTarget(rawValue: String(cString: $0))
}

/// What libFuzzer calls with each input.
///
/// A target may throw whatever it likes; what it may not do is to trap, to hang, or to take memory without end.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let target else {
    print("GRAFT_FUZZ_TARGET is one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")).")
    exit(2)
  }
  target.feed(Array(UnsafeBufferPointer(start: data, count: count)))
  return 0
}

/// What libFuzzer calls for the next input: three in four graphs are changed as graphs, all else as bytes.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ seed: UInt32) -> Int {
  var mutator = GraphMutator(seed: UInt64(seed))
  guard target?.takesGraphs == true, seed % 4 != 0,
    let changed = mutator.mutated(Array(UnsafeBufferPointer(start: data, count: count))),
    changed.count <= most
  else { return LLVMFuzzerMutate(data, count, most) }
  for (position, byte) in changed.enumerated() { data[position] = byte }
  return changed.count
}
