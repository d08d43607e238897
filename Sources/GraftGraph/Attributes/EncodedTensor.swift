import GraftTensor

/// A `tensorflow.TensorProto` as it stands in its document, decoded when somebody asks for the values.
package struct EncodedTensor: Sendable {
  let document: GraphBytes
  let range: ByteRange
  /// The type of the elements; nil for a number that no dtype of ours has.
  package let dtype: DataType?
  /// The sizes as they are written, which a tensor needs all of; see ``tensor()``.
  package let shape: PartialShape

  /// The message in a part of a document.
  init(document: GraphBytes, range: ByteRange) throws(WireError) {
    let header = try TensorHeader(document.reader(range))
    self.document = document
    self.range = range
    dtype = DataType(rawValue: header.dtype)
    shape = PartialShape(header.hasUnknownRank ? nil : header.sizes.map { $0 < 0 ? nil : Int($0) })
  }

  /// A tensor as a message of its own.
  ///
  /// - Throws: `GraftError` (`unimplemented`) for handles.
  package init(_ tensor: Tensor) throws {
    let document = try GraphBytes(copying: try tensor.serialized())
    try self.init(document: document, range: document.all)
  }

  /// The tensor: a view of the document's bytes where they lie as in memory, else a copy, which those
  /// who ask while it is held share, unless it is small.
  ///
  /// - Throws: `GraftError`: `dataLoss` for bytes that are too few or too many, `invalidArgument` for a shape
  ///   or dtype that no tensor has, `resourceExhausted` for a size beyond all memory.
  /// - Complexity: O(1) for a view; O(elements) else.
  package func tensor() throws -> Tensor {
    try TensorDecoder(document: document, range: range).decode()
  }

  /// The tensor as ``tensor()`` gives it, but that a large one is a view wherever its elements lie: before
  /// these are looked at one by one, it is to be `aligned()`.
  package func view() throws -> Tensor {
    try TensorDecoder(document: document, range: range, viewsFrom: Self.largeByteCount).decode()
  }

  /// From how many bytes on a value counts as large.
  static let largeByteCount = 1 << 12

  /// The serialized message.
  package var serialized: [UInt8] { document.array(range) }
}
