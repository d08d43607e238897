import ArgumentParser
import GraftTensor

/// A file that takes what a run computed.
struct ResultFile {
  private enum Format {
    case npy, npz, json
  }

  private let path: String
  private let format: Format

  /// A file of the format that its name's ending tells.
  ///
  /// - Throws: `ValidationError` for other endings, or when the format does not hold as many tensors.
  init(path: String, fetchCount: Int) throws {
    self.path = path
    if path.hasSuffix(".npz") {
      format = .npz
    } else if path.hasSuffix(".json") {
      format = .json
    } else if path.hasSuffix(".npy") {
      guard fetchCount == 1 else {
        throw ValidationError(
          "A .npy file holds one array, and there are \(fetchCount) fetches: use .npz.")
      }
      format = .npy
    } else {
      throw ValidationError("--output '\(path)' ends in none of .npz, .npy and .json.")
    }
  }

  /// Writes tensors under the names that they were fetched by.
  func write(_ results: [(name: String, tensor: Tensor)]) throws {
    switch format {
    case .npz: try NPZ.write(results, to: path)
    case .npy:
      for (_, tensor) in results { try tensor.write(npy: path) }
    case .json:
      try FileBytes.write(Array((Self.json(results).compact + "\n").utf8), to: path)
    }
  }

  /// Tensors with dtype, shape and values, under their names.
  static func json(_ results: [(name: String, tensor: Tensor)]) throws -> JSONValue {
    .object(
      try results.map { name, tensor in
        JSONValue.Member(
          name: name,
          value: .object([
            "dtype": .string(tensor.dtype.name),
            "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
            "values": try tensor.json(),
          ]))
      })
  }
}
