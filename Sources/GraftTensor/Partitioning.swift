extension RandomAccessCollection {
  /// The first index whose element belongs to the second part of a collection in two parts; the end where none does.
  ///
  /// - Parameter belongsInSecond: false for all elements of the first part, and true for those of the second.
  /// - Complexity: O(log n).
  @inlinable @inline(__always)
  package func partitioningIndex<Failure: Error>(
    where belongsInSecond: (Element) throws(Failure) -> Bool
  ) throws(Failure) -> Index {
    var first = startIndex
    var length = count
    while length > 0 {
      let half = length / 2
      let middle = index(first, offsetBy: half)
      if try belongsInSecond(self[middle]) {
        length = half
      } else {
        first = index(after: middle)
        length -= half + 1
      }
    }
    return first
  }
}
