import ArgumentParser
import Graft
import GraftTensor

/// `graft convert`: a model or a checkpoint in another format.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Writes a model in another format, or a checkpoint in format V2.",
    discussion: """
      The format is told by the output's name: .pb and .pbtxt are a GraphDef (frozen where the model has \
      variables), .meta is a MetaGraph with a checkpoint beside it, and any other name is the folder of a \
      SavedModel; of a checkpoint it is a checkpoint's prefix. --to says it otherwise.

      A frozen graph and a SavedModel of a plain graph need to know the outputs: the signature's, or those that \
      --fetch names.
      """)

  @OptionGroup var model: ModelOptions

  @Argument(help: "What is written.")
  var output: String

  @Option(help: "The format of the output.")
  var to: ModelConversion.Format?

  @OptionGroup var signature: SignatureOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The outputs: results of the signature, or tensors.", valueName: "name"))
  var fetch: [String] = []

  @Flag(help: "Write text, which people can read, in place of binary. (default: as the name says)")
  var text = false

  @Option(help: "How many data files the variables are written into.")
  var shards = 1

  @Flag(help: "Replace what is there.")
  var force = false

  func validate() throws {
    guard (1...99_999).contains(shards) else {
      throw ValidationError("--shards takes a number from 1 to 99999, not \(shards).")
    }
  }

  func run() throws {
    let asked = to ?? ModelConversion.Format(named: output)
    if let checkpoint = try Self.checkpoint(model.model), asked != .graphDef, asked != .frozen {
      let conversion = try CheckpointConversion(checkpoint, naming: .variables)
      try conversion.write(to: output, shards: shards, replacing: force)
      return try Console.writeLine("\(output): \(conversion.summary)")
    }
    let opened = try model.open()
    var conversion = ModelConversion(opened, format: asked ?? .savedModel)
    conversion.isText = text || output.hasSuffix(".pbtxt")
    conversion.shards = shards
    conversion.replaces = force
    if to == nil, asked == .graphDef, !opened.session.filledVariables.isEmpty { conversion.format = .frozen }
    conversion.call = try ModelCall(
      opened, signature: signature.signature, fetches: fetch, hasTargets: true)
    try Console.writeLine("\(output): \(conversion.write(to: output))")
  }

  /// The checkpoint that a path names; nil where it names a model.
  private static func checkpoint(_ path: String) throws -> Checkpoint? {
    guard (try? ModelSource(path)) == nil, (try? Checkpoint.resolve(path)) != nil else { return nil }
    return try Checkpoint(path: path)
  }
}

extension ModelConversion.Format: ExpressibleByArgument {}
