import GraftGraph
import GraftKernels
import GraftTensor

/// One output of a node of a plan.
package struct ValueReference: Sendable, Hashable {
  package var node: Int
  package var output: Int

  package init(node: Int, output: Int) {
    self.node = node
    self.output = output
  }
}

/// What is to be run for a set of feeds and fetches, as a graph that passes rewrite.
///
/// Nodes that nobody needs any more stay where they are, out of `order()`, so that indices hold, until
/// ``UnneededRemoval`` takes them out.
package struct PlanGraph: Sendable {
  package var nodes: [PlanNode] = []
  /// What the run gives back.
  package var fetches: [ValueReference] = []
  /// Nodes to run for their effect.
  package var targets: [Int] = []
  /// The feeds, from this one on, whose values stay where they are for further rounds of a loop.
  package var firstHeldFeed = Int.max
  /// What was made of its constants.
  var derived = DerivedConstants()
  /// Passes that do not run over it.
  var skippedPasses: Set<String> = []

  package init() {}

  /// The nodes that the fetches and targets need, each after those it needs itself.
  ///
  /// - Throws: `GraftError` (`invalidGraph`) for a cycle, with its path.
  /// - Complexity: O(nodes + edges), without recursion.
  package func order() throws -> [Int] {
    enum Mark { case new, open, done }
    var marks = [Mark](repeating: .new, count: nodes.count)
    var result: [Int] = []
    result.reserveCapacity(nodes.count)
    var stack: [(node: Int, next: Int)] = []
    stack.reserveCapacity(64)
    var roots = fetches.map(\.node) + targets
    var position = 0
    while position < roots.count {
      let root = roots[position]
      position += 1
      guard marks[root] == .new else { continue }
      stack.append((root, 0))
      marks[root] = .open
      while let top = stack.last {
        guard let dependency = nodes[top.node].dependency(at: top.next) else {
          marks[top.node] = .done
          result.append(top.node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        if nodes[dependency].isNextIteration {
          // What comes from an earlier round of a loop is needed, but does not go before.
          roots.append(dependency)
          continue
        }
        switch marks[dependency] {
        case .done: break
        case .new where nodes[dependency].dependsOnNothing:
          marks[dependency] = .done
          result.append(dependency)
        case .new:
          marks[dependency] = .open
          stack.append((dependency, 0))
        case .open:
          let start = stack.firstIndex { $0.node == dependency } ?? 0
          let path = stack[start...].reversed().map { nodes[$0.node].name }
          throw GraftError(
            .invalidGraph,
            "The graph has a cycle that is no loop: \((path + path.prefix(1)).joined(separator: " → ")).",
            at: .init(node: nodes[dependency].name, op: nodes[dependency].op))
        }
      }
    }
    return result
  }

  /// The order in which nodes run one by one: as ``order()``, but that those which may wait for other
  /// operations, and what depends on them, come after all that can go first.
  ///
  /// - Complexity: O(nodes + edges).
  func runningOrder() throws -> [Int] {
    let order = try order()
    func waits(_ index: Int) -> Bool { nodes[index].definition?.traits.contains(.waits) == true }
    guard order.contains(where: waits) else { return order }
    var result: [Int] = []
    var isDone = [Bool](repeating: false, count: nodes.count)
    var pending: [Int: Int] = [:]
    var readers: [Int: [Int]] = [:]
    var waiting: [Int] = []
    for index in order {
      let node = nodes[index]
      let needed = node.constants == nil ? node.inputs.map(\.node) + node.controlInputs : []
      let missing = needed.filter { !isDone[$0] }
      if missing.isEmpty, !waits(index) {
        result.append(index)
        isDone[index] = true
      } else {
        pending[index] = missing.count
        for dependency in missing { readers[dependency, default: []].append(index) }
        if missing.isEmpty { waiting.append(index) }
      }
    }
    var next = 0
    while next < waiting.count {
      var ready = [waiting[next]]
      next += 1
      while let index = ready.popLast() {
        result.append(index)
        for reader in (readers[index] ?? []).reversed() {
          let left = (pending[reader] ?? 0) - 1
          pending[reader] = left
          guard left == 0 else { continue }
          if waits(reader) { waiting.append(reader) } else { ready.append(reader) }
        }
      }
    }
    return result
  }

  /// For every node, who reads its outputs and how often in all; fetches count as well.
  package func uses(of order: [Int]) -> Uses {
    var pinned = [Bool](repeating: false, count: nodes.count)
    // First how many readers each node has, then where those of each end, then the readers from the last one on.
    var starts = [Int](repeating: 0, count: nodes.count + 1)
    for index in order where nodes[index].constants == nil {
      for input in nodes[index].inputs { starts[input.node] += 1 }
      for control in nodes[index].controlInputs { pinned[control] = true }
    }
    for fetch in fetches { pinned[fetch.node] = true }
    for target in targets { pinned[target] = true }
    for node in starts.indices.dropFirst() { starts[node] += starts[node - 1] }
    var readers = [Int](repeating: 0, count: starts[nodes.count])
    for index in order.reversed() where nodes[index].constants == nil {
      for input in nodes[index].inputs.reversed() {
        starts[input.node] -= 1
        readers[starts[input.node]] = index
      }
    }
    return Uses(readers: readers, starts: starts, pinned: pinned)
  }

  /// Who reads what, of the nodes that there were when it was asked for; of later ones it knows nothing.
  package struct Uses {
    /// The readers of all nodes, one node's after the other's.
    fileprivate let readers: [Int]
    /// Where the readers of each node start, and at last where they end.
    fileprivate let starts: [Int]
    fileprivate let pinned: [Bool]

    /// The nodes that read a node's outputs, in the order in which they run, one entry for each input that does.
    package func readers(of node: Int) -> ArraySlice<Int> {
      node < pinned.count ? readers[starts[node]..<starts[node + 1]] : []
    }

    /// Whether a node is fetched, a target, or waited for.
    package func isPinned(_ node: Int) -> Bool { node < pinned.count && pinned[node] }

    /// The only reader of a node that nobody else sees.
    package func onlyReader(of node: Int) -> Int? {
      let readers = readers(of: node)
      return readers.count == 1 && !isPinned(node) ? readers.first : nil
    }
  }

  /// Makes every reader of one value read another.
  ///
  /// - Complexity: O(nodes); passes that replace much collect replacements for ``replace(_:)``.
  package mutating func replace(_ replacements: ReferenceMap<ValueReference>) {
    guard !replacements.isEmpty else { return }
    var replacements = replacements
    for index in nodes.indices {
      for position in nodes[index].inputs.indices {
        let value = nodes[index].inputs[position]
        let other = replacements.final(value)
        if other != value { nodes[index].inputs[position] = other }
      }
    }
    for position in fetches.indices { fetches[position] = replacements.final(fetches[position]) }
  }

  /// Adds a node; the result is its first output.
  mutating func add(_ node: PlanNode) -> ValueReference {
    nodes.append(node)
    return ValueReference(node: nodes.count - 1, output: 0)
  }

  /// Adds a node that holds a value.
  package mutating func addConstant(_ tensor: Tensor, name: String) -> ValueReference {
    add(PlanNode(constants: [tensor], name: name))
  }

  /// The value of a reference, where it is known before any run.
  package func constant(_ value: ValueReference) -> Tensor? {
    guard let constants = nodes[value.node].constants, constants.indices.contains(value.output) else {
      return nil
    }
    return constants[value.output]
  }
}

extension ReferenceMap<ValueReference> {
  /// What a value is replaced by in the end, where what replaces it is replaced itself.
  fileprivate mutating func final(_ value: ValueReference) -> ValueReference {
    guard var last = self[value] else { return value }
    var passed: [ValueReference] = []
    while let next = self[last], passed.count <= count {
      passed.append(last)
      last = next
    }
    // A long chain is walked once.
    if !passed.isEmpty { self[value] = last }
    for value in passed { self[value] = last }
    return last
  }
}

extension PlanGraph: CustomStringConvertible {
  /// A line a node, in the order in which they run.
  ///
  /// What a loop or conditional runs follows, indented, with the values that it gives.
  package var description: String {
    guard let order = try? order() else { return "a graph with a cycle" }
    return order.map { index -> String in
      let node = nodes[index]
      let inputs = node.constants != nil ? [] : node.inputs.map(name)
      let op = node.feed.map { "feed \($0)" } ?? (node.constants != nil ? "constant" : node.op)
      let line = "\(node.name) = \(op)(\(inputs.joined(separator: ", ")))"
      let nested = node.constants != nil ? [] : node.bodies
      let bodies = nested.enumerated().map { number, body -> String in
        let results = body.fetches.map(body.name).joined(separator: ", ")
        return "  \(number):\n" + (body.description + "\n→ \(results)").indented
      }
      return ([line] + bodies).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  private func name(_ value: ValueReference) -> String { "\(nodes[value.node].name):\(value.output)" }
}

extension String {
  fileprivate var indented: String {
    split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
  }
}
