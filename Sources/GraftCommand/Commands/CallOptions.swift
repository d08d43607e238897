import ArgumentParser

/// What `graft run`, `graft bench` and `graft profile` feed and fetch.
struct CallOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Tensors' values, as 'graft help run' describes them; may be repeated.", valueName: "name=source"))
  var feed: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      A .npz file with values, by the names of the signature's arguments or of tensors; those that --feed names go \
      before them.
      """, valueName: "file"))
  var feeds: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      """
      Results of the signature, or tensors, as scores:0; may be repeated. (default: all results of the \
      signature)
      """, valueName: "name"))
  var fetch: [String] = []

  func validate() throws {
    var names: Set<String> = []
    for argument in try feed.map(FeedArgument.init) where !names.insert(argument.name).inserted {
      throw ValidationError("--feed \(argument.name) is given twice.")
    }
  }
}
