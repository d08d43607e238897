import Graft
import GraftKernels
import GraftRuntime
import GraftTensor

/// Runs a recorded case and compares.
struct CaseRunner: Sendable {
  /// How often a case is run: with plans as they stand, rewritten, or once each.
  enum Modes: String, Sendable, CaseIterable {
    case on, off, both

    fileprivate var optimize: [Bool] {
      switch self {
      case .on: [true]
      case .off: [false]
      case .both: [false, true]
      }
    }
  }

  let modes: Modes
  let threads: Int
  /// How many runs there are beside those that are recorded, with other feeds each.
  var repeats = 0
  /// Where the files lie that cases write; each has a folder of its own there, in place of the file system.
  var scratch: String?

  /// What comes of a case.
  ///
  /// - Parameter progress: is told what is done next, for the case that it never ends.
  func outcome(ofCaseAt path: String, progress: (String) -> Void = { _ in }) -> Outcome {
    progress("reading the case")
    do {
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      let description = try CaseDescription(contentsOf: path)
      return try outcome(of: description, in: folder, progress)
    } catch {
      return Outcome(.fail, "\(error)")
    }
  }

  private func outcome(
    of description: CaseDescription, in folder: String, _ progress: (String) -> Void
  ) throws -> Outcome {
    guard CaseModel.Kind(rawValue: description.kind) != nil else {
      return Outcome(.unsupported, "the kind '\(description.kind)'")
    }
    for optimize in modes.optimize {
      let mode = "optimize \(optimize ? "on" : "off")"
      progress("importing")
      let files = try ScratchFolder(in: scratch)
      defer { withExtendedLifetime(files) {} }
      let model: CaseModel
      do {
        model = try self.model(description, folder, optimize: optimize, files)
      } catch {
        // An error before the run is one, too, where no run is expected to give values.
        let areErrorsExpected =
          !description.runs.isEmpty && description.runs.allSatisfy(\.expectation.isError)
        if description.importError != nil || areErrorsExpected { continue }
        return Self.outcome(ofLoading: error)
      }
      if let expected = description.importError {
        // An op that TensorFlow refuses to import is refused here when it is to run.
        if model.hasUnknownOps { continue }
        return Outcome(.fail, "the import is expected to fail: \(expected)")
      }
      if let difference = try difference(description.variables, model, description, folder) {
        return Outcome(.fail, "\(mode): \(difference)")
      }
      for (index, run) in description.runs.enumerated() {
        let place = "\(mode), run \(index)"
        progress(place)
        let outcome = outcome(of: run, in: model, description, folder)
        if outcome.verdict != .pass { return Outcome(outcome.verdict, "\(place): \(outcome.detail)") }
      }
      if let difference = try difference(description.variablesAfter, model, description, folder) {
        return Outcome(.fail, "\(mode), after the runs: \(difference)")
      }
    }
    if let difference = try differenceOfRepeats(description, folder, progress) {
      return Outcome(.fail, difference)
    }
    return Outcome(.pass)
  }

  /// How results of repeated runs differ; nil where they do not, or where none are asked for.
  private func differenceOfRepeats(
    _ description: CaseDescription, _ folder: String, _ progress: (String) -> Void
  ) throws -> String? {
    let first = description.runs.first { !$0.feeds.isEmpty && $0.expectation.isOfValues }
    guard repeats > 0, description.importError == nil, let run = first else { return nil }
    progress("runs with other feeds")
    var files: [ScratchFolder] = []
    defer { withExtendedLifetime(files) {} }
    let runs = RepeatedRuns(
      model: { optimize in
        files.append(try ScratchFolder(in: scratch))
        return try model(description, folder, optimize: optimize, files[files.count - 1])
      }, tolerance: description.tolerance)
    let feeds = ChangedFeeds(recorded: try feeds(run, description, folder))
    return try runs.difference(run, feeding: feeds, count: repeats)
  }

