import GraftGraph
import GraftTensor
import Testing

/// What is read where something else was passed than a GraphDef, or a damaged one.
@Suite struct FileKindTests {
  @Test(arguments: [
    ("page.pb", "HTML page"), ("lfs-pointer.pb", "git lfs pull"), ("json.pb", "JSON"),
    ("prose.pb", "a text and no graph"),
    ("graph.pb.gz", "gzip"), ("graph.tar", "tar archive"), ("model.keras", "zip archive"),
    ("model.h5", "HDF5"),
    ("model.tflite", "TensorFlow Lite"), ("model.onnx", "ONNX"), ("model.pt", "PyTorch"),
    ("array.npy", "numpy"),
    ("picture.png", "picture"), ("zeros.pb", "begins with zeros"), ("random.pb", "no GraphDef"),
    ("checkpoint/checkpoint", "which is the latest"),
    ("checkpoint/model.ckpt.index", "index of a checkpoint"),
    ("checkpoint/model.ckpt.data-00000-of-00001", "values of a checkpoint"),
    ("checkpoint/model.ckpt.meta", "This is a MetaGraphDef"), ("meta.pbtxt", "This is a MetaGraphDef"),
    ("saved_model/1/saved_model.pb", "This is a SavedModel (tags: serve; serve, gpu)"),
    ("saved_model_text/saved_model.pbtxt", "This is a SavedModel"),
    ("saved_model/1", "folder of a SavedModel"),
  ])
  func otherFilesAreNamed(_ file: String, _ phrase: String) throws {
    let path = fixture("files/\(file)")
    let error = try graftError { try Graph().importGraphDef(contentsOf: path) }
    #expect(error.code == .wrongFileKind)
    #expect(error.place.file == path)
    #expect(error.description.contains(phrase))
    #expect(error.remedy != nil)
  }

  @Test(arguments: [
    ("truncated-in-node.pb", "ends inside node 0", "truncated"),
    ("truncated-in-weights.pb", "ends inside node", "truncated"),
    ("truncated-in-length.pb", "ends inside node 1", "truncated"),
    ("length-beyond-end.pb", "Node 0", "4611686018427387904"),
    ("length-overflows.pb", "Node 0", "more than 10 bytes"),
    ("wire-type-7.pb", "Node 1", "wire type 7"),
    ("field-0.pb", "Node 1", "field 0"),
    ("group.pb", "Node 1", "wire type 4"),
    ("nested-3000.pb", "cannot be read", "inside of one another"),
    ("empty.pb", "The file is empty", "0 bytes"),
  ])
  func damageIsPlaced(_ file: String, _ where: String, _ what: String) throws {
    let error = try graftError { try Graph().importGraphDef(contentsOf: fixture("files/\(file)")) }
    // How deep messages lie is a limit that can be raised.
    #expect(error.code == (file.hasPrefix("nested") ? .resourceExhausted : .dataLoss))
    #expect(error.message.contains(`where`))
    #expect(error.message.contains(what))
  }

  @Test func graphCutBetweenNodesMissesInputsOrIsWhole() throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("files/truncated-at-node.pb"))
    #expect(graph.operations.count == 1)
  }

  @Test func graphInDisguiseIsImported() throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("files/graph_in_disguise/saved_model.pb"))
    #expect(try graph.tensor(named: "probabilities").dtype == .float32)
  }

  @Test(arguments: ["nested-90.pb", "unknown-field.pb"])
  func whatIsOnlyUnusualIsImported(_ file: String) throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("files/\(file)"))
    #expect(!graph.operations.isEmpty)
  }

  @Test func nameThatIsNotUTF8IsRefused() throws {
    let error = try graftError { try Graph().importGraphDef(contentsOf: fixture("files/name-not-utf8.pb")) }
    #expect(error.message.contains("has characters that no name has"))
  }

  @Test func missingFileSaysWhichPartIsMissing() throws {
    let path = fixture("files/nowhere/graph.pb")
    let error = try graftError { try Graph().importGraphDef(contentsOf: path) }
    #expect(error.code == .notFound)
    #expect(error.place.file == path)
    #expect(error.remedy?.contains("/files' exists") == true)
  }

  @Test func directoryIsNamed() throws {
    let error = try graftError { try Graph().importGraphDef(contentsOf: fixture("bad")) }
    #expect(error.code == .wrongFileKind)
    #expect(error.message.contains("directory"))
  }

  @Test func noBytesAreRefused() throws {
    let error = try graftError { try Graph().importGraphDef(bytes: []) }
    #expect(error.code == .dataLoss)
  }

  @Test func everyPrefixOfAGraphIsTakenOrRefused() throws {
    let bytes = try fixtureBytes("good/functional-control-flow/graph.pb")
    for length in stride(from: 1, to: bytes.count, by: 7) {
      do {
        try Graph().importGraphDef(bytes: Array(bytes.prefix(length)))
      } catch is GraftError {
      }
    }
  }

  @Test func everyChangedByteIsTakenOrRefused() throws {
    let original = try fixtureBytes("good/functions/graph.pb")
    var state: UInt64 = 7
    for index in stride(from: 0, to: original.count, by: 3) {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var bytes = original
      bytes[index] = UInt8(truncatingIfNeeded: state >> 33)
      let graph = Graph()
      do {
        try graph.importGraphDef(bytes: bytes)
        for name in graph.snapshot.functions.names {
          _ = try graph.snapshot.functions.body(of: FunctionReference(name: name))
        }
        for node in graph.snapshot.nodes {
          for value in node.attributes.values {
            if case .tensor(let tensor) = value { _ = try tensor.tensor() }
          }
        }
      } catch is GraftError {
      }
    }
  }
}
