import Glibc

/// A line at the bottom of a terminal that shows how far long work has come. Where standard error is no
/// terminal, and while work is quick, it shows nothing.
final class ProgressBar {
  private let title: String
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var last: ContinuousClock.Instant?
  private let isShown: Bool

  /// Work shorter than this shows no bar.
  private static let patience = Duration.milliseconds(400)
  /// The time between two looks of the bar.
  private static let interval = Duration.milliseconds(100)

  private init(_ title: String) {
    self.title = title
    start = clock.now
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    isShown = isatty(STDERR_FILENO) == 1 && !terminal.isEmpty && terminal != "dumb"
  }

  /// Does some work that tells how many bytes are done and how many there are; the bar is gone at its end.
  static func during<R>(
    _ title: String, _ work: (_ progress: @escaping (_ done: Int, _ total: Int) -> Void) throws -> R
  ) rethrows -> R {
    let bar = ProgressBar(title)
    defer { bar.clear() }
    return try work { done, total in bar.update(done, total) }
  }

  private func update(_ done: Int, _ total: Int) {
    guard isShown else { return }
    let now = clock.now
    guard start.duration(to: now) >= Self.patience else { return }
    if let last, last.duration(to: now) < Self.interval { return }
    last = now
    Console.writeError("\r\u{1B}[K" + Self.line(title, done, total, width: Self.width))
  }

  private func clear() {
    if last != nil { Console.writeError("\r\u{1B}[K") }
  }

  /// The bar as text, no wider than the terminal: title, bar, part in hundred, and bytes.
  static func line(_ title: String, _ done: Int, _ total: Int, width: Int) -> String {
    let part = total > 0 ? min(max(Double(done) / Double(total), 0), 1) : 0
    let percent = "\(Int(part * 100))"
    let figures =
      String(repeating: " ", count: max(3 - percent.count, 0)) + "\(percent) %  \(done.bytesText) of "
      + total.bytesText
    let room = width - title.count - figures.count - 5
    guard room >= 10 else { return String("\(title) \(figures)".prefix(max(width - 1, 0))) }
    let cells = min(room, 40)
    let full = Int(part * Double(cells))
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
    return "\(title)  \(bar) \(figures)"
  }

  /// Columns of the terminal.
  private static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}
