import GraftTensor
import Synchronization

/// A TensorFlow graph: operations and the edges between them, with the library of functions that they call.
///
/// A graph begins empty and grows by imports. It may be used from several threads; whoever looks at it sees
/// whole imports only. What was imported is kept as it was, so that a graph exports to an equal GraphDef.
///
/// ```swift
/// let graph = Graph()
/// try graph.importGraphDef(contentsOf: "frozen_graph.pb")
/// let output = try graph.tensor(named: "probabilities:0")
/// ```
public final class Graph: Sendable {
  private let state: Mutex<GraphSnapshot>
  // Held for the length of an import, so that those who look meanwhile need not wait.
  private let importing = Mutex(())

  /// A graph with nothing in it.
  public convenience init() {
    self.init(extensions: [:])
  }

  /// A graph with nothing in it, whose nodes may have ops beyond TensorFlow's own.
  package init(extensions: [String: any OpExtension]) {
    state = Mutex(.empty(extensions: extensions))
  }

  /// The graph as it is now.
  package var snapshot: GraphSnapshot { state.withLock { $0 } }

  /// Imports the GraphDef of a file, binary or text, whichever it is.
  ///
  /// The file is mapped: constants are views of it, and it must stay as it is while the graph is used.
  ///
  /// - Returns: what `returnElements` asked for, and what the import did.
  /// - Throws: `GraftError` for a file that is not there, not readable or no GraphDef, and for a graph that
  ///   contradicts itself; all errors of the graph's structure are told at once. The graph is then as it was.
  /// - Complexity: O(operations).
  @discardableResult
  public func importGraphDef(contentsOf path: String, options: ImportOptions) throws -> ImportResult {
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      throw error.code == .wrongFileKind ? Self.explainFolder(path) ?? error : error
    }
    return try importGraphDef(GraphBytes(file), options: options)
  }

  /// Imports a GraphDef, binary or text, whichever it is.
  ///
  /// - Returns: what `returnElements` asked for, and what the import did.
  /// - Throws: `GraftError` as ``importGraphDef(contentsOf:options:)``.
  @discardableResult
  public func importGraphDef(bytes: [UInt8], options: ImportOptions) throws -> ImportResult {
    try importGraphDef(try GraphBytes(copying: bytes), options: options)
  }

  /// Imports the GraphDef, binary or text, that fills a document.
  @discardableResult
  package func importGraphDef(_ document: GraphBytes, options: ImportOptions = ImportOptions()) throws
    -> ImportResult
  {
    guard document.count > 0 else {
      throw GraftError(
        .dataLoss, "There are no bytes to import a graph from.", at: .init(file: document.file),
        remedy: "Download or export the graph again.")
    }
    let kind = FileKind(document)
    if let refusal = kind.refusal(document) { throw refusal }
    guard kind == .textGraphDef else {
      return try importGraphDef(document, range: document.all, options: options)
    }
    let bytes = try TextFormatReader.read(document, message: "GraphDef", limits: options.limits)
    let binary = try GraphBytes(copying: bytes, file: document.file)
    return try importGraphDef(binary, range: binary.all, options: options)
  }

  /// Imports the binary GraphDef that lies in a part of a document.
  @discardableResult
  package func importGraphDef(
    _ document: GraphBytes, range: ByteRange, options: ImportOptions = ImportOptions()
  ) throws -> ImportResult {
    let file = document.owner as? MappedFile
    do {
      let scan = try GraphDefScan(graphDef: range, in: document, limits: options.limits)
      return try importing.withLock { _ in
        let (next, result) = try imported(scan, range, options)
        try file?.checkWhole()
        state.withLock { $0 = next }
        return result
      }
    } catch {
      // Bytes that went away meanwhile explain whatever is wrong with them.
      try file?.checkWhole()
      throw error
    }
  }

  /// The graph with a GraphDef in it, set to infer where that is asked for.
  private func imported(_ scan: GraphDefScan, _ range: ByteRange, _ options: ImportOptions) throws
    -> (GraphSnapshot, ImportResult)
  {
    var importer = GraphImporter(scan: scan, base: snapshot, options: options)
    let asWritten = try importer.run()
    guard options.inferenceMode else { return asWritten }
    let mode = try InferenceMode(scan, range, importedInto: asWritten.0)
    guard let document = try mode.rewritten() else { return (asWritten.0, asWritten.1.noting(mode.notes)) }
    let rewritten = try GraphDefScan(graphDef: document.all, in: document, limits: options.limits)
    importer = GraphImporter(scan: rewritten, base: snapshot, options: options)
    let (next, result) = try importer.run()
    return (next, result.noting(mode.notes))
  }

  /// What a folder is that was named in place of a file.
  private static func explainFolder(_ path: String) -> GraftError? {
    guard (try? MappedFile(path: path + "/saved_model.pb", allowsEmpty: true)) != nil else { return nil }
    return GraftError(
      .wrongFileKind, "This is the folder of a SavedModel, and the file of a GraphDef was expected.",
      at: .init(file: path), remedy: "Open it with SavedModel.load.")
  }

  // MARK: - Operations

  /// The operations, in the order in which they were imported.
  public var operations: [Operation] {
    let snapshot = snapshot
    return snapshot.nodes.indices.map { Operation(snapshot: snapshot, index: $0) }
  }
}
