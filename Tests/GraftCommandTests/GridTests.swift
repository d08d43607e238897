import Foundation
import Testing

@testable import GraftCommand
@testable import GraftTensor

/// A selection of the grid that `Scripts/make-op-grid.py` writes, as `Scripts/pack-op-grid.py` packs it: what
/// TensorFlow answered to small calls of every op, and what it refused.
@Suite struct GridTests {
  /// A case with its files in base64.
  private struct Packed: Decodable {
    let name: String
    let `case`: String
    let files: [String: String]
  }

  @Test func whatTensorFlowAnsweredIsAnsweredHere() throws {
    let file = URL(filePath: repository + "Tests/Fixtures/grid.zip")
    let archive = try ZipArchive([UInt8](Data(contentsOf: file)))
    let lines = try archive.contents(of: try #require(archive.entries.first)).split(separator: 0x0A)
    #expect(lines.count > 1_000)
    try withTemporaryFolder { folder in
      let runner = CaseRunner(modes: .both, threads: 1)
      for line in lines {
        let packed = try JSONDecoder().decode(Packed.self, from: Data(line))
        let place = "\(folder)/\(packed.name)"
        try write(packed.case, to: "\(place)/case.json")
        for (name, text) in packed.files {
          try #require(Data(base64Encoded: text)).write(to: URL(filePath: "\(place)/\(name)"))
        }
        let outcome = runner.outcome(ofCaseAt: "\(place)/case.json")
        #expect(outcome.verdict == .pass, "\(packed.name): \(outcome.detail)")
      }
    }
  }
}
