import Graft
import GraftTensor

/// One way of running a model: what is fed and fetched, by the names that the caller uses.
struct ModelCall {
  /// A value for a tensor.
  struct Feed {
    /// The name that the caller used.
    let name: String
    let tensorName: String
    let value: Tensor
  }

  /// What is computed: the name that the caller used, and the tensor.
  let fetches: [(name: String, tensor: String)]
  let names: CallNames
  private let graph: Graph

  /// A call of a model.
  ///
  /// - Parameters:
  ///   - key: the signature; nil for the default.
  ///   - fetches: what to compute; if nothing, all results of the signature.
  ///   - hasTargets: whether operations are run for their effect, so that nothing need be fetched.
  /// - Throws: `GraftError` for a signature that is not there, and when nothing says what to compute.
  init(_ model: OpenedModel, signature key: String?, fetches: [String], hasTargets: Bool = false) throws {
    names = try CallNames(model, signature: key)
    graph = model.graph
    guard fetches.isEmpty else {
      self.fetches = fetches.map { [names] name in (name, names.fetch(name)) }
      return
    }
    self.fetches = hasTargets ? [] : names.results
    guard hasTargets || !self.fetches.isEmpty else {
      let outputs = GraphInspection(model.graph.snapshot).outputs.prefix(5).map(\.name)
      let keys = model.signatures.keys.sorted()
      let remedy =
        !keys.isEmpty
        ? "Name one with --signature: \(keys.joined(separator: ", "))."
        : outputs.isEmpty
          ? "Name tensors with --fetch." : "Name tensors with --fetch, as \(outputs.joined(separator: ", "))."
      throw GraftError(
        .invalidArgument, "Nothing says what to compute: the model has no default signature.",
        at: .init(file: model.source.path),
        remedy: remedy
      )
    }
  }

  /// Reads the values that are fed: those named one by one, and of a file's arrays the others.
  func feeds(_ options: CallOptions, pictures: PicturePreparation) throws -> [Feed] {
    let reader = FeedReader(graph: graph, pictures: pictures)
    let arguments = try options.feed.map(FeedArgument.init)
    // 'x' and 'x:0' are the same tensor.
    func fullName(_ name: String) -> String {
      (try? graph.tensor(named: names.feed(name)))?.name ?? names.feed(name)
    }
    let named = Set(arguments.map { fullName($0.name) })
    let arrays = try (options.feeds.map { try NPZ.read($0) } ?? []).filter {
      !named.contains(fullName($0.name))
    }
    func feed(_ name: String, _ value: (_ tensor: String) throws -> Tensor) rethrows -> Feed {
      let tensor = names.feed(name)
      return Feed(name: name, tensorName: tensor, value: try value(tensor))
    }
    return try naming(arrays.map(\.name) + arguments.map(\.name)) {
      try arrays.map { name, array in try feed(name) { try reader.value(array, named: name, for: $0) } }
        + arguments.map { argument in
          try feed(argument.name) { try reader.value(of: argument, for: $0) }
        }
    }
  }

  /// Does something in whose errors the signature's names are told.
  func naming<R>(_ feeds: [Feed], _ body: () throws -> R) throws -> R {
    try naming(feeds.map(\.name), body)
  }

  private func naming<R>(_ feeds: [String], _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as GraftError {
      throw names.explained(error, feeds: feeds)
    }
  }
}
