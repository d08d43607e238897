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

  @Flag(
    help: """
      Set a graph that was exported to train to infer: batch normalisation uses its moving averages, dropout drops \
      nothing, placeholders as is_training and keep_prob are constants.
      """)
  var inferenceMode = false

  @OptionGroup(title: "Restoring a checkpoint") var restoring: RestoringOptions

  /// Opens the model, and tells on standard error how its graph is other than in the file.
  func open(options: SessionOptions = SessionOptions()) throws -> OpenedModel {
    let opened = try OpenedModel(ModelSource(model), selection, options: options)
    if inferenceMode || !opened.completion.isEmpty {
      for note in opened.notes { Console.writeErrorLine("graft: \(note)") }
    }
    return opened
  }

  /// The model's arguments, to be typed again.
  var commandText: String {
    var words = [model]
    if let tags { words += ["--tags", tags] }
    if let checkpoint { words += ["--checkpoint", checkpoint] }
    if !prefix.isEmpty { words += ["--prefix", prefix] }
    if inferenceMode { words.append("--inference-mode") }
    words += restoring.words
    return words.map(ShellText.quoted).joined(separator: " ")
  }

  /// Which part of the model to open.
  var selection: OpenedModel.Selection {
    OpenedModel.Selection(
      tags: tags.map { Set($0.split(separator: ",").map(String.init)) },
      checkpoint: checkpoint.map { .path($0) } ?? .beside, prefix: prefix,
      restoring: restoring.options, inferenceMode: inferenceMode)
  }
}

/// What may differ between a graph's variables and the checkpoint that is restored.
struct RestoringOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Rules that make keys of variables' names, as 'dense_1/*=dense/*'.", valueName: "pattern=key"))
  var rename: [RenameRule] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Variables to leave as they are, as 'head/*'.", valueName: "pattern"))
  var skip: [String] = []

  @Flag(help: "Leave variables as they are that the checkpoint does not hold.")
  var allowMissing = false

  @Flag(help: "Cast values of another dtype to the variable's.")
  var cast = false

  /// A rule for names.
  struct RenameRule: ExpressibleByArgument {
    let pattern: String
    let replacement: String

    init?(argument: String) {
      guard let equals = argument.firstIndex(of: "=") else { return nil }
      pattern = String(argument[..<equals])
      replacement = String(argument[argument.index(after: equals)...])
    }
  }

  /// The same for the library.
  var options: RestoreOptions {
    RestoreOptions(
      allowsMissing: allowMissing, skip: skip, rename: rename.map { ($0.pattern, $0.replacement) },
      casts: cast)
  }

  /// The same as words of a command line.
  fileprivate var words: [String] {
    var words: [String] = []
    if !rename.isEmpty { words += ["--rename"] + rename.map { "\($0.pattern)=\($0.replacement)" } }
    if !skip.isEmpty { words += ["--skip"] + skip }
    if allowMissing { words.append("--allow-missing") }
    if cast { words.append("--cast") }
    return words
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

  @Option(help: ArgumentHelp("The longest that a run may take. (default: 3600)", valueName: "seconds"))
  var timeLimit: Int?

  @Option(
    help: ArgumentHelp(
      """
      The most that the tensors of runs may take together, as 512M or 2G. (default: three quarters of the \
      memory)
      """, valueName: "bytes"))
  var memoryLimit: ByteCount?

  @Option(help: ArgumentHelp("The most rounds of a loop. (default: 10 million)", valueName: "rounds"))
  var loopLimit: Int?

  /// On or off.
  enum Switch: String, ExpressibleByArgument, CaseIterable {
    case on, off
  }

  func validate() throws {
    if let threads, !(1...4096).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 4096, not \(threads).")
    }
    if let timeLimit, timeLimit < 1 {
      throw ValidationError("--time-limit takes seconds from 1 on, not \(timeLimit).")
    }
    if let loopLimit, loopLimit < 1 {
      throw ValidationError("--loop-limit takes a number from 1 on, not \(loopLimit).")
    }
  }

  /// The session's options.
  var sessionOptions: SessionOptions {
    var limits = SessionLimits(totalBytes: memoryLimit?.value)
    if let timeLimit { limits.runTime = .seconds(timeLimit) }
    if let loopLimit { limits.loopSteps = loopLimit }
    return SessionOptions(
      threads: threads, optimize: optimize == .on, readableFolders: allowReading,
      writableFolders: allowWriting, limits: limits)
  }
}

/// A number of bytes, as `512M`.
struct ByteCount: ExpressibleByArgument {
  let value: Int

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number > 0 else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.value = value
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
