import GraftTensor

/// Copies rows of a tensor, picked by number, one behind the other; or of each of some blocks of rows in turn.
///
/// The numbers are checked before; a negative one gives a row of zeros.
struct RowGather: ElementTask {
  /// Where rows come from.
  let source: Tensor
  /// The rows' numbers, as int64: so many for each group of blocks.
  let rows: Tensor
  /// How many elements a row has.
  let length: Int
  /// Where rows go.
  let target: Tensor
  /// How many rows are picked of each block.
  let picked: Int
  /// How many blocks there are, how many of them make a group, and how many rows a block has.
  var blocks = (count: 1, perGroup: 1, rows: 0)
  let workers: WorkerPool

  func run<E: Sendable>(_ type: E.Type) throws {
    let cost = max(length * MemoryLayout<E>.stride / 8, 2)
    workers.forEach(blocks.count * picked, cost: cost) { range in
      var (block, first) = range.lowerBound.quotientAndRemainder(dividingBy: picked)
      var left = range.count
      while left > 0 {
        let places = first..<min(picked, first + left)
        copy(type, block, places)
        left -= places.count
        block += 1
        first = 0
      }
    }
  }

  @inline(__always)
  private func copy<E: Sendable>(_ type: E.Type, _ block: Int, _ places: Range<Int>) {
    let from = UnsafePointer(source.element(type, block * blocks.rows * length))
    let to = target.element(type, block * picked * length)
    let numbers = UnsafePointer(rows.element(Int64.self, block / blocks.perGroup * picked))
    if length == 1, source.isAligned {
      for place in places {
        let row = Int(numbers[place])
        if row >= 0 { to[place] = from[row] } else { Self.clear(to + place, 1) }
      }
    } else {
      for place in places {
        let row = Int(numbers[place])
        if row >= 0 {
          (to + place * length).copyRow(from: from + row * length, count: length)
        } else {
          Self.clear(to + place * length, length)
        }
      }
    }
  }

  /// Zeros for plain elements; strings and handles of a fresh output are empty already.
  @inline(__always)
  private static func clear<E>(_ target: UnsafeMutablePointer<E>, _ count: Int) {
    if _isPOD(E.self) {
      UnsafeMutableRawPointer(target).initializeMemory(
        as: UInt8.self, repeating: 0, count: count * MemoryLayout<E>.stride)
    }
  }
}

/// Turns tensors of indices into rows' numbers.
enum RowNumbers {
  /// The indices as int64, each between 0 and the count; where `ignoresBad`, others become -1.
  static func checked(
    _ indices: Tensor, count: Int, input: Int, ignoresBad: Bool = false, _ context: KernelContext
  ) throws -> Tensor {
    let numbers: Tensor
    switch indices.dtype {
    case .int64: numbers = try bound(Int64.self, indices, count, input, ignoresBad, context)
    case .int32: numbers = try bound(Int32.self, indices, count, input, ignoresBad, context)
    case .int16: numbers = try bound(Int16.self, indices, count, input, ignoresBad, context)
    default:
      throw GraftError(.unimplemented, "Indices of \(indices.dtype) have no kernel.", at: .init(input: input))
    }
    return numbers
  }

  private static func bound<I: FixedWidthInteger>(
    _ type: I.Type, _ indices: Tensor, _ count: Int, _ input: Int, _ ignoresBad: Bool,
    _ context: KernelContext
  ) throws -> Tensor {
    let source = indices.buffer(as: type)
    let numbers = try context.scratch(.int64, indices.shape)
    let target = numbers.mutableBuffer(as: Int64.self)
    for place in source.indices {
      let index = Int(truncatingIfNeeded: source[place])
      if index >= 0, index < count {
        target[place] = Int64(index)
      } else if ignoresBad {
        target[place] = -1
      } else {
        throw ArrayArguments.invalid(
          "indices\(ArrayArguments.position(place, in: indices.shape)) = \(index) is not in [0, \(count)).",
          input: input)
      }
    }
    return numbers
  }

  /// What the last dimension of `indices` picks in the first dimensions of a shape, as numbers of slices;
  /// -1 for what is out of range, where `ignoresBad`.
  ///
  /// - Precondition: `indices` has a last dimension of no more places than the shape has dimensions.
  static func ofSlices(
    _ indices: Tensor, in shape: Shape, input: Int, ignoresBad: Bool, _ context: KernelContext
  ) throws -> Tensor {
    switch indices.dtype {
    case .int64: try slices(Int64.self, indices, shape, input, ignoresBad, context)
    case .int32: try slices(Int32.self, indices, shape, input, ignoresBad, context)
    case .int16: try slices(Int16.self, indices, shape, input, ignoresBad, context)
    default:
      throw GraftError(.unimplemented, "Indices of \(indices.dtype) have no kernel.", at: .init(input: input))
    }
  }

  private static func slices<I: FixedWidthInteger>(
    _ type: I.Type, _ indices: Tensor, _ shape: Shape, _ input: Int, _ ignoresBad: Bool,
    _ context: KernelContext
  ) throws -> Tensor {
    let outer = Shape(Array(indices.shape.dimensions.dropLast()))
    let depth = indices.shape.dimensions.last ?? 0
    let source = indices.buffer(as: type)
    let numbers = try context.scratch(.int64, Shape([outer.elementCount]))
    let target = numbers.mutableBuffer(as: Int64.self)
    let sizes = shape.dimensions
    for place in target.indices {
      var number = 0
      var isBad = false
      for axis in 0..<depth {
        let index = Int(truncatingIfNeeded: source[place * depth + axis])
        if index < 0 || index >= sizes[axis] { isBad = true }
        number = number &* sizes[axis] &+ index
      }
      if isBad {
        guard ignoresBad else {
          let given = source[place * depth..<(place + 1) * depth].map { "\($0)" }.joined(separator: ", ")
          throw ArrayArguments.invalid(
            "indices\(ArrayArguments.position(place, in: outer)) = [\(given)] does not index into shape "
              + "\(shape).",
            input: input)
        }
        number = -1
      }
      target[place] = Int64(number)
    }
    return numbers
  }
}
