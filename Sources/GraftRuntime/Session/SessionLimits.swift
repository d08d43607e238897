import GraftGraph
import GraftTensor

/// What the runs of a session may take. A run that would go beyond throws `resourceExhausted`, before memory is
/// taken.
public struct SessionLimits: Sendable {
  /// Bytes of all tensors together that the session's runs made and that are alive: three quarters of the
  /// machine's memory unless told. Constants and restored variables lie in mapped files and do not count.
  public var totalBytes: Int
  /// Bytes of one tensor; as many as of all unless told.
  public var tensorBytes: Int
  /// Rounds of one loop: 10 million unless told.
  public var loopSteps: Int
  /// How deeply functions may call each other: 1,000 unless told.
  public var functionDepth: Int
  /// How long a run may take that has no `RunOptions.timeout` of its own: an hour unless told. It is looked
  /// at between rounds of loops and where else a run may go on for ever.
  public var runTime: Duration
  /// How much the graph of a ``SavedModel`` may be that is loaded into the session.
  public var imports: ImportLimits

  /// Limits; each has a default.
  public init(
    totalBytes: Int? = nil, tensorBytes: Int? = nil, loopSteps: Int = 10_000_000, functionDepth: Int = 1_000,
    runTime: Duration = .seconds(3600), imports: ImportLimits = ImportLimits()
  ) {
    let total = totalBytes ?? MemoryAccount.defaultLimit
    self.totalBytes = total
    self.tensorBytes = tensorBytes ?? total
    self.loopSteps = loopSteps
    self.functionDepth = functionDepth
    self.runTime = runTime
    self.imports = imports
  }
}
