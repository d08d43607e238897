import Foundation
import GraftTensor
import Testing

@testable import GraftCommand

private let picture = "images=@" + digits + "pictures/digit-4-015.png"
private let checkpoints = repository + "Tests/Fixtures/checkpoints/"
private let graphs = repository + "Tests/Fixtures/graphs/good/"

@Suite(.serialized) struct RunningModelsOfEachFormat {
  private let scale = ["--picture-scale", "1/255"]

  @Test func callsTheDefaultSignatureOfASavedModel() throws {
    let finished = try graft(["run", digits + "saved_model", "--feed", picture] + scale)
    #expect(finished.code == 0, "\(finished.error)")
    #expect(finished.output.hasPrefix("classes: int64 [1]\n[4]\nlogits: float32 [1,10]\n"))
    let named = try graft(
      [
        "run", digits + "saved_model", "--tags", "serve", "--signature", "serving_default", "--fetch",
        "classes",
      ]
        + ["--feed", picture] + scale)
    #expect(named.output == "classes: int64 [1]\n[4]\n")
    let prefixed = try graft(
      ["run", digits + "saved_model", "--prefix", "net", "--fetch", "classes", "--feed", picture] + scale)
    #expect(prefixed.output == "classes: int64 [1]\n[4]\n", "\(prefixed.error)")
  }

  @Test func restoresACheckpointIntoAGraph() throws {
    for checkpoint in ["checkpoint/model.ckpt", "checkpoint", "checkpoint/model.ckpt.index"] {
      let finished = try graft(
        [
          "run", digits + "graph.pb", "--checkpoint", digits + checkpoint, "--fetch", "classes", "--feed",
          picture,
        ]
          + scale)
      #expect(finished.output == "classes: int64 [1]\n[4]\n", "\(finished.error)")
    }
  }

  @Test func saysWhichArgumentsAreMissing() throws {
    let finished = try graft(["run", digits + "saved_model"])
    #expect(finished.code == 1)
    #expect(
      finished.error.contains("The signature 'serving_default' takes --feed images=… (float32 [?,8,8,1])."))
  }

  @Test(arguments: [
    (["--tags", "train"], "the tags {serve}. Name them with --tags"),
    (["--signature", "predict"], "It has serving_default."),
    (["--fetch", "clases"], "results classes, logits, probabilities"),
    (["--feed", "image=1"], "has the arguments images"),
    (["--checkpoint", "/no/such"], "/no/such"),
  ])
  func explainsWrongNames(_ arguments: [String], _ part: String) throws {
    let finished = try graft(["run", digits + "saved_model"] + arguments)
    #expect(finished.code == 1)
    #expect(finished.error.contains(part), "\(finished.error)")
  }

  @Test func saysWhatCouldBeFetchedWhereNoSignatureIs() throws {
    let finished = try graft(["run", digits + "frozen_graph.pb"])
    #expect(finished.code == 1)
    #expect(finished.error.contains("Name tensors with --fetch, as probabilities:0, classes:0."))
  }

  @Test func runsAnInitialiserFirst() throws {
    let variables = graphs + "variables/graph.pb"
    let json = try JSONParser.parse(graft(["check", variables, "--json"]).output)
    let command = json["findings"]?.elements?.compactMap { $0["command"]?.string }.first
    #expect(command?.contains("--init ") == true || command?.contains("--checkpoint") == true)
  }

  @Test func timesASavedModelByItsSignature() throws {
    let finished = try graft(
      ["bench", digits + "saved_model", "--feed", picture, "--runs", "2", "--json"] + scale)
    #expect(finished.code == 0, "\(finished.error)")
    #expect(try JSONParser.parse(finished.output)["runs"]?.integer == 2)
  }
}

@Suite(.serialized) struct CheckingAModel {
  @Test func findsNothingInWhatRuns() throws {
    for arguments in [
      [digits + "frozen_graph.pb"], [digits + "saved_model", "--deep"],
      [digits + "graph.pb", "--checkpoint", digits + "checkpoint", "--fetch", "classes"],
    ] {
      let finished = try graft(["check"] + arguments)
      #expect(finished.code == 0, "\(finished.output)\(finished.error)")
      #expect(finished.output.hasSuffix("Nothing to mend: it is ready to run.\n"))
    }
  }

