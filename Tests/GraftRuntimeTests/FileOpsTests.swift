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
}
