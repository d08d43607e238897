import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// The names by which a model is fed and fetched: a signature's arguments and results, and tensors'.
struct CallNames {
  /// The signature, by its key; nil where a model has none, or none that is the default.
  let signature: (key: String, definition: SignatureDef)?

  /// The key that is taken where none is named.
  static let defaultKey = "serving_default"

  /// The names of a model.
  ///
  /// - Parameter key: the signature to call; nil for `serving_default`, or the only one.
  /// - Throws: `GraftError` (`notFound`) for a key that is not there, with those that are.
  init(_ model: OpenedModel, signature key: String?) throws {
    let signatures = model.signatures
    if let key {
      guard let definition = signatures[key] else {
        throw GraftError(
          .notFound, "The model has no signature '\(key)'.", at: .init(file: model.source.path),
          remedy: signatures.isEmpty
            ? "It has none at all: name its tensors, which 'graft inspect' lists."
            : "It has \(signatures.keys.sorted().joined(separator: ", ")).")
      }
      signature = (key, definition)
    } else if let definition = signatures[Self.defaultKey] {
      signature = (Self.defaultKey, definition)
    } else if signatures.count == 1, let (key, definition) = signatures.first {
      signature = (key, definition)
    } else {
      signature = nil
    }
  }

  /// The results of the signature with their tensors, by name; none where there is no signature.
  var results: [(name: String, tensor: String)] {
    guard let signature else { return [] }
    return signature.definition.outputs.sorted { $0.key < $1.key }.map { ($0.key, $0.value.name) }
  }

  /// The tensors of the signature's arguments, in the order of their names.
  var feeds: [String] {
    (signature?.definition.inputs ?? [:]).sorted { $0.key < $1.key }.map(\.value.name)
  }

  /// The tensor that is fed under a name: that of the signature's argument, or else the graph's own.
  func feed(_ name: String) -> String {
    signature?.definition.inputs[name]?.name ?? name
  }

  /// The tensor that is fetched under a name: that of the signature's result, or else the graph's own.
  func fetch(_ name: String) -> String {
    signature?.definition.outputs[name]?.name ?? name
  }

  /// An error about a name or a missing feed, with what the signature takes and gives.
  func explained(_ error: GraftError, feeds: some Collection<String>) -> GraftError {
    guard let signature, error.code == .notFed || error.code == .notFound else { return error }
    var sentences = error.remedy.map { [$0] } ?? []
    if error.code == .notFed {
      let missing = signature.definition.inputs.filter { name, info in
        !feeds.contains(name) && !feeds.contains { feed($0) == info.name }
      }
      guard !missing.isEmpty else { return error }
      let list = missing.sorted { $0.key < $1.key }.map { name, info in
        "--feed \(name)=… (\(info.dtype?.name ?? "?") \(info.shape))"
      }
      sentences = ["The signature '\(signature.key)' takes \(list.joined(separator: ", "))."]
    } else {
      let inputs = signature.definition.inputs.keys.sorted().joined(separator: ", ")
      let outputs = signature.definition.outputs.keys.sorted().joined(separator: ", ")
      sentences.append(
        "The signature '\(signature.key)' has the arguments \(inputs.isEmpty ? "none" : inputs) and the "
          + "results \(outputs).")
    }
    return GraftError(
      error.code, error.message, at: error.place, remedy: sentences.joined(separator: " "), cause: error.cause
    )
  }
}

extension OpenedModel {
  /// The ways of calling the model; those left out that only loading it uses.
  var signatures: [String: SignatureDef] {
    metaGraph?.signatures.filter { !$0.key.hasPrefix("__saved_model_") } ?? [:]
  }
}
