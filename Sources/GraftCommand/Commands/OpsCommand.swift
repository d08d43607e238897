import ArgumentParser
import GraftGraph
import GraftKernels
import GraftTensor

/// `graft ops`: the ops that run here.
struct OpsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ops",
    abstract: "Lists the ops that have kernels, with their dtypes; or those of TensorFlow that have none.")

  @Argument(help: "Only this op, or all whose names contain the word.")
  var name: String?

  @Flag(help: "List the ops of TensorFlow that have no kernel, with the reason where it is deliberate.")
  var missing = false

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Print the page Documentation/Ops.md.")
  var markdown = false

  func validate() throws {
    if markdown, json || missing || name != nil {
      throw ValidationError("--markdown prints the whole page and goes with nothing else.")
    }
  }

  func run() throws {
    let listing = OpListing()
    if markdown { return try Console.write(listing.markdown) }
    if missing {
      let ops = try matching(listing.missing, \.name)
      return try Console.write(
        json ? listing.json(missing: ops).pretty + "\n" : listing.text(missing: ops))
    }
    let ops = try matching(listing.ops, \.name)
    try Console.write(json ? listing.json(ops).pretty + "\n" : listing.text(ops, isDetailed: name != nil))
  }

  /// What the name picks: exactly that op, or those whose names contain it.
  private func matching<Entry>(_ entries: [Entry], _ opName: (Entry) -> String) throws -> [Entry] {
    guard let name else { return entries }
    let exact = entries.filter { opName($0) == name }
    if !exact.isEmpty { return exact }
    let word = name.lowercased()
    let near = entries.filter { opName($0).lowercased().contains(word) }
    guard near.isEmpty else { return near }
    throw OpListing.unknown(name)
  }
}
