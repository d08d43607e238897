import Foundation
import Testing

private let modes = repository + "Tests/Fixtures/modes/"

/// What the tool does with graphs that TensorFlow refuses, or that were exported to train.
@Suite struct PuttingGraphsRight {
  /// Feeds `x` with zeros.
  private func zeros(_ body: (_ feeds: [String]) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let row = "[[0,0],[0,0],[0,0],[0,0]]"
      try write("[[\(row),\(row),\(row),\(row)]]", to: folder + "/x.json")
      try body(["--feed", "x=@\(folder)/x.json"])
    }
  }

  @Test func graphsThatWereFrozenInPartRunAndAreTold() throws {
    try zeros { feeds in
      let arguments = [modes + "half_frozen_conditional.pb", "--fetch", "y"]
      let finished = try graft(["run"] + arguments + ["--feed", "phase_train=false"] + feeds)
      #expect(finished.code == 0, "\(finished.error)")
      #expect(finished.output.hasPrefix("y: float32 [16,3]\n"))
      #expect(
        finished.error.hasPrefix("graft: The graph was frozen in part: 5 Assign, 2 AssignSub, 2 RefSwitch"),
        "\(finished.error)")
      let check = try graft(["check"] + arguments)
      #expect(check.code == 1 && check.output.contains("frozen in part"), "\(check.output)")
      #expect(check.output.contains("$ graft freeze \(modes)half_frozen_conditional.pb"))
    }
  }

  @Test func aGraphThatWasFrozenInPartIsFrozenWhole() throws {
    try withTemporaryFolder { folder in
      let whole = folder + "/whole.pb"
      let freeze = try graft([
        "freeze", modes + "half_frozen_resources.pb", "--fetch", "y", "--output", whole,
      ])
      #expect(freeze.code == 0, "\(freeze.error)")
      let check = try graft(["check", whole, "--fetch", "y"])
      #expect(!check.output.contains("frozen in part"), "\(check.output)")
    }
  }

  @Test func inferenceModeRunsWhatWasExportedToTrain() throws {
    let model = modes + "training_model"
    let check = try graft(["check", model])
    #expect(check.code == 1)
    #expect(check.output.contains("$ graft run \(model) --inference-mode"), "\(check.output)")
    try zeros { feeds in
      let finished = try graft(["run", model, "--inference-mode"] + feeds)
      #expect(finished.code == 0 && finished.output.hasPrefix("y: float32 [1,2]\n"), "\(finished.error)")
      #expect(finished.error.contains("graft: Inference mode: nothing is dropped by"), "\(finished.error)")
    }
    let clean = try graft(["check", model, "--inference-mode"])
    #expect(clean.code == 0, "\(clean.output)")
  }

  @Test func tablesAreFilledBeforeTheRun() throws {
    try withTemporaryFolder { folder in
      let graph = """
        node { name: "table" op: "HashTableV2" attr { key: "key_dtype" value { type: DT_STRING } }
          attr { key: "value_dtype" value { type: DT_INT64 } } }
        node { name: "k" op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value {
          tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "a" } } } }
        node { name: "v" op: "Const" attr { key: "dtype" value { type: DT_INT64 } } attr { key: "value" value {
          tensor { dtype: DT_INT64 tensor_shape { dim { size: 1 } } int64_val: 9 } } } }
        node { name: "fill" op: "InitializeTableV2" input: "table" input: "k" input: "v"
          attr { key: "Tkey" value { type: DT_STRING } } attr { key: "Tval" value { type: DT_INT64 } } }
        node { name: "y" op: "LookupTableFindV2" input: "table" input: "k" input: "none"
          attr { key: "Tin" value { type: DT_STRING } } attr { key: "Tout" value { type: DT_INT64 } } }
        node { name: "none" op: "Const" attr { key: "dtype" value { type: DT_INT64 } } attr { key: "value" value {
          tensor { dtype: DT_INT64 tensor_shape { } int64_val: -1 } } } }
        versions { producer: 1882 }
        """
      let path = folder + "/table.pbtxt"
      try write(graph, to: path)
      let finished = try graft(["run", path, "--fetch", "y"])
      #expect(finished.output == "y: int64 [1]\n[9]\n", "\(finished.error)")
      #expect(try graft(["check", path, "--fetch", "y"]).code == 0)
    }
  }
}
