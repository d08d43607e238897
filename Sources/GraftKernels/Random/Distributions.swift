import CGraftVector
import Glibc
import GraftTensor

/// Numbers from 0 to below 1 out of random bits, which become the fraction of a number from 1 to 2.
enum UniformNumber {
  @inline(__always)
  static func float(_ bits: UInt32) -> Float { Float(bitPattern: 127 << 23 | bits & 0x7F_FFFF) - 1 }

  @inline(__always)
  static func double(_ high: UInt32, _ low: UInt32) -> Double {
    Double(bitPattern: 1023 << 52 | UInt64(high & 0xF_FFFF) << 32 | UInt64(low)) - 1
  }

  @inline(__always)
  static func half(_ bits: UInt32) -> Float16 {
    let value = Float16(bitPattern: 15 << 10 | UInt16(truncatingIfNeeded: bits) & 0x3FF)
    return Float16(Float(value) - 1)
  }

  @inline(__always)
  static func bfloat16(_ bits: UInt32) -> BFloat16 {
    let value = BFloat16(bitPattern: 127 << 7 | UInt16(truncatingIfNeeded: bits) & 0x7F)
    return BFloat16(Float(value) - 1)
  }
}

/// Two normally distributed numbers out of two uniform ones, by the transform of Box and Muller.
enum NormalNumbers {
  @inline(__always)
  static func floats(_ first: UInt32, _ second: UInt32) -> (Float, Float) {
    let radius = (-2 * logf(max(UniformNumber.float(first), 1.0e-7))).squareRoot()
    let angle = Float(2 * Double.pi * Double(UniformNumber.float(second)))
    return (sinf(angle) * radius, cosf(angle) * radius)
  }

  @inline(__always)
  static func doubles(_ block: Philox.Block) -> (Double, Double) {
    let radius = (-2 * log(max(UniformNumber.double(block.0, block.1), 1.0e-7))).squareRoot()
    let angle = 2 * Double.pi * UniformNumber.double(block.2, block.3)
    return (sin(angle) * radius, cos(angle) * radius)
  }
}

/// An element of a random tensor.
protocol RandomElement: TensorScalar {
  /// How many elements one block of random bits makes.
  static var perBlock: Int { get }
  /// Numbers from 0 to below 1, out of one block.
  static func uniform(_ block: Philox.Block, _ target: UnsafeMutablePointer<Self>)
  /// Normally distributed numbers, out of one block.
  static func normal(_ block: Philox.Block, _ target: UnsafeMutablePointer<Self>)
  /// Two normally distributed numbers, unrounded: what truncation decides by.
  associatedtype Wide: BinaryFloatingPoint
  static func pair(_ numbers: inout PhiloxNumbers) -> (Wide, Wide)
  init(rounding wide: Wide)
}

extension RandomElement where Wide == Float {
  @inline(__always)
  static var perBlock: Int { 4 }

  @inline(__always)
  static func normal(_ block: Philox.Block, _ target: UnsafeMutablePointer<Self>) {
    let first = NormalNumbers.floats(block.0, block.1)
    let second = NormalNumbers.floats(block.2, block.3)
    target[0] = Self(rounding: first.0)
    target[1] = Self(rounding: first.1)
    target[2] = Self(rounding: second.0)
    target[3] = Self(rounding: second.1)
  }

  @inline(__always)
  static func pair(_ numbers: inout PhiloxNumbers) -> (Float, Float) {
    let first = numbers.next()
    return NormalNumbers.floats(first, numbers.next())
  }
}

extension Float: RandomElement {
  @inline(__always)
  static func uniform(_ block: Philox.Block, _ target: UnsafeMutablePointer<Float>) {
    target[0] = UniformNumber.float(block.0)
    target[1] = UniformNumber.float(block.1)
    target[2] = UniformNumber.float(block.2)
    target[3] = UniformNumber.float(block.3)
  }

  @inline(__always)
  init(rounding wide: Float) { self = wide }
}

extension Float16: RandomElement {
  @inline(__always)
  static func uniform(_ block: Philox.Block, _ target: UnsafeMutablePointer<Float16>) {
    target[0] = UniformNumber.half(block.0)
    target[1] = UniformNumber.half(block.1)
    target[2] = UniformNumber.half(block.2)
    target[3] = UniformNumber.half(block.3)
  }

