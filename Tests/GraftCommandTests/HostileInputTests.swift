import Foundation
import Testing

/// Files from strangers, given to the tool: it says what is wrong and ends with 1, and with nothing else.
@Suite(.serialized) struct HostileInput {
  private func refused(
    _ arguments: [String], says words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let finished = try graft(arguments)
    #expect(finished.code == 1, "\(finished)", sourceLocation: sourceLocation)
    #expect(finished.error.hasPrefix("graft: "), "\(finished.error)", sourceLocation: sourceLocation)
    for word in words {
      #expect(finished.error.contains(word), "\(finished.error)", sourceLocation: sourceLocation)
    }
  }

  private func node(_ name: String, _ op: String, _ inputs: [String] = [], _ attributes: String = "")
    -> String
  {
    let inputs = inputs.map { "input: \"\($0)\"" }.joined(separator: " ")
    return "node { name: \"\(name)\" op: \"\(op)\" \(inputs) \(attributes) }\n"
  }

  private func string(_ name: String, _ value: String) -> String {
    node(
      name, "Const", [],
      "attr { key: \"dtype\" value { type: DT_STRING } } attr { key: \"value\" value { tensor { dtype: DT_STRING "
        + "tensor_shape { } string_val: \"\(value)\" } } }")
  }

  @Test func filesAreReadAndWrittenWhereTheCallerSaysSo() throws {
    try withTemporaryFolder { folder in
      let (model, secret) = (folder + "/m.pbtxt", folder + "/secret")
      try write("secret", to: secret)
      try write(string("path", secret) + node("y", "ReadFile", ["path"]), to: model)
      try refused(["run", model, "--fetch", "y:0"], says: "'y' (ReadFile)", "readableFolders")
      let allowed = try graft(["run", model, "--fetch", "y:0", "--allow-reading", folder])
      #expect(allowed.code == 0 && allowed.output.contains("secret"))
      try refused(
        ["run", model, "--fetch", "y:0", "--allow-reading", folder + "/elsewhere"], says: "permission")
      let output = folder + "/written"
      try write(
        string("path", output) + string("text", "x") + node("w", "WriteFile", ["path", "text"]), to: model)
      try refused(["run", model, "--target", "w"], says: "'w' (WriteFile)", "writableFolders")
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }

  @Test func whatEndsTheProcessIsRefused() throws {
    try withTemporaryFolder { folder in
      let model = folder + "/m.pbtxt"
      try write(node("end", "Abort", [], "attr { key: \"exit_without_error\" value { b: true } }"), to: model)
      try refused(["run", model, "--target", "end"], says: "Abort", "'end'", "ends the process")
    }
  }

  @Test func loopsAndSizesComeToTheLimitsOfTheCommandLine() throws {
    try withTemporaryFolder { folder in
      let model = folder + "/m.pbtxt"
      let dims =
        "attr { key: \"dtype\" value { type: DT_INT32 } } attr { key: \"value\" value { tensor { dtype: DT_INT32 "
        + "tensor_shape { dim { size: 1 } } int_val: 100000000 } } }"
      let one =
        "attr { key: \"dtype\" value { type: DT_FLOAT } } attr { key: \"value\" value { tensor { dtype: DT_FLOAT "
        + "tensor_shape { } float_val: 1 } } }"
      try write(
        node("dims", "Const", [], dims) + node("one", "Const", [], one)
          + node("y", "Fill", ["dims", "one"], "attr { key: \"T\" value { type: DT_FLOAT } }"), to: model)
      try refused(["run", model, "--fetch", "y:0", "--memory-limit", "64M"], says: "limits.")
      let truth =
        "attr { key: \"dtype\" value { type: DT_BOOL } } attr { key: \"value\" value { tensor { dtype: DT_BOOL "
        + "tensor_shape { } bool_val: true } } }"
      let float = "attr { key: \"T\" value { type: DT_FLOAT } }"
      let frame = "attr { key: \"frame_name\" value { s: \"f\" } }"
      try write(
        node("one", "Const", [], one) + node("t", "Const", [], truth)
          + node("e", "Enter", ["one"], float + frame)
          + node(
            "te", "Enter", ["t"],
            "attr { key: \"T\" value { type: DT_BOOL } } attr { key: \"is_constant\" value { b: true } }"
              + frame)
          + node("m", "Merge", ["e", "n"], float + "attr { key: \"N\" value { i: 2 } }")
          + node("c", "LoopCond", ["te"]) + node("s", "Switch", ["m", "c"], float)
          + node("a", "Add", ["s:1", "s:1"], float) + node("n", "NextIteration", ["a"], float)
          + node("y", "Exit", ["s"], float), to: model)
      try refused(["run", model, "--fetch", "y:0", "--loop-limit", "1000"], says: "limits.loopSteps")
      try refused(["run", model, "--fetch", "y:0", "--time-limit", "1"], says: "limits.")
    }
  }

  @Test func bytesThatAreNoModelAreRefusedByEveryCommand() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.pb"
      let good = try Data(contentsOf: URL(filePath: digits + "frozen_graph.pb"))
      var flipped = good
      for position in stride(from: 7, to: flipped.count, by: 97) { flipped[position] ^= 0xFF }
      let files: [(String, Data)] = [
        ("nothing", Data()), ("zeros", Data(count: 4096)), ("ones", Data(repeating: 0xFF, count: 4096)),
        ("cut", good.prefix(good.count / 2)), ("flipped", flipped),
        ("deep", Data(repeating: 0x0A, count: 100_000)),
        // A node that claims to have 2^62 bytes.
        ("long", Data([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0x00])),
        ("text", Data("node { name: \"x\" op: \"\(String(repeating: "{", count: 10000))".utf8)),
      ]
      for (name, bytes) in files {
        try bytes.write(to: URL(filePath: path))
        for command in ["inspect", "check", "run", "bench", "freeze", "convert"] {
          var arguments = [command, path]
          if ["run", "bench", "freeze"].contains(command) { arguments += ["--fetch", "y:0"] }
          if command == "freeze" { arguments += ["--output", folder + "/out.pb"] }
          if command == "convert" { arguments.append(folder + "/out.pb") }
          let finished = try graft(arguments)
          #expect(finished.code != 0, "\(name) \(command): \(finished)")
        }
      }
    }
  }
}
