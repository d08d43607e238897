import Glibc
import Graft
import GraftGraph
import GraftPictures
import GraftRuntime
import GraftTensor

/// Makes the tensors that feeds name, of the dtypes that the graph wants.
struct FeedReader {
  private let graph: Graph
  private let snapshot: GraphSnapshot
  private let pictures: PicturePreparation

  /// A reader of feeds for a graph.
  init(graph: Graph, pictures: PicturePreparation) {
    self.graph = graph
    snapshot = graph.snapshot
    self.pictures = pictures
  }

  /// The value that a feed gives to a tensor.
  ///
  /// - Throws: `GraftError` when the graph has no such tensor, the file cannot be read, or its values do not
  ///   fit the tensor.
  func value(of feed: FeedArgument, for tensor: String) throws -> Tensor {
    try value(named: feed.name, for: tensor) { wanted in
      switch feed.source {
      case .literal(let text): try literal(text, wanted)
      case .file(let path): try file(path, wanted)
      case .entry(let path, let key):
        try NPZ(contentsOf: path).tensor(named: key).converted(to: wanted.dtype)
      }
    }
  }

  /// The value that an array gives to a tensor, of the dtype that the graph wants.
  func value(_ array: Tensor, named name: String, for tensor: String) throws -> Tensor {
    try value(named: name, for: tensor) { try array.converted(to: $0.dtype) }
  }

  private func value(
    named name: String, for tensor: String, _ make: (Wanted) throws -> Tensor
  ) throws -> Tensor {
    let wanted = try Wanted(try graph.tensor(named: tensor), in: snapshot)
    do {
      return try make(wanted)
    } catch let error as GraftError {
      throw GraftError(
        error.code, "The feed for '\(name)' failed. " + error.message, at: error.place,
        remedy: error.remedy, cause: error.cause)
    }
  }

  /// What the graph wants to be fed.
  private struct Wanted {
    let dtype: DataType
    let shape: PartialShape

    init(_ output: Output, in snapshot: GraphSnapshot) throws {
      guard let dtype = output.dtype else {
        throw GraftError(
          .invalidGraph, "The graph does not say of which dtype '\(output.name)' is.",
          remedy: "Feed a tensor whose dtype is known, as a placeholder.")
      }
      self.dtype = dtype
      guard let node = snapshot.nodeIndex(named: output.operationName).map({ snapshot.nodes[$0] }),
        node.op.hasPrefix("Placeholder")
      else {
        shape = .unknown
        return
      }
      shape = placeholderShape(node, producer: snapshot.versions.producer)
    }
  }

  private func literal(_ text: String, _ wanted: Wanted) throws -> Tensor {
    do {
      return try Tensor(json: JSONParser.parse(text), as: wanted.dtype)
    } catch {
      // Without quotes, a text is no JSON.
      guard wanted.dtype == .string, !text.hasPrefix("["), !text.hasPrefix("{"), !text.hasPrefix("\"") else {
        guard let error = error as? GraftError, access(text, F_OK) == 0 else { throw error }
        throw GraftError(
          error.code, error.message, at: error.place,
          remedy: "To feed what the file holds, put an @ before its name: @\(text).")
      }
      return try Tensor(Bytes(text))
    }
  }

  private func file(_ path: String, _ wanted: Wanted) throws -> Tensor {
    let file = try MappedFile(path: path, allowsEmpty: wanted.dtype == .string)
    switch FileKind(of: file.bytes, path: path) {
    case .npy:
      return try Tensor(npy: path).converted(to: wanted.dtype)
    case .npz:
      let file = try NPZ(contentsOf: path)
      guard file.names.count == 1 else {
        throw GraftError(
          .invalidArgument, "The file holds \(file.names.count) arrays.", at: .init(file: path),
          remedy:
            "Name one of them after a colon; there are: \(file.names.prefix(20).joined(separator: ", ")).")
      }
      return try file.tensor(named: file.names[0]).converted(to: wanted.dtype)
    case .json:
      return try Tensor(json: JSONParser.parse(contentsOf: path), as: wanted.dtype)
    case .records where wanted.dtype == .string:
      return try Tensor(TFRecordReader.records(path: path))
    case .picture where wanted.dtype != .string:
      return try pictures.tensor(Picture(contentsOf: path), as: wanted.dtype, shape: wanted.shape)
    case .picture, .records, .other:
      guard wanted.dtype == .string else {
        throw GraftError(
          .wrongFileKind, "The file is neither .npy, .npz, .json, PNG nor JPEG.", at: .init(file: path),
          remedy: "Convert it to one of these.")
      }
      // The bytes themselves, as an encoded picture or a serialized example is fed.
      let dimensions = Array(repeating: 1, count: min(wanted.shape.rank ?? 0, 8))
      return try Tensor(shape: dimensions, scalars: [Bytes(Array(file.bytes))])
    }
  }

  /// What a file that is fed holds, told by its first bytes, or its name where those tell nothing.
  private enum FileKind {
    case npy, npz, json, picture, records, other

    init(of bytes: UnsafeRawBufferPointer, path: String) {
      if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
        self = .npy
      } else if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
        self = .npz
      } else if Picture.Format(sniffing: bytes) != nil {
        self = .picture
      } else if TFRecordReader.isRecordFile(bytes) || path.contains(".tfrecord") {
        self = .records
      } else {
        self = path.hasSuffix(".json") ? .json : .other
      }
    }
  }
}