  @inline(__always)
  init(rounding wide: Float) { self = Float16(wide) }
}

extension BFloat16: RandomElement {
  @inline(__always)
  static func uniform(_ block: Philox.Block, _ target: UnsafeMutablePointer<BFloat16>) {
    target[0] = UniformNumber.bfloat16(block.0)
    target[1] = UniformNumber.bfloat16(block.1)
    target[2] = UniformNumber.bfloat16(block.2)
    target[3] = UniformNumber.bfloat16(block.3)
  }

  @inline(__always)
  init(rounding wide: Float) { self = BFloat16(wide) }
}

extension Double: RandomElement {
  @inline(__always)
  static var perBlock: Int { 2 }

  @inline(__always)
  static func uniform(_ block: Philox.Block, _ target: UnsafeMutablePointer<Double>) {
    target[0] = UniformNumber.double(block.0, block.1)
    target[1] = UniformNumber.double(block.2, block.3)
  }

  @inline(__always)
  static func normal(_ block: Philox.Block, _ target: UnsafeMutablePointer<Double>) {
    let numbers = NormalNumbers.doubles(block)
    target[0] = numbers.0
    target[1] = numbers.1
  }

  @inline(__always)
  static func pair(_ numbers: inout PhiloxNumbers) -> (Double, Double) {
    let first = numbers.next()
    let second = numbers.next()
    let third = numbers.next()
    return NormalNumbers.doubles((first, second, third, numbers.next()))
  }

  @inline(__always)
  init(rounding wide: Double) { self = wide }
}

/// The distributions that many ops share.
enum RandomDistribution: Sendable {
  /// From 0 to below 1.
  case uniform
  /// With mean 0 and standard deviation 1.
  case normal
  /// The same, without what is 2 or more away from the mean.
  case truncatedNormal
}

/// Fills tensors with random numbers, the same for any number of threads.
enum RandomFill {
  /// Blocks that a stream skips for each element, whether it needs them or not.
  static let reservedBlocks = 256

  /// Fills a tensor with real numbers of a distribution.
  static func fill(
    _ output: Tensor, _ distribution: RandomDistribution, from generator: Philox, _ workers: WorkerPool
  ) {
    switch output.dtype {
    case .float16: fill(output, Float16.self, distribution, generator, workers)
    case .bfloat16: fill(output, BFloat16.self, distribution, generator, workers)
    case .float64: fill(output, Double.self, distribution, generator, workers)
    case .float32 where distribution == .uniform:
      runs(output, generator, workers, as: Float.self) { graft_philox_uniform_f32($0, $1, $2, $3) }
    default: fill(output, Float.self, distribution, generator, workers)
    }
  }

  private static func fill<T: RandomElement>(
    _ output: Tensor, _ type: T.Type, _ distribution: RandomDistribution, _ generator: Philox,
    _ workers: WorkerPool
  ) {
    switch distribution {
    case .uniform: blocks(output, T.self, T.perBlock, generator, workers, cost: 15) { T.uniform($0, $1) }
    case .normal: blocks(output, T.self, T.perBlock, generator, workers, cost: 80) { T.normal($0, $1) }
    case .truncatedNormal: truncated(output, T.self, generator, workers)
    }
  }

  /// Fills a tensor with what each block of random bits makes.
  @inline(__always)
  static func blocks<T: TensorScalar>(
    _ output: Tensor, _ type: T.Type, _ perBlock: Int, _ generator: Philox, _ workers: WorkerPool, cost: Int,
    _ make: @escaping @Sendable (Philox.Block, UnsafeMutablePointer<T>) -> Void
  ) {
    let count = output.elementCount
    workers.forEach((count + perBlock - 1) / perBlock, cost: cost) { range in
      guard let target = output.mutableBuffer(as: T.self).baseAddress else { return }
      var generator = generator
      generator.skip(UInt64(range.lowerBound))
      for group in range {
        let start = group * perBlock
        let block = generator.next()
        if start + perBlock <= count {
          make(block, target + start)
        } else {
          withUnsafeTemporaryAllocation(of: T.self, capacity: perBlock) { last in
            guard let base = last.baseAddress else { return }
            make(block, base)
            for index in start..<count { target[index] = last[index - start] }
          }
        }
      }
    }
  }

