import GraftKernels
import GraftRuntime
import GraftTensor
import Synchronization

/// Runs a case again and again, with other feeds each time, in a session whose plans stand as they are and in one that
/// rewrites them.
///
/// Both do all the runs, so that what runs leave behind, as variables are, is the same in both. Only the second lays out
/// its memory beforehand and binds operations to it, which must hold for whatever is fed next.
struct RepeatedRuns {
  /// Loads the model in a session of its own.
  let model: (_ optimize: Bool) throws -> CaseModel
  let tolerance: CaseDescription.Tolerance

  /// What differs in so many runs; nil where nothing does. Where the one throws, the other must.
  func difference(_ run: CaseDescription.Run, feeding feeds: ChangedFeeds, count: Int) throws -> String? {
    let plain = try alone(optimize: false), rewritten = try alone(optimize: true)
    for index in 0..<count {
      let fed = try feeds.ofRun(index)
      let expected = Result { try plain.run(run, feeding: fed) }
      let found = Result { try rewritten.run(run, feeding: fed) }
      guard let difference = try difference(found, expected, run.fetches) else { continue }
      // Random numbers may be others in each session.
      let again = try alone(optimize: false)
      for earlier in 0..<index { _ = try? again.run(run, feeding: feeds.ofRun(earlier)) }
      let alike = Result { try again.run(run, feeding: fed) }
      guard try self.difference(alike, expected, run.fetches) == nil else { return nil }
      return "repeat \(index), with other feeds: \(difference)"
    }
    return nil
  }

  /// A model whose runs wait no longer than they must for runs of others, of which there are none.
  private func alone(optimize: Bool) throws -> CaseModel {
    let model = try model(optimize)
    model.session.resources.activity.patience.store(1, ordering: .relaxed)
    return model
  }

  private func difference(
    _ found: Result<[Tensor], any Error>, _ expected: Result<[Tensor], any Error>, _ fetches: [String]
  ) throws -> String? {
    switch (found, expected) {
    case (.failure, .failure): return nil
    case (.success, .failure(let error)): return "with optimize off alone: \(error)"
    case (.failure(let error), .success): return "with optimize on alone: \(error)"
    case (.success(let found), .success(let expected)):
      for (name, (found, expected)) in zip(fetches, zip(found, expected)) {
        if let difference = try Comparison.difference(found, expected, tolerance) {
          return "\(name): \(difference), with optimize off"
        }
      }
      return nil
    }
  }
}
