import ArgumentParser
import Graft
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
      for. Times are an operation's own, without those of functions that it calls. GFLOP/s counts the \
      multiplications and additions of convolutions and matrix products by their definition.
      """)

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      "A .npz file with feeds, by the names of the signature's arguments or of tensors.", valueName: "file"))
  var feeds: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Values as 'graft run' takes them; may be repeated.", valueName: "name=source"))
  var feed: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Results of the signature, or tensors; may be repeated. (default: all results of the signature)",
      valueName: "name"))
  var fetch: [String] = []

  @OptionGroup var signature: SignatureOptions

  @Option(help: "How many runs are made after the first.")
  var runs = 10

  @Option(help: "How many operations are listed, those that took longest.")
  var top = 20

  @Option(help: ArgumentHelp("Write a trace that Chrome and Perfetto show.", valueName: "file"))
  var trace: String?

  @OptionGroup(title: "Pictures") var pictures: PictureOptions

  @OptionGroup(title: "Execution") var execution: ExecutionOptions

  func validate() throws {
    guard (1...1_000_000).contains(runs) else {
      throw ValidationError("--runs takes a number from 1 to 1000000, not \(runs).")
    }
    guard top >= 0 else { throw ValidationError("--top takes a number from 0, not \(top).") }
  }

  func run() throws {
    let arrays = try self.feeds.map { try NPZ.read($0) } ?? []
    let model = try self.model.open(options: execution.sessionOptions)
    let call = try ModelCall(model, signature: signature.signature, fetches: fetch)
    let feeds = try call.feeds(feed.map(FeedArgument.init), pictures: pictures.preparation)
    let values = arrays.map(\.tensor) + feeds.map(\.value)
    let given = arrays.map(\.name) + feeds.map(\.name)
    let callable = try call.naming(given) {
      try model.session.callable(
        feeds: arrays.map { call.names.feed($0.name) } + feeds.map(\.tensorName),
        fetches: call.fetches.map(\.tensor))
    }
    _ = try call.naming(given) { try callable.run(values) }
    var best: Profile?
    for _ in 0..<runs {
      let trace = RunTrace()
      _ = try callable.run(values, trace: trace)
      let profile = Profile(trace.events)
      if best.map({ profile.total < $0.total }) ?? true { best = profile }
    }
    guard let best else { return }
    try Console.write(best.text(top: top))
    if let trace { try FileBytes.write(Array(best.chromeTrace.compact.utf8), to: trace) }
  }
}
