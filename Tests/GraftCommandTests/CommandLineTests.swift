import Foundation
import GraftProto
import GraftTensor
import SwiftProtobuf
import Synchronization
import Testing

@testable import GraftCommand

@Suite(.serialized) struct TheCommandLine {
  @Test func explainsItself() throws {
    let help = try graft(["--help"])
    #expect(help.code == 0)
    for command in ["run", "inspect", "checkpoint", "ops", "verify", "bench"] {
      #expect(help.output.contains("\n  \(command) "))
    }
    #expect(!help.output.contains("verify-worker"))
    #expect(try graft(["--version"]).output.hasPrefix("graft "))
  }

  @Test(arguments: [
    ["run"], ["dance"], ["run", "model.pb", "--fetch", "y", "--feed", "x"],
    ["run", "m.pb", "--fetch", "y", "--threads", "0"], ["run", "m.pb", "--fetch", "a", "b", "-o", "o.npy"],
    ["run", "m.pb", "--fetch", "a", "--feed", "x=1", "x=2"], ["run", "m.pb", "--fetch", "y", "-o", "o.txt"],
    ["bench"], ["checkpoint", "ls"], ["checkpoint", "show", "c", "a", "b", "-o", "o.npy"],
    ["checkpoint", "convert", "a"], ["checkpoint", "convert", "a", "b", "--shards", "0"],
    ["ops", "--markdown", "--json"], ["bench", "m.pb", "--fetch", "y", "--runs", "none"],
    ["bench", "m.pb", "--fetch", "y", "--overlap", "1"], ["verify"],
    ["verify", "a", "--jobs", "0"], ["verify", "a", "--repeats", "-1"],
    ["verify", "a", "b", "--expected-failures", "f"],
    ["verify", "a", "--update-expected"],
  ])
  func endsWithTwoWhenItIsNotUnderstood(_ arguments: [String]) throws {
    let finished = try graft(arguments)
    #expect(finished.code == 2)
    #expect(finished.output.isEmpty)
    #expect(finished.error.contains("Usage: graft"))
  }

  @Test func endsWithOneAndAMessageWhenSomethingFails() throws {
    let missing = try graft(["inspect", "/no/such/file.pb"])
    #expect(missing.code == 1)
    #expect(missing.output.isEmpty)
    #expect(missing.error.hasPrefix("graft: There is no such file or folder. (/no/such/file.pb)"))

    let name = try graft(["run", digits + "frozen_graph.pb", "--fetch", "probabilties:0"])
    #expect(name.code == 1)
    #expect(name.error.contains("probabilities"))
  }

  @Test func saysThatTheOutputCannotBeWritten() throws {
    let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
    let finished = try graft(["inspect", digits + "frozen_graph.pb"], output: full)
    #expect(finished.code == 1)
    #expect(finished.error.contains("No space left on device"))
  }

  @Test func endsQuietlyWhenNobodyReads() throws {
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    let finished = try graft(["inspect", digits + "frozen_graph.pb"], output: pipe.fileHandleForWriting)
    #expect(finished.code == 0)
    #expect(finished.error.isEmpty)
  }
}

@Suite(.serialized) struct InspectingAGraph {
  @Test func showsWhatIsFedAndFetchedAndWhoWroteIt() throws {
    let text = try graft(["inspect", digits + "frozen_graph.pb"]).output
    #expect(text.contains("frozen_graph.pb: GraphDef, binary, 89.2 kB"))
    #expect(text.contains("34 operations, written by TensorFlow 2.21 (producer version 2474)"))
    #expect(text.contains("Inputs\n  images:0  float32  [?,8,8,1]\n"))
    #expect(text.contains("  probabilities:0  float32  "))
    #expect(text.contains("  classes:0        int64    "))
    #expect(text.contains("21,546 parameters; 10 constants of 86.2 kB, the largest:"))
    #expect(text.contains("  10  Const\n   8  Identity\n"))
  }

