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
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  keep(bytes)
  target.feed(bytes)
  return 0
}

/// Where each input is written before it is fed, by the environment's `GRAFT_FUZZ_LAST`: a file for each process.
/// Of a process that ends without a word, as by a stack that is full, the last input is what ended it.
private let keptPath: String? = getenv("GRAFT_FUZZ_LAST").map { "\(String(cString: $0))-\(getpid())" }

private func keep(_ bytes: [UInt8]) {
  guard let keptPath, let file = fopen(keptPath, "w") else { return }
  _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
  fclose(file)
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
