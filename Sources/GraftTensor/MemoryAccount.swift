import Glibc
import Synchronization

/// Counts the bytes of the tensors that somebody's runs made and that are still alive, up to a limit.
///
/// What is allocated on a thread is charged to the account that is open there; mapped files and constants are
/// nobody's.
package final class MemoryAccount: Sendable {
  private let used = Atomic<Int>(0)
  private let limit: Int
  private let tensorLimit: Int

  /// An account with limits in bytes, for all tensors together and for one.
  package init(limit: Int, tensorLimit: Int) {
    self.limit = limit
    self.tensorLimit = tensorLimit
  }

  /// How many bytes are alive.
  package var usedBytes: Int { used.load(ordering: .relaxed) }

  /// - Throws: `GraftError` (`resourceExhausted`) where a limit would be passed; nothing is charged then.
  ///
  /// - Parameter earlier: what was charged for the same tensor before.
  func charge(_ byteCount: Int, after earlier: Int = 0) throws(GraftError) {
    let (size, overflow) = byteCount.addingReportingOverflow(earlier)
    guard size <= tensorLimit, !overflow else {
      throw GraftError(
        .resourceExhausted,
        "A tensor would take \(overflow ? Int.max : size) bytes, and the session allows \(tensorLimit) for one.",
        remedy: "Check the shapes that were fed; `SessionOptions.limits.tensorBytes` allows more.")
    }
    let total = used.add(byteCount, ordering: .relaxed).newValue
    guard total <= limit else {
      used.subtract(byteCount, ordering: .relaxed)
      throw GraftError(
        .resourceExhausted,
        "The session's tensors would take \(total) bytes together, and it allows \(limit).",
        remedy: "Use smaller batches, or end loops that grow; `SessionOptions.limits.totalBytes` allows more."
      )
    }
  }

  func release(_ byteCount: Int) {
    used.subtract(byteCount, ordering: .relaxed)
  }

  /// Makes sure that there is room for so many elements of so many bytes, before something that is no tensor
  /// is made as large as values from outside say.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`).
  package static func requireRoom(for count: Int, bytesEach: Int) throws(GraftError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: bytesEach)
    let account = current ?? standard
    try account.charge(overflow ? .max : bytes)
    account.release(bytes)
  }

  /// How many bytes one more tensor may take.
  package static var room: Int {
    let account = current ?? standard
    return max(min(account.tensorLimit, account.limit - account.usedBytes), 0)
  }

  /// Stands in where no account is open.
  private static let standard = MemoryAccount(limit: defaultLimit, tensorLimit: defaultLimit)

  private static let open = ThreadValue<MemoryAccount>()

  /// The account that is open on this thread.
  package static var current: MemoryAccount? { open.current }

  /// Charges what the closure allocates on this thread to the account.
  package func charging<R>(_ body: () throws -> R) rethrows -> R { try Self.open.with(self, body) }

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
