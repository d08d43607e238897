import Glibc

/// Options of a session.
public struct SessionOptions: Sendable {
  /// How many threads work on one operation; as many as the machine has processors unless told.
  public var threads: Int
  /// Whether plans are rewritten to run faster (constants folded, operations fused, values placed in an
  /// arena). Without it the graph runs as it stands; results differ by rounding only.
  public var optimize: Bool

  /// Passes that plans are made without, by name, to see what they are good for.
  package var skippedPasses: Set<String> = []

  /// Folders below which the graph's own operations may read files; none unless told. What a ``Saver`` or
  /// ``SavedModel`` is asked to read it may read without.
  public var readableFolders: [String]
  /// Folders below which the graph's own operations may write files; none unless told.
  public var writableFolders: [String]
  /// A folder that stands for the file system for everything else that the graph's operations read and write.
  package var scratchFolder: String?

  /// Closures that nodes call in the place of Python functions (`PyFunc`, `EagerPyFunc`), by the token of the
  /// node. They may be called from several threads at once.
  public var hostFunctions: [String: HostFunction]
  /// What runs may take: memory, rounds of loops, depth of calls.
  public var limits: SessionLimits

  /// Options of a session.
  public init(
    threads: Int? = nil, optimize: Bool = true, readableFolders: [String] = [],
    writableFolders: [String] = [], hostFunctions: [String: HostFunction] = [:],
    limits: SessionLimits = SessionLimits()
  ) {
    self.hostFunctions = hostFunctions
    self.limits = limits
    self.readableFolders = readableFolders
    self.writableFolders = writableFolders
    self.threads = threads ?? max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
    self.optimize = optimize
  }
}
