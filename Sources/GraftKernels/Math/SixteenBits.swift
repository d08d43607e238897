import CGraftVector
import GraftTensor

/// Runs loops over floats for float16 and bfloat16: a block is widened, computed and rounded once.
struct SixteenBits: Sendable {
  /// How many elements are widened at a time.
  static let block = 512

  private let isHalf: Bool

  /// For float16 and bfloat16; nil for other dtypes.
  init?(_ dtype: DataType) {
    switch dtype {
    case .float16: isHalf = true
    case .bfloat16: isHalf = false
    default: return nil
    }
  }

  /// Reads elements as floats.
  @inline(__always)
  func widen(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ count: Int) {
    let source = source.assumingMemoryBound(to: UInt16.self)
    if isHalf {
      graft_half_to_f32(source, target, count)
    } else {
      graft_bfloat16_to_f32(source, target, count)
    }
  }

  /// Writes floats as elements.
  @inline(__always)
  func narrow(_ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ count: Int) {
    let target = target.assumingMemoryBound(to: UInt16.self)
    if isHalf {
      graft_f32_to_half(source, target, count)
    } else {
      graft_f32_to_bfloat16(source, target, count)
    }
  }

  /// Writes floats as elements; with `cuts`, those of bfloat16 are cut instead of rounded: how TensorFlow's products of
  /// matrices end.
  func narrow(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ count: Int, cuts: Bool
  ) {
    if isHalf || !cuts { return narrow(source, target, count) }
    let target = target.assumingMemoryBound(to: UInt16.self)
    for index in 0..<count {
      let bits = source[index].bitPattern
      // A NaN whose upper half has no fraction would be an infinity.
      let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
      target[index] = UInt16(truncatingIfNeeded: bits >> 16) | (isNaN ? 0x40 : 0)
    }
  }

  /// The sum or product of such numbers, rounded at every step in the order of TensorFlow's loops.
  ///
  /// - Parameter first: the first one's place in its tensor, on which that order depends.
  func reduce(_ values: UnsafePointer<Float>, _ count: Int, from first: Int, multiplies: Bool) -> Float {
    let reduce = isHalf ? graft_stepped_reduce_half : graft_stepped_reduce_bfloat16
    return reduce(multiplies ? 1 : 0, values, first, count)
  }

  /// The same of each column of a matrix, whose results are those from `first` on of `total`.
  func reduceColumns(
    _ values: UnsafePointer<Float>, rows: Int, columns: Int, from first: Int, of total: Int, multiplies: Bool,
    into results: UnsafeMutablePointer<Float>
  ) {
    let reduce = isHalf ? graft_stepped_columns_half : graft_stepped_columns_bfloat16
    reduce(multiplies ? 1 : 0, values, rows, columns, first, total, results)
  }

  /// Calls the body with blocks of `0..<count` and room for as many blocks of floats as asked for.
  @inline(__always)
  private func forEachBlock(
    _ count: Int, buffers: Int, _ body: (_ offset: Int, _ count: Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: buffers * Self.block) { floats in
      guard let base = floats.baseAddress else { return }
      var offset = 0
      while offset < count {
        let length = min(Self.block, count - offset)
        body(offset, length, base)
        offset += length
      }
    }
  }

  /// A row over floats as one over these elements.
  func row(_ floats: UnaryRow) -> UnaryRow {
    UnaryRow(
      body: { x, y, count in
        forEachBlock(count, buffers: 1) { offset, length, buffer in
          widen(x + 2 * offset, buffer, length)
          floats.body(buffer, buffer, length)
          narrow(buffer, y + 2 * offset, length)
        }
      }, inputSize: 2, outputSize: 2, cost: floats.cost + 300)
  }

  /// A row that reads floats and writes something else, as one that reads these elements.
  func row(readingOnly floats: UnaryRow) -> UnaryRow {
    UnaryRow(
      body: { x, y, count in
        forEachBlock(count, buffers: 1) { offset, length, buffer in
          widen(x + 2 * offset, buffer, length)
          floats.body(buffer, y + floats.outputSize * offset, length)
        }
      }, inputSize: 2, outputSize: floats.outputSize, cost: floats.cost + 200)
  }

  /// A loop over pairs of floats as a row over these elements.
  func row(ofPairs loop: @escaping BinaryRows.FloatLoop, cost: Int) -> BinaryRow {
    func body(leftMoves: Bool, rightMoves: Bool) -> BinaryRow.Body {
      { a, b, y, count in
        forEachBlock(count, buffers: 2) { offset, length, left in
          let right = left + Self.block
          read(a, leftMoves, offset, length, left)
          read(b, rightMoves, offset, length, right)
          loop(left, right, left, length)
          narrow(left, y + 2 * offset, length)
        }
      }
    }
    return BinaryRow(
      pairs: body(leftMoves: true, rightMoves: true), left: body(leftMoves: false, rightMoves: true),
      right: body(leftMoves: true, rightMoves: false), inputSize: 2, outputSize: 2, cost: cost + 400)
  }

  /// Reads a block of elements as floats, or as often one that stays.
  @inline(__always)
  private func read(
    _ source: UnsafeRawPointer, _ moves: Bool, _ offset: Int, _ count: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    if moves { return widen(source + 2 * offset, target, count) }
    widen(source, target, 1)
    target.update(repeating: target[0], count: count)
  }

  /// A row over floats as one over these elements; or, where it writes something else, as one that reads
  /// them.
  func row(_ floats: BinaryRow, readingOnly: Bool = false) -> BinaryRow {
    let outputSize = readingOnly ? floats.outputSize : 2
    func body(_ compute: @escaping BinaryRow.Body, leftMoves: Bool, rightMoves: Bool) -> BinaryRow.Body {
      { a, b, y, count in
        forEachBlock(count, buffers: 2) { offset, length, buffer in
          let right = buffer + Self.block
          widen(leftMoves ? a + 2 * offset : a, buffer, leftMoves ? length : 1)
          widen(rightMoves ? b + 2 * offset : b, right, rightMoves ? length : 1)
          if readingOnly {
            compute(buffer, right, y + outputSize * offset, length)
          } else {
            let result = leftMoves ? buffer : right
            compute(buffer, right, result, length)
            narrow(result, y + 2 * offset, length)
          }
        }
      }
    }
    return BinaryRow(
      pairs: body(floats.pairs, leftMoves: true, rightMoves: true),
      left: body(floats.left, leftMoves: false, rightMoves: true),
      right: body(floats.right, leftMoves: true, rightMoves: false),
      inputSize: 2, outputSize: outputSize, cost: floats.cost + 400)
  }
}
