import GraftTensor

extension Checkpoint {
  /// A tensor in a checkpoint, and what is known of it without reading its values.
  public struct Entry: Sendable, Hashable {
    /// The name that it is stored under.
    public let key: String
    /// The type of its elements.
    public let dtype: DataType
    /// Its shape as a whole.
    public let shape: Shape
    /// The parts in which it is stored; empty when it is stored as a whole.
    public let slices: [TensorSlice]
    /// Bytes that its values take in the files; nil for strings of format V1, where only reading tells.
    public let byteCount: Int?
  }

  /// The two formats that TensorFlow has written.
  public enum Format: Sendable, Hashable {
    /// Until 2016, and later on demand: one or several tables with the values inside.
    case v1
    /// An index, and data files with the values.
    case v2
  }
}

/// A tensor and where its parts are.
struct StoredTensor: Sendable {
  /// The key as bytes.
  let key: [UInt8]
  /// What users see.
  let entry: Checkpoint.Entry
  /// The parts, which have nothing in common: one for a tensor stored as a whole.
  let parts: [StoredPart]
}

/// A part of a tensor, stored together.
struct StoredPart: Sendable {
  /// Where in the tensor.
  let box: Box
  /// What the store knows it by.
  let id: Int
  /// Bytes in the file, or in memory where that is not known.
  let byteCount: Int
}

/// Files that hold tensors: what the two formats have in common.
protocol TensorStore: Sendable {
  /// The tensors, sorted by key.
  var tensors: [StoredTensor] { get }
  /// How many files hold the values.
  var fileCount: Int { get }
  /// What is wrong with the files as a whole: those that are missing or end too early.
  var problems: [GraftError] { get }
  /// The values of a part, checked.
  func part(_ id: Int, of tensor: StoredTensor) throws(GraftError) -> Tensor
  /// Whether a part's file is there and long enough: where not, `problems` says so.
  func isAvailable(_ id: Int) -> Bool
  /// A number that orders parts as they lie in the files.
  func order(_ id: Int) -> (file: Int, offset: Int)
}

extension StoredTensor {
  /// Makes a tensor of what the index says of it.
  ///
  /// - Parameter parts: the slices with the ids and sizes of their parts; nil for a tensor stored as a whole
  ///   under `id`.
  /// - Throws: `GraftError` (`dataLoss`), without a place, for slices beyond the shape, or that overlap.
  static func sliced(
    key: [UInt8], dtype: DataType, shape: Shape, slices: [TensorSlice], ids: [Int], byteCounts: [Int],
    byteCount: Int?
  ) throws(GraftError) -> StoredTensor {
    var boxes: [Box] = []
    for slice in slices {
      do {
        boxes.append(try slice.box(in: shape))
      } catch {
        throw GraftError(.dataLoss, "The tensor \(KeyText.quoted(key)) has a wrong part: \(error.message)")
      }
    }
    if let (first, second) = Box.overlap(among: boxes) {
      throw GraftError(
        .dataLoss,
        "Two parts of the tensor \(KeyText.quoted(key)) overlap: '\(slices[first])' and "
          + "'\(slices[second])' of the "
          + "shape \(shape).")
    }
    let isWhole = boxes.count == 1 && boxes[0] == Box(shape)
    let entry = Checkpoint.Entry(
      key: KeyText.text(key), dtype: dtype, shape: shape, slices: isWhole ? [] : slices, byteCount: byteCount)
    let parts = boxes.indices.map { StoredPart(box: boxes[$0], id: ids[$0], byteCount: byteCounts[$0]) }
    return StoredTensor(key: key, entry: entry, parts: parts)
  }
}

extension DataType {
  /// The type with a number of the wire; that of a reference is the type referred to.
  init(wire number: Int, of key: [UInt8]) throws(GraftError) {
    let base = number > 100 ? number - 100 : number
    guard let raw = Int32(exactly: base), let type = DataType(rawValue: raw) else {
      throw GraftError(
        .dataLoss,
        "The tensor \(KeyText.quoted(key)) has the dtype number \(number), which no TensorFlow up to "
          + "2.21 writes.",
        remedy: "The file is damaged, or newer than this program.")
    }
    self = type
  }
}
