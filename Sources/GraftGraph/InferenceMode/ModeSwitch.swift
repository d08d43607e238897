import GraftTensor

/// What turns training on or off, or says how much dropout keeps, as `is_training`, `keras_learning_phase` and
/// `keep_prob`: what users of a graph that was written for training do not know that they have to feed.
///
/// A placeholder of a single value is one by its dtype and its name.
package struct ModeSwitch: Sendable {
  /// What it says.
  package enum Kind: Sendable {
    case mode
    case kept
    case dropped
  }

  package let kind: Kind
  /// The value for inference: 0 and 1 are false and true of a mode.
  let number: Double
  /// Whether its name speaks of it; whatever a truth value is called, it switches something.
  let isNamed: Bool

  /// What a placeholder of a name and dtype is as a switch; nil for one that is none.
  package init?(_ name: String, _ dtype: DataType?) {
    let last = (name.split(separator: "/").last ?? "").lowercased()
    if dtype == .bool {
      let infers = Self.infers.contains(where: last.contains)
      isNamed = infers || Self.trains.contains(where: last.contains)
      (kind, number) = (.mode, infers ? 1 : 0)
    } else if dtype?.isFloatingPoint == true, last.contains("keep") {
      (kind, number, isNamed) = (.kept, 1, true)
    } else if dtype?.isFloatingPoint == true, last.contains("drop") {
      (kind, number, isNamed) = (.dropped, 0, true)
    } else {
      return nil
    }
  }

  private static let infers = ["infer", "test", "eval", "predict"]
  private static let trains = ["train", "phase", "learn", "drop", "mode"]

  /// The value for inference, as people write it.
  package var value: String { kind == .mode ? "\(number != 0)" : "\(Int(number))" }

  /// What to do about a placeholder of a name, as a sentence.
  package func advice(for name: String) -> String {
    switch kind {
    case .mode: "'\(name)' looks like a switch between training and inference: feed \(value) for inference."
    case .kept: "'\(name)' looks like the share that dropout keeps: feed \(value) for inference."
    case .dropped: "'\(name)' looks like the share that dropout drops: feed \(value) for inference."
    }
  }
}
