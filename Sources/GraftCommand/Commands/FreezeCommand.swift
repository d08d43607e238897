import ArgumentParser
import GraftTensor

/// `graft freeze`: a model as one file, its variables constants.
struct FreezeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "freeze",
    abstract: "Writes a model as a frozen graph: one file, with the variables' values in it.",
    discussion: """
      What the outputs do not need is left out. References to variables become values; the contents of tables \
      become part of the graph.
      """)

  @OptionGroup var model: ModelOptions

  @OptionGroup var signature: SignatureOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      """
      The outputs: results of the signature, or tensors or operations; may be repeated. (default: all results \
      of the signature)
      """, valueName: "name"))
  var fetch: [String] = []

  @Option(name: [.long, .customShort("o")], help: "The file to write; one that ends in .pbtxt is text.")
  var output: String

  func run() throws {
    let opened = try model.open()
    var conversion = ModelConversion(opened, format: .frozen)
    conversion.isText = output.hasSuffix(".pbtxt")
    conversion.replaces = true
    conversion.call = try ModelCall(opened, signature: signature.signature, fetches: fetch)
    try Console.writeLine("\(output): \(conversion.write(to: output))")
  }
}
