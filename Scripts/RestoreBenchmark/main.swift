import Foundation
import Graft
import GraftCheckpoint
import GraftTensor

// Restores a checkpoint of some size, and compares with reading its bytes and computing their CRC-32C:
//
//   swift run -c release RestoreBenchmark [MEBIBYTES]
//
// The target is twice that time at most, and no second copy of the values in memory.

/// A figure of the process's memory, in KiB.
func memory(_ field: String) -> Int {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
  return line.flatMap { Int($0.split(whereSeparator: { !$0.isNumber }).first ?? "") } ?? 0
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  let duration = try clock.measure(body)
  return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

/// Reads a file as it is, and computes the checksum of its bytes.
func readAndSum(_ path: String) throws -> UInt32 {
  guard let file = FileHandle(forReadingAtPath: path) else {
    throw GraftError(.notFound, "The file is not there.", at: .init(file: path))
  }
  var checksum = CRC32C()
  while let data = try file.read(upToCount: 1 << 20), !data.isEmpty {
    data.withUnsafeBytes { checksum.append($0) }
  }
  return checksum.value
}

let mebibytes = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1024
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graft-restore-\(UUID().uuidString)").path
defer { try? FileManager.default.removeItem(atPath: folder) }

let count = 64
let elements = max(mebibytes * 262_144 / count, 1)
do {
  var writer = CheckpointWriter()
  for index in 0..<count {
    let values = (0..<elements).map { Float(bitPattern: UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) >> 9) }
    try writer.add("w\(index)", try Tensor(shape: [elements], scalars: values))
  }
  try writer.write(to: folder + "/model")
}
let variables = (0..<count).map { index in
  """
  node { name: "w\(index)" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } }
    attr { key: "shape" value { shape { dim { size: \(elements) } } } } }
  """
}
let graph = Graph()
try graph.importGraphDef(bytes: Array(variables.joined(separator: "\n").utf8))
let saver = try Saver(graph: graph)
let data = folder + "/model.data-00000-of-00001"

_ = try readAndSum(data)
var (reading, restoring) = (Double.infinity, Double.infinity)
var (anonymous, mapped) = (0, 0)
for _ in 0..<3 {
  reading = min(reading, try seconds { _ = try readAndSum(data) })
  let session = Session(graph: graph)
  let before = (memory("RssAnon"), memory("RssFile"))
  restoring = min(restoring, try seconds { try saver.restore(folder + "/model", into: session) })
  anonymous = max(anonymous, memory("RssAnon") - before.0)
  mapped = max(mapped, memory("RssFile") - before.1)
}
print(
  """
  \(mebibytes) MiB in \(count) variables
  read and sum      \(String(format: "%.3f", reading)) s
  restore           \(String(format: "%.3f", restoring)) s, \(String(format: "%.2f", restoring / reading)) times as long
  memory of its own \(anonymous / 1024) MiB, mapped from the file \(mapped / 1024) MiB
  """)
