import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Files that operations of a graph read and write.
struct FileOpsTests {
  private static let string = ["dtype": "type: DT_STRING", "shape": "shape { unknown_rank: true }"]

  private static let text = GraphText()
    .node("path", "Placeholder", [], string)
    .node("text", "Placeholder", [], string)
    .node("write", "WriteFile", ["path", "text"])
    .node("read", "ReadFile", ["path", "^write"])
    .node("match", "MatchingFiles", ["path"])

  private func session(_ change: (inout SessionOptions) -> Void = { _ in }) throws -> Session {
    var options = SessionOptions(threads: 1)
    change(&options)
    return Session(graph: try Self.text.graph(), options: options)
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private func write(_ session: Session, _ path: String, _ text: Bytes) throws -> Bytes {
    let result = try session.run(
      "read:0", feeding: ["path:0": try Tensor(Bytes(path)), "text:0": try Tensor(text)])
    return try #require(try result.scalars(as: Bytes.self).first)
  }

  private func matches(_ session: Session, _ patterns: [String]) throws -> [String] {
    try session.run("match:0", feeding: ["path:0": try Tensor(patterns.map { Bytes($0) })]).strings()
  }

  @Test func aLinkOutOfAFolderThatWasOpenedIsRefused() throws {
    try withFolder { outside in
      try withFolder { folder in
        try "secret".write(toFile: outside + "/secret", atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(
          atPath: folder + "/file", withDestinationPath: outside + "/secret")
        try FileManager.default.createSymbolicLink(atPath: folder + "/folder", withDestinationPath: outside)
        let session = try session {
          $0.readableFolders = [folder]
          $0.writableFolders = [folder]
        }
        for path in ["/file", "/folder/secret", "/folder/new"] {
          let error = #expect(throws: GraftError.self) { try write(session, folder + path, Bytes("x")) }
          #expect(error?.code == .permissionDenied)
        }
        #expect(try String(contentsOfFile: outside + "/secret", encoding: .utf8) == "secret")
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["secret"])
      }
    }
  }

  @Test func filesAreRefusedUnlessTheirFolderWasOpened() throws {
    try withFolder { folder in
      let path = folder + "/a"
      #expect(throws: GraftError.self) { try write(session(), path, "x") }
      #expect(throws: GraftError.self) { try matches(session(), [folder + "/*"]) }
      #expect(throws: GraftError.self) {
        try write(session { $0.readableFolders = [folder] }, path, "x")
      }
      #expect(!FileManager.default.fileExists(atPath: path))
      let open = try session { $0.writableFolders = [folder] }
      #expect(throws: GraftError.self) { try write(open, folder + "/../a", "x") }
      #expect(try write(open, path, Bytes([0, 255, 10])) == Bytes([0, 255, 10]))
    }
  }