  @Test func namesTheCheckpointThatFillsVariables() throws {
    let finished = try graft(["check", digits + "graph.pb"])
    #expect(finished.code == 1)
    #expect(finished.output.contains("! 8 variables have no value.\n"))
    #expect(
      finished.output.contains(
        "$ graft run \(digits)graph.pb --checkpoint \(digits)checkpoint/model.ckpt\n"))
  }

  @Test func reportsDamageOfACheckpoint() throws {
    try withTemporaryFolder { folder in
      let copy = folder + "/model"
      try FileManager.default.copyItem(atPath: digits + "saved_model", toPath: copy)
      let data = copy + "/variables/variables.data-00000-of-00001"
      var bytes = try FileBytes.read(data)
      bytes[5000] ^= 1
      try FileBytes.write(bytes, to: data)
      let json = try JSONParser.parse(graft(["check", copy, "--deep", "--json"]).output)
      #expect(json["clean"] == .bool(false))
      let kinds = json["findings"]?.elements?.compactMap { $0["kind"]?.string } ?? []
      #expect(kinds.contains("damaged") && kinds.contains("cannot-load"))
    }
  }

  @Test func saysWhatAFileIsThatIsNoModel() throws {
    let finished = try graft(["check", digits + "held_out.npz"])
    #expect(finished.code == 1)
    #expect(finished.output.contains("zip archive"))
    let missing = try graft(["check", "/no/such/model"])
    #expect(missing.code == 1)
    #expect(missing.error.contains("There is no such file or folder."))
  }

  @Test func listsOpsWithoutAKernelAndWhetherTheyAreNeeded() throws {
    func messages(_ fetch: String) throws -> [String] {
      let json = try JSONParser.parse(
        graft(["check", graphs + "unknown-ops/graph.pb", "--fetch", fetch, "--json"]).output)
      let missing = json["findings"]?.elements?.filter { $0["kind"] == .string("missing-op") } ?? []
      return missing.compactMap { $0["message"]?.string }
    }
    let (addons, custom, words) = (
      "Addons>GeluForward: no op of TensorFlow's own, but of TensorFlow Addons. 1 node has it, and ",
      "MyCustomOp: no op of TensorFlow's own. 2 nodes have it, and ",
      "WordpieceTokenizeWithOffsets: no op of TensorFlow's own, but of TensorFlow Text. 1 node has it, and "
    )
    let (needed, spare) = ("what is computed needs it.", "nothing that is computed needs it.")
    #expect(try messages("out") == [addons + needed, custom + needed, words + spare])
    #expect(try messages("y") == [addons + spare, custom + spare, words + spare])
    #expect(try graft(["check", graphs + "unknown-ops/graph.pb", "--fetch", "y"]).code == 0)
    #expect(try graft(["check", graphs + "unknown-ops/graph.pb", "--fetch", "out"]).code == 1)
  }

  @Test func namesTheReleaseThatWroteAGraphAndOpsThatWereGoneThen() throws {
    let old = try graft(["inspect", graphs + "old-producer/graph.pb"]).output
    #expect(old.contains("written by TensorFlow before 0.9 (producer version 8)"), "\(old)")
    let new = try graft(["inspect", graphs + "removed-op/graph.pb"]).output
    #expect(new.contains("written by TensorFlow between 2.17 and 2.21 (producer version 2400)"), "\(new)")
    #expect(new.contains("1 node is of BatchNormWithGlobalNormalization, which TensorFlow removed"), "\(new)")
  }
}

@Suite(.serialized) struct LookingAtCheckpoints {
  @Test func listsKeysShapesAndParts() throws {
    let finished = try graft(["checkpoint", "ls", digits + "checkpoint"])
    #expect(finished.code == 0, "\(finished.error)")
    #expect(finished.output.contains("checkpoint V2, 8 tensors, 21,546 elements, 86.2 kB\n"))
    #expect(finished.output.contains("  conv1/weights   float32  [3,3,1,16]     576 B\n"))
    for name in ["v1/sliced", "v2/sliced"] {
      let json = try JSONParser.parse(graft(["checkpoint", "ls", checkpoints + name, "--json"]).output)
      #expect(json["format"] == .string(name.hasPrefix("v1") ? "V1" : "V2"))
      #expect(json["tensors"]?.elements?.contains { $0["slices"] != nil } == true)
    }
    let sharded = try JSONParser.parse(
      graft(["checkpoint", "ls", checkpoints + "v2/sharded", "--json"]).output)
    #expect(sharded["files"]?.integer == 2)
    let objects = try JSONParser.parse(
      graft(["checkpoint", "ls", checkpoints + "v2/objects", "--json"]).output)
    #expect(objects["object_based"] == .bool(true))
    #expect(objects["tensors"]?.elements?.contains { $0["variable"] != nil } == true)
  }

