import GraftTensor

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `LRN` of half and bfloat16, rounded where TensorFlow's kernel rounds: after every operation. Sums are those of a
/// product with a band matrix, whose first columns are summed in two strands, the even and the odd rows.
struct SteppedNormalization<T: HalfElement> {
  private let window: LocalResponseNormalizationOps.Window
  private let radius: Int
  private let bias: T
  private let alpha: T
  private let beta: T

  init(_ window: LocalResponseNormalizationOps.Window) {
    self.window = window
    radius = window.radius
    (bias, alpha, beta) = (T(window.bias), T(window.alpha), T(window.beta))
  }

  /// Rows and columns that the product takes together.
  private static var group: Int { 8 }

  func run(_ x: Tensor, _ output: Tensor, _ workers: WorkerPool) {
    nonisolated(unsafe) let source = x.buffer(as: T.self)
    nonisolated(unsafe) let target = output.mutableBuffer(as: T.self)
    let channels = x.shape[3]
    workers.forEach(source.count / channels, cost: channels * (min(radius, channels) * 2 + 40)) { range in
      for first in range.lazy.map({ $0 * channels }) {
        let pixel = UnsafeBufferPointer(rebasing: source[first..<first + channels])
        let isFinite = pixel.allSatisfy { $0.compute.isFinite }
        for channel in 0..<channels {
          if !isFinite, let values = pixel.baseAddress, window.isSpoilt(values, channel, channels) {
            target[first + channel] = T(Float.nan)
            continue
          }
          let value = source[first + channel]
          let sum = sum(source, first, channel, channels)
          target[first + channel] = T.multiply(value, factor(T.add(T.multiply(sum, alpha), bias)))
        }
      }
    }
  }

  /// The sum of the squares around a channel.
  private func sum(_ values: UnsafeBufferPointer<T>, _ first: Int, _ channel: Int, _ channels: Int) -> T {
    let grouped = channels / Self.group * Self.group
    let window = max(0, channel - radius)...min(channels - 1, channel + radius)
    var (even, odd) = (T.zero, T.zero)
    // Columns after the last whole group are summed one row after the other.
    let strands = channel < grouped ? grouped : 0
    for index in window where index < strands {
      let square = T.multiply(values[first + index], values[first + index])
      if index % 2 == 0 { even = T.add(even, square) } else { odd = T.add(odd, square) }
    }
    var sum = T.add(even, odd)
    for index in window where index >= strands {
      sum = T.add(sum, T.multiply(values[first + index], values[first + index]))
    }
    return sum
  }

  /// `norm ^ -beta`.
  private func factor(_ norm: T) -> T {
    switch beta.compute {
    case 1: return T(1 / norm.compute)
    case 0.5: return T(1 / norm.compute.squareRoot())
    default:
      let logarithm = T(logf(norm.compute))
      return T(expf(T.multiply(logarithm, T(-beta.compute)).compute))
    }
  }
}
