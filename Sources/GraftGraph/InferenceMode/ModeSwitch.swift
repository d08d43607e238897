import GraftTensor

/// Placeholders that set a graph to train or to infer, as `is_training`, `keras_learning_phase` and `keep_prob`.
package enum ModeSwitch {
  /// What such a placeholder is for inference: 0 and 1 are false and true of a bool.
  ///
  /// - Parameter name: the placeholder's name.
  /// - Returns: nil for a placeholder whose name speaks of no mode.
  package static func inferenceValue(_ name: String, _ dtype: DataType?) -> Double? {
    let last = (name.split(separator: "/").last ?? "").lowercased()
    if dtype == .bool {
      if infers.contains(where: last.contains) { return 1 }
      return trains.contains(where: last.contains) ? 0 : nil
    }
    guard dtype?.isFloatingPoint == true else { return nil }
    if last.contains("keep") { return 1 }
    return last.contains("drop") ? 0 : nil
  }

  private static let infers = ["infer", "test", "eval", "predict"]
  private static let trains = ["train", "phase", "learn", "drop", "mode"]
}
