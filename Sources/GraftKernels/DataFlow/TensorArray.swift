import GraftTensor
import Synchronization

/// Tensors of one dtype, each written once, that a run's loops fill and read by index.
///
/// It lives as long as a handle to it does, which is to say no longer than the run. Reading and writing
/// are O(1); writing copies an element that lies in an arena, and loops read small ones into a place of theirs.
final class TensorArray: SessionResource {
  static let kind = "TensorArray"

  struct Options: Sendable {
    var dtype: DataType
    var elementShape: PartialShape
    var isDynamic = false
    var clearsAfterRead = true
    var hasIdenticalShapes = false
    /// Writes to the same index are added up: what gradients do.
    var accumulates = false
  }

  /// An element.
  private struct Element: Sendable {
    var value: Tensor?
    /// The shape of what was written, or of the zeros that stand for what was not.
    var shape: Shape?
    var wasRead = false
    var wasCleared = false
    /// Whether nobody else sees the value's memory, so that it can be added to in place.
    var isOwn = false
  }

  private struct Contents: Sendable {
    var options: Options
    var elements: [Element]
    var isClosed = false
    /// How many elements the gradient's `Pack` and `Concat` give; -1 where nobody said.
    var markedSize: Int
    var gradients: [String: TensorArray] = [:]
  }

  let name: String
  let dtype: DataType
  private let contents: Mutex<Contents>

  /// The most elements that an array may have: each takes some bytes even where nothing was written.
  static let maximumSize = 1 << 26

  init(name: String, size: Int, options: Options) throws {
    guard (0...Self.maximumSize).contains(size) else {
      throw GraftError(
        size < 0 ? .invalidArgument : .resourceExhausted,
        "The size of a TensorArray must be >= 0 and at most \(Self.maximumSize), and is \(size).")
    }
    self.name = name
    dtype = options.dtype
    contents = Mutex(
      Contents(options: options, elements: Array(repeating: Element(), count: size), markedSize: -1))
  }

  /// The array that gradients of another one gather in.
  private init(gradientOf name: String, _ contents: Contents) {
    self.name = name
    dtype = contents.options.dtype
    self.contents = Mutex(contents)
  }

  private func access<R: Sendable>(_ body: (inout Contents) throws -> R) throws -> R {
    try contents.withLock { contents in
      guard !contents.isClosed else {
        throw GraftError(.invalidArgument, "The TensorArray '\(name)' has already been closed.")
      }
      return try body(&contents)
    }
  }

  private func invalid(_ message: String, remedy: String? = nil) -> GraftError {
    GraftError(.invalidArgument, "TensorArray '\(name)': \(message)", remedy: remedy)
  }
}

// MARK: - The whole

extension TensorArray {
  /// How many elements there are.
  func size() throws -> Int { try access { $0.elements.count } }

  /// How many elements `Pack` and `Concat` give.
  func packedSize() throws -> Int {
    try access { contents in
      guard contents.options.accumulates else { return contents.elements.count }
      guard contents.markedSize >= 0 else {
        throw invalid("It is a gradient, and the array that it is the gradient of was not filled as a whole.")
      }
      return contents.markedSize
    }
  }

  /// The shape that all elements have, those too that are still to be written; nil where it is not one, or not known.
  var commonShape: Shape? {
    contents.withLock { contents in
      contents.options.elementShape.fullyDefined.flatMap { shape in
        contents.elements.allSatisfy { $0.shape == nil || $0.shape == shape } ? shape : nil
      }
    }
  }

  /// Makes room for a number of pieces, and notes that `Pack` and `Concat` of the gradient give as many.
  func fill(_ count: Int) throws {
    try access { contents in
      if contents.options.isDynamic, count > contents.elements.count { try grow(&contents, to: count) }
      guard contents.elements.count == count else {
        throw invalid(
          "It has \(contents.elements.count) elements, and \(count) pieces are put into it; it is "
            + (contents.options.isDynamic ? "larger." : "not dynamically resizeable."))
      }
      if !contents.options.accumulates { contents.markedSize = count }
    }
  }

  /// Makes the elements' shape more definite by what an op says of it, and gives what is known then.
  @discardableResult
  func merge(elementShape: PartialShape) throws -> PartialShape {
    try access { contents in
      guard let merged = contents.options.elementShape.merged(with: elementShape) else {
        throw invalid(
          "Its elements have shape \(contents.options.elementShape), and \(elementShape) is expected.")
      }
      contents.options.elementShape = merged
      return merged
    }
  }

  /// Forgets the elements; every use afterwards is an error.
  func close() throws {
    try access { contents in
      contents.elements = []
      contents.gradients = [:]
      contents.isClosed = true
    }
  }

  private func grow(_ contents: inout Contents, to count: Int) throws {
    guard count <= Self.maximumSize else {
      throw GraftError(
        .resourceExhausted, "A TensorArray may have \(Self.maximumSize) elements, and \(count) are needed.")
    }
    contents.elements.append(contentsOf: repeatElement(Element(), count: count - contents.elements.count))
  }

