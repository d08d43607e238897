import Foundation
import Graft
import GraftTensor
import Testing

/// A save that does not come to its end leaves the checkpoint that was there.
@Suite(.serialized) struct SavingFaults {
  private func checkpoint(_ prefix: String, _ value: Float, count: Int = 1 << 18) throws {
    var writer = CheckpointWriter()
    for name in ["a", "b", "c"] {
      try writer.add(name, try Tensor(shape: [count], scalars: [Float](repeating: value, count: count)))
    }
    try writer.write(to: prefix)
  }

  private func value(_ prefix: String) throws -> Float? {
    let tensors = try Checkpoint(path: prefix).tensors(["a", "b", "c"])
    let values = try Set(tensors.flatMap { try $0.scalars(as: Float.self) })
    #expect(values.count == 1)
    return values.first
  }

  private var tool: String {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(filePath: tests).deletingLastPathComponent().appending(path: "graft").path
    }
  }

  @Test func aDiskThatFillsUpIsAnErrorAndTheEarlierCheckpointSurvives() throws {
    try withTemporaryFolder { folder in
      try checkpoint(folder + "/old", 1)
      try checkpoint(folder + "/new", 2)
      let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      // Files may have a megabyte, and the data has three.
      let process = Process()
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = [
        "-c", "ulimit -f 2048; exec \"$0\" checkpoint convert new old --force 2> error", try tool,
      ]
      process.currentDirectoryURL = URL(filePath: folder)
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 1)
      let message = try String(contentsOfFile: folder + "/error", encoding: .utf8)
      #expect(message.contains("could not be written"), "\(message)")
      try FileManager.default.removeItem(atPath: folder + "/error")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
      #expect(try value(folder + "/old") == 1)
    }
  }

  @Test func aProcessThatIsKilledLeavesOneOfTheTwo() throws {
    try withTemporaryFolder { folder in
      try checkpoint(folder + "/new", 2)
      try checkpoint(folder + "/old", 1)
      for delay in [0, 5, 10, 15, 20, 25, 30, 40, 60, 100, 200] {
        let process = Process()
        process.executableURL = URL(filePath: try tool)
        process.arguments = ["checkpoint", "convert", folder + "/new", folder + "/old", "--force"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        usleep(UInt32(delay) * 1000)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let value = try value(folder + "/old")
        #expect(value == 1 || value == 2)
      }
    }
  }
}
