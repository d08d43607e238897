/// The types of nodes' inputs and outputs: of the thousands of lists in a graph few differ, and those that are the same
/// lie in the same memory, which whoever reads them then finds in the cache.
struct SharedTypes {
  private var lists = [[ElementType]](repeating: [], count: 64)

  /// A list that is equal, one from before where it is still known.
  mutating func list(_ types: [ElementType]) -> [ElementType] {
    guard let first = types.first else { return [] }
    let place = (Int(first.wireValue) &* 4 &+ types.count) & (lists.count - 1)
    if lists[place] == types { return lists[place] }
    lists[place] = types
    return types
  }
}
