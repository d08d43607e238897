import GraftProto
import GraftTensor

/// The tensors in what a Python function takes or gives, one after the other as the graph's function has them.
struct StructuredTensors {
  /// One tensor.
  struct Leaf {
    /// Which key or place in which container; empty where the value is the tensor.
    let path: [String]
    /// The name that the function's author gave it; empty for none.
    let name: String
    let shape: PartialShape
  }

  private(set) var leaves: [Leaf] = []
  /// Whether it is all known: not so for values of kinds that TensorFlow does not count the tensors of.
  private(set) var isComplete = true
  private let most: Int

  /// The tensors in a value; numbers, texts and None in it are constants of the function, and no tensors.
  ///
  /// - Parameter most: with more tensors than that it is not complete.
  init(_ value: Tensorflow_StructuredValue, most: Int) {
    self.most = most
    append(value, [])
  }

  private mutating func append(_ value: Tensorflow_StructuredValue, _ path: [String]) {
    switch value.kind {
    case .tensorSpecValue(let spec): append(path, spec.name, spec.shape)
    case .boundedTensorSpecValue(let spec): append(path, spec.name, spec.shape)
    case .typeSpecValue(let spec): appendComponents(spec, path)
    case .listValue(let list): appendAll(list.values, path)
    case .tupleValue(let tuple): appendAll(tuple.values, path)
    case .namedTupleValue(let tuple):
      for pair in tuple.values { append(pair.value, path + [pair.key]) }
    case .dictValue(let dictionary):
      for (key, element) in dictionary.fields.sorted(by: { $0.key < $1.key }) {
        append(element, path + [key])
      }
    default: break
    }
  }

  private mutating func appendAll(_ values: [Tensorflow_StructuredValue], _ path: [String]) {
    for (place, element) in values.enumerated() { append(element, path + ["\(place)"]) }
  }

  private mutating func append(_ path: [String], _ name: String, _ shape: Tensorflow_TensorShapeProto) {
    guard leaves.count < most else {
      isComplete = false
      return
    }
    leaves.append(Leaf(path: path, name: name, shape: PartialShape(shape)))
  }

  /// Ragged and sparse tensors and their kin are several tensors.
  private mutating func appendComponents(_ spec: Tensorflow_TypeSpecProto, _ path: [String]) {
    // Releases before 2.5 do not say how many.
    let count = spec.numFlatComponents > 0 ? Int(spec.numFlatComponents) : Self.componentCount(spec)
    guard let count, count <= most - leaves.count else {
      isComplete = false
      return
    }
    for component in 0..<count {
      leaves.append(Leaf(path: path + ["\(component)"], name: "", shape: .unknown))
    }
  }

  private static func componentCount(_ spec: Tensorflow_TypeSpecProto) -> Int? {
    switch spec.typeSpecClass {
    case .sparseTensorSpec: return 3
    case .raggedTensorSpec:
      // Shape, dtype, how many dimensions are ragged, dtype of the row splits.
      guard case .tupleValue(let state)? = spec.typeState.kind, state.values.count > 2,
        case .int64Value(let rank)? = state.values[2].kind, rank >= 0, rank < 64
      else { return nil }
      return Int(rank) + 1
    default: return nil
    }
  }
}