  /// Fills a tensor of four elements a block with a function that makes many blocks at a time.
  private static func runs<T: TensorScalar>(
    _ output: Tensor, _ generator: Philox, _ workers: WorkerPool, as type: T.Type,
    _ fill:
      @escaping @Sendable (
        UnsafePointer<UInt32>, UnsafePointer<UInt32>, UnsafeMutablePointer<T>, _ blocks: Int
      ) -> Void
  ) {
    let count = output.elementCount
    workers.forEach((count + 3) / 4, cost: 3) { range in
      guard let target = output.mutableBuffer(as: type).baseAddress else { return }
      let whole = min(range.upperBound, count / 4)
      if whole > range.lowerBound {
        generator.at(block: range.lowerBound).withWords {
          fill($0, $1, target + range.lowerBound * 4, whole - range.lowerBound)
        }
      }
      guard whole < range.upperBound else { return }
      withUnsafeTemporaryAllocation(of: T.self, capacity: 4) { last in
        guard let base = last.baseAddress else { return }
        generator.at(block: whole).withWords { fill($0, $1, base, 1) }
        for index in whole * 4..<count { target[index] = base[index - whole * 4] }
      }
    }
  }

  /// Each group of elements has a region of the stream, and takes as many numbers from it as it needs.
  private static func truncated<T: RandomElement>(
    _ output: Tensor, _ type: T.Type, _ generator: Philox, _ workers: WorkerPool
  ) {
    let count = output.elementCount
    let perGroup = T.perBlock
    let skip = UInt64(perGroup * reservedBlocks / 4)
    workers.forEach((count + perGroup - 1) / perGroup, cost: 100) { range in
      let target = output.mutableBuffer(as: T.self)
      for group in range {
        var generator = generator
        generator.skip(UInt64(group) &* skip)
        var numbers = PhiloxNumbers(generator)
        var index = group * perGroup
        let end = min(index + perGroup, count)
        while index < end {
          let pair = T.pair(&numbers)
          if abs(pair.0) < 2 {
            target[index] = T(rounding: pair.0)
            index += 1
          }
          if abs(pair.1) < 2 && index < end {
            target[index] = T(rounding: pair.1)
            index += 1
          }
        }
      }
    }
  }

  /// Fills a tensor of integers with numbers from `low` to below `high`.
  static func fill(
    _ output: Tensor, from low: Int64, below high: Int64, _ generator: Philox, _ workers: WorkerPool
  ) {
    if output.dtype == .int32 {
      let start = Int32(truncatingIfNeeded: low)
      let range = UInt32(truncatingIfNeeded: high &- low)
      blocks(output, Int32.self, 4, generator, workers, cost: 15) { block, target in
        target[0] = start &+ Int32(truncatingIfNeeded: block.0 % range)
        target[1] = start &+ Int32(truncatingIfNeeded: block.1 % range)
        target[2] = start &+ Int32(truncatingIfNeeded: block.2 % range)
        target[3] = start &+ Int32(truncatingIfNeeded: block.3 % range)
      }
    } else {
      let range = UInt64(bitPattern: high &- low)
      blocks(output, Int64.self, 2, generator, workers, cost: 25) { block, target in
        let first = UInt64(block.0) | UInt64(block.1) << 32
        let second = UInt64(block.2) | UInt64(block.3) << 32
        target[0] = low &+ Int64(truncatingIfNeeded: first % range)
        target[1] = low &+ Int64(truncatingIfNeeded: second % range)
      }
    }
  }

  /// Fills a tensor of integers with random bits.
  static func fillBits(_ output: Tensor, _ generator: Philox, _ workers: WorkerPool) {
    if output.dtype.size == 4 {
      runs(output, generator, workers, as: UInt32.self) { graft_philox_blocks($0, $1, $2, $3) }
    } else {
      blocks(output, UInt64.self, 2, generator, workers, cost: 15) { block, target in
        target[0] = UInt64(block.0) | UInt64(block.1) << 32
        target[1] = UInt64(block.2) | UInt64(block.3) << 32
      }
    }
  }
}
