import GraftGraph
import GraftTensor

/// Datasets that come from tensors, numbers and files.
enum SourceDatasets {
  static let all: [OpDefinition] = [
    .dataset("TensorDataset", "The components as one element.") { node in
      let shapes = try node.shapes("output_shapes")
      return { context in
        let element = try context.kept(from: 0, to: context.inputCount)
        try check(element, shapes)
        return Dataset(.count(1)) {
          var rest: [Tensor]? = element
          return { _ in
            defer { rest = nil }
            return rest
          }
        }
      }
    },
    .dataset("TensorSliceDataset", "The components' slices along the first dimension.") { node in
      let shapes = try node.shapes("output_shapes")
      return { context in
        let slices = try TensorBatch.slices(of: try context.kept(from: 0, to: context.inputCount))
        if let first = slices.first { try check(first, shapes) }
        return list(slices)
      }
    },
    .dataset("RangeDataset", "The numbers from a first one by steps to below a last one.") { node in
      let type = try node.types("output_types").first ?? .int64
      return { context in
        let (start, stop, step) = (try context.number(0), try context.number(1), try context.number(2))
        guard step != 0 else {
          throw GraftError(.invalidArgument, "The step of a range must not be 0.", at: .init(input: 2))
        }
        let count = Self.count(start, stop, step)
        return Dataset(.count(count)) {
          var index = 0
          return { _ in
            guard index < count else { return nil }
            defer { index += 1 }
            return [try number(start &+ index &* step, type)]
          }
        }
      }
    },
    files("TFRecordDataset", "The records of TFRecord files.", compression: 1) { _, _ in .records },
    files("TFRecordDatasetV2", "The records of TFRecord files.", compression: 1) { _, _ in .records },
    files("TextLineDataset", "The lines of files.", compression: 1) { _, _ in .lines(skipped: 0) },
    files(
      "FixedLengthRecordDataset", "Pieces of one length of files.", compression: nil, format: fixedLength),
    files(
      "FixedLengthRecordDatasetV2", "Pieces of one length of files.", compression: 5, format: fixedLength),
  ]

  /// Checks that an element has the shapes that the node declares.
  private static func check(_ element: [Tensor], _ shapes: [PartialShape]) throws {
    for (component, (tensor, shape)) in zip(element, shapes).enumerated() where !shape.accepts(tensor.shape) {
      throw GraftError(
        .invalidArgument,
        "Component \(component) of an element has shape \(tensor.shape), and 'output_shapes' says \(shape).")
    }
  }

  /// A dataset of elements that are there.
  static func list(_ elements: [[Tensor]]) -> Dataset {
    Dataset(.count(elements.count)) {
      var index = 0
      return { _ in
        guard index < elements.count else { return nil }
        defer { index += 1 }
        return elements[index]
      }
    }
  }

  private static func count(_ start: Int, _ stop: Int, _ step: Int) -> Int {
    let (distance, overflow) =
      step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
    if overflow { return step > 0 ? (stop > start ? .max : 0) : (start > stop ? .max : 0) }
    guard distance > 0 else { return 0 }
    return Int((UInt(distance) - 1) / step.magnitude) + 1
  }

  private static func number(_ value: Int, _ type: DataType) throws -> Tensor {
    switch type {
    case .int64: try Tensor(Int64(value))
    case .int32: try Tensor(Int32(truncatingIfNeeded: value))
    case .int16: try Tensor(Int16(truncatingIfNeeded: value))
    case .int8: try Tensor(Int8(truncatingIfNeeded: value))
    case .uint8: try Tensor(UInt8(truncatingIfNeeded: value))
    case .uint16: try Tensor(UInt16(truncatingIfNeeded: value))
    case .uint32: try Tensor(UInt32(truncatingIfNeeded: value))
    case .uint64: try Tensor(UInt64(truncatingIfNeeded: value))
    case .float32: try Tensor(Float(value))
    case .float64: try Tensor(Double(value))
    case .float16: try Tensor(Float16(Float(value)))
    case .bfloat16: try Tensor(BFloat16(Float(value)))
    default: throw GraftError(.unimplemented, "There are no ranges of \(type).")
    }
  }

  // MARK: Files

  private static func fixedLength(_ context: KernelContext, _ compression: RecordCompression) throws
    -> RecordFormat
  {
    let (header, record, footer) = (try context.number(1), try context.number(2), try context.number(3))
    guard header >= 0, record > 0, footer >= 0 else {
      throw GraftError(
        .invalidArgument,
        "Records of \(record) bytes between \(header) and \(footer) others are asked for; a record has one byte "
          + "at least, and none of the others may be negative.")
    }
    return .fixedLength(header: header, record: record, footer: footer, hop: record)
  }

  private static func files(
    _ name: String, _ summary: String, compression: Int?,
    format: @escaping @Sendable (KernelContext, RecordCompression) throws -> RecordFormat
  ) -> OpDefinition {
    .dataset(name, summary + " Needs permission to read them.", traits: .readsFiles) { _ in
      return { context in
        let names = try context.strings(0).map(\.string)
        let compression = try RecordCompression(
          name: try compression.map { try context.scalarString($0, named: "compression_type").string } ?? "")
        let format = try format(context, compression)
        return Dataset(.unknown) {
          var rest = names[...]
          var source: RecordSource?
          return { context in
            while true {
              if let record = try source?.next() { return [try Tensor(record.value)] }
              guard let name = rest.popFirst() else { return nil }
              source = try format.open(try context.files.placeForReading(name), named: name, compression)
            }
          }
        }
      }
    }
  }
}
