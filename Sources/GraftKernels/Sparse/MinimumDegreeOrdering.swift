import Glibc

/// An order of a symmetric matrix's rows in which its Cholesky factor stays sparse: the approximate minimum degree
/// algorithm of Amestoy, Davis and Duff (1996), in the form that Davis gives it in "Direct Methods for Sparse
/// Linear Systems" (2006, chapter 7). Ties are broken as there, so that the orders are TensorFlow's.
///
/// The graph's nodes are the rows. A node that was eliminated becomes an element: a clique of those that it was
/// joined to. Nodes that cannot be told apart are merged.
struct MinimumDegreeOrdering {
  private let count: Int
  /// Room for the lists of all nodes and elements; new elements go to the end.
  private var lists: [Int]
  /// Where a node's or element's list begins: elements first, then nodes. Of what is gone, ``flipped(_:)`` of
  /// what took its place.
  private var start: [Int]
  private var length: [Int]
  /// How many nodes a node stands for; negative while it is being put into an element, 0 once it is merged.
  private var weight: [Int]
  /// How many elements a node's list begins with; -2 for elements, -1 for nodes that are gone.
  private var elements: [Int]
  /// Upper bounds of the degrees.
  private var degree: [Int]
  /// The lists of nodes of a degree, and of nodes of a hash.
  private var head: [Int]
  private var next: [Int]
  private var last: [Int]
  private var hashHead: [Int]
  /// What of an element lies outside of the newest one, relative to ``mark``.
  private var outside: [Int]
  private var mark = 0
  private var largestElement = 0
  private var minimum = 0
  private var eliminated = 0

  /// The rows in the order in which they are to be eliminated.
  ///
  /// - Parameter neighbours: for each row the columns that hold something, in ascending order, the diagonal
  ///   included, of a symmetric pattern.
  static func order(_ neighbours: [[Int32]]) -> [Int32] {
    guard !neighbours.isEmpty else { return [] }
    var ordering = MinimumDegreeOrdering(neighbours)
    ordering.fillDegreeLists(neighbours)
    while ordering.eliminated < ordering.count { ordering.eliminate() }
    return ordering.postorder()
  }

  private init(_ neighbours: [[Int32]]) {
    count = neighbours.count
    lists = []
    start = []
    length = []
    for row in neighbours {
      start.append(lists.count)
      length.append(row.count)
      lists += row.map { Int($0) }
    }
    start.append(-1)
    length.append(0)
    weight = [Int](repeating: 1, count: count + 1)
    elements = [Int](repeating: 0, count: count + 1)
    degree = length
    head = [Int](repeating: -1, count: count + 1)
    (next, last, hashHead) = (head, head, head)
    outside = [Int](repeating: 1, count: count + 1)
    clearMarks()
    elements[count] = -2
    outside[count] = 0
  }

  private static func flipped(_ index: Int) -> Int { -index - 2 }

  private mutating func clearMarks() {
    if mark < 2 || mark > Int.max - largestElement - count {
      for index in 0..<count where outside[index] != 0 { outside[index] = 1 }
      mark = 2
    }
  }

  private mutating func fillDegreeLists(_ neighbours: [[Int32]]) {
    let dense = min(count - 2, max(16, Int(10 * Double(count).squareRoot())))
    for node in 0..<count {
      let hasDiagonal = neighbours[node].contains(Int32(node))
      if degree[node] == 1, hasDiagonal {
        elements[node] = -2
        eliminated += 1
        start[node] = -1
        outside[node] = 0
      } else if degree[node] > dense || !hasDiagonal {
        // Rows that are almost full come last.
        weight[node] = 0
        elements[node] = -1
        eliminated += 1
        start[node] = Self.flipped(count)
        weight[count] += 1
      } else {
        insert(node, degree[node])
      }
    }
  }

  private mutating func insert(_ node: Int, _ degree: Int) {
    if head[degree] != -1 { last[head[degree]] = node }
    next[node] = head[degree]
    head[degree] = node
  }

  private mutating func remove(_ node: Int) {
    if next[node] != -1 { last[next[node]] = last[node] }
    if last[node] != -1 { next[last[node]] = next[node] } else { head[degree[node]] = next[node] }
  }

  /// Takes the node of least degree, and makes an element of it.
  private mutating func eliminate() {
    while minimum < count, head[minimum] == -1 { minimum += 1 }
    guard minimum < count else {
      eliminated = count
      return
    }
    let pivot = head[minimum]
    if next[pivot] != -1 { last[next[pivot]] = -1 }
    head[minimum] = next[pivot]
    var pivotWeight = weight[pivot]
    eliminated += pivotWeight

    let oldElements = elements[pivot]
    let members = gather(pivot, pivotWeight)
    var external = degree[pivot]
    clearMarks()
    measure(members)
    for index in members { update(index, pivot, &external, &pivotWeight) }
    degree[pivot] = external
    largestElement = max(largestElement, external)
    mark += largestElement
    clearMarks()
    mergeAlike(members)

    // What is left of the element.
    var end = members.lowerBound
    for index in members {
      let node = lists[index]
      let own = -weight[node]
      guard own > 0 else { continue }
      weight[node] = own
      let bound = min(degree[node] + external - own, count - eliminated - own)
      insert(node, bound)
      last[node] = -1
      minimum = min(minimum, bound)
      degree[node] = bound
      lists[end] = node
      end += 1
    }
    weight[pivot] = pivotWeight
    length[pivot] = end - members.lowerBound
    if length[pivot] == 0 {
      start[pivot] = -1
      outside[pivot] = 0
    }
    if oldElements != 0 { lists.removeSubrange(end...) }
  }

