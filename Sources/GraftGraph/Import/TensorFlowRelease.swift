/// The releases of TensorFlow by the number that they write into graphs.
///
/// The numbers of early releases lasted for several; since 1.14 the number is raised about daily, so that those
/// between two releases were written by builds between them.
package enum TensorFlowRelease {
  /// Which TensorFlow wrote a graph, by its producer version; nil for a graph that does not say.
  package static func name(producer: Int) -> String? {
    guard producer > 0 else { return nil }
    guard let index = table.lastIndex(where: { $0.producer <= producer }) else {
      return "TensorFlow before \(table[0].name)"
    }
    let found = table[index]
    if found.producer == producer { return "TensorFlow \(found.name)" }
    guard index + 1 < table.count else { return "TensorFlow after \(found.name)" }
    return "TensorFlow between \(found.name) and \(table[index + 1].name)"
  }

  /// The writer of a graph in words: "TensorFlow 2.4 (graph version 561)".
  package static func describe(producer: Int32) -> String {
    guard let name = name(producer: Int(producer)) else {
      return "a program that does not say its version"
    }
    return "\(name) (graph version \(producer))"
  }

  private static let table: [(producer: Int, name: String)] = [
    (10, "0.9"), (21, "1.0 or 1.1"), (24, "1.2 to 1.4"), (26, "1.5 to 1.10"), (27, "1.11 to 1.13"),
    (38, "1.14"), (119, "2.0"), (134, "1.15"), (175, "2.1 or 2.2"), (440, "2.3"), (561, "2.4"), (716, "2.5"),
    (808, "2.6"), (898, "2.7"), (987, "2.8"), (1087, "2.9"), (1205, "2.10"), (1286, "2.11"), (1395, "2.12"),
    (1482, "2.13"), (1575, "2.14"), (1645, "2.15"), (1766, "2.16"), (1882, "2.17"), (2474, "2.21"),
  ]
}
