/// Where ops come from that are not TensorFlow's own, as far as their names tell.
package enum OpOrigin {
  /// The package that an op comes from; nil for one that nobody knows.
  package static func name(of op: String) -> String? {
    if let mark = op.firstIndex(of: ">") {
      let space = String(op[..<mark])
      return spaces[space] ?? space
    }
    return contributed[op].map { "tf.contrib.\($0), which ended with TensorFlow 1.15" }
      ?? beginnings.first { op.hasPrefix($0.0) }?.1
  }

  /// What stands before the mark in names as `Addons>GeluForward`.
  private static let spaces = [
    "Addons": "TensorFlow Addons", "IO": "TensorFlow I/O", "TFText": "TensorFlow Text",
  ]

  private static let beginnings = [
    ("TRT", "TensorRT"), ("Horovod", "Horovod"), ("Sentencepiece", "TensorFlow Text"),
    ("Wordpiece", "TensorFlow Text"), ("UnicodeScript", "TensorFlow Text"),
    ("Whitespace", "TensorFlow Text"), ("NormalizeUTF8", "TensorFlow Text"),
    ("RegexSplit", "TensorFlow Text"), ("CaseFoldUTF8", "TensorFlow Text"),
  ]

  /// Ops of tf.contrib that graphs have for inference, and that did not move into TensorFlow itself, by their
  /// module.
  private static let contributed = [
    "AdjustHsvInYiq": "image", "BipartiteMatch": "image", "ImageConnectedComponents": "image",
    "ImageProjectiveTransform": "image", "SingleImageRandomDotStereograms": "image",
    "Resampler": "resampler", "ResamplerGrad": "resampler",
    "GatherTree": "seq2seq",
    "SparseFeatureCross": "layers",
    "MaskedMatmul": "factorization", "WALSComputePartialLhsAndRhs": "factorization",
    "SkipGramGenerateCandidates": "text",
    "DecodeAudio": "ffmpeg", "DecodeAudioV2": "ffmpeg", "EncodeAudio": "ffmpeg",
    "PeriodicResample": "periodic_resample",
    "TreePredictionsV4": "tensor_forest",
    "GradientTreesPrediction": "boosted_trees",
  ]
}
