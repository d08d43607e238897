import GraftGraph
import GraftTensor

/// A message whose fields are numbers or lists of them: how XLA says which dimension of a tensor means what.
struct DimensionFields: Sendable {
  private var values: [UInt32: [Int]] = [:]

  /// Reads the message; nil for bytes that are none, or have other fields.
  init?(_ bytes: [UInt8], fields: ClosedRange<UInt32>) {
    guard let document = try? GraphBytes(copying: bytes) else { return nil }
    do throws(WireError) {
      var reader = document.reader(document.all)
      while !reader.isAtEnd {
        let tag = try reader.tag()
        guard fields.contains(tag.number) else { return nil }
        switch tag.type {
        case WireTag.varint:
          values[tag.number, default: []].append(Int(truncatingIfNeeded: try reader.varint()))
        case WireTag.block:
          var list = document.reader(try reader.block())
          while !list.isAtEnd {
            values[tag.number, default: []].append(Int(truncatingIfNeeded: try list.varint()))
          }
        default: return nil
        }
      }
    } catch {
      return nil
    }
  }

  /// The numbers of a field.
  subscript(_ field: UInt32) -> [Int] { values[field] ?? [] }

  /// The number of a field that is there once; 0, which is not written, where it is not.
  func one(_ field: UInt32) -> Int { values[field]?.last ?? 0 }
}
