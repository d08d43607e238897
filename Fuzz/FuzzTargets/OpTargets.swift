import Graft
import GraftTensor

/// Bytes as a string, fed to graphs of one op.
enum OpTargets {
  static func media(_ bytes: [UInt8]) throws { try feed(Checksums.ofPNG(bytes), to: pictures) }

  static func decode(_ bytes: [UInt8]) throws { try feed(bytes, to: decoders) }

  static func examples(_ bytes: [UInt8]) throws { try feed(bytes, to: parsers) }

  /// Takes the first half as descriptors, and the second as a message of the type `M` that they describe.
  static func message(_ bytes: [UInt8]) throws {
    let (descriptors, message) = FileTargets.halves(bytes)
    let source = "bytes://" + descriptors.map { byte in "\\" + octal(byte) }.joined()
    let types: [(String, String)] = [("a", "DT_INT32"), ("b", "DT_STRING"), ("c", "DT_DOUBLE")]
    let names = types.map { "s: \"\($0.0)\"" }.joined(separator: " ")
    let kinds = types.map { "type: \($0.1)" }.joined(separator: " ")
    for format in ["binary", "text"] {
      let session = session(
        "DecodeProtoV2",
        """
        attr { key: "message_type" value { s: "M" } } attr { key: "descriptor_source" value { s: "\(source)" } }
        attr { key: "field_names" value { list { \(names) } } } attr { key: "sanitize" value { b: true } }
        attr { key: "output_types" value { list { \(kinds) } } }
        attr { key: "message_format" value { s: "\(format)" } }
        """)
      try feed(message, to: [session].compactMap { $0 })
    }
  }

