import GraftProto

/// The functions of a SavedModel's objects that Python calls as `model.encode(x)`, by the names that lead to them.
struct SavedFunctions {
  /// One trace of a function: what it computes for arguments of some dtypes and shapes.
  struct Trace {
    /// `encode`, `encoder.encode` for a function of an attribute, `encode_1` for the second trace of a function.
    let key: String
    /// Its name in the graph's library.
    let function: String
  }

  private(set) var traces: [Trace] = []
  private var keys: Set<String> = []

  /// The functions of saved objects, the nearest to the root first.
  ///
  /// A model that has signatures is called by those: of its functions these are then only the root's own, and not
  /// those that Keras keeps for itself.
  ///
  /// - Complexity: O(objects and their attributes).
  init(_ saved: Tensorflow_SavedObjectGraph, signatures: some Collection<String>) {
    keys = Set(signatures)
    guard !saved.nodes.isEmpty else { return }
    var seen: Set = [0]
    var queue = [(object: 0, path: "")]
    var next = 0
    while next < queue.count {
      let (object, path) = queue[next]
      next += 1
      for child in saved.nodes[object].children.sorted(by: { $0.localName < $1.localName }) {
        let id = Int(child.nodeID)
        guard saved.nodes.indices.contains(id), child.localName != "signatures", seen.insert(id).inserted
        else { continue }
        let name = path.isEmpty ? child.localName : path + "." + child.localName
        let isPublic = Self.isPublic(child.localName, besideSignatures: !signatures.isEmpty)
        switch saved.nodes[id].kind {
        case .function(let function): if isPublic { append(name, function.concreteFunctions) }
        case .bareConcreteFunction(let function):
          if isPublic { append(name, [function.concreteFunctionName]) }
        // Its functions make and fill it.
        case .resource: break
        default: if signatures.isEmpty { queue.append((id, name)) }
        }
      }
    }
  }

  /// Whether a function is there to be called: not so what Keras keeps for itself.
  private static func isPublic(_ name: String, besideSignatures: Bool) -> Bool {
    let isCall = name == "__call__" || name.hasPrefix("call_and_return_")
    return besideSignatures ? !isCall && !name.hasPrefix("_") : isCall || !name.hasPrefix("_")
  }

  private mutating func append(_ name: String, _ functions: [String]) {
    for (number, function) in functions.enumerated() {
      let key = number == 0 ? name : "\(name)_\(number)"
      if keys.insert(key).inserted { traces.append(Trace(key: key, function: function)) }
    }
  }
}
