import ArgumentParser
import Graft
import GraftTensor

/// `graft inspect`: what is in a model.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what is in a model: signatures, inputs, outputs, variables, and what cannot run here.",
    discussion: """
      Inputs are the placeholders. Outputs are the tensors that no operation takes, those of savers, summaries \
      and variables left out. Parameters are the elements of variables or, where there are none, of \
      floating-point constants that have at least one dimension. Nothing is restored or run.
      """)

  @OptionGroup var model: ModelOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "List every tensor with its op, dtype and what is known of its shape before a run.")
  var tensors = false

  func run() throws {
    let opened = try OpenedModel(ModelSource(model.model), model.selection, restoring: false)
    if tensors {
      let listing = TensorListing(opened.graph.snapshot)
      try Console.write(json ? listing.json.pretty + "\n" : listing.text)
      return
    }
    let report = InspectionReport(opened)
    try Console.write(json ? report.json.pretty + "\n" : report.text)
  }
}