  @Test func leavesOutWhatSaversAdd() throws {
    let json = try JSONParser.parse(graft(["inspect", digits + "graph.pb", "--json"]).output)
    #expect(json["inputs"]?.elements?.compactMap { $0["name"]?.string } == ["images:0"])
    #expect(json["outputs"]?.elements?.compactMap { $0["name"]?.string } == ["probabilities:0", "classes:0"])
    #expect(json["variables"]?.elements?.count == 8)
    #expect(
      json["variables"]?.elements?.first?.compact
        == #"{"name": "conv1/weights", "dtype": "float32", "shape": [3, 3, 1, 16], "parameters": 144, "bytes": 576}"#
    )
    #expect(json["parameters"]?.integer == 21_546)
  }

  @Test func givesTheSameAsJSON() throws {
    let json = try JSONParser.parse(graft(["inspect", digits + "frozen_graph.pb", "--json"]).output)
    #expect(json["encoding"] == .string("binary"))
    #expect(json["producer"]?.integer == 2474)
    #expect(json["written_by"] == .string("TensorFlow 2.21"))
    #expect(
      json["inputs"]?.elements?.first?.compact
        == #"{"name": "images:0", "dtype": "float32", "shape": [null, 8, 8, 1]}"#)
    #expect(json["ops"]?["Conv2D"]?.integer == 2)
    #expect(json["largest_constants"]?.elements?.first?["bytes"]?.integer == 65536)
    #expect(json["missing"] == .array([]))
  }

  @Test func namesTheOpsThatCannotRunAndWhy() throws {
    let json = try JSONParser.parse(
      graft(["inspect", repository + "Tests/Fixtures/graphs/good/unknown-ops/graph.pb", "--json"]).output)
    let missing = try #require(json["missing"]?.elements)
    #expect(!missing.isEmpty)
    #expect(missing.allSatisfy { $0["reason"]?.string?.hasPrefix("no op of TensorFlow's own") == true })
  }

  @Test func countsTheOpsOfFunctions() throws {
    let json = try JSONParser.parse(
      graft(["inspect", repository + "Tests/Fixtures/graphs/good/functional-control-flow/graph.pb", "--json"])
        .output)
    #expect(json["functions"]?.elements?.count == 7)
    #expect(json["function_ops"]?["Mul"]?.integer == 2)
  }

  @Test func showsASavedModelsTagsAndSignatures() throws {
    let text = try graft(["inspect", digits + "saved_model"]).output
    #expect(text.contains("saved_model: SavedModel, binary, 23.8 kB"))
    #expect(text.contains("\nTags: serve\n"))
    #expect(text.contains("  serving_default  (tensorflow/serving/predict)\n"))
    #expect(text.contains("    takes  images         float32  [?,8,8,1]  images:0\n"))
    #expect(text.contains("  dense1/weights  float32  [512,32]     16,384  65.5 kB\n"))
    let json = try JSONParser.parse(
      graft(["inspect", digits + "saved_model/saved_model.pb", "--json"]).output)
    #expect(json["kind"] == .string("SavedModel"))
    #expect(json["tag_sets"]?.compact == #"[["serve"]]"#)
    #expect(json["signatures"]?["serving_default"]?["outputs"]?["classes"]?["tensor"] == .string("classes:0"))
  }

  @Test func saysWhatAFileOfAnotherKindIs() throws {
    let checkpoint = try graft(["inspect", digits + "checkpoint"])
    #expect(checkpoint.code == 1)
    #expect(checkpoint.error.contains("This is a checkpoint, which holds variables and no graph."))
    #expect(checkpoint.error.contains("--checkpoint \(digits)checkpoint/model.ckpt"))
    let text = try graft(["inspect", repository + "LICENSE"])
    #expect(text.code == 1)
    #expect(text.error.contains("LICENSE"))
  }
}

@Suite(.serialized) struct RunningAGraph {
  private let model = digits + "frozen_graph.pb"
  private let picture = "images=@" + digits + "pictures/digit-4-015.png"

  @Test func classifiesAPicture() throws {
    let finished = try graft([
      "run", model, "--feed", picture, "--picture-scale", "1/255", "--fetch", "classes", "probabilities:0",
    ])
    #expect(finished.code == 0, "\(finished.error)")
    #expect(finished.output.hasPrefix("classes: int64 [1]\n[4]\nprobabilities:0: float32 [1,10]\n[["))
  }

  @Test func writesWhatTensorFlowComputed() throws {
    try withTemporaryFolder { folder in
      let finished = try graft([
        "run", model, "--feed", "images=@\(digits)held_out.npz:images", "--fetch", "probabilities:0",
        "classes:0",
        "-o", folder + "/out.npz", "--threads", "1",
      ])
      #expect(finished.code == 0, "\(finished.error)")
      #expect(finished.output.isEmpty)
      let written = try NPZ(contentsOf: folder + "/out.npz")
      #expect(written.names == ["probabilities:0", "classes:0"])
      let expected = try NPZ(contentsOf: digits + "held_out.npz").tensor(named: "probabilities")
      let difference = try Comparison.difference(
        written.tensor(named: "probabilities:0"), expected, .init(relative: 1e-4, absolute: 1e-6))
      #expect(difference == nil)
    }
  }

