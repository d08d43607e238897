import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Graphs that ask for more memory, steps or time than a session gives.
@Suite struct Exhaustion {
  private func error(
    _ graph: Graph, _ fetch: String, limits: SessionLimits = SessionLimits(), optimize: Bool = true
  ) -> GraftError? {
    thrown {
      _ = try Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize, limits: limits))
        .run(fetch)
    }
  }

  private func expect(
    _ code: GraftError.Code..., from text: GraphText, _ fetch: String,
    limits: SessionLimits = SessionLimits(),
    says words: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for optimize in [true, false] {
      let error = error(try text.graph(), fetch, limits: limits, optimize: optimize)
      #expect(
        error.map { code.contains($0.code) } == true, "\(String(describing: error))",
        sourceLocation: sourceLocation)
      if let words {
        #expect(
          error?.description.contains(words) == true, "\(String(describing: error))",
          sourceLocation: sourceLocation)
      }
    }
  }

  private static let int64 = ["T": "type: DT_FLOAT", "index_type": "type: DT_INT64"]

  private func int64(_ name: String, _ values: [Int64], isScalar: Bool = false) -> GraphText {
    let list = values.map { "int64_val: \($0)" }.joined(separator: " ")
    let shape = isScalar ? "" : "dim { size: \(values.count) }"
    return GraphText().node(
      name, "Const", [],
      ["dtype": "type: DT_INT64", "value": "tensor { dtype: DT_INT64 tensor_shape { \(shape) } \(list) }"])
  }

  // MARK: - Sizes

  @Test(
    arguments: [[1 << 62], [1 << 40, 1 << 40], [.max, .max, .max], [1 << 31, 1 << 31, 4]] as [[Int64]])
  func filledTensorsBeyondTheLimitAreRefused(dims: [Int64]) throws {
    let text = int64("dims", dims).constant("one", [], [1.0])
      .node("y", "Fill", ["dims", "one"], Self.int64)
    try expect(.resourceExhausted, .invalidArgument, from: text, "y")
  }

  @Test func broadcastsBeyondTheLimitAreRefused() throws {
    let text = int64("dims", [1 << 30, 1 << 30]).constant("one", [1], [1.0])
      .node("y", "BroadcastTo", ["one", "dims"], ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT64"])
    try expect(.resourceExhausted, .invalidArgument, from: text, "y")
  }

  @Test func tilesBeyondTheLimitAreRefused() throws {
    let text = int64("dims", [1 << 40, 1 << 40]).constant("one", [1, 1], [1.0])
      .node("y", "Tile", ["one", "dims"], ["T": "type: DT_FLOAT", "Tmultiples": "type: DT_INT64"])
    try expect(.resourceExhausted, .invalidArgument, from: text, "y")
  }

  @Test func rangesBeyondTheLimitAreRefused() throws {
    func scalar(_ name: String, _ value: Int64, _ text: GraphText) -> GraphText {
      text.node(
        name, "Const", [],
        [
          "dtype": "type: DT_INT64",
          "value": "tensor { dtype: DT_INT64 tensor_shape { } int64_val: \(value) }",
        ])
    }
    for (start, limit, delta) in [(0, Int64.max, 1), (.min, .max, 1), (.max, .min, -1)]
      as [(Int64, Int64, Int64)]
    {
      let text = scalar("c", delta, scalar("b", limit, scalar("a", start, GraphText())))
        .node("y", "Range", ["a", "b", "c"], ["Tidx": "type: DT_INT64"])
      try expect(.resourceExhausted, .invalidArgument, from: text, "y")
    }
    let text = scalar("n", .max, GraphText()).constant("a", [], [0.0]).constant("b", [], [1.0])
      .node("y", "LinSpace", ["a", "b", "n"], ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT64"])
    try expect(.resourceExhausted, .invalidArgument, from: text, "y")
  }

  /// A constant of a huge shape that is filled from one value, as TensorFlow writes zeros.
  @Test(arguments: [[1 << 40], [1 << 31, 1 << 31, 1 << 31], [.max]] as [[Int64]])
  func hugeConstantsAreRefused(dims: [Int64]) throws {
    let sizes = dims.map { "dim { size: \($0) }" }.joined(separator: " ")
    let text = GraphText().node(
      "y", "Const", [],
      [
        "dtype": "type: DT_FLOAT",
        "value": "tensor { dtype: DT_FLOAT tensor_shape { \(sizes) } float_val: 0 }",
      ])
    let error = thrown {
      _ = try Session(graph: try text.graph()).run("y")
    }
    #expect(error != nil && error?.code != .internalError, "\(String(describing: error))")
  }

  @Test func outputsBeyondCountingAreRefused() throws {
    for (op, count, type) in [
      ("Split", "num_split", "i: 2147483647"), ("Unpack", "num", "i: 9223372036854775807"),
    ] {
      let text = GraphText().constant("axis", [], [0]).constant("x", [2], [1.0, 2.0])
        .node("y", op, op == "Split" ? ["axis", "x"] : ["x"], ["T": "type: DT_FLOAT", count: type])
      let error = thrown { _ = try Session(graph: try text.graph()).run("y:0") }
      #expect(error != nil, "\(op)")
    }
  }

  /// Of no images the size may be anything: nothing is noted for each row.
  @Test(arguments: ["ResizeBilinear", "ResizeBicubic", "ResizeArea", "ResizeNearestNeighbor"])
  func noImagesAreResizedToAnySize(op: String) throws {
    let text = GraphText().constant("x", [0, 3, 3, 1], [] as [Float]).constant(
      "size", [2], [2_147_483_647, 2]
    )
    .node("y", op, ["x", "size"], ["T": "type: DT_FLOAT", "align_corners": "b: false"])
    for optimize in [true, false] {
      let limits = SessionLimits(totalBytes: 16 << 20)
      let session = Session(
        graph: try text.graph(), options: .init(threads: 1, optimize: optimize, limits: limits))
      #expect(try session.run("y:0").shape == [0, 2_147_483_647, 2, 1])
    }
  }

  /// What ops make beside tensors is looked at before it is made.
  @Test func workBesideTensorsIsCountedBeforeItIsDone() throws {
    let limits = SessionLimits(totalBytes: 64 << 20)
    let classes = int64("classes", [0]).node(
      "matrix", "ExpandDims", ["classes", "axis"], ["T": "type: DT_INT64"]
    )
    .constant("axis", [], [0])
    for op in ["UniformCandidateSampler", "LogUniformCandidateSampler", "AllCandidateSampler"] {
      var attributes = ["num_true": "i: 1", "num_sampled": "i: 268435456", "unique": "b: false"]
      if op != "AllCandidateSampler" { attributes["range_max"] = "i: 1000" }
      try expect(
        .resourceExhausted, from: classes.node("y", op, ["matrix"], attributes), "y:0", limits: limits)
    }
    let sparse = int64("shape", [1 << 40, 2])
      .node(
        "indices", "Const", [],
        [
          "dtype": "type: DT_INT64",
          "value":
            "tensor { dtype: DT_INT64 tensor_shape { dim { size: 1 } dim { size: 2 } } int64_val: 0 int64_val: 0 }",
        ]
      ).constant("values", [1], [1.0])
      .node("y", "AddManySparseToTensorsMap", ["indices", "values", "shape"], ["T": "type: DT_FLOAT"])
    try expect(.resourceExhausted, .invalidArgument, from: sparse, "y", limits: limits)
    let table = int64("empty", [0], isScalar: true).node(
      "y", "MutableDenseHashTableV2", ["empty", "deleted"],
      [
        "key_dtype": "type: DT_INT64", "value_dtype": "type: DT_INT64", "initial_num_buckets": "i: 268435456",
      ]
    ).node("n", "LookupTableSizeV2", ["y"]).node(
      "deleted", "Const", [],
      ["dtype": "type: DT_INT64", "value": "tensor { dtype: DT_INT64 tensor_shape { } int64_val: 1 }"])
    try expect(.resourceExhausted, from: table, "n", limits: limits)
  }

  // MARK: - Text

  @Test func wideRunsOfTokensAreLimited() throws {
    let text = int64("splits", [0, 1]).node(
      "x", "Const", [],
      [
        "dtype": "type: DT_STRING",
        "value": "tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: \"a\" }",
      ])
    let grams = text.node(
      "y", "StringNGrams", ["x", "splits"],
      [
        "separator": "s: \" \"", "ngram_widths": "list { i: 8388608 }", "pad_width": "i: -1",
        "left_pad": "s: \"l\"", "right_pad": "s: \"r\"", "preserve_short_sequences": "b: false",
        "Tsplits": "type: DT_INT64",
      ])
    try expect(.resourceExhausted, from: grams, "y:0", limits: SessionLimits(totalBytes: 16 << 20))
  }

  @Test func stringsThatDoubleComeToTheLimit() throws {
    var text = GraphText().node(
      "s0", "Const", [],
      [
        "dtype": "type: DT_STRING",
        "value": "tensor { dtype: DT_STRING tensor_shape { } string_val: \"0123456789abcdef\" }",
      ])
    for index in 1...60 {
      text = text.node("s\(index)", "StringJoin", ["s\(index - 1)", "s\(index - 1)"], ["N": "i: 2"])
    }
    try expect(
      .resourceExhausted, from: text, "s60", limits: SessionLimits(totalBytes: 64 << 20), says: "limits.")
  }

  @Test func widthsOfNumbersAreLimited() throws {
    for width in ["i: 2147483647", "i: 1000000"] {
      let text = int64("dims", [1 << 20]).constant("one", [], [1.0])
        .node("x", "Fill", ["dims", "one"], Self.int64)
        .node("y", "AsString", ["x"], ["T": "type: DT_FLOAT", "width": width])
      try expect(
        .resourceExhausted, .invalidArgument, from: text, "y", limits: SessionLimits(totalBytes: 256 << 20))
    }
  }

  @Test func formatsAreNoFormatsOfC() throws {
    for fill in ["%n", "%s", "*", "n%n%n%n"] {
      let text = GraphText().constant("x", [], [1.0])
        .node("y", "AsString", ["x"], ["T": "type: DT_FLOAT", "fill": "s: \"\(fill)\""])
      try expect(.invalidArgument, from: text, "y", says: "fill")
    }
  }

  @Test func rewritesThatGrowAreLimited() throws {
    let rewrite = String(repeating: "\\\\0", count: 2000)
    let text = GraphText().node(
      "x", "Const", [],
      [
        "dtype": "type: DT_STRING",
        "value":
          "tensor { dtype: DT_STRING tensor_shape { } string_val: \"\(String(repeating: "a", count: 100_000))\" }",
      ]
    ).node("y", "StaticRegexReplace", ["x"], ["pattern": "s: \"a\"", "rewrite": "s: \"\(rewrite)\""])
    try expect(.resourceExhausted, from: text, "y", limits: SessionLimits(totalBytes: 64 << 20))
  }

  /// Patterns that take engines with backtracking longer than the universe is old.
  @Test func patternsRunInLinearTime() throws {
    let text = GraphText().node(
      "x", "Const", [],
      [
        "dtype": "type: DT_STRING",
        "value":
          "tensor { dtype: DT_STRING tensor_shape { } string_val: \"\(String(repeating: "a", count: 50_000))\" }",
      ]
    ).node("y", "StaticRegexFullMatch", ["x"], ["pattern": "s: \"(a+)+(a|aa)*(a*)*b\""])
    let result = try Session(graph: try text.graph()).run("y")
    #expect(try result.scalars(as: Bool.self) == [false])
  }

  @Test func patternsOfManyStatesAreRefused() throws {
    let text = GraphText().node(
      "x", "Const", [],
      ["dtype": "type: DT_STRING", "value": "tensor { dtype: DT_STRING tensor_shape { } string_val: \"a\" }"]
    ).node("y", "StaticRegexFullMatch", ["x"], ["pattern": "s: \"((((a{1000}){1000}){1000}){1000})\""])
    try expect(.invalidArgument, .resourceExhausted, from: text, "y")
  }

  // MARK: - Steps and time

  private func loop(_ body: String = "") throws -> Graph {
    let library = """
      library {
        function { signature { name: "always" input_arg { name: "a" type: DT_INT32 } output_arg { name: "r" type: DT_BOOL } }
          node_def { name: "t" op: "Const" attr { key: "dtype" value { type: DT_BOOL } }
            attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: true } } } }
          ret { key: "r" value: "t:output:0" } }
        function { signature { name: "twice" input_arg { name: "a" type: DT_INT32 } output_arg { name: "r" type: DT_INT32 } }
          node_def { name: "i" op: "Add" input: "a" input: "a" attr { key: "T" value { type: DT_INT32 } } }
          ret { key: "r" value: "i:z:0" } }
      }
      """
    let text = GraphText().constant("x", [], [0]).node(
      "y", "StatelessWhile", ["x"],
      [
        "T": "list { type: DT_INT32 }", "cond": "func { name: \"always\" }",
        "body": "func { name: \"twice\" }",
      ]
    ).text
    let graph = Graph()
    try graph.importGraphDef(bytes: Array((text + library).utf8))
    return graph
  }

  @Test(arguments: [true, false]) func loopsWithoutAnEndStopAtTheirLimit(optimize: Bool) throws {
    let steps = error(try loop(), "y", limits: SessionLimits(loopSteps: 1000), optimize: optimize)
    #expect(steps?.code == .resourceExhausted && steps?.description.contains("limits.loopSteps") == true)
    let time = error(
      try loop(), "y", limits: SessionLimits(loopSteps: .max, runTime: .milliseconds(50)), optimize: optimize)
    #expect(time?.code == .deadlineExceeded && time?.description.contains("limits.runTime") == true)
  }

  /// Enter, Merge and NextIteration with nothing that ends them.
  @Test(arguments: [true, false]) func framesWithoutAnEndStopAtTheirLimit(optimize: Bool) throws {
    let int = ["T": "type: DT_INT32"]
    let text = GraphText().constant("x", [], [0])
      .node(
        "t", "Const", [],
        ["dtype": "type: DT_BOOL", "value": "tensor { dtype: DT_BOOL tensor_shape { } bool_val: true }"]
      )
      .node("enter", "Enter", ["x"], ["T": "type: DT_INT32", "frame_name": "s: \"f\""])
      .node("te", "Enter", ["t"], ["T": "type: DT_BOOL", "frame_name": "s: \"f\"", "is_constant": "b: true"])
      .node("merge", "Merge", ["enter", "next"], ["T": "type: DT_INT32", "N": "i: 2"])
      .node("cond", "LoopCond", ["te"])
      .node("switch", "Switch", ["merge", "cond"], int)
      .node("twice", "Add", ["switch:1", "switch:1"], int)
      .node("next", "NextIteration", ["twice"], int)
      .node("y", "Exit", ["switch"], int)
    let steps = error(try text.graph(), "y", limits: SessionLimits(loopSteps: 1000), optimize: optimize)
    #expect(steps?.code == .resourceExhausted, "\(String(describing: steps))")
    let time = error(
      try text.graph(), "y", limits: SessionLimits(loopSteps: .max, runTime: .milliseconds(50)),
      optimize: optimize)
    #expect(time?.code == .deadlineExceeded, "\(String(describing: time))")
  }

  /// Each function calls the next one twice: 2 to the power of 64 calls, and none of them deep.
  @Test(arguments: [true, false]) func functionsThatMultiplyStopAtTheTimeLimit(optimize: Bool) throws {
    var library = ""
    func call(_ name: String, _ target: String, _ input: String) -> String {
      """
      node_def { name: "\(name)" op: "PartitionedCall" input: "\(input)"
        attr { key: "Tin" value { list { type: DT_FLOAT } } } attr { key: "Tout" value { list { type: DT_FLOAT } } }
        attr { key: "f" value { func { name: "\(target)" } } } }
      """
    }
    let signature = "input_arg { name: \"a\" type: DT_FLOAT } output_arg { name: \"r\" type: DT_FLOAT }"
    for level in 0..<64 {
      library += """
        function { signature { name: "f\(level)" \(signature) }
          \(call("one", "f\(level + 1)", "a")) \(call("two", "f\(level + 1)", "one:output:0"))
          ret { key: "r" value: "two:output:0" } }
        """
    }
    library += """
      function { signature { name: "f64" \(signature) }
        node_def { name: "i" op: "Neg" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
        ret { key: "r" value: "i:y:0" } }
      """
    let text = GraphText().placeholder("x", []).node(
      "y", "PartitionedCall", ["x"],
      ["Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }", "f": "func { name: \"f0\" }"]
    ).text
    let graph = Graph()
    try graph.importGraphDef(bytes: Array("\(text) library { \(library) }".utf8))
    let session = Session(
      graph: graph,
      options: SessionOptions(
        threads: 1, optimize: optimize, limits: SessionLimits(runTime: .milliseconds(100))))
    let error = thrown { _ = try session.run("y", feeding: ["x": try Tensor(1 as Float)]) }
    #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
  }

  @Test(arguments: [true, false]) func functionsThatCallThemselvesStopAtTheirDepth(optimize: Bool) throws {
    for call in ["PartitionedCall", "StatefulPartitionedCall"] {
      let library = """
        library { function {
          signature { name: "f" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } }
          node_def { name: "c" op: "\(call)" input: "a" attr { key: "Tin" value { list { type: DT_FLOAT } } }
            attr { key: "Tout" value { list { type: DT_FLOAT } } } attr { key: "f" value { func { name: "f" } } } }
          ret { key: "r" value: "c:output:0" } } }
        """
      let text = GraphText().constant("x", [], [1.0]).node(
        "y", call, ["x"],
        ["Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }", "f": "func { name: \"f\" }"]
      ).text
      let graph = Graph()
      try graph.importGraphDef(bytes: Array((text + library).utf8))
      let error = error(graph, "y", optimize: optimize)
      #expect(
        error?.code == .resourceExhausted && error?.description.contains("limits.functionDepth") == true)
    }
  }

  /// A function whose gradient needs its own gradient, and one whose gradient calls it.
  @Test(arguments: [true, false]) func gradientsThatNeedThemselvesStop(optimize: Bool) throws {
    let calls = [
      ("PartitionedCall", "input: \"a\"", "type: DT_FLOAT"),
      ("SymbolicGradient", "input: \"a\" input: \"a\"", "type: DT_FLOAT type: DT_FLOAT"),
    ]
    for (op, inputs, types) in calls {
      let library = """
        library { function {
          signature { name: "f" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } }
          node_def { name: "c" op: "\(op)" \(inputs) attr { key: "Tin" value { list { \(types) } } }
            attr { key: "Tout" value { list { type: DT_FLOAT } } } attr { key: "f" value { func { name: "f" } } } }
          ret { key: "r" value: "c:output:0" } } }
        """
      let text = GraphText().constant("x", [], [1.0]).node(
        "y", "SymbolicGradient", ["x", "x"],
        [
          "Tin": "list { type: DT_FLOAT type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }",
          "f": "func { name: \"f\" }",
        ]
      ).text
      let graph = Graph()
      try graph.importGraphDef(bytes: Array((text + library).utf8))
      let error = error(graph, "y", optimize: optimize)
      #expect(error != nil && error?.code != .internalError, "\(op): \(String(describing: error))")
    }
  }

  @Test(arguments: [true, false]) func datasetsWithoutAnEndStopAtTheTimeLimit(optimize: Bool) throws {
    let kind = ["output_types": "list { type: DT_INT64 }", "output_shapes": "list { shape { } }"]
    let numbers: [(String, Int64)] = [
      ("start", 0), ("stop", 2), ("step", 1), ("forever", -1), ("many", .max / 2),
    ]
    var text = GraphText()
    for (name, number) in numbers {
      let value = "tensor { dtype: DT_INT64 tensor_shape { } int64_val: \(number) }"
      text = text.node(name, "Const", [], ["dtype": "type: DT_INT64", "value": value])
    }
    text = text.node("range", "RangeDataset", ["start", "stop", "step"], kind)
      .node("again", "RepeatDataset", ["range", "forever"], kind)
      .node("skip", "SkipDataset", ["again", "many"], kind)
      .node("y", "DatasetToSingleElement", ["skip"], kind)
    let session = Session(
      graph: try text.graph(), options: SessionOptions(threads: 1, optimize: optimize))
    let error = thrown {
      _ = try session.run(["y:0"], feeding: [:], options: RunOptions(timeout: .milliseconds(50)))
    }
    #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
  }

  // MARK: - Strings that grow

  /// Eight megabytes of zeros, compressed.
  private static func bomb(_ type: String) throws -> [UInt8] {
    guard type == "ZSTD" else {
      let path = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: path) }
      let compression = try #require(RecordCompression(rawValue: type))
      var writer = TFRecordWriter(path: path, compression: compression)
      writer.append(Bytes([UInt8](repeating: 0, count: 8 << 20)))
      try writer.close()
      return Array(try Data(contentsOf: URL(filePath: path)))
    }
    // A frame with a window of 2 MB, of 64 blocks that repeat a zero 131,072 times.
    let blocks = (0..<64).flatMap { block -> [UInt8] in
      let header = (block == 63 ? 1 : 0) | 1 << 1 | 131_072 << 3
      return [UInt8(header & 255), UInt8(header >> 8 & 255), UInt8(header >> 16), 0]
    }
    return [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58] + blocks
  }

  private static var compressions: [String] {
    #if Zstandard
      ["ZLIB", "GZIP", "ZSTD"]
    #else
      ["ZLIB", "GZIP"]
    #endif
  }

  @Test(arguments: compressions) func compressedStringsAreNotUnpackedBeyondTheLimit(type: String) throws {
    let text = GraphText().node("x", "Placeholder", [], ["dtype": "type: DT_STRING"])
      .node("y", "DecodeCompressed", ["x"], ["compression_type": "s: \"\(type)\""])
    let bomb = Bytes(try Self.bomb(type))
    #expect(bomb.count < 1 << 14)
    func run(_ count: Int, _ limits: SessionLimits) throws -> Tensor {
      let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1, limits: limits))
      return try session.run("y:0", feeding: ["x:0": try Tensor([Bytes](repeating: bomb, count: count))])
    }
    #expect(try run(2, SessionLimits()).scalars(as: Bytes.self).map(\.count).allSatisfy { $0 >= 8 << 20 })
    // Each by itself has room, and both have not.
    for (count, limits) in [
      (1, SessionLimits(tensorBytes: 1 << 20)), (1, SessionLimits(totalBytes: 1 << 20)),
      (2, SessionLimits(totalBytes: 12 << 20)),
    ] {
      let error = thrown { _ = try run(count, limits) }
      #expect(error?.code == .resourceExhausted, "\(String(describing: error))")
    }
  }

  // MARK: - State across runs

  @Test func whatRunsLeaveBehindIsCounted() throws {
    let text = int64("dims", [1 << 18]).constant("one", [], [1.0]).placeholder("n", [])
      .node("fill", "Fill", ["dims", "n"], Self.int64)
      .node("stage", "Stage", ["fill"], ["dtypes": "list { type: DT_FLOAT }", "shared_name": "s: \"area\""])
    let session = Session(
      graph: try text.graph(), options: SessionOptions(limits: SessionLimits(totalBytes: 16 << 20)))
    let error = thrown {
      for _ in 0..<64 { _ = try session.run([], feeding: ["n": try Tensor(1 as Float)], targets: ["stage"]) }
    }
    #expect(error?.code == .resourceExhausted, "\(String(describing: error))")
  }
}