  @Test func showsValues() throws {
    let one = try graft(["checkpoint", "show", digits + "checkpoint", "dense2/biases"])
    #expect(one.output.hasPrefix("dense2/biases: float32 [10]\n["))
    try withTemporaryFolder { folder in
      let all = try graft(["checkpoint", "show", checkpoints + "v2/sharded", "-o", folder + "/all.npz"])
      #expect(all.code == 0, "\(all.error)")
      #expect(try !NPZ(contentsOf: folder + "/all.npz").names.isEmpty)
    }
    let json = try JSONParser.parse(
      graft(["checkpoint", "show", digits + "checkpoint", "dense2/biases", "--json"]).output)
    #expect(json["dense2/biases"]?["shape"]?.compact == "[10]")
    let unknown = try graft(["checkpoint", "show", digits + "checkpoint", "dense2/bias"])
    #expect(unknown.code == 1)
    #expect(unknown.error.contains("dense2/biases"))
  }

  @Test func convertsToV2() throws {
    try withTemporaryFolder { folder in
      for name in ["v1/sliced", "v1/sharded", "v1/dtypes", "v2/sharded", "v2/sliced"] {
        let copy = folder + "/" + name.replacing("/", with: "-")
        let finished = try graft(["checkpoint", "convert", checkpoints + name, copy, "--shards", "2"])
        #expect(finished.code == 0, "\(finished.error)")
        let before = try graft(["checkpoint", "show", checkpoints + name, "--json"]).output
        #expect(try graft(["checkpoint", "show", copy, "--json"]).output == before, "\(name)")
      }
      let again = try graft(["checkpoint", "convert", checkpoints + "v2/sliced", folder + "/v2-sliced"])
      #expect(again.code == 1)
      #expect(again.error.contains("--force"))
    }
  }

  @Test func turnsObjectsIntoNames() throws {
    try withTemporaryFolder { folder in
      let copy = folder + "/names"
      let finished = try graft(["checkpoint", "convert", checkpoints + "v2/objects", copy])
      #expect(finished.code == 0, "\(finished.error)")
      let listing = try graft(["checkpoint", "ls", copy]).output
      #expect(!listing.contains(".ATTRIBUTES") && !listing.contains("object-based"))
      let kept = try graft([
        "checkpoint", "convert", checkpoints + "v2/objects", folder + "/kept", "--keep-keys",
      ])
      #expect(kept.code == 0)
      #expect(try graft(["checkpoint", "ls", folder + "/kept"]).output.contains("object-based"))
    }
  }
}

@Suite(.serialized) struct ListingOps {
  @Test func describesOne() throws {
    let text = try graft(["ops", "MatMul"]).output
    #expect(text.hasPrefix("MatMul: "))
    #expect(text.contains("  T: ") && text.contains("  transpose_a: bool = false\n"))
    let json = try JSONParser.parse(graft(["ops", "RandomUniform", "--json"]).output)
    #expect(json.elements?.first?["deterministic"] == .bool(false))
  }

  @Test func saysWhyAnOpIsMissing() throws {
    let refused = try graft(["ops", "RpcCall"])
    #expect(refused.code == 1)
    #expect(refused.error.contains("speaks with other processes"))
    #expect(try graft(["ops", "NoSuchOp"]).error.contains("There is no op 'NoSuchOp'"))
    let missing = try JSONParser.parse(graft(["ops", "--missing", "--json"]).output).elements ?? []
    #expect(missing.contains { $0["name"] == .string("RpcCall") && $0["refused"] == .bool(true) })
  }

  @Test func writesThePage() throws {
    let page = try graft(["ops", "--markdown"]).output
    #expect(page.hasPrefix("# Ops\n"))
    #expect(page.contains("\n| `MatMul` | "))
    #expect(page.contains("\n| `RpcCall` | It speaks with other processes"))
  }
}

@Suite struct ProgressBars {
  @Test func fitTheirTerminal() {
    let line = ProgressBar.line("Restoring", 250_000_000, 1_000_000_000, width: 100)
    #expect(line.hasPrefix("Restoring  ██████████░░░"))
    #expect(line.hasSuffix(" 25 %  250.0 MB of 1.0 GB"))
    #expect(ProgressBar.line("Restoring", 1, 2, width: 20).count < 20)
    #expect(ProgressBar.line("Empty", 0, 0, width: 80).contains("  0 %"))
    #expect(ProgressBar.line("Over", 5, 2, width: 80).contains("100 %"))
  }
}