  @Test func feedsTheArraysOfAFileAsTheGraphWantsThem() throws {
    try withTemporaryFolder { folder in
      let images = try NPZ(contentsOf: digits + "held_out.npz").tensor(named: "images")
      let doubles = try Tensor(
        shape: images.shape.dimensions, scalars: images.scalars(as: Float.self).map { Double($0) })
      try NPZ.write([("images:0", doubles)], to: folder + "/feeds.npz")
      try NPZ.write([("pictures:0", doubles)], to: folder + "/others.npz")
      let one = ["--feed", "images:0=@\(digits)held_out.npz:images"]
      let file = ["--feeds", folder + "/feeds.npz"]
      let answers = try [one, file].map { feeds in
        try graft(["run", model] + feeds + ["--fetch", "classes:0", "--threads", "1"]).output
      }
      #expect(answers[0].hasPrefix("classes:0: int64 [450]"))
      #expect(answers[0] == answers[1])
      // What is named goes before what the file has.
      let overridden = try graft(
        ["run", model] + file + ["--feed", picture, "--picture-scale", "1/255", "--fetch", "classes:0"])
      #expect(overridden.output.hasPrefix("classes:0: int64 [1]"), "\(overridden.error)")
      let unknown = try graft(["run", model, "--feeds", folder + "/others.npz", "--fetch", "classes:0"])
      #expect(unknown.code == 1)
      #expect(unknown.error.contains("'pictures"), "\(unknown.error)")
    }
  }

  @Test func givesTheSameWithoutOptimisation() throws {
    let answers = try ["on", "off"].map { optimize in
      try graft([
        "run", model, "--feed", picture, "--fetch", "classes:0", "--optimize", optimize, "--picture-scale",
        "1/255",
      ]).output
    }
    #expect(answers[0] == answers[1])
    #expect(answers[0].contains("[4]"))
  }

  @Test func writesJSONAndFeedsItAgain() throws {
    try withTemporaryFolder { folder in
      let zeros =
        "["
        + Array(repeating: "[" + Array(repeating: "[0]", count: 8).joined(separator: ",") + "]", count: 8)
        .joined(separator: ",") + "]"
      try write("[" + zeros + "]", to: folder + "/zeros.json")
      let feed = "images=@" + folder + "/zeros.json"
      let out = folder + "/out.json"
      let finished = try graft(["run", model, "--feed", feed, "--fetch", "images:0", "-o", out])
      #expect(finished.code == 0, "\(finished.error)")
      let json = try JSONParser.parse(contentsOf: out)["images:0"]
      #expect(json?["dtype"] == .string("float32"))
      #expect(json?["shape"]?.compact == "[1, 8, 8, 1]")
    }
  }

  @Test func importsBelowAPrefix() throws {
    let finished = try graft([
      "run", model, "--prefix", "net", "--feed", "net/" + picture, "--fetch", "net/classes",
      "--picture-scale", "1/255",
    ])
    #expect(finished.output == "net/classes: int64 [1]\n[4]\n")
  }

  @Test(arguments: [
    ("images=[[1,2],[3]]", "The arrays are ragged"), ("images=@\(repository)LICENSE", "neither .npy"),
    ("images=@\(repository)nothing.npy", "There is no such file"), ("images=[1,", "not JSON"),
    ("images=@\(digits)held_out.npz", "The file holds 3 arrays"),
    ("images=\(digits)held_out.npz", "put an @ before its name"),
    ("images=@\(digits)held_out.npz:pictures", "no array 'pictures'"),
    ("images=[\"a\"]", "which is no float32"),
    ("nothing=1", "'nothing'"), ("images=[1]", "shape"),
  ])
  func explainsWhatIsWrongWithAFeed(_ feed: String, _ part: String) throws {
    let finished = try graft(["run", model, "--feed", feed, "--fetch", "images:0"])
    #expect(finished.code == 1)
    #expect(finished.error.contains(part), "\(finished.error)")
  }

  @Test func namesThePlaceholderThatWasNotFed() throws {
    let finished = try graft(["run", model, "--fetch", "classes"])
    #expect(finished.code == 1)
    #expect(finished.error.contains("images"))
  }
}