  @Test func writingMakesFoldersAndReadingWhatIsNotThereIsAnError() throws {
    try withFolder { folder in
      let open = try session { $0.writableFolders = [folder] }
      #expect(try write(open, folder + "/b/c/d", "x") == "x")
      #expect(throws: GraftError.self) {
        try open.run(
          "read:0", feeding: ["path:0": try Tensor(Bytes(folder)), "text:0": try Tensor(Bytes("x"))])
      }
    }
  }

  @Test func aScratchFolderStandsForTheFileSystem() throws {
    try withFolder { folder in
      let open = try session { $0.scratchFolder = folder }
      #expect(try write(open, "/tmp/graft/x", "y") == "y")
      #expect(try matches(open, ["/tmp/graft/*"]) == ["/tmp/graft/x"])
      #expect(FileManager.default.fileExists(atPath: folder + "/tmp/graft/x"))
      #expect(throws: GraftError.self) { try write(open, "/../../graft-outside", "y") }
    }
  }

  // tf.io.matching_files on the same files.
  @Test func patternsMatchNamesSorted() throws {
    try withFolder { folder in
      let open = try session { $0.writableFolders = [folder] }
      for name in ["b1", "a2", ".h", "sub/a3", "sub/c", "sub2/a4"] {
        _ = try write(open, folder + "/" + name, "")
      }
      func found(_ patterns: String...) throws -> [String] {
        try matches(open, patterns.map { folder + "/" + $0 }).map { String($0.dropFirst(folder.count + 1)) }
      }
      #expect(try found("*") == [".h", "a2", "b1", "sub", "sub2"])
      #expect(try found("[ab]?") == ["a2", "b1"])
      #expect(try found("*/a?") == ["sub/a3", "sub2/a4"])
      #expect(try found("sub/c", "b1") == ["b1", "sub/c"])
      #expect(try found("nothing*") == [])
      #expect(try found("sub/") == ["sub/"])
      #expect(try found("*/") == [".h", "a2", "b1", "sub", "sub2"])
    }
  }

  // The example of tf.raw_ops.GenerateVocabRemapping's documentation.
  @Test func wordsOfAVocabularyAreFoundInAnother() throws {
    try withFolder { folder in
      func remapped(_ offset: Int, _ count: Int, old: Int = -1, opened: Bool = true) throws -> [Int64] {
        let text = GraphText()
          .node("new", "Placeholder", [], Self.string)
          .node("old", "Placeholder", [], Self.string)
          .node(
            "map", "GenerateVocabRemapping", ["new", "old"],
            [
              "new_vocab_offset": "i: \(offset)", "num_new_vocab": "i: \(count)",
              "old_vocab_size": "i: \(old)",
            ])
        var options = SessionOptions(threads: 1)
        if opened { options.readableFolders = [folder] }
        let feeds = [
          "new:0": try Tensor(Bytes(folder + "/new")), "old:0": try Tensor(Bytes(folder + "/old")),
        ]
        let found = try Session(graph: try text.graph(), options: options).run(
          ["map:0", "map:1"], feeding: feeds)
        let places = try found[0].scalars(as: Int64.self)
        #expect(try found[1].scalars(as: Int32.self) == [Int32(places.count { $0 >= 0 })])
        return places
      }
      let open = try session { $0.writableFolders = [folder] }
      _ = try write(open, folder + "/old", "f0\nf1\nf2\nf3\n")
      _ = try write(open, folder + "/new", "f1\nf4\nf0\nf2\n")
      #expect(try remapped(0, 3) == [1, -1, 0])
      #expect(try remapped(1, 3) == [-1, 0, 2])
      #expect(try remapped(1, 3, old: 2) == [-1, 0, -1])
      #expect(try remapped(4, 0) == [])
      #expect(throws: GraftError.self) { try remapped(2, 3) }
      #expect(throws: GraftError.self) { try remapped(0, 3, opened: false) }
      _ = try write(open, folder + "/old", "f0\nf0\n")
      #expect(throws: GraftError.self) { try remapped(0, 3) }
    }
  }

  // The rules of tf.raw_ops.LoadAndRemapMatrix's documentation.
  @Test func aMatrixOfACheckpointIsReadForAnotherVocabulary() throws {
    try withFolder { folder in
      let matrix = GraphText()
        .node("path", "Placeholder", [], Self.string)
        .node("name", "Placeholder", [], Self.string)
        .node("whole", "Placeholder", [], Self.string)
        .placeholder("values")
        .node("save", "SaveV2", ["path", "name", "whole", "values"], ["dtypes": "list { type: DT_FLOAT }"])
      func loaded(_ rows: [Int64], _ columns: [Int64], _ missing: [Float], width: Int) throws -> [Float] {
        let int64 = ["dtype": "type: DT_INT64", "shape": "shape { unknown_rank: true }"]
        let text = GraphText()
          .node("path", "Placeholder", [], Self.string)
          .node("name", "Placeholder", [], Self.string)
          .node("rows", "Placeholder", [], int64)
          .node("columns", "Placeholder", [], int64)
          .placeholder("missing")
          .node(
            "load", "LoadAndRemapMatrix", ["path", "name", "rows", "columns", "missing"],
            ["num_rows": "i: \(rows.count)", "num_cols": "i: \(width)", "max_rows_in_memory": "i: -1"])
        var options = SessionOptions(threads: 1)
        options.readableFolders = [folder]
        return try Session(graph: try text.graph(), options: options).run(
          "load:0",
          feeding: [
            "path:0": try Tensor(Bytes(folder + "/m")), "name:0": try Tensor(Bytes("w")),
            "rows:0": try Tensor(rows), "columns:0": try Tensor(columns), "missing:0": try Tensor(missing),
          ]
        ).scalars()
      }
      var options = SessionOptions(threads: 1)
      options.writableFolders = [folder]
      _ = try Session(graph: try matrix.graph(), options: options).run(
        [],
        feeding: [
          "path:0": try Tensor(Bytes(folder + "/m")), "name:0": try Tensor([Bytes("w")]),
          "whole:0": try Tensor([Bytes("")]),
          "values:0": try Tensor(shape: [3, 2], scalars: [Float(0), 1, 10, 11, 20, 21]),
        ], targets: ["save"])
      #expect(try loaded([2, 0], [], [], width: 2) == [20, 21, 0, 1])
      #expect(try loaded([-1, 1], [1, 0], [7, 8], width: 2) == [7, 8, 11, 10])
      #expect(try loaded([1, -1], [0, -1, 1], [5, 6, 7, 8], width: 3) == [10, 5, 11, 6, 7, 8])
      for (rows, columns, missing, width) in [
        ([1, 1], [], [], 2), ([3, 1], [], [], 2), ([0, 1], [], [], 3), ([0, -1], [], [1], 2),
        ([0, 1], [0], [], 2),
      ] as [([Int64], [Int64], [Float], Int)] {
        #expect(throws: GraftError.self) { try loaded(rows, columns, missing, width: width) }
      }
    }
  }
}
