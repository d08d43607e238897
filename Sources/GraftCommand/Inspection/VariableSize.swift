import GraftRuntime
import GraftTensor

/// A variable of a graph, and how large it is.
struct VariableSize {
  let name: String
  let dtype: DataType
  let shape: PartialShape

  init(_ variable: GraphVariable) {
    name = variable.name
    dtype = variable.dtype
    shape = variable.shape
  }

  /// How many elements, where the shape says it.
  var elements: Int? { shape.fullyDefined?.elementCount }

  /// How many bytes these take; nil where the shape or the dtype does not say it.
  var bytes: Int? {
    guard case .plain(let size) = dtype.layout else { return nil }
    return elements.map { $0.multipliedReportingOverflow(by: size) }.flatMap {
      $0.overflow ? nil : $0.partialValue
    }
  }
}
