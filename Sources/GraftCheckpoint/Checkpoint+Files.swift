extension Checkpoint {
  /// How many files hold the values: data files of V2, tables of V1.
  public var fileCount: Int { store.fileCount }

  /// The numbers, counted from 0, of the files that hold a tensor's values; none for a key that is not there.
  public func files(of key: String) -> [Int] {
    guard let stored = try? stored(key) else { return [] }
    return Set(stored.parts.map { store.order($0.id).file }).sorted()
  }
}
