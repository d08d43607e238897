import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

@Suite("SavedModel") struct SavedModelTests {
  /// Writes the line as a SavedModel.
  private func export(_ folder: String, tags: Set<String> = ["serve"], asText: Bool = false) throws {
    let session = try VariableGraph.session()
    var writer = SavedModelWriter(session)
    writer.tags = tags
    writer.asText = asText
    writer.signatures["serving_default"] = try SignatureDef(
      graph: session.graph, inputs: ["in": "x"], outputs: ["out": "y"])
    try writer.write(to: folder)
  }

  private func call(_ path: String, tags: Set<String>? = ["serve"], prefix: String = "") throws -> [Float]? {
    let model = try SavedModel.load(path, tags: tags, into: Session(), prefix: prefix)
    return try model.signature().run(["in": VariableGraph.input])["out"]?.scalars()
  }

  @Test func whatIsWrittenLoadsAgain() throws {
    let folder = try TestFolder()
    for (name, asText) in [("a", false), ("b", true)] {
      try export(folder.file(name), asText: asText)
      #expect(try call(folder.file(name)) == [9])
      #expect(try call(folder.file(name), prefix: "one") == [9])
    }
    #expect(folder.names("a") == ["saved_model.pb", "variables"])
    #expect(folder.names("b") == ["saved_model.pbtxt", "variables"])
    #expect(thrown { try export(folder.file("a")) }?.code == .alreadyExists)
  }

