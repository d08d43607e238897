import Glibc
import Synchronization

/// Counts the bytes of the tensors that somebody's runs made and that are still alive, up to a limit.
///
/// What is allocated on a thread is charged to the account that is open there; mapped files and constants are
/// nobody's.
package final class MemoryAccount: Sendable {
  private let sums: Sums
  /// One for each group of threads.
  private let purses: Striped<Purse>

  /// An account with limits in bytes, for all tensors together and for one.
  package init(limit: Int, tensorLimit: Int) {
    let sums = Sums(limit: limit, tensorLimit: tensorLimit)
    self.sums = sums
    purses = Striped { Purse(sums, stripe: $0) }
  }

  /// How many bytes are alive.
  package var usedBytes: Int { sums.usedBytes }

  /// Charges what the closure allocates on this thread to the account.
  package func charging<R>(_ body: () throws -> R) rethrows -> R {
    try purses.own.pointee.charging(body)
  }

  /// Charges to the account what is allocated on this thread from now on, until what this gives is passed to `close`.
  /// The account lives until then.
  package func open() -> Unmanaged<Purse>? { Self.open.exchange(.passUnretained(purses.own.pointee)) }

  package static func close(_ before: Unmanaged<Purse>?) { _ = open.exchange(before) }

  /// What purses of an account have in common.
  fileprivate final class Sums: Sendable {
    let limit: Int
    let tensorLimit: Int
    /// The bytes that are alive, and those that purses keep.
    let used = Atomic<Int>(0)
    let kept = Striped<Atomic<Int>> { _ in Atomic(0) }

    init(limit: Int, tensorLimit: Int) {
      (self.limit, self.tensorLimit) = (limit, tensorLimit)
    }

    var usedBytes: Int {
      (0..<Striped<Atomic<Int>>.count).reduce(used.load(ordering: .relaxed)) {
        $0 - kept[$1].pointee.load(ordering: .relaxed)
      }
    }

    /// Takes back what purses keep.
    func collect() {
      for stripe in 0..<Striped<Atomic<Int>>.count {
        used.subtract(kept[stripe].pointee.exchange(0, ordering: .relaxed), ordering: .relaxed)
      }
    }
  }

  /// What the threads of one group pay from. It keeps the bytes of small tensors that they let go of for their next ones,
  /// so that threads need not write to the same memory for each.
  package final class Purse: Sendable {
    /// The most that is kept.
    private static let mostBytes = 64 << 10

    private let sums: Sums
    private let stripe: Int
    /// Keeps the counts of references to several purses apart.
    private let padding = InlineArray<14, UInt64>(repeating: 0)

    fileprivate init(_ sums: Sums, stripe: Int) {
      (self.sums, self.stripe) = (sums, stripe)
    }

    /// - Throws: `GraftError` (`resourceExhausted`) where a limit would be passed; nothing is charged then.
    ///
    /// - Parameter earlier: what was charged for the same tensor before.
    func charge(_ byteCount: Int, after earlier: Int = 0) throws(GraftError) {
      let (size, overflow) = byteCount.addingReportingOverflow(earlier)
      guard size <= sums.tensorLimit, !overflow else {
        throw GraftError(
          .resourceExhausted,
          "A tensor would take \(overflow ? Int.max : size) bytes, and the session allows \(sums.tensorLimit) for one.",
          remedy: "Check the shapes that were fed; `SessionOptions.limits.tensorBytes` allows more.")
      }
      if takesKept(byteCount) { return }
      if sums.used.add(byteCount, ordering: .relaxed).newValue <= sums.limit { return }
      sums.collect()
      let total = sums.used.load(ordering: .relaxed)
      guard total <= sums.limit else {
        sums.used.subtract(byteCount, ordering: .relaxed)
        throw GraftError(
          .resourceExhausted,
          "The session's tensors would take \(total) bytes together, and it allows \(sums.limit).",
          remedy:
            "Use smaller batches, or end loops that grow; `SessionOptions.limits.totalBytes` allows more."
        )
      }
    }

    private func takesKept(_ byteCount: Int) -> Bool {
      guard byteCount <= Self.mostBytes else { return false }
      let kept = sums.kept[stripe]
      let bytes = kept.pointee.load(ordering: .relaxed)
      return bytes >= byteCount
        && kept.pointee.compareExchange(expected: bytes, desired: bytes - byteCount, ordering: .relaxed)
          .exchanged
    }

    func release(_ byteCount: Int) {
      guard byteCount <= Self.mostBytes else {
        sums.used.subtract(byteCount, ordering: .relaxed)
        return
      }
      let kept = sums.kept[stripe]
      if kept.pointee.add(byteCount, ordering: .relaxed).newValue > Self.mostBytes {
        sums.used.subtract(kept.pointee.exchange(0, ordering: .relaxed), ordering: .relaxed)
      }
    }

    fileprivate var room: Int { max(min(sums.tensorLimit, sums.limit - sums.usedBytes), 0) }

    /// Charges what the closure allocates on this thread to the purse's account.
    package func charging<R>(_ body: () throws -> R) rethrows -> R { try MemoryAccount.open.with(self, body) }
  }

  /// Makes sure that there is room for so many elements of so many bytes, before something that is no tensor
  /// is made as large as values from outside say.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`).
  package static func requireRoom(for count: Int, bytesEach: Int) throws(GraftError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: bytesEach)
    let purse = current ?? standard
    try purse.charge(overflow ? .max : bytes)
    purse.release(bytes)
  }

  /// How many bytes one more tensor may take.
  package static var room: Int { (current ?? standard).room }

  /// Stands in where no account is open.
  private static let standard = Purse(Sums(limit: defaultLimit, tensorLimit: defaultLimit), stripe: 0)

  private static let open = ThreadValue<Purse>()

  /// What is paid from on this thread, where an account is open.
  package static var current: Purse? { open.current }

  /// Three quarters of the memory that the machine has, or that the process's control group allows.
  package static let defaultLimit: Int = {
    let pages = max(sysconf(Int32(_SC_PHYS_PAGES)), 1)
    let (machine, overflow) = pages.multipliedReportingOverflow(by: max(sysconf(Int32(_SC_PAGESIZE)), 1))
    let memory = overflow ? Int.max : machine
    let group = MemoryAccount.number(in: "/sys/fs/cgroup/memory.max") ?? memory
    return min(memory, max(group, 1)) / 4 * 3
  }()

  private static func number(in path: String) -> Int? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var text = [CChar](repeating: 0, count: 32)
    guard fgets(&text, 32, file) != nil else { return nil }
    return Int(
      String(decoding: text.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}
