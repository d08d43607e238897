import ArgumentParser
import Graft
import GraftKernels
import GraftRuntime
import GraftTensor

/// `graft profile`: where a run's time goes.
struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Shows where the time of a run goes: by op and by operation.",
    discussion: """
      The run shown is the fastest of those that were made after the first. Names and ops are those of the \
      plan, in which operations may have been joined: one is named after the last of those that it stands \
      for. Times are an operation's own: what runs within loops and conditionals is listed by itself. GFLOP/s \
      counts the multiplications and additions of convolutions and matrix products by their definition; the \
      peak is what the threads could do at most in float32, as measured before the runs.
      """)

  @OptionGroup var model: ModelOptions

  @OptionGroup var call: CallOptions

  @OptionGroup var signature: SignatureOptions

  @Option(help: "How many runs are made after the first.")
  var runs = 10

  @Option(help: "How many operations are listed, those that took longest.")
  var top = 20

  @Option(help: ArgumentHelp("Write a trace that Chrome and Perfetto show.", valueName: "file"))
  var trace: String?

  @Option(
    help: ArgumentHelp(
      "Write the run's RunMetadata, a message that TensorFlow's tools read.", valueName: "file"))
  var runMetadata: String?

  @OptionGroup(title: "Pictures") var pictures: PictureOptions

  @OptionGroup(title: "Execution") var execution: ExecutionOptions

  func validate() throws {
    guard (1...1_000_000).contains(runs) else {
      throw ValidationError("--runs takes a number from 1 to 1000000, not \(runs).")
    }
    guard top >= 0 else { throw ValidationError("--top takes a number from 0, not \(top).") }
  }

  func run() throws {
    let model = try self.model.open(options: execution.sessionOptions)
    let call = try ModelCall(model, signature: signature.signature, fetches: self.call.fetch)
    let feeds = try call.feeds(self.call, pictures: pictures.preparation)
    let values = feeds.map(\.value)
    let callable = try call.naming(feeds) {
      try model.session.callable(feeds: feeds.map(\.tensorName), fetches: call.fetches.map(\.tensor))
    }
    _ = try call.naming(feeds) { try callable.run(values) }
    let peak = PeakRate.measured() * Double(WorkerPool(threads: model.session.options.threads).workers)
    var best: (profile: Profile, trace: RunTrace)?
    for _ in 0..<runs {
      let trace = RunTrace()
      _ = try callable.run(values, trace: trace)
      let profile = Profile(trace.events)
      if best.map({ profile.total < $0.profile.total }) ?? true { best = (profile, trace) }
    }
    guard let best else { return }
    try Console.write(best.profile.text(top: top, peak: peak))
    if let trace { try FileBytes.write(Array(best.profile.chromeTrace.compact.utf8), to: trace) }
    if let runMetadata { try FileBytes.write(best.trace.runMetadata(), to: runMetadata) }
  }
}