  /// The array in which the gradients that a source computes gather: zeros of the shapes written here, with
  /// dimensions put before them.
  func gradient(source: String, prepending prefix: [Int]) throws -> TensorArray {
    try access { contents in
      guard !contents.options.accumulates else {
        throw invalid(
          "A gradient cannot be made of it: its writes are aggregated, as those of a gradient are.")
      }
      if let known = contents.gradients[source] { return known }
      // What the gradient knows of sizes must stay true.
      contents.options.isDynamic = false
      var shape = contents.options.elementShape
      if let sizes = shape.dimensions { shape = PartialShape(prefix + sizes) }
      let elements = try contents.elements.map { element in
        try Element(shape: element.shape.map { try Shape(validating: prefix + $0.dimensions) })
      }
      let gradient = TensorArray(
        gradientOf: "\(name)@\(source)",
        Contents(
          options: Options(
            dtype: dtype, elementShape: shape, hasIdenticalShapes: contents.options.hasIdenticalShapes,
            accumulates: true),
          elements: elements, markedSize: contents.markedSize))
      contents.gradients[source] = gradient
      return gradient
    }
  }
}

// MARK: - Elements

extension TensorArray {
  /// Writes an element.
  func write(_ index: Int, _ value: Tensor) throws {
    try access { try write(&$0, index, try value.persistent()) }
  }

  /// Writes elements, in the order given; those before one that is refused stay written.
  func write(_ elements: [(index: Int, value: Tensor)]) throws {
    try access { contents in
      for element in elements { try write(&contents, element.index, element.value) }
    }
  }

  private func write(_ contents: inout Contents, _ index: Int, _ value: Tensor) throws {
    let options = contents.options
    guard index >= 0, options.isDynamic || index < contents.elements.count else {
      throw invalid(
        "Tried to write to index \(index), and the array "
          + (options.isDynamic
            ? "begins at 0." : "is not resizeable and its size is \(contents.elements.count)."))
    }
    guard value.dtype == options.dtype else {
      throw invalid("Its elements are \(options.dtype), and \(value.dtype) is written to index \(index).")
    }
    guard options.elementShape.accepts(value.shape) else {
      throw invalid(
        "Could not write to index \(index): the value has shape \(value.shape), and the elements "
          + "\(options.elementShape).", remedy: "Export the graph with infer_shape=False if they may differ.")
    }
    if index >= contents.elements.count { try grow(&contents, to: index + 1) }
    let element = contents.elements[index]
    guard !element.wasRead else {
      throw invalid("Could not write to index \(index): it has already been read.")
    }
    guard let shape = element.shape else {
      contents.elements[index].value = value
      contents.elements[index].shape = value.shape
      if options.hasIdenticalShapes, options.elementShape.fullyDefined == nil {
        contents.options.elementShape = PartialShape(value.shape)
      }
      return
    }
    guard options.accumulates else {
      throw invalid("Could not write to index \(index): it has already been written to.")
    }
    guard shape == value.shape else {
      throw invalid(
        "Could not aggregate to index \(index): its shape is \(shape), and the new value's \(value.shape).")
    }
    try accumulate(&contents.elements[index], value)
  }

  private func accumulate(_ element: inout Element, _ value: Tensor) throws {
    guard let sum = element.value else {
      element.value = value
      return
    }
    let target = element.isOwn ? sum : try sum.copied()
    try target.add(value)
    element.value = target
    element.isOwn = true
  }

  /// An element's value.
  func read(_ index: Int) throws -> Tensor {
    try access { try read(&$0, index) }
  }

  /// The values of some elements.
  func read(_ indices: some Sequence<Int>) throws -> [Tensor] {
    try access { contents in try indices.map { try read(&contents, $0) } }
  }

  private func read(_ contents: inout Contents, _ index: Int) throws -> Tensor {
    guard contents.elements.indices.contains(index) else {
      throw invalid("Tried to read from index \(index), and its size is \(contents.elements.count).")
    }
    guard !contents.elements[index].wasCleared else {
      throw invalid(
        "Could not read index \(index) twice: it was cleared after a previous read.",
        remedy: "Export the graph with clear_after_read=False.")
    }
    let value: Tensor
    if let written = contents.elements[index].value {
      value = written
    } else {
      guard let shape = contents.elements[index].shape ?? contents.options.elementShape.fullyDefined else {
        throw invalid(
          "Could not read from index \(index): nothing was written to it, and the elements' shape "
            + "\(contents.options.elementShape) is not fully known, so that it cannot be zeros.",
          remedy: "Set the array's element_shape.")
      }
      value = try Tensor(uninitialized: dtype, shape: shape).cleared()
      contents.elements[index].value = value
      contents.elements[index].shape = shape
    }
    contents.elements[index].wasRead = true
    // What was given out is not added to any more: it counts as read.
    if contents.options.clearsAfterRead {
      contents.elements[index].value = nil
      contents.elements[index].wasCleared = true
    }
    return value
  }
}

extension Tensor {
  /// Adds another tensor of the same dtype and shape to this one, in place.
  func add(_ other: Tensor) throws {
    struct Addition: ArithmeticElementTask {
      let target: Tensor
      let other: Tensor

      func run<E: ArithmeticElement>(_ type: E.Type) throws {
        let (target, source) = (target.mutableBuffer(as: E.self), other.buffer(as: E.self))
        for index in target.indices { target[index] = E.add(target[index], source[index]) }
      }
    }
    try withExtendedLifetime((storage, other.storage)) {
      try dtype.withArithmeticElement(Addition(target: self, other: other))
    }
  }
}
