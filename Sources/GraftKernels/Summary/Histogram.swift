import GraftGraph
import GraftTensor

/// A histogram over TensorFlow's buckets, whose limits grow by a tenth each from 1e-12 to 1e20, and the same
/// for negative numbers.
struct Histogram {
  static let limits: [Double] = {
    var positive: [Double] = []
    var limit = 1.0e-12
    while limit < 1.0e20 {
      positive.append(limit)
      limit *= 1.1
    }
    positive.append(.greatestFiniteMagnitude)
    return positive.reversed().map { -$0 } + [0] + positive
  }()

  private var minimum = Double.greatestFiniteMagnitude
  private var maximum = -Double.greatestFiniteMagnitude
  private var count = 0.0
  private var sum = 0.0
  private var squares = 0.0
  private var buckets = [Double](repeating: 0, count: limits.count)

  mutating func add(_ value: Double) {
    // The first limit that is greater.
    let place = Self.limits.partitioningIndex { $0 > value }
    buckets[min(place, buckets.count - 1)] += 1
    minimum = Swift.min(minimum, value)
    maximum = Swift.max(maximum, value)
    count += 1
    sum += value
    squares += value * value
  }

  /// The fields of a `HistogramProto`: buckets that hold nothing are joined.
  var message: [UInt8] {
    var writer = WireWriter()
    writer.field(1, nonzero: minimum)
    writer.field(2, nonzero: maximum)
    writer.field(3, nonzero: count)
    writer.field(4, nonzero: sum)
    writer.field(5, nonzero: squares)
    var (limits, counts): ([Double], [Double]) = ([], [])
    var index = 0
    while index < buckets.count {
      var end = Self.limits[index]
      let count = buckets[index]
      index += 1
      if count <= 0 {
        while index < buckets.count, buckets[index] <= 0 {
          end = Self.limits[index]
          index += 1
        }
      }
      limits.append(end)
      counts.append(count)
    }
    if counts.allSatisfy({ $0 == 0 }) { (limits, counts) = ([.greatestFiniteMagnitude], [0]) }
    writer.field(6, packed: limits)
    writer.field(7, packed: counts)
    return writer.bytes
  }
}