  private func model(
    _ description: CaseDescription, _ folder: String, optimize: Bool, _ files: ScratchFolder
  ) throws -> CaseModel {
    var options = SessionOptions(threads: threads, optimize: optimize)
    options.scratchFolder = files.path
    return try CaseModel(description, in: folder, options: options)
  }

  private func feeds(
    _ run: CaseDescription.Run, _ description: CaseDescription, _ folder: String
  ) throws -> [String: Tensor] {
    var feeds: [String: Tensor] = [:]
    for (name, file) in run.feeds {
      let dtype = description.dtypes[name] ?? description.dtypes[file]
      feeds[name] = try Tensor(reference: folder + file, dtype: dtype)
    }
    return feeds
  }

  /// How variables differ from what was recorded; nil where they do not.
  private func difference(
    _ variables: [CaseDescription.Variable], _ model: CaseModel, _ description: CaseDescription,
    _ folder: String
  ) throws -> String? {
    for variable in variables {
      let found = try model.variable(variable.name)
      guard let file = variable.file else {
        if found.dtype != variable.dtype ?? found.dtype
          || found.shape.dimensions != variable.shape ?? found.shape.dimensions
        {
          return "variable '\(variable.name)' is \(found.dtype)\(found.shape)"
        }
        continue
      }
      let expected = try Tensor(
        reference: folder + file, dtype: description.dtypes[file] ?? variable.dtype)
      if let difference = try Comparison.difference(found, expected, description.tolerance, shapesOnly: false)
      {
        return "variable '\(variable.name)': \(difference)"
      }
    }
    return nil
  }

  private static func outcome(ofLoading error: any Error) -> Outcome {
    // A SavedModel's initialisers run when it is loaded.
    if let error = error as? GraftError, error.code == .unimplemented, let op = error.place.op,
      OpRegistry.standard[op] == nil
    {
      return Outcome(.unsupported, "ops without a kernel, to load it: \(op)")
    }
    return Outcome(.fail, "import: \(error)")
  }

  private func outcome(
    of run: CaseDescription.Run, in model: CaseModel, _ description: CaseDescription, _ folder: String
  ) -> Outcome {
    do {
      let feeds = try feeds(run, description, folder)
      let results: [Tensor]
      do {
        results = try model.run(run, feeding: feeds)
      } catch {
        return outcome(of: error, run, model.session)
      }
      switch run.expectation {
      case .error(let text):
        return Outcome(.fail, "an error is expected: \(text)")
      case .values(let files), .shapes(let files):
        var shapesOnly = false
        if case .shapes = run.expectation { shapesOnly = true }
        for (position, file) in files.enumerated() where position < results.count {
          let name = run.fetches[position]
          let expected = try Tensor(
            reference: folder + file, dtype: description.dtypes[file] ?? description.dtypes[name])
          let difference = try Comparison.difference(
            results[position], expected, description.tolerance, shapesOnly: shapesOnly)
          if let difference { return Outcome(.fail, "\(name): \(difference)") }
        }
        return Outcome(.pass)
      }
    } catch {
      return Outcome(.fail, "\(error)")
    }
  }

  /// What an error that a run threw means.
  private func outcome(of error: any Error, _ run: CaseDescription.Run, _ session: Session) -> Outcome {
    if let error = error as? GraftError, error.code == .unimplemented {
      let missing = try? session.missingKernels(fetches: run.fetches, targets: run.targets)
      var ops = missing?.entries.map(\.op) ?? []
      // What a function lacks is told when it is called.
      if ops.isEmpty, let op = error.place.op, OpRegistry.standard[op] == nil { ops = [op] }
      if !ops.isEmpty { return Outcome(.unsupported, "ops without a kernel: " + ops.joined(separator: ", ")) }
    }
    if case .error = run.expectation { return Outcome(.pass) }
    return Outcome(.fail, "\(error)")
  }
}
