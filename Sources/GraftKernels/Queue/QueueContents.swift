import GraftTensor

/// The order in which a queue gives back what was put into it.
enum QueueDiscipline: Sendable, Equatable {
  /// First in, first out; elements of one shape.
  case fifo
  /// First in, first out; elements may differ in sizes, and batches of them are padded.
  case padding
  /// At random, keeping some elements to choose from.
  case shuffle(minimum: Int, seed: Int, seed2: Int)
  /// The least first component first.
  case priority

  /// How many elements stay in the queue while it is open.
  var minimum: Int { if case .shuffle(let minimum, _, _) = self { minimum } else { 0 } }
}

/// A queue's elements: tuples of tensors.
struct QueueContents {
  private let discipline: QueueDiscipline
  private var elements: [[Tensor]] = []
  /// How many at the beginning of `elements` were taken already.
  private var taken = 0
  private var numbers: PhiloxNumbers

  init(_ discipline: QueueDiscipline) {
    self.discipline = discipline
    var (seed, seed2) = (UInt64(0), UInt64(0))
    if case .shuffle(_, let first, let second) = discipline {
      (seed, seed2) = (UInt64(bitPattern: Int64(first)), UInt64(bitPattern: Int64(second)))
      if seed == 0, seed2 == 0 { (seed, seed2) = (.random(in: 0...(.max)), .random(in: 0...(.max))) }
    }
    numbers = PhiloxNumbers(Philox(seed: seed, seed2: seed2))
  }

  var count: Int { elements.count - taken }

  mutating func add(_ element: [Tensor]) {
    if discipline == .priority {
      StandardHeap.push(element, to: &elements, Self.comesLater)
    } else {
      elements.append(element)
    }
  }

  /// The next element; there must be one.
  mutating func take() -> [Tensor]? {
    guard count > 0 else { return nil }
    switch discipline {
    case .priority: return StandardHeap.pop(from: &elements, Self.comesLater)
    case .shuffle:
      elements.swapAt(Int(numbers.next()) % elements.count, elements.count - 1)
      return elements.popLast()
    case .fifo, .padding:
      let element = elements[taken]
      elements[taken] = []
      taken += 1
      if taken == elements.count || taken > 1024 && taken * 2 > elements.count {
        elements.removeFirst(taken)
        taken = 0
      }
      return element
    }
  }

  /// Puts elements back that were taken, in the order in which they came.
  mutating func putBack(_ returned: [[Tensor]]) {
    switch discipline {
    case .fifo, .padding:
      elements = returned + elements[taken...]
      taken = 0
    case .shuffle, .priority:
      for element in returned { add(element) }
    }
  }

  private static func comesLater(_ a: [Tensor], _ b: [Tensor]) -> Bool { priority(a) > priority(b) }

  private static func priority(_ element: [Tensor]) -> Int {
    guard let first = element.first else { return 0 }
    return (try? first.integer()) ?? 0
  }
}