@Suite(.serialized) struct TimingAGraph {
  @Test func printsOneLineOfFigures() throws {
    try withTemporaryFolder { folder in
      let images = try NPZ(contentsOf: digits + "held_out.npz").tensor(named: "images")
      try NPZ.write([("images:0", images)], to: folder + "/feeds.npz")
      let finished = try graft([
        "bench", digits + "frozen_graph.pb", "--feeds", folder + "/feeds.npz", "--fetch", "probabilities:0",
        "--runs", "5",
        "--threads", "1", "--json",
      ])
      #expect(finished.code == 0, "\(finished.error)")
      #expect(finished.output.split(separator: "\n").count == 1)
      let json = try JSONParser.parse(finished.output)
      let figures = try ["load_ms", "first_run_ms", "min_ms", "median_ms", "p90_ms", "peak_rss_mb"].map {
        try #require(json[$0]?.double)
      }
      #expect(figures.allSatisfy { $0 > 0 })
      #expect(figures[2] <= figures[3] && figures[3] <= figures[4])
      #expect(json["runs"]?.integer == 5)
      #expect(json["threads"]?.integer == 1)
      // Each of the 450 rows is a distribution.
      #expect(abs(try #require(json["checksum"]?.double) - 450) < 1e-3)
    }
  }
}

@Suite(.serialized) struct LookingIntoARun {
  private func call(_ arguments: [String]) throws -> (code: Int32, output: String, error: String) {
    try withTemporaryFolder { folder in
      let images = try NPZ(contentsOf: digits + "held_out.npz").tensor(named: "images")
      try NPZ.write([("images:0", images)], to: folder + "/feeds.npz")
      let finished = try graft(
        [arguments[0], digits + "frozen_graph.pb", "--feeds", folder + "/feeds.npz"]
          + ["--fetch", "probabilities:0", "--runs", "2", "--threads", "1"] + arguments.dropFirst())
      return (finished.code, finished.output, finished.error)
    }
  }

  @Test func benchShowsThePlanWithoutEachPass() throws {
    let finished = try call(["bench", "--passes"])
    #expect(finished.code == 0, "\(finished.error)")
    let lines = finished.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let whole = try #require(lines.first { $0.count > 1 && $0[1] == "(the" }.flatMap { Int($0[0]) })
    // The bias is an operation of its own then.
    let without = try #require(lines.first { $0.last == "BiasFusion" })
    #expect(without.count == 4)
    #expect(try #require(Int(without[2])) > whole)
  }

  @Test func benchCountsRunsThatOverlap() throws {
    let finished = try call(["bench", "--json", "--overlap", "3"])
    #expect(finished.code == 0, "\(finished.error)")
    let json = try JSONParser.parse(finished.output)
    #expect(json["overlap"]?.integer == 3)
    for rate in ["runs_per_second", "overlapping_runs_per_second"] {
      #expect(try #require(json[rate]?.double) > 0)
    }
    let text = try call(["bench", "--overlap", "2"]).output
    #expect(text.contains("2 at once"), "\(text)")
  }

  @Test func whatFailsInARunThatOverlapsIsTold() throws {
    let started = Mutex(0)
    let run: @Sendable () throws -> Void = {
      try started.withLock {
        $0 += 1
        if $0 > 40 { throw CancellationError() }
      }
    }
    #expect(throws: CancellationError.self) { try Throughput(overlap: 2, runs: 10) { run } }
    // Nobody begins another one: the others had begun theirs.
    #expect((41...42).contains(started.withLock { $0 }))
  }

  @Test func profileWritesWhatTensorFlowsToolsRead() throws {
    try withTemporaryFolder { folder in
      let file = folder + "/run.pb"
      let finished = try call(["profile", "--run-metadata", file, "--trace", folder + "/trace.json"])
      #expect(finished.code == 0, "\(finished.error)")
      #expect(finished.output.contains("% of peak"))
      let metadata = try Tensorflow_RunMetadata(serializedBytes: FileBytes.read(file))
      let device = try #require(metadata.stepStats.devStats.first)
      #expect(device.device.hasSuffix("CPU:0"))
      let last = try #require(device.nodeStats.last)
      #expect(last.nodeName == "probabilities")
      #expect(last.output.first?.tensorDescription.shape.dim.map(\.size) == [450, 10])
      #expect(last.output.first?.tensorDescription.dtype == .dtFloat)
      #expect(last.allEndRelNanos > 0 && last.allStartMicros > 1_000_000_000_000_000)
    }
  }
}

