import GraftProto
import GraftTensor

/// A V1 checkpoint: one or several tables. Under the empty key each has a list of the tensors in it; under
/// a key made of name and slice, the values.
final class SliceFiles: TensorStore {
  let tensors: [StoredTensor]
  let problems: [GraftError]
  private let tables: [TableFile]
  private let parts: [Part]

  private struct Part: Sendable {
    let table: Int
    let slice: TensorSlice
    let shape: Shape
  }

  /// A tensor as far as the tables read so far have it.
  private struct Found {
    let dtype: DataType
    let shape: Shape
    var slices: [TensorSlice] = []
    var tables: [Int] = []
  }

  /// Opens the tables.
  ///
  /// - Throws: what is wrong with a table that is there; missing ones are `problems`.
  init(_ paths: [String]) throws {
    var tables: [TableFile] = []
    var problems: [GraftError] = []
    var found: [[UInt8]: Found] = [:]
    for path in paths {
      let file: MappedFile
      switch Self.opened(path) {
      case .success(let mapped): file = mapped
      case .failure(let error):
        guard paths.count > 1 else { throw error }
        problems.append(Self.missing(path, tables.count + problems.count + 1, of: paths.count, error))
        continue
      }
      let table = try TableFile(file)
      try Self.register(table, number: tables.count, in: &found)
      tables.append(table)
    }
    var parts: [Part] = []
    var tensors: [StoredTensor] = []
    for key in found.keys.sorted(by: { $0.precedes($1) }) {
      guard let tensor = found[key] else { continue }
      let first = parts.count
      for (slice, table) in zip(tensor.slices, tensor.tables) {
        let size = try slice.box(in: tensor.shape).size
        parts.append(Part(table: table, slice: slice, shape: Shape(size)))
      }
      var bytes: Int?
      if case .plain(let size) = tensor.dtype.layout { bytes = tensor.shape.elementCount * size }
      let stored = Result { () throws(GraftError) in
        try StoredTensor.sliced(
          key: key, dtype: tensor.dtype, shape: tensor.shape, slices: tensor.slices,
          ids: Array(first..<parts.count),
          byteCounts: parts[first...].map { $0.shape.elementCount * tensor.dtype.size }, byteCount: bytes)
      }
      let file = tables[tensor.tables.first ?? 0].file.path
      tensors.append(try stored.mapError { $0.at(.init(file: file)) }.get())
    }
    self.tables = tables
    self.parts = parts
    self.tensors = tensors
    self.problems = problems
  }

  private static func opened(_ path: String) -> Result<MappedFile, GraftError> {
    Result { () throws(GraftError) in try MappedFile(path: path) }
  }

  private static func missing(_ path: String, _ number: Int, of count: Int, _ cause: GraftError) -> GraftError
  {
    GraftError(
      cause.code,
      "File \(number) of \(count) of the checkpoint, '\(Folder.split(path).name)', "
        + "\(cause.code == .notFound ? "is missing" : "cannot be opened"); which tensors are in it only "
        + "the file "
        + "itself says.",
      at: .init(file: path), remedy: "Copy or download it again; all files belong in one folder.",
      cause: cause)
  }

  /// Reads a table's list of tensors.
  private static func register(
    _ table: TableFile, number: Int, in found: inout [[UInt8]: Found]
  ) throws(GraftError) {
    do throws(GraftError) {
      try list(table, number: number, in: &found)
    } catch {
      throw error.at(.init(file: table.file.path))
    }
  }

  private static func list(
    _ table: TableFile, number: Int, in found: inout [[UInt8]: Found]
  ) throws(GraftError) {
    guard let value = try table.value(of: []) else {
      throw GraftError(.dataLoss, "The file has no list of its tensors (no entry with the empty key).")
    }
    let message: Tensorflow_SavedTensorSlices = try decoded(value.bytes, "the list of tensors")
    withExtendedLifetime(value.owner) {}
    try message.meta.versions.checkReadable()
    for listed in message.meta.tensor {
      let key = Array(listed.name.utf8)
      let dtype = try DataType(wire: listed.type.rawValue, of: key)
      let shape = try Shape(listed.shape, of: key)
      var tensor = found[key] ?? Found(dtype: dtype, shape: shape)
      guard tensor.dtype == dtype, tensor.shape == shape else {
        throw GraftError(
          .dataLoss,
          "The tensor \(KeyText.quoted(key)) is listed twice: as \(tensor.dtype) of shape "
            + "\(tensor.shape) and as "
            + "\(dtype) of shape \(shape).")
      }
      for slice in listed.slice {
        let slice = TensorSlice(slice)
        do {
          _ = try slice.box(in: shape)
        } catch {
          throw GraftError(.dataLoss, "The tensor \(KeyText.quoted(key)) has a wrong part: \(error.message)")
        }
        tensor.slices.append(slice)
        tensor.tables.append(number)
      }
      found[key] = tensor
    }
  }

  var fileCount: Int { tables.count }

  func isAvailable(_ id: Int) -> Bool { true }

  func order(_ id: Int) -> (file: Int, offset: Int) { (parts[id].table, id) }

  func part(_ id: Int, of tensor: StoredTensor) throws(GraftError) -> Tensor {
    let part = parts[id]
    let table = tables[part.table]
    guard let value = try table.value(of: OrderedCode.key(of: tensor.key, part.slice)) else {
      throw GraftError(
        .dataLoss,
        "The part '\(part.slice)' of the tensor \(KeyText.quoted(tensor.key)) is listed, but not there.",
        at: .init(file: table.file.path))
    }
    do {
      let values = try SavedValues.tensor(value, dtype: tensor.entry.dtype, shape: part.shape)
      try table.file.checkWhole()
      return values
    } catch {
      try table.file.checkWhole()
      throw GraftError(
        error.code, "Tensor \(KeyText.quoted(tensor.key)): \(error.message)",
        at: .init(file: table.file.path, offset: value.fileOffset), remedy: error.remedy, cause: error.cause)
    }
  }
}
