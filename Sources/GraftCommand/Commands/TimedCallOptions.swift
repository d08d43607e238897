import ArgumentParser
import Graft
import GraftTensor

/// What `graft bench` and `graft profile` feed and fetch.
struct TimedCallOptions: ParsableArguments {
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

  /// The arrays of the file, if there is one.
  func arrays() throws -> [(name: String, tensor: Tensor)] { try feeds.map { try NPZ.read($0) } ?? [] }
}

/// What is fed to a call, by the names that the caller used and those of tensors.
struct TimedFeeds {
  let names: [String]
  let tensorNames: [String]
  let values: [Tensor]

  init(_ arrays: [(name: String, tensor: Tensor)], _ feeds: [ModelCall.Feed], of call: ModelCall) {
    names = arrays.map(\.name) + feeds.map(\.name)
    tensorNames = arrays.map { call.names.feed($0.name) } + feeds.map(\.tensorName)
    values = arrays.map(\.tensor) + feeds.map(\.value)
  }
}
