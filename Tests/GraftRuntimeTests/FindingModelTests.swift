import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Which SavedModel a path and tags lead to, and what is said where they lead to none or to several.
@Suite("Finding a SavedModel") struct FindingModelTests {
  private func export(_ folder: String, tags: Set<String>, signature: String = "serving_default") throws {
    let session = try VariableGraph.session()
    var writer = SavedModelWriter(session)
    writer.tags = tags
    writer.signatures[signature] = try SignatureDef(
      graph: session.graph, inputs: ["in": "x"], outputs: ["out": "y"])
    try writer.write(to: folder)
  }

  /// One model with the graphs of two, each for its tags: fields that repeat follow one another.
  private func exportTwo(_ folder: TestFolder, _ first: Set<String>, _ second: Set<String>) throws -> String {
    try export(folder.file("first"), tags: first, signature: "classify")
    try export(folder.file("second"), tags: second, signature: "regress")
    var bytes = try Data(contentsOf: URL(filePath: folder.file("first/saved_model.pb")))
    bytes += try Data(contentsOf: URL(filePath: folder.file("second/saved_model.pb")))
    try bytes.write(to: URL(filePath: folder.file("first/saved_model.pb")))
    return folder.file("first")
  }

  @Test func ofSeveralVersionsTheNewestIsMeantAndNamed() throws {
    let folder = try TestFolder()
    try export(folder.file("model/1"), tags: ["serve"])
    try export(folder.file("model/2"), tags: ["serve", "gpu"])
    let error = try #require(thrown { _ = try SavedModel.load(folder.file("model"), into: Session()) })
    #expect(error.code == .notFound && error.place.file == folder.file("model/2"), "\(error)")
    #expect(error.remedy == "Load it with the tags {gpu, serve}.")
    let older = try SavedModel.load(folder.file("model/1"), into: Session())
    #expect(older.folder == folder.file("model/1"))
  }

  @Test func severalModelsInOneFolderAreListed() throws {
    let folder = try TestFolder()
    for name in ["wide", "deep"] { try export(folder.file("models/\(name)"), tags: ["serve"]) }
    let error = try #require(thrown { _ = try SavedModel.load(folder.file("models"), into: Session()) })
    #expect(error.code == .notFound && error.place.file == folder.file("models"))
    #expect(error.message.contains("neither saved_model.pb nor saved_model.pbtxt"))
    #expect(error.remedy == "Name one of the folders below it: deep, wide.")
  }

  @Test(
    arguments: [
      (["train"], "{train}", "{serve}"), (["gpu"], "{gpu}", "{gpu, serve}"),
      (["sreve"], "{sreve}", "{serve}"),
      (["gpu", "serv"], "{gpu, serv}", "{gpu, serve}"), (["serve", "xla"], "{serve, xla}", "{serve}"),
    ] as [(Set<String>, String, String)])
  func allSetsOfTagsAreListedWithTheNearest(tags: Set<String>, asked: String, nearest: String) throws {
    let folder = try TestFolder()
    let model = try exportTwo(folder, ["serve"], ["serve", "gpu"])
    let error = try #require(thrown { _ = try SavedModel.load(model, tags: tags, into: Session()) })
    #expect(error.code == .notFound)
    #expect(
      error.message
        == "The SavedModel has no graph with the tags \(asked); it has {serve} (signatures classify) and "
        + "{gpu, serve} (signatures regress).")
    #expect(error.remedy == "Load it with the tags \(nearest).")
  }

  @Test func eachSetOfTagsPicksItsGraph() throws {
    let folder = try TestFolder()
    let model = try exportTwo(folder, ["serve"], ["serve", "gpu"])
    #expect(try SavedModel.availableTags(model) == [["serve"], ["serve", "gpu"]])
    #expect(try SavedModel.load(model, into: Session()).signatureKeys == ["classify"])
    #expect(try SavedModel.load(model, tags: nil, into: Session()).signatureKeys == ["classify"])
    #expect(try SavedModel.load(model, tags: ["gpu", "serve"], into: Session()).signatureKeys == ["regress"])
  }

  @Test func whereNoSetOfTagsIsUsualOneMustBeNamed() throws {
    let folder = try TestFolder()
    let model = try exportTwo(folder, ["train"], ["eval"])
    let error = try #require(thrown { _ = try SavedModel.load(model, tags: nil, into: Session()) })
    #expect(error.message.contains("it has {train} (signatures classify) and {eval} (signatures regress)"))
    #expect(error.remedy == "Load it with one of these sets of tags.")
  }

  // The first 64 bytes of every file of Riegeli records, which TensorFlow writes chunks into.
  private let chunks: [UInt8] =
    [0x83, 0xAF, 0x70, 0xD1, 0x0D, 0x88, 0x4A, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]
    + [0x91, 0xBA, 0xC2, 0x3C, 0x92, 0x87, 0xE1, 0xA9, 0, 0, 0, 0, 0, 0, 0, 0]
    + [0xE1, 0x9F, 0x13, 0xC0, 0xE9, 0xB1, 0xC3, 0x72, 0x73, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

  @Test func aModelInChunksIsToldAsOne() throws {
    let folder = try TestFolder()
    try FileManager.default.createDirectory(atPath: folder.file("m/1"), withIntermediateDirectories: true)
    let file = folder.file("m/1/saved_model.cpb")
    try Data(chunks).write(to: URL(filePath: file))
    let errors = [
      thrown { _ = try SavedModel.load(folder.file("m"), into: Session()) },
      thrown { _ = try SavedModel.load(folder.file("m/1"), into: Session()) },
      thrown { _ = try SavedModel.load(file, into: Session()) },
      thrown { try Graph().importGraphDef(contentsOf: file) },
      thrown { _ = try MetaGraph(contentsOf: file) },
    ]
    for error in errors {
      let error = try #require(error)
      #expect(error.code == .wrongFileKind && error.place.file == file, "\(error)")
      #expect(error.message.contains("a model in chunks (.cpb)"), "\(error)")
      #expect(error.remedy?.contains("save it again without that option") == true, "\(error)")
    }
  }
}