  private static func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return String(repeating: "0", count: 3 - digits.count) + digits
  }

  private static func feed(_ bytes: [UInt8], to sessions: [Session]) throws {
    let value = try Tensor(shape: [], scalars: [Bytes(bytes)])
    for session in sessions {
      do {
        for result in try session.run(["y:0"], feeding: ["x": value], options: .tight) { _ = "\(result)" }
      } catch {
        _ = "\(error)"
      }
    }
  }

  // MARK: - Graphs

  private static func session(_ op: String, _ attributes: String, more: String = "", inputs: [String] = ["x"])
    -> Session?
  {
    let edges = inputs.map { "input: \"\($0)\"" }.joined(separator: " ")
    let text = """
      node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_STRING } } }
      \(more) node { name: "y" op: "\(op)" \(edges) \(attributes) }
      """
    let graph = Graph()
    guard (try? graph.importGraphDef(bytes: Array(text.utf8))) != nil else { return nil }
    return Session(graph: graph, options: .tight)
  }

  private static let pictures = [
    ("DecodeImage", ""), ("DecodeImage", "attr { key: \"channels\" value { i: 3 } }"), ("DecodeJpeg", ""),
    ("DecodeJpeg", "attr { key: \"ratio\" value { i: 4 } }"),
    ("DecodePng", "attr { key: \"dtype\" value { type: DT_UINT16 } }"), ("DecodeGif", ""), ("DecodeBmp", ""),
    ("DecodeWebP", ""), ("DecodeWav", ""), ("ExtractJpegShape", ""),
    (
      "DecodeWav",
      "attr { key: \"desired_channels\" value { i: 2 } } attr { key: \"desired_samples\" value { i: 9 } }"
    ),
  ].compactMap { session($0, $1) }

  private static let float = "attr { key: \"out_type\" value { type: DT_FLOAT } }"

  private static let decoders: [Session] =
    [
      ("DecodeCompressed", "attr { key: \"compression_type\" value { s: \"ZLIB\" } }"),
      ("DecodeCompressed", "attr { key: \"compression_type\" value { s: \"GZIP\" } }"),
      ("ParseTensor", float), ("ParseTensor", "attr { key: \"out_type\" value { type: DT_STRING } }"),
      ("ParseTensor", "attr { key: \"out_type\" value { type: DT_VARIANT } }"),
      ("DecodeJSONExample", ""), ("DecodeBase64", ""), ("StringToNumber", ""), ("DecodeRaw", float),
      ("UnicodeScript", ""), ("StringLower", "attr { key: \"encoding\" value { s: \"utf-8\" } }"),
      (
        "UnicodeTranscode",
        "attr { key: \"input_encoding\" value { s: \"UTF-16\" } } attr { key: \"output_encoding\" value { s: \"UTF-8\" } }"
      ),
      ("UnicodeDecodeWithOffsets", "attr { key: \"input_encoding\" value { s: \"UTF-8\" } }"),
    ].compactMap { session($0, $1) }
    + [
      session(
        "DecodeCSV", "attr { key: \"OUT_TYPE\" value { list { type: DT_INT32 type: DT_STRING } } }",
        more: strings("s", [""]) + constant("i", "DT_INT32", "dim { size: 1 }", "int_val: 5"),
        inputs: ["x", "i", "s"])
    ].compactMap { $0 }

  // MARK: - Examples

  /// Features of every kind: dense, of varying length, sparse and ragged.
  private static let parsers: [Session] = [
    session(
      "ParseExampleV2",
      """
      \(list("Tdense", "type: DT_FLOAT type: DT_INT64 type: DT_STRING"))
      \(list("dense_shapes", "shape { dim { size: 2 } } shape { dim { size: -1 } dim { size: 2 } } shape { }"))
      attr { key: "num_sparse" value { i: 2 } } \(list("sparse_types", "type: DT_FLOAT type: DT_STRING"))
      \(list("ragged_value_types", "type: DT_INT64 type: DT_STRING"))
      \(list("ragged_split_types", "type: DT_INT32 type: DT_INT64"))
      """,
      more: keys + floats("d0", 2) + constant("d1", "DT_INT64", "dim { size: 0 }", "")
        + constant("d2", "DT_STRING", "", "string_val: \"x\""),
      inputs: ["x", "none", "ks", "kd", "kr", "d0", "d1", "d2"]),
    session(
      "ParseSequenceExampleV2",
      """
      attr { key: "Ncontext_sparse" value { i: 2 } } attr { key: "Nfeature_list_sparse" value { i: 2 } }
      attr { key: "Nfeature_list_dense" value { i: 1 } }
      \(list("Tcontext_dense", "type: DT_FLOAT")) \(list("context_dense_shapes", "shape { dim { size: 2 } }"))
      \(list("context_sparse_types", "type: DT_FLOAT type: DT_STRING"))
      \(list("context_ragged_value_types", "type: DT_INT64")) \(list("context_ragged_split_types", "type: DT_INT32"))
      \(list("feature_list_dense_types", "type: DT_FLOAT"))
      \(list("feature_list_dense_shapes", "shape { dim { size: 2 } }"))
      \(list("feature_list_sparse_types", "type: DT_FLOAT type: DT_STRING"))
      \(list("feature_list_ragged_value_types", "type: DT_INT64"))
      \(list("feature_list_ragged_split_types", "type: DT_INT64"))
      """,
      more: keys + floats("d0", 2) + strings("k1", ["a"]) + strings("k2", ["c"])
        + constant("empty", "DT_BOOL", "dim { size: 1 }", "bool_val: true"),
      inputs: ["x", "name", "ks", "k1", "k2", "ks", "k1", "k2", "empty", "d0"]),
    session("DecodeProtoV2", exampleMessage),
  ].compactMap { $0 }

  private static let exampleMessage = """
    attr { key: "message_type" value { s: "tensorflow.Example" } } attr { key: "sanitize" value { b: true } }
    \(list("field_names", "s: \"features\"")) \(list("output_types", "type: DT_STRING"))
    """

  private static let keys =
    strings("none", []) + strings("ks", ["a", "b"]) + strings("kd", ["a", "c", "b"])
    + strings("kr", ["c", "b"])
    + constant("name", "DT_STRING", "", "string_val: \"\"")

  private static func list(_ name: String, _ values: String) -> String {
    "attr { key: \"\(name)\" value { list { \(values) } } }"
  }

  private static func floats(_ name: String, _ count: Int) -> String {
    constant(name, "DT_FLOAT", "dim { size: \(count) }", "float_val: 1")
  }

  private static func constant(_ name: String, _ type: String, _ shape: String, _ values: String) -> String {
    """
    node { name: "\(name)" op: "Const" attr { key: "dtype" value { type: \(type) } } attr { key: "value" value {
      tensor { dtype: \(type) tensor_shape { \(shape) } \(values) } } } }

    """
  }

  private static func strings(_ name: String, _ values: [String]) -> String {
    constant(
      name, "DT_STRING", "dim { size: \(values.count) }",
      values.map { "string_val: \"\($0)\"" }.joined(separator: " "))
  }
}
