import GraftTensor

/// How the elements of an operand meet those of the shape that it broadcasts to, which are gone through in order.
enum BroadcastPace: Sendable {
  case together
  /// One element for all.
  case scalar
  /// Its elements in order, as many as the walk is long, over and over.
  case over(BroadcastWalk)
  /// In another way.
  case walked(BroadcastWalk)

  var isScalar: Bool { if case .scalar = self { true } else { false } }

  /// Whether each element is read once.
  var isTogether: Bool { if case .together = self { true } else { false } }

  /// - Precondition: The shape broadcasts to the full one.
  init(_ shape: Shape, in full: Shape) {
    if shape.elementCount == full.elementCount {
      self = .together
    } else if shape.elementCount == 1 {
      self = .scalar
    } else {
      let walk = BroadcastWalk(shape, in: full)
      self = walk.steps.count == 2 && walk.steps[0] == 0 ? .over(walk) : .walked(walk)
    }
  }
}

/// The way from an element of an operand to the next as it is broadcast: dimensions along which it moves and such
/// along which it stays take turns.
struct BroadcastWalk: Sendable {
  /// The sizes of the dimensions, outermost first, and by how many elements a step along each moves.
  let sizes: [Int]
  let steps: [Int]

  /// - Precondition: The shape broadcasts to the full one, which has two elements or more.
  fileprivate init(_ shape: Shape, in full: Shape) {
    var (sizes, steps): ([Int], [Int]) = ([], [])
    var elements = 1
    for position in 0..<full.rank {
      let size = full[full.rank - 1 - position]
      guard size > 1 else { continue }
      let own = position < shape.rank ? shape[shape.rank - 1 - position] : 1
      let step = own == 1 ? 0 : elements
      elements *= own
      if let last = sizes.last, step == last * (steps.last ?? 0) {
        sizes[sizes.count - 1] = last * size
      } else {
        sizes.append(size)
        steps.append(step)
      }
    }
    self.sizes = sizes.reversed()
    self.steps = steps.reversed()
  }

  /// The size of the innermost dimension.
  var length: Int { sizes.last ?? 1 }

