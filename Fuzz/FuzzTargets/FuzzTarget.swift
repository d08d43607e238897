/// What bytes from outside are fed to.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A GraphDef, binary or text: imported, described, exported.
  case graph
  /// A GraphDef that is run as well, under limits.
  case run
  /// A `.meta` file.
  case metaGraph = "meta"
  /// A `saved_model.pb`.
  case savedModel
  /// The index of a checkpoint and, behind a line of dashes, its data; the index's checksums made right.
  case checkpoint
  /// Keys and values of a checkpoint's index, made into a table whose checksums are right.
  case checkpointEntries
  /// A checkpoint of the first version.
  case sliceFile
  /// The text file that lists checkpoints.
  case checkpointState
  /// `.npy` and `.npz`.
  case numpy
  /// A TFRecord file, compressed or not; once as it is, once with its checksums made right.
  case records
  /// An Example or SequenceExample, to the ops that parse it.
  case examples
  /// Descriptors of messages and, behind a line of dashes, a message.
  case messages
  /// Pictures and sounds; the checksums of a PNG made right.
  case media
  /// What other ops decode: compressed and serialized tensors, JSON, base64, CSV, numbers, Unicode.
  case decoders

  /// Whether inputs are GraphDefs.
  package var takesGraphs: Bool { self == .graph || self == .run }

  /// Feeds bytes to the target. An error is an answer, and so is its text; the process must only go on.
  package func feed(_ bytes: [UInt8]) {
    do { try run(bytes) } catch { _ = "\(error)" }
  }

  private func run(_ bytes: [UInt8]) throws {
    switch self {
    case .graph: try GraphTargets.importAndExport(bytes)
    case .run: try GraphTargets.run(bytes)
    case .metaGraph: try FileTargets.metaGraph(bytes)
    case .savedModel: try FileTargets.savedModel(bytes)
    case .checkpoint: try FileTargets.checkpoint(bytes)
    case .checkpointEntries: try FileTargets.checkpointEntries(bytes)
    case .sliceFile: try FileTargets.sliceFile(bytes)
    case .checkpointState: try FileTargets.checkpointState(bytes)
    case .numpy: try FileTargets.arrays(bytes)
    case .records: try FileTargets.records(bytes)
    case .examples: try OpTargets.examples(bytes)
    case .messages: try OpTargets.message(bytes)
    case .media: try OpTargets.media(bytes)
    case .decoders: try OpTargets.decode(bytes)
    }
  }
}
