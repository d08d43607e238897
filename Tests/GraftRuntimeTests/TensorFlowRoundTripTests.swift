import Foundation
import GraftCheckpoint
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// A Python that has TensorFlow, where one is named.
private let python = ProcessInfo.processInfo.environment["GRAFT_TENSORFLOW_PYTHON"]

/// Models that TensorFlow writes are read here, written again, and read by TensorFlow. Runs where
/// `GRAFT_TENSORFLOW_PYTHON` names a Python that has it.
@Suite("Models go to TensorFlow and back", .enabled(if: python != nil))
struct TensorFlowRoundTripTests {
  /// Writes models of TensorFlow 1 and 2, with what they answer.
  private static let writing = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder, v1 = sys.argv[1], tf.compat.v1
    random = np.random.RandomState(1)
    x = random.randn(3, 2).astype(np.float32)
    np.save(folder + "/x.npy", x)
    with tf.Graph().as_default() as graph, v1.Session() as session:
        X = v1.placeholder(tf.float32, [None, 2], name="x")
        w = v1.get_variable("w", initializer=random.randn(2, 2).astype(np.float32), use_resource=False)
        b = v1.get_variable("b", initializer=random.randn(2).astype(np.float32), use_resource=True)
        word = v1.get_variable("word", initializer=tf.constant([b"a", b"", b"\\0c"]), use_resource=True)
        y = tf.add(tf.matmul(X, w), b, name="y")
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, folder + "/one/model", global_step=7)
        v1.saved_model.simple_save(session, folder + "/one_saved", {"pixels": X}, {"out": y})
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
        open(folder + "/one.pb", "wb").write(frozen.SerializeToString())
        np.save(folder + "/w.npy", session.run(w))
        np.save(folder + "/b.npy", session.run(b))
        np.save(folder + "/y.npy", session.run(y, {X: x}))
    class Model(tf.Module):
        def __init__(self):
            self.w = tf.Variable(random.randn(2, 2).astype(np.float32), name="kernel")
            self.rounds = tf.Variable(3, name="rounds")
            self.rows = tf.Variable(random.randn(4, 2).astype(np.float32), name="rows")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([1, 3], tf.int64)), -1)
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="pixels")])
        def serve(self, x):
            for _ in tf.range(self.rounds):
                x = x @ self.w
            if tf.reduce_sum(x) > 1e9:
                x = x - self.w[0]
            else:
                x = x + tf.gather(self.rows, [2])
            return {"out": x}
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
        def look(self, words):
            return {"numbers": self.table.lookup(words)}
    model = Model()
    tf.saved_model.save(model, folder + "/two_saved", {"serving_default": model.serve, "look": model.look})
    np.save(folder + "/two.npy", model.serve(tf.constant(x))["out"].numpy())
    """

  /// Reads what was written here.
  private static let reading = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder, v1 = sys.argv[1], tf.compat.v1
    two_in, two_out, words, numbers = sys.argv[2:6]
    x, w, b, y, two = (np.load(f"{folder}/{name}.npy") for name in ["x", "w", "b", "y", "two"])
    def same(a, b, what):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes(), (what, a, b)
    reader = tf.train.load_checkpoint(folder + "/ours")
    same(reader.get_tensor("w"), w, "checkpoint w")
    same(reader.get_tensor("b"), b, "checkpoint b")
    assert list(reader.get_tensor("word")) == [b"a", b"", b"\\0c"]
    for meta in ["model-8.meta", "text.meta"]:
        with tf.Graph().as_default(), v1.Session() as session:
            saver = v1.train.import_meta_graph(f"{folder}/ours/{meta}")
            saver.restore(session, folder + "/ours/model-8")
            same(session.run("w:0"), w, meta)
            same(session.run("b/Read/ReadVariableOp:0"), b, meta)
            same(session.run("y:0", {"x:0": x}), y, meta)
    for name in ["one_saved", "one_text"]:
        loaded = tf.saved_model.load(f"{folder}/ours/{name}")
        same(loaded.signatures["serving_default"](tf.constant(x))["out"].numpy(), y, name)
        with tf.Graph().as_default(), v1.Session() as session:
            v1.saved_model.load(session, ["serve"], f"{folder}/ours/{name}")
            same(session.run("w:0"), w, name)
            same(session.run("y:0", {"x:0": x}), y, name)
    def frozen(name, fetch, feeds):
        graph = v1.GraphDef()
        graph.ParseFromString(open(f"{folder}/ours/{name}", "rb").read())
        with tf.Graph().as_default(), v1.Session() as session:
            tf.import_graph_def(graph, name="")
            return session.run(fetch, feeds)
    same(frozen("one.pb", "y:0", {"x:0": x}), y, "frozen")
    same(frozen("two.pb", two_out, {two_in: x}), two, "frozen functions")
    same(frozen("look.pb", numbers, {words: [b"b", b"c", b"a"]}), np.array([3, -1, 1]), "frozen table")
    loaded = tf.saved_model.load(folder + "/ours/two_saved")
    same(loaded.signatures["serving_default"](tf.constant(x))["out"].numpy(), two, "functions")
    found = loaded.signatures["look"](tf.constant([b"b", b"c", b"a"]))["numbers"].numpy()
    same(found, np.array([3, -1, 1]), "table")
    print("equal")
    """

  private func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(python))
    // Functions are compiled from their source, which must be a file.
    let folder = try TestFolder()
    try Data(script.utf8).write(to: URL(fileURLWithPath: folder.file("script.py")))
    process.arguments = [folder.file("script.py")] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, String(text.suffix(2000)))
  }

  private func near(_ a: Tensor, _ b: Tensor) throws -> Bool {
    let (a, b) = (try a.scalars(as: Float.self), try b.scalars(as: Float.self))
    return a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) }
  }

  @Test func everyFormatComesBackWithEqualBits() throws {
    let folder = try TestFolder()
    let written = try run(Self.writing, [folder.path])
    try #require(written.status == 0, "\(written.output)")
    func expected(_ name: String) throws -> Tensor { try Tensor(npy: folder.file("\(name).npy")) }
    let (x, y) = (try expected("x"), try expected("y"))

    // A graph and its checkpoint, restored as its saver says, and written again.
    let metaGraph = try MetaGraph(contentsOf: folder.file("one/model-7.meta"))
    let session = Session()
    try session.graph.importMetaGraph(metaGraph)
    try Saver(metaGraph: metaGraph, graph: session.graph).restore(folder.file("one"), into: session)
    #expect(try near(session.run("y", feeding: ["x": x]), y))
    let signature = try SignatureDef(graph: session.graph, inputs: ["pixels": "x"], outputs: ["out": "y"])
    let exported = try MetaGraph(
      exporting: session.graph, signatures: ["serving_default": signature], original: metaGraph)
    try Saver(graph: session.graph).save(session, to: folder.file("ours/model"), step: 8, shards: 2)
    try exported.write(to: folder.file("ours/model-8.meta"))
    try exported.write(to: folder.file("ours/text.meta"), asText: true)
    try session.freeze(["y"]).write(to: folder.file("ours/one.pb"))
    for (name, asText) in [("one_saved", false), ("one_text", true)] {
      var writer = SavedModelWriter(session)
      writer.signatures["serving_default"] = signature
      writer.asText = asText
      try writer.write(to: folder.file("ours/\(name)"))
    }

    // TensorFlow's own frozen graph and SavedModels.
    let frozen = Graph()
    try frozen.importGraphDef(contentsOf: folder.file("one.pb"))
    #expect(try near(Session(graph: frozen).run("y", feeding: ["x": x]), y))
    let one = try SavedModel.load(folder.file("one_saved"), into: Session())
    #expect(try near(one.signature().run(["pixels": x])["out"] ?? x, y))
    let two = try SavedModel.load(folder.file("two_saved"), into: Session())
    #expect(try near(two.signature().run(["pixels": x])["out"] ?? x, expected("two")))
    try two.freeze().write(to: folder.file("ours/two.pb"))
    try two.freeze(signature: "look").write(to: folder.file("ours/look.pb"))
    try SavedModelWriter(two).write(to: folder.file("ours/two_saved"))

    func names(_ key: String) throws -> [String] {
      let definition = try two.signature(key).definition
      return definition.inputs.values.map(\.name) + definition.outputs.values.map(\.name)
    }
    let read = try run(Self.reading, [folder.path] + names("serving_default") + names("look"))
    #expect(read.status == 0 && read.output.contains("equal"), "\(read.output)")
  }
}