  /// Makes the pivot's element: all nodes that it and its elements are joined to, which leave the degree lists.
  ///
  /// - Returns: where they stand in ``lists``.
  private mutating func gather(_ pivot: Int, _ pivotWeight: Int) -> Range<Int> {
    let oldElements = elements[pivot]
    var total = 0
    weight[pivot] = -pivotWeight
    var position = start[pivot]
    let first = oldElements == 0 ? position : lists.count
    var end = first
    for turn in 0...oldElements {
      let isLast = turn == oldElements
      let source = isLast ? pivot : lists[position]
      if !isLast { position += 1 }
      let from = isLast ? position : start[source]
      let number = isLast ? length[pivot] - oldElements : length[source]
      for place in from..<from + number {
        let node = lists[place]
        let own = weight[node]
        guard own > 0 else { continue }
        total += own
        weight[node] = -own
        if oldElements == 0 { lists[end] = node } else { lists.append(node) }
        end += 1
        remove(node)
      }
      if !isLast {
        start[source] = Self.flipped(pivot)
        outside[source] = 0
      }
    }
    degree[pivot] = total
    start[pivot] = first
    length[pivot] = end - first
    elements[pivot] = -2
    return first..<end
  }

  /// Finds how much of each element near the new one lies outside of it.
  private mutating func measure(_ members: Range<Int>) {
    for index in members {
      let node = lists[index]
      guard elements[node] > 0 else { continue }
      let own = -weight[node]
      for place in start[node]..<start[node] + elements[node] {
        let element = lists[place]
        if outside[element] >= mark {
          outside[element] -= own
        } else if outside[element] != 0 {
          outside[element] = degree[element] + mark - own
        }
      }
    }
  }

  /// Takes out of a node's list what the new element covers, and finds its degree and its hash.
  private mutating func update(_ index: Int, _ pivot: Int, _ external: inout Int, _ pivotWeight: inout Int) {
    let node = lists[index]
    let first = start[node]
    let firstNode = first + elements[node]
    var (to, hash, bound) = (first, 0, 0)
    for place in first..<firstNode {
      let element = lists[place]
      guard outside[element] != 0 else { continue }
      let rest = outside[element] - mark
      if rest > 0 {
        bound += rest
        lists[to] = element
        to += 1
        hash += element
      } else {
        start[element] = Self.flipped(pivot)
        outside[element] = 0
      }
    }
    elements[node] = to - first + 1
    let nodesFrom = to
    for place in firstNode..<first + length[node] {
      let other = lists[place]
      guard weight[other] > 0 else { continue }
      bound += weight[other]
      lists[to] = other
      to += 1
      hash += other
    }
    if bound == 0 {
      // Nothing but the new element: it goes with the pivot.
      start[node] = Self.flipped(pivot)
      let own = -weight[node]
      external -= own
      pivotWeight += own
      eliminated += own
      weight[node] = 0
      elements[node] = -1
    } else {
      degree[node] = min(degree[node], bound)
      lists[to] = lists[nodesFrom]
      lists[nodesFrom] = lists[first]
      lists[first] = pivot
      length[node] = to - first + 1
      hash %= count
      next[node] = hashHead[hash]
      hashHead[hash] = node
      last[node] = hash
    }
  }

  /// Merges nodes of the new element that are joined to the same elements and nodes.
  private mutating func mergeAlike(_ members: Range<Int>) {
    for index in members {
      guard weight[lists[index]] < 0 else { continue }
      let hash = last[lists[index]]
      var node = hashHead[hash]
      hashHead[hash] = -1
      while node != -1, next[node] != -1 {
        for place in start[node] + 1..<start[node] + length[node] { outside[lists[place]] = mark }
        var previous = node
        var other = next[node]
        while other != -1 {
          let isAlike =
            length[other] == length[node] && elements[other] == elements[node]
            && (start[other] + 1..<start[other] + length[other]).allSatisfy { outside[lists[$0]] == mark }
          if isAlike {
            start[other] = Self.flipped(node)
            weight[node] += weight[other]
            weight[other] = 0
            elements[other] = -1
            other = next[other]
            next[previous] = other
          } else {
            previous = other
            other = next[other]
          }
        }
        node = next[node]
        mark += 1
      }
    }
  }

  /// The nodes, those that went into another one before it.
  private mutating func postorder() -> [Int32] {
    for node in 0..<count { start[node] = Self.flipped(start[node]) }
    head = [Int](repeating: -1, count: count + 1)
    for node in stride(from: count, through: 0, by: -1) where weight[node] <= 0 {
      next[node] = head[start[node]]
      head[start[node]] = node
    }
    for element in stride(from: count, through: 0, by: -1) where weight[element] > 0 {
      guard start[element] != -1 else { continue }
      next[element] = head[start[element]]
      head[start[element]] = element
    }
    var result: [Int32] = []
    for root in 0...count where start[root] == -1 {
      var stack = [root]
      while let top = stack.last {
        let child = head[top]
        if child == -1 {
          stack.removeLast()
          if top < count { result.append(Int32(truncatingIfNeeded: top)) }
        } else {
          head[top] = next[child]
          stack.append(child)
        }
      }
    }
    return result
  }
}