@Suite(.serialized) struct VerifyingCases {
  /// A folder with a case that passes, one whose numbers are wrong, one that cannot be read and one of a kind that
  /// is not run.
  private func withCases<R>(_ body: (String) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      let cases = folder + "/cases"
      try FileManager.default.createDirectory(atPath: cases, withIntermediateDirectories: true)
      for name in ["right", "wrong"] {
        try FileManager.default.copyItem(
          atPath: repository + "Tests/Fixtures/graphs/good/colocated", toPath: cases + "/" + name)
      }
      let description = cases + "/wrong/case.json"
      let text = try String(contentsOfFile: description, encoding: .utf8)
      let files = try #require(JSONParser.parse(text)["runs"]?.elements?.first?["expected"]?.elements)
      let file = try #require(files.first?.string)
      try Tensor(shape: [1, 1], scalars: [Float(1e9)]).write(npy: cases + "/wrong/" + file)
      try write("{", to: cases + "/unreadable/case.json")
      try write(#"{"kind": "crystal_ball"}"#, to: cases + "/strange/case.json")
      return try body(folder)
    }
  }

  @Test func writesALineForEachAndCounts() throws {
    try withCases { folder in
      let finished = try graft(["verify", folder + "/cases", "--format", "tsv", "--jobs", "2"])
      #expect(finished.code == 1)
      let lines = finished.output.split(separator: "\n").map {
        $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      }
      #expect(lines.map(\.count) == [3, 3, 3, 3, 1], "\(finished.output)")
      #expect(lines.dropLast().map { $0[0] } == ["pass", "unsupported", "fail", "fail"])
      #expect(
        lines.dropLast().map { $0[1].replacing(folder, with: "") } == [
          "/cases/right/case.json", "/cases/strange/case.json", "/cases/unreadable/case.json",
          "/cases/wrong/case.json",
        ])
      #expect(lines[1][2] == "the kind 'crystal_ball'")
      #expect(lines[2][2].contains("not JSON"))
      #expect(lines[3][2].hasPrefix("optimize off, run 0: "))
      #expect(lines[4] == ["1 passed, 3 failed"])
    }
  }

  @Test func showsOnlyWhatFailsAsText() throws {
    try withCases { folder in
      let finished = try graft(["verify", folder + "/cases"])
      #expect(!finished.output.contains("right/case.json"))
      #expect(finished.output.contains("wrong/case.json\n  optimize off, run 0: "))
      #expect(finished.output.contains("Not supported: 1 cases"))
      #expect(finished.output.hasSuffix("\n1 passed, 3 failed\n"))
      #expect(try graft(["verify", folder + "/cases/right"]).output == "1 passed, 0 failed\n")
    }
  }

  @Test func repeatsRunsWithOtherFeeds() throws {
    try withCases { folder in
      let finished = try graft(["verify", folder + "/cases", "--repeats", "9", "--format", "tsv"])
      #expect(finished.output.contains("pass\t\(folder)/cases/right/case.json"))
      #expect(finished.output.hasSuffix("\n1 passed, 3 failed\n"))
    }
  }

  @Test func acceptsExpectedFailuresAndOnlyThose() throws {
    try withCases { folder in
      let list = folder + "/list.txt"
      let arguments = ["verify", folder + "/cases", "--expected-failures", list]
      #expect(try graft(arguments).error.contains("There is no such list"))
      #expect(try graft(arguments + ["--update-expected"]).code == 0)
      #expect(
        try ExpectedFailures(file: list).paths == [
          "strange/case.json", "unreadable/case.json", "wrong/case.json",
        ])
      #expect(try graft(arguments).code == 0)

      // One that is not in the list.
      try write("strange/case.json\nunreadable/case.json\n", to: list)
      let finished = try graft(arguments + ["--update-expected"])
      #expect(finished.code == 1)
      #expect(finished.output.contains("1 cases fail and are not in the list:\n  wrong/case.json\n"))
      #expect(try ExpectedFailures(file: list).paths == ["strange/case.json", "unreadable/case.json"])

      // One that passes, and one that is gone.
      try write(
        "gone/case.json\nright/case.json\nstrange/case.json\nunreadable/case.json\nwrong/case.json\n",
        to: list)
      let better = try graft(arguments)
      #expect(better.code == 0)
      #expect(better.output.contains("1 cases pass and are in the list:\n  right/case.json\n"))
      #expect(better.output.contains("1 cases are in the list and nowhere else:\n  gone/case.json\n"))
      #expect(better.output.hasSuffix("\n1 passed, 3 failed\n"))
      #expect(try graft(arguments + ["--update-expected"]).code == 0)
      #expect(try ExpectedFailures(file: list).paths.count == 3)
    }
  }

  @Test func refusesAFolderWithoutCases() throws {
    try withTemporaryFolder { folder in
      let finished = try graft(["verify", folder])
      #expect(finished.code == 1)
      #expect(finished.error.contains("There is no case*.json"))
    }
  }
}
