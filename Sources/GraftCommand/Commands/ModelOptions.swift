import ArgumentParser
import Graft
import GraftTensor

/// Options of all commands that open a model.
struct ModelOptions: ParsableArguments {
  @Argument(
    help: "A frozen graph or other GraphDef, a .meta file, or the folder of a SavedModel; binary or text.")
  var model: String

  @Option(
    help: ArgumentHelp(
      "Which graph of a SavedModel: its tags, with commas between. (default: serve, or the only one)",
      valueName: "tag,..."))
  var tags: String?

  @Option(
    help: ArgumentHelp(
      """
      Restore the variables from a checkpoint: its prefix, one of its files, or its folder. (default for a \
      .meta file: the checkpoint beside it)
      """, valueName: "path"))
  var checkpoint: String?

  @Option(help: "Import the graph's operations below this name.")
  var prefix = ""

  /// Opens the model.
  ///
  /// - Parameter restoring: whether variables, tables and assets are loaded; otherwise only the graph is.
  func open(options: SessionOptions = SessionOptions(), restoring: Bool = true) throws -> OpenedModel {
    try OpenedModel(ModelSource(model), selection, options: options, restoring: restoring)
  }

  /// The model's arguments, to be typed again.
  var commandText: String {
    var words = [model]
    if let tags { words += ["--tags", tags] }
    if let checkpoint { words += ["--checkpoint", checkpoint] }
    if !prefix.isEmpty { words += ["--prefix", prefix] }
    return words.map(ShellText.quoted).joined(separator: " ")
  }

  /// Which part of the model to open.
  var selection: OpenedModel.Selection {
    OpenedModel.Selection(
      tags: tags.map { Set($0.split(separator: ",").map(String.init)) },
      checkpoint: checkpoint.map { .path($0) } ?? .beside, prefix: prefix)
  }
}

/// Options of all commands that run a graph.
struct ExecutionOptions: ParsableArguments {
  @Option(help: "How many threads work on one operation. (default: as many as there are processors)")
  var threads: Int?

  @Option(help: "Whether plans are rewritten to run faster.")
  var optimize: Switch = .on

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Let the graph's own operations read files below these folders.", valueName: "folder"))
  var allowReading: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Let the graph's own operations write files below these folders.", valueName: "folder"))
  var allowWriting: [String] = []

  /// On or off.
  enum Switch: String, ExpressibleByArgument, CaseIterable {
    case on, off
  }

  func validate() throws {
    if let threads, !(1...4096).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 4096, not \(threads).")
    }
  }

  /// The session's options.
  var sessionOptions: SessionOptions {
    SessionOptions(
      threads: threads, optimize: optimize == .on, readableFolders: allowReading,
      writableFolders: allowWriting)
  }
}

/// The signature that a command calls.
struct SignatureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The signature whose arguments and results feeds and fetches name; tensors' names do as well. (default: \
      serving_default, or the only one)
      """, valueName: "key"))
  var signature: String?
}
