import ArgumentParser
import Glibc
import GraftTensor

/// `graft verify`: runs recorded cases and compares with what TensorFlow answered.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Runs recorded cases and compares the results with TensorFlow's.",
    discussion: """
      Every case*.json below the paths is a case. Cases run in worker processes: one that crashes or takes too \
      long fails by itself and keeps none of the others from being run. What a case's operations write goes to \
      a temporary folder, which they see as the file system.

      With --format tsv there is a line for each case: pass, fail or unsupported, its path, and what differs. \
      The last line says how many passed and failed; unsupported ones count as failed. The exit code is 1 if \
      any failed or, with --expected-failures, if one failed that is not in the list.
      """)

  @Argument(help: ArgumentHelp("Folders of cases, or case files.", valueName: "path"))
  var paths: [String]

  @Option(help: "Run each case with plans as they stand, rewritten to run faster, or once each.")
  var optimize: CaseRunner.Modes = .both

  @Option(
    help: """
      How often a case's first run is done again in one session, with other feeds each time, for plans as they stand \
      and rewritten ones to be compared.
      """)
  var repeats = 0

  @Option(help: "What is printed: failures only, or a line for each case.")
  var format: VerifyReport.Format = .text

  @Option(help: "How many worker processes. (default: as many as there are processors)")
  var jobs: Int?

  @Option(help: "How many threads work on one operation.")
  var threads = 1

  @Option(help: "Seconds after which a case fails.")
  var timeout = 120

  @Option(
    help: ArgumentHelp(
      "A list of the cases that may fail, by their paths from the folder that is verified.", valueName: "file"
    ))
  var expectedFailures: String?

  @Flag(
    help: """
      Take the cases off the list that pass now. A list that is not there yet is made, of all that fail; one \
      that is there is never added to.
      """)
  var updateExpected = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024, not \(jobs).")
    }
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads takes a number from 1 to 1024, not \(threads).")
    }
    guard (0...1_000_000).contains(repeats) else {
      throw ValidationError("--repeats takes a number from 0 to 1000000, not \(repeats).")
    }
    guard (1...86400).contains(timeout) else {
      throw ValidationError("--timeout takes seconds from 1 to 86400, not \(timeout).")
    }
    if expectedFailures != nil, paths.count != 1 {
      throw ValidationError("--expected-failures belongs to one path: its list names cases from there.")
    }
    if updateExpected, expectedFailures == nil {
      throw ValidationError("--update-expected needs --expected-failures.")
    }
  }

  func run() throws {
    let expected = try expectedFailures.map { try ExpectedFailures(file: $0) }
    if let expected, !expected.exists, !updateExpected {
      throw GraftError(
        .notFound, "There is no such list of expected failures.", at: .init(file: expectedFailures),
        remedy: "Make it with --update-expected.")
    }
    let cases = try paths.flatMap { try CaseFinder.cases(at: $0) }
    var report = VerifyReport(paths: cases.map(\.path), format: format)
    let scratch = try ScratchFolder()
    defer { withExtendedLifetime(scratch) {} }
    let dispatcher = Dispatcher(
      workerArguments: [
        "verify-worker", "\(threads)", optimize.rawValue, "\(timeout)", "\(repeats)", scratch.path,
      ],
      jobs: jobs ?? max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), limit: .seconds(timeout))
    try dispatcher.run(cases.map(\.path)) { index, outcome in try report.add(index, outcome) }

    try report.writeSummary()
    var isGood = report.failing.isEmpty
    if let expected {
      let failing = Set(report.failing.map { cases[$0].relativePath })
      isGood = try compare(failing, with: expected, all: Set(cases.map(\.relativePath)))
      if updateExpected { try expected.update(failing: failing) }
    }
    try report.writeCount()
    if !isGood { throw ExitCode(1) }
  }

  /// Writes what differs from the list; the result is whether no case fails that is not in it.
  private func compare(
    _ failing: Set<String>, with expected: ExpectedFailures, all: Set<String>
  ) throws -> Bool {
    // A list that is being made now expects all that fails.
    guard expected.exists else { return true }
    let unexpected = failing.subtracting(expected.paths).sorted()
    let gone = expected.paths.subtracting(all).sorted()
    let better = expected.paths.intersection(all).subtracting(failing).sorted()
    for (title, list) in [
      ("fail and are not in the list", unexpected), ("pass and are in the list", better),
      ("are in the list and nowhere else", gone),
    ] where !list.isEmpty {
      try Console.writeLine("\(list.count) cases \(title):")
      for path in list { try Console.writeLine("  \(path)") }
    }
    return unexpected.isEmpty
  }
}

extension CaseRunner.Modes: ExpressibleByArgument {}
extension VerifyReport.Format: ExpressibleByArgument {}
