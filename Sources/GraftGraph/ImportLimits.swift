import GraftTensor

/// How much a graph that is imported may be. What is more is refused while the bytes are read, before
/// anything is made of it.
public struct ImportLimits: Sendable {
  /// Nodes, those of functions included: 10 million unless told.
  public var nodes: Int
  /// Functions of the library: a million unless told.
  public var functions: Int
  /// Bytes of a name of a node, a function, an op or an input: 64 KiB unless told.
  public var nameLength: Int
  /// How many messages may lie inside of one another, as functions' names with attributes do in attributes:
  /// 100 unless told, as in other readers of protocol buffers, and at most 400.
  public var nesting: Int {
    didSet { nesting = Self.clamped(nesting) }
  }

  /// Limits; each has a default.
  public init(
    nodes: Int = 10_000_000, functions: Int = 1_000_000, nameLength: Int = 65_536, nesting: Int = 100
  ) {
    self.nodes = nodes
    self.functions = functions
    self.nameLength = nameLength
    self.nesting = Self.clamped(nesting)
  }

  /// The deepest nesting that can be asked for: what a thread's stack has room for.
  static let deepestNesting = 400

  private static func clamped(_ nesting: Int) -> Int { min(max(nesting, 1), deepestNesting) }
}

extension WireError {
  /// The error of a message that is more than a limit allows.
  static func beyondLimit(_ found: String, _ limit: Int, _ option: String, at offset: Int) -> WireError {
    WireError(
      .limit("\(found), and the limit is \(limit)", option: option), at: offset)
  }

  /// What to do about it.
  var remedy: String {
    if case .limit(_, let option) = reason {
      return "If you trust the graph, raise `\(option)` of the import's limits (`ImportOptions.limits`, or "
        + "`SessionOptions.limits.imports` for SavedModels)."
    }
    return "The file is damaged: download or export it again."
  }

  /// Which kind of error it is to callers.
  var code: GraftError.Code {
    if case .limit = reason { .resourceExhausted } else { .dataLoss }
  }
}
