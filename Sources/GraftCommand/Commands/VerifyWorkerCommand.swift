import ArgumentParser
import Glibc
import GraftTensor

/// The process in which `graft verify` runs cases: it reads their paths, a line each, and answers.
struct VerifyWorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "verify-worker", shouldDisplay: false)

  @Argument var threads: Int
  @Argument var optimize: CaseRunner.Modes
  @Argument var timeout: UInt32
  @Argument var repeats: Int
  @Argument var scratch: String

  func run() throws {
    // What operations print must not get between the answers.
    let answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    let nowhere = open("/dev/null", O_WRONLY)
    guard answers >= 0, nowhere >= 0, dup2(nowhere, STDOUT_FILENO) >= 0 else {
      throw GraftError(.inputOutput, "The worker has no output: \(String(cString: strerror(errno))).")
    }
    // A crash is told by its signal; its memory need not be written to the disk.
    var noCore = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &noCore)

    let runner = CaseRunner(modes: optimize, threads: threads, repeats: repeats, scratch: scratch)
    while let path = readLine() {
      // In case whoever started this is gone and cannot end a case that hangs.
      alarm(timeout &+ 60)
      let outcome = runner.outcome(ofCaseAt: path) { place in Self.answer("at\t\(place)", answers) }
      Self.answer(outcome.line, answers)
    }
  }

  private static func answer(_ line: String, _ descriptor: Int32) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
}
