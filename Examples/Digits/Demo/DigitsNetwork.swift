import Graft

/// The network, imported in one of three ways.
struct DigitsNetwork {
  /// The way.
  let name: String
  private let run: (Tensor) throws -> Tensor?

  /// A frozen graph: the weights are constants in it.
  static func frozenGraph(_ path: String) throws -> DigitsNetwork {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: path)
    let session = Session(graph: graph)
    return DigitsNetwork(name: "frozen graph") { images in
      try session.run("probabilities:0", feeding: ["images:0": images])
    }
  }

  /// A SavedModel: its signature is called, by the names of arguments and results.
  static func savedModel(_ path: String) throws -> DigitsNetwork {
    let model = try SavedModel.load(path, tags: ["serve"], into: Session())
    let signature = try model.signature("serving_default")
    return DigitsNetwork(name: "SavedModel") { images in
      try signature.run(["images": images], results: ["probabilities"])["probabilities"]
    }
  }

  /// A graph and, apart from it, a checkpoint with the values of its variables.
  static func graph(_ path: String, checkpoint: String) throws -> DigitsNetwork {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: path)
    let session = Session(graph: graph)
    try Saver(graph: graph).restore(checkpoint, into: session)
    return DigitsNetwork(name: "graph + checkpoint") { images in
      try session.run("probabilities:0", feeding: ["images:0": images])
    }
  }

  /// The probabilities of the ten digits, for each image one after the other.
  func probabilities(_ images: Tensor) throws -> [Float] {
    try run(images)?.scalars() ?? []
  }
}
