import Foundation
import Testing

/// What a command left behind.
struct Finished {
  let code: Int32
  let output: String
  let error: String
}

/// The package's folder.
let repository = #filePath.replacing("Tests/GraftCommandTests/CommandHarness.swift", with: "")
/// The folder of the demo's network.
let digits = repository + "Examples/Digits/"

/// Runs the `graft` that was built with the tests.
func graft(_ arguments: [String], output: FileHandle? = nil) throws -> Finished {
  let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let process = Process()
  process.executableURL = URL(filePath: tests).deletingLastPathComponent().appending(path: "graft")
  process.arguments = arguments
  return try withTemporaryFolder { folder in
    // Files, since a pipe that nobody reads would fill up.
    for name in ["output", "error"] { try write("", to: folder + "/" + name) }
    process.standardOutput = try output ?? FileHandle(forWritingTo: URL(filePath: folder + "/output"))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: folder + "/error"))
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    let texts = try ["output", "error"].map { try String(contentsOfFile: folder + "/" + $0, encoding: .utf8) }
    #expect(process.terminationReason == .exit, "\(texts[1])")
    return Finished(code: process.terminationStatus, output: texts[0], error: texts[1])
  }
}
