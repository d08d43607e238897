import ArgumentParser
import Graft
import GraftTensor

/// `graft run`: one run of a graph, from files and literals to files and the terminal.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a model once and prints or writes what it computes.",
    discussion: """
      A feed is NAME=SOURCE. NAME is an argument of the signature, or a tensor. SOURCE is one of

        JSON           x=[[1,2],[3,4]]  rate=0.5  train=false  s='["a"]'
        @file.npy      an array, as numpy.save writes it
        @file.npz:key  one of several, as numpy.savez writes them
        @file.json     JSON in a file
        @picture.png   a PNG or JPEG: [1,height,width,channels], from 0 to 255

      Values become the dtype of the tensor that is fed; integers that do not fit it are an error. Texts of a \
      string tensor may stand without quotes, and {"b64": "..."} is a string of any bytes. A string \
      tensor takes any other @file as its bytes. Any tensor may be fed, not only a placeholder.
      """)

  @OptionGroup var model: ModelOptions

  @OptionGroup var call: CallOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Operations to run for their effect; may be repeated.", valueName: "name"))
  var target: [String] = []

  @Option(
    name: [.long, .customShort("o")],
    help: "Write the fetches to a file: .npz, .npy for one alone, or .json.")
  var output: String?

  @Option(
    name: .customLong("init"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Operations to run before all else, as the one that initialises variables; may be repeated.",
      valueName: "name"))
  var initializers: [String] = []

  @OptionGroup var signature: SignatureOptions

  @OptionGroup(title: "Pictures") var pictures: PictureOptions

  @OptionGroup(title: "Execution") var execution: ExecutionOptions

  func validate() throws {
    if let output { _ = try ResultFile(path: output, fetchCount: max(call.fetch.count, 1)) }
  }

  func run() throws {
    let model = try self.model.open(options: execution.sessionOptions)
    let call = try ModelCall(
      model, signature: signature.signature, fetches: self.call.fetch, hasTargets: !target.isEmpty)
    let file = try output.map { try ResultFile(path: $0, fetchCount: call.fetches.count) }
    for name in initializers { _ = try model.session.run([], targets: [name]) }
    let feeds = try call.feeds(self.call, pictures: pictures.preparation)
    let results = try call.naming(feeds) {
      try model.session.run(
        call.fetches.map(\.tensor),
        feeding: Dictionary(feeds.map { ($0.tensorName, $0.value) }) { first, _ in first },
        targets: target)
    }

    let named = zip(call.fetches, results).map { (name: $0.name, tensor: $1) }
    if let file {
      try file.write(named)
    } else {
      for (name, tensor) in named {
        try Console.writeLine("\(name): \(tensor.dtype) \(tensor.shape)")
        try Console.writeLine(tensor.formatted())
      }
    }
  }
}
