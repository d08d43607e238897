import Graft
import GraftTensor

/// Graphs that are imported, and run under limits.
enum GraphTargets {
  static func importAndExport(_ bytes: [UInt8]) throws {
    let graph = Graph()
    do {
      try graph.importGraphDef(bytes: bytes)
    } catch {
      if let whole = try? FrozenGraph(completing: bytes) { try graph.importGraphDef(bytes: whole.graphDef) }
      throw error
    }
    for operation in graph.operations { _ = operation.name }
    try Graph().importGraphDef(bytes: try graph.graphDef())
    // What is set to infer is a graph again.
    let inferring = Graph()
    try inferring.importGraphDef(bytes: bytes, options: ImportOptions(inferenceMode: true))
    try Graph().importGraphDef(bytes: try inferring.graphDef())
  }

  static func run(_ bytes: [UInt8]) throws {
    let graph = Graph()
    try graph.importGraphDef(bytes: bytes)
    let feed = try Tensor(shape: [2, 2], scalars: [1, -1, 0.5, 2] as [Float])
    let placeholders = graph.operations.filter { $0.type == "Placeholder" }.prefix(4)
    let feeds = Dictionary(placeholders.map { ($0.name, feed) }, uniquingKeysWith: { first, _ in first })
    for optimize in [false, true] {
      var options = SessionOptions.tight
      options.optimize = optimize
      let session = Session(graph: graph, options: options)
      for operation in graph.operations.suffix(6) where !operation.outputs.isEmpty {
        guard let results = try? session.run([operation.name + ":0"], feeding: feeds, options: .tight) else {
          continue
        }
        for result in results { _ = "\(result)" }
      }
    }
  }
}

extension SessionOptions {
  /// One thread, and limits that end what would take long.
  static var tight: SessionOptions {
    SessionOptions(
      threads: 1,
      limits: SessionLimits(
        totalBytes: 64 << 20, tensorBytes: 16 << 20, loopSteps: 1000, functionDepth: 40,
        runTime: .milliseconds(500)))
  }
}

extension RunOptions {
  static var tight: RunOptions { RunOptions(timeout: .milliseconds(500)) }
}