  @Test func variablesThatTwoModelsShareAreTold() throws {
    let folder = try TestFolder()
    try export(folder.file("a"))
    let session = Session()
    #expect(try SavedModel.load(folder.file("a"), into: session, prefix: "one").notes.isEmpty)
    let notes = try SavedModel.load(folder.file("a"), into: session, prefix: "two").notes
    #expect(
      notes.count == 1 && notes.first?.contains("1 of the model's variables, as 'two/b', are those") == true,
      "\(notes)")
  }

  @Test func aLoadedModelIsWrittenAgainWithItsSignatures() throws {
    let folder = try TestFolder()
    try export(folder.file("a"))
    let model = try SavedModel.load(folder.file("a"), into: Session(), prefix: "p")
    try SavedModelWriter(model).write(to: folder.file("b"))
    #expect(try call(folder.file("b")) == [9])
    let frozen = try model.freeze()
    let y = try Session(graph: try frozen.graph()).run("p/y", feeding: ["p/x": VariableGraph.input])
    #expect(try y.scalars() == [9] as [Float])
  }

  @Test func foldersOneLevelUpAndDownLeadToTheModel() throws {
    let folder = try TestFolder()
    try export(folder.file("model/1"))
    try export(folder.file("model/10"))
    for path in ["model", "model/", "model/10", "model/10/variables", "model/10/saved_model.pb"] {
      #expect(
        try SavedModel.load(folder.file(path), into: Session()).folder == folder.file("model/10"), "\(path)")
    }
    let error = try #require(thrown { _ = try SavedModel.load(folder.path + "/none", into: Session()) })
    #expect(error.code == .notFound)
  }

  @Test func otherTagsAreAnsweredWithThoseThatThereAre() throws {
    let folder = try TestFolder()
    try export(folder.file("m"), tags: ["serve", "gpu"])
    #expect(try call(folder.file("m"), tags: ["gpu", "serve"]) == [9])
    #expect(try call(folder.file("m"), tags: nil) == [9])
    let error = try #require(thrown { _ = try call(folder.file("m"), tags: ["serve"]) })
    #expect(error.code == .notFound)
    #expect(error.message.contains("{serve}; it has {gpu, serve} (signatures serving_default)"))
    #expect(error.remedy == "Load it with the tags {gpu, serve}.")
    try export(folder.file("n"))
    let letters = try #require(thrown { _ = try call(folder.file("n"), tags: ["s", "e", "r", "v"]) })
    #expect(letters.remedy?.contains("letters of {serve}") == true)
    #expect(thrown { _ = try call(folder.file("n"), tags: []) }?.message.contains("no tags") == true)
  }

  @Test func aGraphUnderTheNameOfASavedModelIsRecognised() throws {
    let folder = try TestFolder()
    let graph = try VariableGraph.session().freeze(["y"])
    try graph.write(to: folder.file("saved_model.pb"))
    let error = try #require(thrown { _ = try SavedModel.load(folder.path, into: Session()) })
    #expect(error.code == .wrongFileKind && error.message.contains("GraphDef under the name"))
    #expect(error.remedy?.contains("importGraphDef") == true)
  }

  @Test func unknownSignaturesAndMissingArgumentsAreNamed() throws {
    let folder = try TestFolder()
    try export(folder.file("m"))
    let model = try SavedModel.load(folder.file("m"), into: Session())
    #expect(thrown { _ = try model.signature("predict") }?.remedy == "It has serving_default.")
    let missing = try #require(thrown { _ = try model.signature().run([:]) })
    #expect(missing.code == .notFed && missing.message.contains("'in' (float32, shape [?,2])"))
    #expect(thrown { _ = try model.signature().run(["x": VariableGraph.input]) }?.remedy == "It has in.")
  }

  // tf.saved_model.save of a module: its functions, and what tf.saved_model.load answers when they are called.
  @Test(arguments: ["", "p"]) func functionsOfObjectsAreCalledBySignatures(prefix: String) throws {
    let recorded = try NPZ.read(fixture("saved_models/functions.npz"))
    let model = try SavedModel.load(fixture("saved_models/functions"), into: Session(), prefix: prefix)
    let keys = [
      "counted", "decode", "decode_1", "decode_2", "encode", "fixed", "ids", "nested", "note", "part.stretch",
      "part.stretch_1", "ragged",
    ]
    #expect(model.signatureKeys == keys)
    // Calls change what later ones read.
    for key in ["encode"] + keys {
      func tensors(_ kind: String) -> [String: Tensor] {
        let prefix = "\(key)/\(kind)/"
        let named = recorded.filter { $0.name.hasPrefix(prefix) }
        return Dictionary(
          uniqueKeysWithValues: named.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
      }
      let results = try model.signature(key).run(tensors("in"))
      #expect(try contents(results) == contents(tensors("out")), "\(key)")
    }
  }

  /// Dtypes, shapes and bytes.
  private func contents(_ tensors: [String: Tensor]) throws -> [String: [String]] {
    tensors.mapValues { tensor in
      ["\(tensor.dtype) \(tensor.shape)"] + tensor.withUnsafeBytes { bytes in bytes.map { "\($0)" } }
    }
  }

  @Test func functionsOfTheModelItselfStandBesideItsSignatures() throws {
    let model = try SavedModel.load(fixture("saved_models/signed"), into: Session())
    #expect(
      model.signatureKeys == [
        "counted", "decode", "decode_1", "decode_2", "encode", "fixed", "ids", "nested", "note", "ragged",
        "serving_default",
      ])
    let x = try Tensor(shape: [1, 3], scalars: [1, 2, 3] as [Float])
    let encoded = try model.signature("encode").run(["x": x])
    #expect(try contents(encoded) == contents(try model.signature().run(["x": x])))
    #expect(try model.signature("counted").run([:])["output_0"]?.scalars(as: Int64.self) == [2])
  }

  /// A model that reads an asset into `text` when it is loaded.
  private func exportWithAsset(_ folder: String, _ asset: String) throws {
    let graph = try GraphText()
      .node(
        "path", "Const", [],
        [
          "dtype": "type: DT_STRING",
          "value": "tensor { dtype: DT_STRING tensor_shape { } string_val: \"\" }",
        ]
      ).node("y", "Identity", ["path"], ["T": "type: DT_STRING"]).node("main", "NoOp", ["^y"]).graph()
    var writer = SavedModelWriter(Session(graph: graph))
    writer.assets = [.init(tensor: "path", path: asset)]
    writer.initOperation = "main"
    try writer.write(to: folder)
  }

  @Test func assetsAreCopiedAndMayNotLeaveTheFolder() throws {
    let folder = try TestFolder()
    try Data("words".utf8).write(to: URL(fileURLWithPath: folder.file("vocabulary.txt")))
    try exportWithAsset(folder.file("m"), folder.file("vocabulary.txt"))
    #expect(folder.names("m/assets") == ["vocabulary.txt"])
    _ = try SavedModel.load(folder.file("m"), into: Session())
    // A link that leads outside is no file of the model.
    try FileManager.default.removeItem(atPath: folder.file("m/assets/vocabulary.txt"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("m/assets/vocabulary.txt"), withDestinationPath: folder.file("vocabulary.txt"))
    let error = try #require(thrown { _ = try SavedModel.load(folder.file("m"), into: Session()) })
    #expect(error.code == .permissionDenied && error.message.contains("'vocabulary.txt'"))
    // So is a name that climbs, or begins at the root: the names are of equal length, the file stays whole.
    for name in ["../../ary.txt", "/ocabulary.txt"] {
      let file = URL(fileURLWithPath: folder.file("m/saved_model.pb"))
      var bytes = try Data(contentsOf: file)
      let original = "vocabulary.txt"
      let padded = name + String(repeating: "x", count: original.utf8.count - name.utf8.count)
      while let range = bytes.range(of: Data(original.utf8)) {
        bytes.replaceSubrange(range, with: Data(padded.utf8))
      }
      try exportWithAsset(folder.file("n\(name.count)"), folder.file("vocabulary.txt"))
      try bytes.write(to: URL(fileURLWithPath: folder.file("n\(name.count)/saved_model.pb")))
      let error = thrown { _ = try SavedModel.load(folder.file("n\(name.count)"), into: Session()) }
      #expect(error?.code == .permissionDenied && error?.message.contains(padded) == true)
    }
  }

  @Test func lostVariablesAreToldAndTheGraphCanBeLookedAt() throws {
    let folder = try TestFolder()
    try export(folder.file("m"))
    try FileManager.default.removeItem(atPath: folder.file("m/variables"))
    let error = try #require(thrown { _ = try SavedModel.load(folder.file("m"), into: Session()) })
    #expect(error.code == .notFound && error.message.contains("2 variables"))
    let session = Session()
    _ = try SavedModel.load(folder.file("m"), into: session, restoresVariables: false)
    #expect(try Saver(graph: session.graph).variables == ["w", "b"])
  }

  // tf.saved_model.save of Keras 3 models: what signatures read the saver does not restore.
  @Test(arguments: ["", "p"]) func variablesOfObjectsGetTheValuesOfTheirObjects(prefix: String) throws {
    let recorded = try NPZ.read(fixture("saved_models/keras.npz"))
    let model = try SavedModel.load(fixture("saved_models/keras"), into: Session(), prefix: prefix)
    let x = try #require(recorded.first { $0.name == "x" }?.tensor)
    let y = try #require(try model.signature().run(["x": x])["y"]).scalars(as: Float.self)
    let expected = try #require(recorded.first { $0.name == "y" }?.tensor).scalars(as: Float.self)
    #expect(
      y.count == expected.count && zip(y, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(y) \(expected)")
  }

  @Test func exportNamesVariablesWithoutAValue() throws {
    let folder = try TestFolder()
    let writer = SavedModelWriter(Session(graph: try VariableGraph.line().graph()))
    let error = try #require(thrown { try writer.write(to: folder.file("m")) })
    #expect(error.code == .uninitialized && error.message.contains("'w', 'b'"))
    #expect(folder.names("m").isEmpty)
  }
}
