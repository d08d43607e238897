import Glibc

/// The target of this process, by the environment's `GRAFT_FUZZ_TARGET`.
private let target: FuzzTarget? = getenv("GRAFT_FUZZ_TARGET").flatMap { FuzzTarget(rawValue: String(cString: $0)) }

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
  do {
    try target.run(bytes)
  } catch {
    // An error is an answer, and so is its text.
    _ = "\(error)"
  }
  return 0
}
