import Foundation
import GraftCheckpoint
import GraftGraph
import GraftRuntime
import GraftTensor

/// Graphs with variables, for tests of saving, restoring and freezing.
enum VariableGraph {
  private static func variable(_ text: GraphText, _ name: String, _ shape: [Int], isResource: Bool)
    -> GraphText
  {
    let dimensions = shape.map { "dim { size: \($0) }" }.joined(separator: " ")
    let initial = "\(name)/initial"
    let count = shape.reduce(1, *)
    let text = text.constant(initial, shape, (0..<count).map { Float($0) })
    if isResource {
      return
        text
        .node(
          name, "VarHandleOp", [],
          [
            "dtype": "type: DT_FLOAT", "shape": "shape { \(dimensions) }", "shared_name": "s: \"\(name)\"",
          ]
        )
        .node("\(name)/Assign", "AssignVariableOp", [name, initial], ["dtype": "type: DT_FLOAT"])
        .node("\(name)/read", "ReadVariableOp", [name], ["dtype": "type: DT_FLOAT"])
    }
    return
      text
      .node(name, "VariableV2", [], ["dtype": "type: DT_FLOAT", "shape": "shape { \(dimensions) }"])
      .node("\(name)/Assign", "Assign", [name, initial], GraphText.float)
      .node("\(name)/read", "Identity", [name], GraphText.float)
  }

  /// `y = x · w + b` with `w` by reference and `b` as a resource, below a scope, and `init`.
  static func line(scope: String = "") -> GraphText {
    let (w, b) = (scope + "w", scope + "b")
    var text = GraphText().placeholder("x", [-1, 2])
    text = variable(text, w, [2, 1], isResource: false)
    text = variable(text, b, [1], isResource: true)
    return
      text
      .node("product", "MatMul", ["x", "\(w)/read"], GraphText.float)
      .node("y", "AddV2", ["product", "\(b)/read"], GraphText.float)
      .node("init", "NoOp", ["^\(w)/Assign", "^\(b)/Assign"])
  }

  /// A session of the graph whose variables have the values `w` = [[2], [3]] and `b` = [1].
  static func session(scope: String = "") throws -> Session {
    let session = Session(graph: try line(scope: scope).graph())
    let folder = try TestFolder()
    try checkpoint(folder.file("m"), [scope + "w": weights, scope + "b": bias])
    try Saver(graph: session.graph).restore(folder.file("m"), into: session)
    return session
  }

  static var weights: Tensor { get throws { try Tensor(shape: [2, 1], scalars: [2, 3] as [Float]) } }
  static var bias: Tensor { get throws { try Tensor(shape: [1], scalars: [1] as [Float]) } }
  static var input: Tensor { get throws { try Tensor(shape: [1, 2], scalars: [1, 2] as [Float]) } }

  /// Writes a checkpoint.
  static func checkpoint(_ prefix: String, _ tensors: [String: Tensor]) throws {
    var writer = CheckpointWriter()
    for (key, tensor) in tensors { try writer.add(key, tensor) }
    try writer.write(to: prefix)
  }

  /// `y` of the session.
  static func result(_ session: Session, prefix: String = "") throws -> [Float] {
    try session.run("\(prefix)y:0", feeding: ["\(prefix)x:0": input]).scalars()
  }
}

/// A folder of its own for a test, removed in the end.
final class TestFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("graft-runtime-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a file in the folder.
  func file(_ name: String) -> String { path + "/" + name }

  /// The names of what is in it, or in a folder of it.
  func names(_ name: String = "") -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: file(name))) ?? []).sorted()
  }
}

/// The error that something throws, for a test to read.
func thrown(_ body: () throws -> Void) -> GraftError? {
  do {
    try body()
    return nil
  } catch {
    return error as? GraftError
  }
}

/// The code of the error that something throws.
func code(_ body: () throws -> Void) -> GraftError.Code? { thrown(body)?.code }

/// The path of a file that a script recorded.
func fixture(_ name: String) -> String {
  let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  return tests.path + "/Fixtures/" + name
}
