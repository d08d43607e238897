import GraftTensor

/// Reads what the inputs of array ops say, and says what is wrong with it.
enum ArrayArguments {
  /// An error about an input's value or shape.
  static func invalid(_ message: String, input: Int? = nil, remedy: String? = nil) -> GraftError {
    GraftError(.invalidArgument, message, at: .init(input: input), remedy: remedy)
  }

  /// An axis counted from the beginning; nil where there is none such.
  static func axis(_ axis: Int, rank: Int) -> Int? {
    guard axis >= -rank, axis < rank else { return nil }
    return axis < 0 ? axis + rank : axis
  }

  /// The integers of an input that must have one dimension.
  static func vector(_ context: KernelContext, _ index: Int, _ name: String) throws -> [Int] {
    let tensor = try context.input(index)
    guard tensor.rank == 1 else {
      throw invalid("'\(name)' must have one dimension, and its shape is \(tensor.shape).", input: index)
    }
    return try tensor.integers()
  }

  /// The integer of an input that must have no dimension.
  static func scalar(_ context: KernelContext, _ index: Int, _ name: String) throws -> Int {
    let tensor = try context.input(index)
    guard tensor.rank == 0 else {
      throw invalid("'\(name)' must be a scalar, and its shape is \(tensor.shape).", input: index)
    }
    return try tensor.integer()
  }

  /// The integer of an input that must have one element.
  static func single(_ context: KernelContext, _ index: Int, _ name: String) throws -> Int {
    let tensor = try context.input(index)
    guard tensor.elementCount == 1 else {
      throw invalid("'\(name)' must have one element, and its shape is \(tensor.shape).", input: index)
    }
    return try tensor.integer()
  }

  /// The product of sizes that belong to a tensor's shape.
  static func product(_ sizes: some Sequence<Int>) -> Int {
    sizes.reduce(1) { $0 &* $1 }
  }

  /// The product of two sizes; the largest number where it does not fit, which no shape allows.
  static func saturatingProduct(_ a: Int, _ b: Int) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? Int.max : product
  }

  /// The indices of an element, as `[1,0]`, where it is the given one in row-major order.
  static func position(_ flat: Int, in shape: Shape) -> String {
    var rest = flat
    var indices: [Int] = []
    for size in shape.dimensions.reversed() where size > 0 {
      indices.append(rest % size)
      rest /= size
    }
    return shape.rank == 0 ? "" : "[" + indices.reversed().map(String.init).joined(separator: ",") + "]"
  }
}

extension KernelContext {
  /// Gives an output integers of int32 or int64, as sizes and positions are.
  func setIntegers(_ index: Int, _ dtype: DataType, _ shape: Shape, _ values: [Int]) throws {
    let output = try allocate(index, dtype, shape)
    switch dtype {
    case .int32:
      let buffer = output.mutableBuffer(as: Int32.self)
      for (position, value) in values.enumerated() where position < buffer.count {
        guard let narrow = Int32(exactly: value) else {
          throw ArrayArguments.invalid(
            "The value \(value) does not fit int32.", remedy: "Ask for int64 in the graph.")
        }
        buffer[position] = narrow
      }
    case .int64:
      let buffer = output.mutableBuffer(as: Int64.self)
      for (position, value) in values.enumerated() where position < buffer.count {
        buffer[position] = Int64(value)
      }
    default:
      throw GraftError(.unimplemented, "Sizes and positions of \(dtype) have no kernel.")
    }
  }
}
