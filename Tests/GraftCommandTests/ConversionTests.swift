import Foundation
import Graft
import GraftTensor
import Testing

@testable import GraftCommand

private let picture = [
  "--feed", "images=@" + digits + "pictures/digit-4-015.png", "--picture-scale", "1/255",
]

/// The class and probabilities that a model gives to a picture of a 4.
private func answer(_ model: [String], fetching: [String] = ["classes", "probabilities"]) throws -> Finished {
  try graft(["run"] + model + ["--fetch"] + fetching + picture)
}

@Suite(.serialized) struct ConvertingModels {
  private let checkpoint = ["--checkpoint", digits + "checkpoint"]

  @Test func freezesEachFormat() throws {
    try withTemporaryFolder { folder in
      let sources = [
        [digits + "saved_model"], [digits + "graph.pb", "--fetch", "probabilities", "classes"] + checkpoint,
      ]
      for (number, source) in sources.enumerated() {
        let frozen = folder + "/frozen\(number).pb"
        let finished = try graft(["freeze"] + source + ["--output", frozen])
        #expect(finished.code == 0, "\(finished.error)")
        #expect(finished.output.contains("8 variables as constants"))
        #expect(try answer([frozen]).output.hasPrefix("classes: int64 [1]\n[4]\n"))
        #expect(try graft(["check", frozen]).code == 0)
      }
    }
  }

  @Test func convertsBetweenAllOfThem() throws {
    try withTemporaryFolder { folder in
      let meta = folder + "/meta/model.ckpt.meta"
      let saved = folder + "/saved"
      let steps = [
        ["convert", digits + "saved_model", meta],
        ["convert", meta, saved],
        ["convert", saved, folder + "/text", "--text"],
        ["convert", folder + "/text", folder + "/frozen.pb"],
        ["convert", folder + "/frozen.pb", folder + "/frozen.pbtxt"],
        ["convert", folder + "/frozen.pbtxt", folder + "/again", "--fetch", "classes", "probabilities"],
      ]
      for step in steps {
        let finished = try graft(step)
        #expect(finished.code == 0, "\(step): \(finished.error)")
      }
      let expected = try answer([digits + "saved_model"]).output
      for model in [meta, saved, folder + "/text"] {
        #expect(try answer([model]).output == expected, "\(model)")
      }
      for model in [folder + "/frozen.pb", folder + "/frozen.pbtxt", folder + "/again"] {
        #expect(try answer([model]).output.hasPrefix("classes: int64 [1]\n[4]\n"), "\(model)")
      }
      let twice = try graft(["convert", digits + "saved_model", meta])
      #expect(twice.code == 1)
      #expect(twice.error.contains("--force"))
    }
  }

  /// Checkpoints of TensorFlow 2 hold variables by the objects that have them; a MetaGraph restores them by name.
  @Test func variablesOfObjectsBecomeThoseOfAMetaGraph() throws {
    try withTemporaryFolder { folder in
      let model = repository + "Tests/Fixtures/modes/training_model"
      let feeds = [
        "--inference-mode", "--feed",
        "x=[[" + String(repeating: "[[0,1],[1,0],[1,1],[0,0]],", count: 4).dropLast() + "]]",
      ]
      let original = try graft(["run", model] + feeds)
      #expect(original.code == 0, "\(original.error)")
      #expect(try graft(["convert", model, folder + "/m.meta"]).code == 0)
      let converted = try graft(["run", folder + "/m.meta"] + feeds)
      #expect(converted.output == original.output, "\(converted.error)")
      #expect(try graft(["convert", folder + "/m.meta", folder + "/saved"]).code == 0)
      #expect(try graft(["run", folder + "/saved"] + feeds).output == original.output)
    }
  }

  @Test func convertsCheckpointsWithoutAGraph() throws {
    try withTemporaryFolder { folder in
      let finished = try graft([
        "convert", repository + "Tests/Fixtures/checkpoints/v1/dtypes", folder + "/v2",
      ])
      #expect(finished.code == 0, "\(finished.error)")
      #expect(try graft(["checkpoint", "ls", folder + "/v2"]).output.contains("checkpoint V2"))
    }
  }

  @Test func explainsWhatItCannotDo() throws {
    try withTemporaryFolder { folder in
      let empty = try graft([
        "freeze", digits + "graph.pb", "--fetch", "classes", "--output", folder + "/f.pb",
      ])
      #expect(empty.code == 1)
      #expect(empty.error.contains("conv1/weights"))
      let unknown = try graft([
        "freeze", digits + "saved_model", "--fetch", "clases", "--output", folder + "/f.pb",
      ])
      #expect(unknown.code == 1)
      #expect(unknown.error.contains("classes"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/f.pb"))
    }
  }
}

@Suite(.serialized) struct CheckingVariablesAgainstACheckpoint {
  /// A checkpoint of the digits network whose keys have a scope before them.
  private func withRenamed<R>(_ body: (String) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      let checkpoint = try Checkpoint(path: digits + "checkpoint")
      var writer = CheckpointWriter()
      for entry in checkpoint.entries { try writer.add("tower/" + entry.key, checkpoint.tensor(entry.key)) }
      try writer.write(to: folder + "/renamed")
      return try body(folder + "/renamed")
    }
  }

  @Test func proposesARuleForOtherNames() throws {
    try withRenamed { checkpoint in
      let json = try JSONParser.parse(
        graft(["check", digits + "graph.pb", "--checkpoint", checkpoint, "--json"]).output)
      #expect(json["clean"] == .bool(false))
      #expect(json["variables"]?.elements?.allSatisfy { $0["status"] == .string("missing") } == true)
      let found = json["findings"]?.elements?.first { $0["kind"] == .string("checkpoint") }
      #expect(
        found?["command"]?.string?.hasSuffix(" --rename '*=tower/*'") == true, "\(found?.compact ?? "")")
      let renamed = ["--checkpoint", checkpoint, "--rename", "*=tower/*"]
      #expect(try graft(["check", digits + "graph.pb"] + renamed).code == 0)
      #expect(
        try answer([digits + "graph.pb"] + renamed).output
          == answer([digits + "graph.pb", "--checkpoint", digits + "checkpoint"]).output)
    }
  }
}
