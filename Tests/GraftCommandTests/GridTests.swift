import Foundation
import GraftRuntime
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

  /// Unpacks the cases one after the other, and hands on the name and the path of each.
  private func forEachCase(_ body: (_ name: String, _ path: String) throws -> Void) throws {
    let file = URL(filePath: repository + "Tests/Fixtures/grid.zip")
    let archive = try ZipArchive([UInt8](Data(contentsOf: file)))
    let lines = try archive.contents(of: try #require(archive.entries.first)).split(separator: 0x0A)
    #expect(lines.count > 1_000)
    try withTemporaryFolder { folder in
      for line in lines {
        let packed = try JSONDecoder().decode(Packed.self, from: Data(line))
        let place = "\(folder)/\(packed.name)"
        try write(packed.case, to: "\(place)/case.json")
        for (name, text) in packed.files {
          try #require(Data(base64Encoded: text)).write(to: URL(filePath: "\(place)/\(name)"))
        }
        try body(packed.name, "\(place)/case.json")
      }
    }
  }

  @Test func whatTensorFlowAnsweredIsAnsweredHere() throws {
    let runner = CaseRunner(modes: .both, threads: 1)
    try forEachCase { name, path in
      let outcome = runner.outcome(ofCaseAt: path)
      #expect(outcome.verdict == .pass, "\(name): \(outcome.detail)")
    }
  }

  /// Tensors without elements whose other sizes are large: nothing goes over these, nothing is made for each.
  @Test(arguments: [0, 1, 2])
  func opsOfLargeEmptyTensorsEndWithAnAnswerOrAnError(pattern: Int) throws {
    try expectAnswersOrErrors { try emptied($0, pattern + $1) }
  }

  /// One input without dimensions, the others as recorded: no op asks for a size that is not there.
  @Test(arguments: 0..<5)
  func opsOfAScalarInsteadOfAnArrayEndWithAnAnswerOrAnError(input: Int) throws {
    try expectAnswersOrErrors { tensor, position in
      guard position == input, tensor.rank > 0, tensor.elementCount > 0 else { return nil }
      return tensor.reshaped(unchecked: Shape([]))
    }
  }

  /// Runs all cases with other feeds: those that `other` gives in place of a tensor at a position, where it does.
  private func expectAnswersOrErrors(_ other: (_ tensor: Tensor, _ position: Int) throws -> Tensor?) throws {
    let options = SessionOptions(
      threads: 1, limits: SessionLimits(totalBytes: 256 << 20, runTime: .seconds(60)))
    try forEachCase { name, path in
      let description = try CaseDescription(contentsOf: path)
      let folder = String(path.dropLast("case.json".count))
      guard let model = try? CaseModel(description, in: folder, options: options) else { return }
      for run in description.runs {
        var feeds: [String: Tensor] = [:]
        var changes = false
        for (position, (name, file)) in run.feeds.enumerated() {
          let dtype = description.dtypes[name] ?? description.dtypes[file]
          let tensor = try Tensor(reference: folder + file, dtype: dtype)
          let replacement = try other(tensor, position)
          changes = changes || replacement != nil
          feeds[name] = replacement ?? tensor
        }
        guard changes else { continue }
        do {
          _ = try model.run(run, feeding: feeds)
        } catch let error as GraftError {
          #expect(error.code != .internalError, "\(name): \(error)")
        }
      }
    }
  }

  /// A tensor of the same rank: the first size is 0, or the last, or that of every other tensor.
  private func emptied(_ tensor: Tensor, _ pattern: Int) throws -> Tensor? {
    guard tensor.rank > 0, case .plain = tensor.dtype.layout else { return nil }
    var sizes = tensor.shape.dimensions
    switch pattern % 3 {
    case 0:
      sizes = sizes.map { _ in 1 }
      sizes[sizes.count - 1] = 1 << 31
      sizes[0] = 0
    case 1:
      sizes = sizes.map { _ in 1 }
      sizes[0] = 1 << 31
      sizes[sizes.count - 1] = 0
    default: return nil
    }
    return try Tensor(uninitialized: tensor.dtype, shape: Shape(validating: sizes))
  }
}
