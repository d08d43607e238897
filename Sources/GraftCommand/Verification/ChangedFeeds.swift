import GraftTensor

/// Feeds like recorded ones, but others in each run: what a program learned in one run must not be taken for true in
/// the next.
struct ChangedFeeds {
  /// What was recorded.
  let recorded: [String: Tensor]

  /// The feeds of a run, counted from 0: of each four the recorded ones, two with elements at other places, and those
  /// of twice the rows.
  ///
  /// Elements keep their values, so that indices, sizes and probabilities stay in their range as far as that can be;
  /// a single one becomes another.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`) when there is not enough memory.
  func ofRun(_ run: Int) throws -> [String: Tensor] {
    try recorded.mapValues { feed in
      switch run % 4 {
      case 0: feed
      case 3: try feed.twice()
      case let places: try feed.elementCount == 1 ? feed.other(places) : feed.turned(by: places)
      }
    }
  }
}

extension Tensor {
  /// The elements, each `places` further on; the last ones come first.
  fileprivate func turned(by places: Int) throws -> Tensor {
    try gathered(shape) { ($0 + elementCount - places % elementCount) % elementCount }
  }

  /// All elements, and once more, along the first dimension.
  fileprivate func twice() throws -> Tensor {
    guard let rows = shape.dimensions.first else { return self }
    let larger = try Shape(validating: [rows * 2] + shape.dimensions.dropFirst())
    return try gathered(larger) { $0 % elementCount }
  }

  /// A tensor of the elements at the places that the closure gives for each.
  private func gathered(_ shape: Shape, _ place: (Int) -> Int) throws -> Tensor {
    let result = try Tensor(uninitialized: dtype, shape: shape)
    switch dtype.layout {
    case .plain(let size):
      for index in 0..<shape.elementCount {
        (result.base + index * size).copyMemory(from: base + place(index) * size, byteCount: size)
      }
    case .string:
      let (from, to) = (buffer(as: Bytes.self), result.mutableBuffer(as: Bytes.self))
      for index in to.indices { to[index] = from[place(index)] }
    case .handle:
      return self
    }
    return result
  }

  /// Another value in place of a single one: of floating-point numbers a little less, of integers more, of truths the
  /// other one.
  fileprivate func other(_ step: Int) throws -> Tensor {
    let sizes = shape.dimensions
    return switch dtype {
    case .bool: try Tensor(shape: sizes, scalars: scalars(as: Bool.self).map { $0 != (step == 1) })
    case .float32:
      try Tensor(shape: sizes, scalars: scalars(as: Float.self).map { $0 - $0 * Float(step) / 16 })
    case .float64:
      try Tensor(shape: sizes, scalars: scalars(as: Double.self).map { $0 - $0 * Double(step) / 16 })
    case .int32: try Tensor(shape: sizes, scalars: scalars(as: Int32.self).map { $0 &+ Int32(step) })
    case .int64: try Tensor(shape: sizes, scalars: scalars(as: Int64.self).map { $0 &+ Int64(step) })
    default: self
    }
  }
}
