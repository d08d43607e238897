import ArgumentParser
import GraftTensor

/// `graft check`: the doctor.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says whether a model runs here, what keeps it from it, and what to do.",
    discussion: """
      Looks at what the fetches need: ops without a kernel, variables and tables without a value, batch \
      normalisation and dropout in training mode, placeholders that are switches. The variables are restored in \
      memory to see whether they fit; nothing is written.

      The exit code is 0 when there is nothing to mend, and 1 when there are findings. Notes, as devices that \
      the graph names, are no findings.
      """)

  @OptionGroup var model: ModelOptions

  @OptionGroup var signature: SignatureOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "What is to be computed. (default: the results of all signatures, or all outputs)", valueName: "name"))
  var fetch: [String] = []

  @Flag(help: "Verify the checksum of every variable in the checkpoint.")
  var deep = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let request = ModelCheck.Request(
      selection: model.selection, signature: signature.signature, fetches: fetch, isDeep: deep,
      arguments: model.commandText)
    let check = try ModelCheck(model.model, request)
    let report = CheckReport(check: check)
    try Console.write(json ? report.json.pretty + "\n" : report.text)
    if !check.problems.isEmpty { throw ExitCode(1) }
  }
}
