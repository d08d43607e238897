/// Attributes that nodes have and their ops have not: of a later TensorFlow, as a rule, or of an earlier one.
struct UnknownAttributes {
  private var found: [(op: String, name: String, count: Int)] = []
  private var others = 0
  /// How many are told one by one.
  private static let most = 20

  mutating func add(_ name: String, of op: String) {
    if let place = found.firstIndex(where: { $0.op == op && $0.name == name }) {
      found[place].count += 1
    } else if found.count < Self.most {
      found.append((op, name, 1))
    } else {
      others += 1
    }
  }

  /// What is told of them, as sentences.
  var notes: [String] {
    let release = OpSignatureTable.tensorFlowVersion
    let told = found.map { op, name, count in
      "\(count) node\(count == 1 ? "" : "s") of \(op) ha\(count == 1 ? "s" : "ve") the attribute '\(name)', which the op "
        + "does not have in TensorFlow \(release); it counts for nothing."
    }
    return others == 0 ? told : told + ["\(others) more attributes are none of their ops' own."]
  }
}
