import GraftGraph
import GraftRuntime
import GraftTensor

/// Variables and tables that a call reads and nothing has filled, and what would.
enum StateChecks {
  /// Variables without a value.
  ///
  /// - Parameters:
  ///   - hasValue: whether a variable has one, by its node's name.
  ///   - checkpoint: a checkpoint that lies near the model.
  static func variables(
    in needed: NeededNodes, hasValue: (String) -> Bool, checkpoint: String?, command: String
  ) -> [Finding] {
    let empty = needed.nodes.filter { GraphVariable.ops.contains($0.op) && !hasValue($0.name) }.map(\.name)
    guard !empty.isEmpty else { return [] }
    let message =
      empty.count == 1
      ? "The variable '\(empty[0])' has no value." : "\(empty.count.grouped) variables have no value."
    if let checkpoint {
      return [
        .problem(
          .uninitializedVariable, message, at: empty, advice: "A checkpoint lies near the model.",
          command: "\(command) --checkpoint \(ShellText.quoted(checkpoint))")
      ]
    }
    let initializer = Initializers.operation(for: empty, in: needed.graph)
    guard let initializer else {
      return [
        .problem(
          .uninitializedVariable, message, at: empty,
          advice: "Nothing in the graph initialises them: restore a checkpoint.",
          command: "\(command) --checkpoint PATH")
      ]
    }
    return [
      .problem(
        .uninitializedVariable, message, at: empty,
        advice:
          "Restore a checkpoint; '\(initializer)' of the graph gives them the values of before training.",
        command: "\(command) --init \(ShellText.quoted(initializer))")
    ]
  }

  /// Tables that nothing fills: in a model that is loaded with what makes its tables, none.
  ///
  /// - Parameter filled: the tables that are filled when the model is opened.
  static func tables(
    in needed: NeededNodes, isLoaded: Bool, filled: Set<String>, command: String
  ) -> [Finding] {
    guard !isLoaded else { return [] }
    let names = Set(needed.nodes.map(\.name)).subtracting(filled)
    let tables = LookupTable.all(in: needed.graph).filter {
      names.contains($0.node) && !$0.op.contains("Mutable")
    }
    guard !tables.isEmpty else { return [] }
    let places = tables.map(\.node)
    let message =
      tables.count == 1
      ? "The table '\(places[0])' is empty when the graph is imported."
      : "\(tables.count) tables are empty when the graph is imported."
    let initializer = TableInitializers(needed.graph).best(running: Set(tables.flatMap(\.initializers)))
    guard let initializer else {
      return [
        .problem(
          .uninitializedTable, message, at: places,
          advice:
            "The graph has nothing that fills them: they were lost when it was frozen. Use the SavedModel "
            + "that it was made of.")
      ]
    }
    return [
      .problem(
        .uninitializedTable, message, at: places, advice: "'\(initializer)' fills them.",
        command: "\(command) --init \(ShellText.quoted(initializer))")
    ]
  }
}

/// The operations of a graph that run others, as the one that fills all tables.
struct TableInitializers {
  /// For each operation that groups others, what it runs.
  private let groups: [(name: String, runs: Set<String>)]

  /// - Complexity: O(nodes and their control inputs).
  init(_ graph: GraphSnapshot) {
    groups = graph.nodes.filter { $0.op == "NoOp" && !$0.controlInputs.isEmpty }.map { node in
      (node.name, Self.runs(node, graph))
    }
  }

  /// What a group runs, groups within it followed.
  private static func runs(_ node: GraphNode, _ graph: GraphSnapshot) -> Set<String> {
    var names: Set<String> = []
    var waiting = node.controlInputs
    while let index = waiting.popLast() {
      let next = graph.nodes[Int(index)]
      guard names.insert(next.name).inserted, next.op == "NoOp" else { continue }
      waiting += next.controlInputs
    }
    return names
  }

  /// The operation that runs the most of some others, and of several the one that runs the least else; one of
  /// them where nothing groups them.
  func best(running operations: Set<String>) -> String? {
    let scored = groups.map { group in
      (name: group.name, score: operations.count { group.runs.contains($0) }, size: group.runs.count)
    }
    let best = scored.filter { $0.score > 0 }.max {
      ($0.score, -$0.size, $1.name) < ($1.score, -$1.size, $0.name)
    }
    return best?.name ?? operations.sorted().first
  }
}

/// Words as a shell takes them.
enum ShellText {
  /// A word, between quotes where a shell would take it apart.
  static func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "_-./:=,+@%".contains($0) }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
