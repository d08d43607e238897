import ArgumentParser
import Glibc
import Graft
import GraftTensor

/// `graft bench`: how long a graph takes to load, to run first, and to run again.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times a model: loading, the first run, and runs after that.",
    discussion: """
      load_ms is the time from the beginning of the import, variables included, until a callable is ready to run; first_run_ms that \
      of its first run. Three more runs are not counted; median_ms, min_ms and p90_ms are of the runs after \
      them. peak_rss_mb is the most memory that the process had, in units of 2^20 bytes. checksum is the sum of \
      the first fetch's elements, 0 where these are no numbers. With --passes, plans are made without one pass after the other as well, and \
      their runs alternate with those of the whole plan: x is how many times as long they take. With --overlap, several \
      threads run the model at the same time: x is how many times as many runs there are a second as with one.
      """)

  @OptionGroup var model: ModelOptions

  @OptionGroup var call: CallOptions

  @OptionGroup var signature: SignatureOptions

  @Option(help: "How many runs are counted.")
  var runs = 20

  @Option(help: "Measure how many runs there are a second when so many go on at the same time.")
  var overlap: Int?

  @Flag(help: "Print one line of JSON.")
  var json = false

  @Flag(help: "Show what each pass over the plan gives.")
  var passes = false

  @OptionGroup(title: "Pictures") var pictures: PictureOptions

  @OptionGroup(title: "Execution") var execution: ExecutionOptions

  private static let warmUps = 3

  func validate() throws {
    guard (1...10_000_000).contains(runs) else {
      throw ValidationError("--runs takes a number from 1 to 10000000, not \(runs).")
    }
    if let overlap, !(2...1024).contains(overlap) {
      throw ValidationError("--overlap takes a number from 2 to 1024, not \(overlap).")
    }
    if passes, json { throw ValidationError("--passes prints a table; leave out --json.") }
    if passes, execution.optimize == .off { throw ValidationError("--passes needs --optimize on.") }
  }

  func run() throws {
    let clock = ContinuousClock()

    let start = clock.now
    let model = try self.model.open(options: execution.sessionOptions)
    let call = try ModelCall(model, signature: signature.signature, fetches: self.call.fetch)
    let opened = clock.now
    let feeds = try call.feeds(self.call, pictures: pictures.preparation)
    let (names, values) = (feeds.map(\.tensorName), feeds.map(\.value))
    let read = clock.now
    let callable = try call.naming(feeds) {
      try model.session.callable(feeds: names, fetches: call.fetches.map(\.tensor))
    }
    let loaded = clock.now
    let results = try call.naming(feeds) { try callable.run(values) }
    let first = clock.now

    for _ in 0..<Self.warmUps { _ = try callable.run(values) }
    var times: [Double] = []
    times.reserveCapacity(runs)
    for _ in 0..<runs {
      let begin = clock.now
      _ = try callable.run(values)
      times.append(begin.duration(to: clock.now).milliseconds)
    }
    times.sort()

    let peak = Self.peakMemory
    let throughput = try overlap.map {
      try Throughput(overlap: $0, runs: runs) {
        let own = try values.map { try $0.copied() }
        return { _ = try callable.run(own) }
      }
    }
    let figures = Figures(
      load: start.duration(to: opened).milliseconds + read.duration(to: loaded).milliseconds,
      first: loaded.duration(to: first).milliseconds,
      times: times,
      peak: peak, checksum: results.first.flatMap { try? $0.doubles() }?.reduce(0, +) ?? 0,
      threads: model.session.options.threads, throughput: throughput)
    try Console.writeLine(json ? figures.json(model: self.model.model).compact : figures.text)
    if passes {
      let gains = try PassGains(runs: runs, feeds: values) { skipped in
        var options = execution.sessionOptions
        options.skippedPasses = skipped
        return try self.model.open(options: options).session.callable(
          feeds: names, fetches: call.fetches.map(\.tensor))
      }
      try Console.write("\n" + gains.text)
    }
  }

  private static var peakMemory: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  }

  /// What was measured; times in milliseconds.
  private struct Figures {
    let load: Double
    let first: Double
    /// Ascending; at least one.
    let times: [Double]
    let peak: Double
    let checksum: Double
    let threads: Int
    let throughput: Throughput?

    private func quantile(_ part: Double) -> Double {
      times[min(Int(Double(times.count) * part), times.count - 1)]
    }

    func json(model: String) -> JSONValue {
      .object([
        "engine": .string("graft"), "model": .string(model), "threads": .integer(threads),
        "runs": .integer(times.count), "load_ms": .float(load), "first_run_ms": .float(first),
        "median_ms": .float(quantile(0.5)), "min_ms": .float(quantile(0)), "p90_ms": .float(quantile(0.9)),
        "peak_rss_mb": .float(peak), "checksum": .float(checksum),
        "overlap": throughput.map { .integer($0.overlap) },
        "runs_per_second": throughput.map { .float($0.alone) },
        "overlapping_runs_per_second": throughput.map { .float($0.together) },
      ])
    }

    var text: String {
      var table = TextTable(.left, .right, .left)
      table.append("loading", load.fixed(3), "ms")
      table.append("first run", first.fixed(3), "ms")
      table.append("median of \(times.count)", quantile(0.5).fixed(3), "ms")
      table.append("fastest", quantile(0).fixed(3), "ms")
      table.append("90 of 100 within", quantile(0.9).fixed(3), "ms")
      table.append("most memory", peak.fixed(1), "MB")
      table.append("threads", "\(threads)", "")
      table.append("checksum", "\(checksum)", "")
      if let throughput {
        table.append("runs a second", throughput.alone.fixed(1), "")
        table.append(
          "\(throughput.overlap) at once", throughput.together.fixed(1), "x \(throughput.gain.fixed(2))")
      }
      return String(table.text.dropLast())
    }
  }
}
