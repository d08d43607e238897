import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// What TensorFlow's advisories describe, where no other test of this folder attacks in the same way.
@Suite struct KnownAttacks {
  private func error(_ nodes: String) -> GraftError? {
    thrown {
      let graph = Graph()
      try graph.importGraphDef(bytes: Array(nodes.utf8))
      _ = try Session(graph: graph, options: SessionOptions(threads: 1)).run("y:0")
    }
  }

  private func constant(
    _ name: String, _ values: [Int64], shape: [Int]? = nil, _ attribute: String = "DT_INT64"
  )
    -> String
  {
    let sizes = (shape ?? [values.count]).map { "dim { size: \($0) }" }.joined(separator: " ")
    let list = values.map { "int64_val: \($0)" }.joined(separator: " ")
    return """
      node { name: "\(name)" op: "Const" attr { key: "dtype" value { type: \(attribute) } } attr { key: "value" value {
        tensor { dtype: DT_INT64 tensor_shape { \(sizes) } \(list) } } } }

      """
  }

  /// CVE-2022-23583: the attribute says one dtype, and the tensor is of another.
  @Test(arguments: ["DT_STRING", "DT_RESOURCE", "DT_VARIANT", "DT_COMPLEX128", "DT_BOOL"])
  func aConstantIsOfTheDtypeThatItsAttributeSays(dtype: String) {
    let text =
      constant("x", [1, 2], shape: nil, dtype)
      + "node { name: \"y\" op: \"Identity\" input: \"x\" attr { key: \"T\" value { type: \(dtype) } } }"
    let error = error(text)
    #expect(error?.code == .invalidArgument && error?.place.node == "x", "\(String(describing: error))")
  }

  /// CVE-2022-23580 and -23582: shapes that have more dimensions than any, and sizes below zero.
  @Test(arguments: [300, 100_000]) func shapesOfAbsurdRankAreRefused(rank: Int) {
    let ones = [Int](repeating: 1, count: rank)
    #expect(error(constant("y", [1], shape: ones))?.code == .invalidGraph)
    let dims = constant("dims", [Int64](repeating: 1, count: rank)) + constant("v", [7], shape: [])
    let fill = """
      node { name: "y" op: "Fill" input: "dims" input: "v" attr { key: "T" value { type: DT_INT64 } }
        attr { key: "index_type" value { type: DT_INT64 } } }
      """
    #expect(error(dims + fill)?.code == .invalidArgument)
    let reshape = """
      node { name: "y" op: "Reshape" input: "v" input: "dims" attr { key: "T" value { type: DT_INT64 } }
        attr { key: "Tshape" value { type: DT_INT64 } } }
      """
    #expect(error(dims + reshape)?.code == .invalidArgument)
  }

  /// TFSA-2020-015 to -021: splits that point beyond the values, back, or nowhere.
  @Test(arguments: [[0, 9], [1, 3], [0, 2, 1, 3], [-1, 3], [0], [], [.max, 3]] as [[Int64]])
  func countsOfRaggedRowsLookAtNothingBeyondTheirValues(splits: [Int64]) {
    let inputs = constant("s", splits) + constant("v", [1, 2, 3]) + constant("w", [])
    let count = """
      node { name: "y" op: "RaggedCountSparseOutput" input: "s" input: "v" input: "w"
        attr { key: "T" value { type: DT_INT64 } } attr { key: "output_type" value { type: DT_INT64 } }
        attr { key: "binary_output" value { b: false } } attr { key: "minlength" value { i: -1 } }
        attr { key: "maxlength" value { i: -1 } } }
      """
    #expect(error(inputs + count)?.code == .invalidArgument)
    let bins = """
      node { name: "y" op: "RaggedBincount" input: "s" input: "v" input: "n" input: "w"
        attr { key: "Tidx" value { type: DT_INT64 } } attr { key: "T" value { type: DT_INT64 } } }
      """
    #expect(error(inputs + constant("n", [4], shape: []) + bins)?.code == .invalidArgument)
  }

  /// The same for sparse rows: a place outside of the shape, and shapes that are none.
  @Test(
    arguments: [
      ([0, 0, 5, 0, 1, 1], [2, 2]), ([0, 0, -1, 0, 1, 1], [2, 2]), ([0, 0, 1, 0, 1, 1], [-2, 2]),
      ([0, 0, 1, 0, 1, 1], []), ([0, 0, 1, 0, 1, 1], [.max, .max]),
    ] as [([Int64], [Int64])])
  func countsOfSparseRowsLookAtNothingBeyondTheirShape(indices: [Int64], shape: [Int64]) {
    let inputs =
      constant("i", indices, shape: [3, 2]) + constant("v", [1, 2, 3]) + constant("d", shape)
      + constant("w", [])
    let count = """
      node { name: "y" op: "SparseCountSparseOutput" input: "i" input: "v" input: "d" input: "w"
        attr { key: "T" value { type: DT_INT64 } } attr { key: "output_type" value { type: DT_INT64 } }
        attr { key: "binary_output" value { b: false } } attr { key: "minlength" value { i: -1 } }
        attr { key: "maxlength" value { i: -1 } } }
      """
    let error = error(inputs + count)
    #expect(
      error.map { [.invalidArgument, .resourceExhausted].contains($0.code) } == true,
      "\(String(describing: error))")
  }
}
