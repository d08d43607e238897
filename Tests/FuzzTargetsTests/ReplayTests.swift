import Foundation
import FuzzTargets
import Testing

@testable import GraftTensor

/// What the fuzzer found, and inputs that reach much of the code, fed to their targets again: the process goes on.
@Suite struct Replay {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/fuzz", directoryHint: .isDirectory)

  /// The inputs of a target that `Scripts/pack-fuzz-seeds.py` chose.
  private func seeds(_ target: FuzzTarget) throws -> [[UInt8]] {
    let archive = try ZipArchive([UInt8](Data(contentsOf: Self.folder.appending(path: "seeds.zip"))))
    return try archive.entries.filter { $0.name.hasPrefix(target.rawValue + "/") }.map {
      Array(try archive.contents(of: $0))
    }
  }

  @Test(arguments: FuzzTarget.allCases) func whatWasFoundEndsNoProcess(target: FuzzTarget) throws {
    let folder = Self.folder.appending(path: target.rawValue, directoryHint: .isDirectory)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names.sorted() {
      target.feed([UInt8](try Data(contentsOf: folder.appending(path: name))))
    }
  }

  @Test(arguments: FuzzTarget.allCases) func seedsEndNoProcess(target: FuzzTarget) throws {
    let seeds = try seeds(target)
    #expect(!seeds.isEmpty)
    for seed in seeds { target.feed(seed) }
  }

  @Test(arguments: FuzzTarget.allCases.filter { !$0.takesGraphs })
  func changedBytesEndNoProcess(target: FuzzTarget) throws {
    for (number, seed) in try seeds(target).enumerated() {
      var mutator = ByteMutator(seed: UInt64(number))
      for _ in 0..<8 { target.feed(mutator.mutated(seed)) }
    }
  }

  /// Attributes and inputs at random, absurd sizes among them, for every op that there is.
  @Test(arguments: 0..<4) func callsOfEveryOpEndNoProcess(round: Int) {
    for (number, op) in GraphMutator.ops.enumerated() {
      var mutator = GraphMutator(seed: UInt64(number * 4 + round))
      if let call = mutator.call(of: op) { FuzzTarget.run.feed(call) }
    }
  }

  @Test(arguments: 0..<2) func changedGraphsEndNoProcess(round: Int) throws {
    for (number, seed) in try seeds(.run).enumerated() {
      var mutator = GraphMutator(seed: UInt64(number * 2 + round))
      if let changed = mutator.mutated(seed) { FuzzTarget.run.feed(changed) }
    }
  }
}
