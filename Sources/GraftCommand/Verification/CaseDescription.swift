import GraftTensor

/// A recorded case: a model, what it was fed, and what TensorFlow answered.
struct CaseDescription: Sendable {
  /// Of which kind the model is: `frozen`, `saved_model`, `metagraph+ckpt`, `graphdef+ckpt`, `checkpoint`.
  let kind: String
  /// The model's file or folder.
  let model: String?
  /// The checkpoint's prefix or file.
  let checkpoint: String?
  /// The tags of the SavedModel's graph; nil where the case names none.
  let tags: [String]?
  /// What the checkpoint, or the restored session, holds.
  let variables: [Variable]
  /// What the session holds after the last run.
  let variablesAfter: [Variable]
  /// What is run, one after the other in one session.
  let runs: [Run]
  /// What TensorFlow said when it refused to import the model; nil where it did not.
  let importError: String?
  /// How much floating-point numbers may differ.
  let tolerance: Tolerance
  /// Dtypes of files and tensors that .npy cannot name, by the name of either.
  let dtypes: [String: DataType]

  /// The recorded value of a variable.
  struct Variable: Sendable {
    /// The variable's name, or its key in the checkpoint.
    let name: String
    /// The file with the value; nil where only dtype and shape were recorded.
    let file: String?
    /// The dtype, which .npy cannot always name.
    let dtype: DataType?
    /// The shape, where it was recorded.
    let shape: [Int]?
  }

  /// One run of the graph.
  struct Run: Sendable {
    /// Files by tensor name.
    let feeds: [(name: String, file: String)]
    /// The tensors to compute.
    let fetches: [String]
    /// The operations to run for their effect.
    let targets: [String]
    /// The signature whose arguments feeds and fetches name; nil where they name tensors.
    let signature: String?
    /// What must come of it.
    let expectation: Expectation
  }

  /// What must come of a run.
  enum Expectation: Sendable {
    /// The values in these files, one for each fetch.
    case values([String])
    /// Values of the dtypes and shapes in these files: random ones.
    case shapes([String])
    /// A thrown error; TensorFlow's text is for orientation.
    case error(String)

    var isError: Bool {
      if case .error = self { true } else { false }
    }

    var isOfValues: Bool {
      if case .values = self { true } else { false }
    }
  }

  /// How much floating-point numbers may differ, as numpy's allclose counts it.
  struct Tolerance: Sendable, Equatable {
    /// In proportion to the expected number.
    var relative = 1e-5
    /// In addition.
    var absolute = 1e-6
  }
}

extension CaseDescription {
  /// Reads a case file.
  ///
  /// - Throws: `GraftError` when it cannot be read, is no JSON, or lacks what a case needs.
  init(contentsOf path: String) throws {
    do {
      self = try Self(JSONParser.parse(FileBytes.read(path)))
    } catch let error as GraftError {
      throw error.at(GraftError.Place(file: path))
    }
  }

  private init(_ json: JSONValue) throws {
    guard let kind = json["kind"]?.string else {
      throw GraftError(
        .invalidArgument, "The case has no kind.", remedy: "Name one of frozen, saved_model, graphdef+ckpt.")
    }
    self.kind = kind
    model = json["model"]?.string
    checkpoint = json["checkpoint"]?.string
    tags = json["tags"].map { ($0.elements ?? []).compactMap(\.string) }
    variables = Self.variables(json["variables"])
    variablesAfter = Self.variables(json["variables_after"])
    importError = json["import_error"]?.string
    var tolerance = Tolerance()
    if let relative = json["rtol"]?.double { tolerance.relative = relative }
    if let absolute = json["atol"]?.double { tolerance.absolute = absolute }
    self.tolerance = tolerance
    var dtypes: [String: DataType] = [:]
    for member in json["dtypes"]?.members ?? [] {
      guard let name = member.value.string, let dtype = DataType(name: name) else {
        throw GraftError(
          .invalidArgument,
          "The case gives '\(member.name)' a dtype that is not known: \(member.value.compact).")
      }
      dtypes[member.name] = dtype
    }
    self.dtypes = dtypes
    runs = try (json["runs"]?.elements ?? []).map(Run.init)
  }
}

extension CaseDescription {
  private static func variables(_ json: JSONValue?) -> [Variable] {
    (json?.members ?? []).map { member in
      Variable(
        name: member.name, file: member.value["file"]?.string,
        dtype: member.value["dtype"]?.string.flatMap { DataType(name: $0) },
        shape: member.value["shape"]?.elements?.compactMap { $0.double.map { Int($0) } })
    }
  }
}

extension CaseDescription.Run {
  fileprivate init(_ json: JSONValue) throws {
    feeds = try (json["feeds"]?.members ?? []).map { ($0.name, try Self.text($0.value, "feeds")) }
    fetches = try Self.texts(json["fetches"], "fetches")
    targets = try Self.texts(json["targets"], "targets")
    signature = json["signature"]?.string
    if let error = json["error"] {
      expectation = .error(error.string ?? "")
    } else {
      let files = try Self.texts(json["expected"], "expected")
      guard files.count == fetches.count else {
        throw GraftError(
          .invalidArgument,
          "A run of the case has \(fetches.count) fetches and \(files.count) expected files.")
      }
      switch json["compare"]?.string {
      case nil: expectation = .values(files)
      case "shape_only": expectation = .shapes(files)
      case let other?:
        throw GraftError(.invalidArgument, "A run of the case is compared in an unknown way: '\(other)'.")
      }
    }
  }

  private static func texts(_ json: JSONValue?, _ key: String) throws -> [String] {
    try (json?.elements ?? []).map { try text($0, key) }
  }

  private static func text(_ json: JSONValue, _ key: String) throws -> String {
    guard let text = json.string else {
      throw GraftError(.invalidArgument, "Under '\(key)' of a run stands \(json.kind); a text is expected.")
    }
    return text
  }
}