  /// Writes the elements that meet those of the full shape from `start` on, and up to
  /// ``BroadcastRows/overrun`` more that mean nothing.
  func copy<Element>(
    _ source: UnsafePointer<Element>, from start: Int, count: Int, to target: UnsafeMutablePointer<Element>
  ) {
    let (length, isRepeated) = (length, steps.last == 1)
    let outer = sizes.count - 2
    // The two innermost dimensions are walked as one.
    let rows = outer >= 0 ? sizes[outer] : 1
    withUnsafeTemporaryAllocation(of: Int.self, capacity: max(outer, 1)) { index in
      var (sheet, place) = start.quotientAndRemainder(dividingBy: rows * length)
      var base = 0
      for axis in stride(from: outer - 1, through: 0, by: -1) {
        let digit: Int
        (sheet, digit) = sheet.quotientAndRemainder(dividingBy: sizes[axis])
        index[axis] = digit
        base += digit * steps[axis]
      }
      var filled = 0
      while filled < count {
        let part = min(rows * length - place, count - filled)
        if isRepeated {
          Self.`repeat`(source + base, length, at: place % length, count: part, to: target + filled)
        } else {
          let (row, column) = place.quotientAndRemainder(dividingBy: length)
          Self.stretch(source + base + row, length, at: column, count: part, to: target + filled)
        }
        filled += part
        place = 0
        var axis = outer - 1
        while axis >= 0 {
          index[axis] += 1
          base += steps[axis]
          if index[axis] < sizes[axis] { break }
          base -= steps[axis] * sizes[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
  }

  /// A row over and over, from one of its elements on.
  @inline(__always)
  private static func `repeat`<Element>(
    _ row: UnsafePointer<Element>, _ length: Int, at place: Int, count: Int,
    to target: UnsafeMutablePointer<Element>
  ) {
    let head = min(length - place, count)
    target.update(from: row + place, count: head)
    let tail = min(place, count - head)
    (target + head).update(from: row, count: tail)
    // What is there is a number of whole rows, and is doubled.
    var filled = head + tail
    while filled < count {
      let part = min(filled, count - filled)
      (target + filled).update(from: target, count: part)
      filled += part
    }
  }

  /// Each element so many times in a row, the first one from one of them on.
  @inline(__always)
  private static func stretch<Element>(
    _ source: UnsafePointer<Element>, _ length: Int, at place: Int, count: Int,
    to target: UnsafeMutablePointer<Element>
  ) {
    var (source, filled) = (source, 0)
    func write(_ count: Int, each most: Int) {
      let value = source.pointee
      for position in 0..<most { target[filled + position] = value }
      filled += count
      source += 1
    }
    func writeAll(each most: Int) {
      write(min(length - place, count), each: most)
      while filled < count { write(min(length, count - filled), each: most) }
    }
    // A number that is known is one that the compiler makes vectors of; the next writes over what is too much.
    switch length {
    case ...4: writeAll(each: 4)
    case ...8: writeAll(each: 8)
    case ...16: writeAll(each: BroadcastRows.overrun)
    default:
      var first = min(length - place, count)
      while filled < count {
        (target + filled).fillRow(with: source.pointee, count: first)
        filled += first
        source += 1
        first = min(length, count - filled)
      }
    }
  }
}

/// Operands that broadcast to one shape, as rows of elements that meet the result's: where they lie, or in memory
/// of their own where they do not lie so.
struct BroadcastRows: @unchecked Sendable {
  let paces: [BroadcastPace]
  let addresses: [UnsafeRawPointer]
  /// Bytes of an element of each operand, and of the largest.
  let sizes: [Int]
  private let largest: Int
  private let count: Int
  /// The elements of the longest row.
  private let length: Int

  /// The most elements of a row that are asked for at once.
  static let longest = 1024
  /// Innermost dimensions up to this length are joined to longer rows.
  static let shortRow = 128
  /// Elements after a row that may be written, too.
  fileprivate static let overrun = 16

  /// - Parameters:
  ///   - count: How many elements the shape has.
  ///   - whole: How many elements, those of the innermost dimensions and at most ``longest``, are never apart.
  init(
    _ paces: [BroadcastPace], _ addresses: [UnsafeRawPointer], sizes: [Int], count: Int, whole: Int = 1
  ) {
    (self.paces, self.addresses, self.sizes) = (paces, addresses, sizes)
    largest = sizes.max() ?? 1
    self.count = count
    length = max(min(count, Self.longest - Self.longest % whole), 1)
  }

  /// Whether elements of so many bytes can be written one by one.
  static func takes(size: Int) -> Bool { [1, 2, 4, 8, 16].contains(size) }

  private var tileBytes: Int { (2 * length + Self.overrun) * largest }

  /// Fills the memory with what does not change from row to row.
  private func prepare(_ memory: UnsafeMutableRawPointer) {
    for (index, pace) in paces.enumerated() {
      guard case .over(let walk) = pace, walk.length < length else { continue }
      // Twice as long as any row, so that it can be read from any of its elements on.
      copy(walk, addresses[index], sizes[index], 0, 2 * length, memory + index * tileBytes)
    }
  }

  /// Where an operand's elements for the result's from `start` on are; `end` comes nearer where they end before.
  @inline(__always)
  private func row(
    _ index: Int, _ start: Int, _ end: inout Int, _ memory: UnsafeMutableRawPointer
  ) -> UnsafeRawPointer {
    let (base, size) = (addresses[index], sizes[index])
    switch paces[index] {
    case .together: return base + start * size
    case .scalar: return base
    case .over(let walk):
      let place = start % walk.length
      if walk.length < length { return UnsafeRawPointer(memory + index * tileBytes + place * size) }
      end = min(end, start + walk.length - place)
      return base + place * size
    case .walked(let walk):
      let tile = memory + index * tileBytes
      copy(walk, base, size, start, end - start, tile)
      return UnsafeRawPointer(tile)
    }
  }

  private func copy(
    _ walk: BroadcastWalk, _ base: UnsafeRawPointer, _ size: Int, _ start: Int, _ count: Int,
    _ tile: UnsafeMutableRawPointer
  ) {
    func copy<Element>(_ type: Element.Type) {
      walk.copy(
        base.assumingMemoryBound(to: type), from: start, count: count, to: tile.assumingMemoryBound(to: type))
    }
    switch size {
    case 1: copy(UInt8.self)
    case 2: copy(UInt16.self)
    case 4: copy(UInt32.self)
    case 8: copy(UInt64.self)
    default: copy((UInt64, UInt64).self)
    }
  }

  /// Goes through the elements of the shape, some at a time.
  ///
  /// - Parameters:
  ///   - cost: about how many nanoseconds the body takes for the elements of the longest row.
  ///   - temporaries: bytes of memory that the body gets besides.
  ///   - results: for how many addresses there is room behind the operands'.
  ///   - body: is told which elements of the result are next, where those of each operand are that meet them, and
  ///     where its memory is.
  func forEachPart(
    cost: Int, temporaries: Int = 0, results: Int = 0, _ workers: WorkerPool,
    _ body:
      @Sendable (
        _ start: Int, _ count: Int, _ operands: UnsafeMutablePointer<UnsafeRawPointer>,
        _ temporaries: UnsafeMutableRawPointer
      ) -> Void
  ) {
    let byteCount = temporaries + addresses.count * tileBytes
    workers.forEach((count + length - 1) / length, cost: cost) { parts in
      withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 64) { memory in
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: addresses.count + results) {
          guard let memory = memory.baseAddress, let operands = $0.baseAddress else { return }
          let rows = memory + temporaries
          prepare(rows)
          var start = parts.lowerBound * length
          let last = min(parts.upperBound * length, count)
          while start < last {
            var end = min(start + length, last)
            for index in addresses.indices { operands[index] = row(index, start, &end, rows) }
            body(start, end - start, operands, memory)
            start = end
          }
        }
      }
    }
  }
}
