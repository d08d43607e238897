import GraftGraph
import GraftTensor

enum StringFormatOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "StringFormat", "A template with tensors as text in place of its placeholders.",
      shape: ShapeRules.scalar,
      prepare: { setup in
        let template = try setup.bytes("template").bytes
        let placeholder = try setup.bytes("placeholder").bytes
        let limit = try setup.int("summarize")
        let pieces = split(template, at: placeholder)
        guard pieces.count - 1 == setup.inputTypes.count else {
          throw setup.invalid(
            "The template has \(pieces.count - 1) placeholders, and there are \(setup.inputTypes.count) inputs."
          )
        }
        return { context in
          let output = try context.allocate(0, .string, .scalar)
          var text = pieces[0]
          for (index, piece) in pieces.dropFirst().enumerated() {
            try output.storage.charge(text: TensorText.estimate(try context.input(index)) + piece.count)
            text += TensorText.text(try context.input(index), limit: limit)
            text += piece
          }
          output.mutableBuffer(as: Bytes.self)[0] = Bytes(text)
        }
      })
  ]

  private static func split(_ template: [UInt8], at placeholder: [UInt8]) -> [[UInt8]] {
    guard !placeholder.isEmpty else { return [template] }
    var pieces: [[UInt8]] = []
    var start = 0
    var place = 0
    while place + placeholder.count <= template.count {
      if template[place..<place + placeholder.count] == placeholder[...] {
        pieces.append(Array(template[start..<place]))
        place += placeholder.count
        start = place
      } else {
        place += 1
      }
    }
    pieces.append(Array(template[start...]))
    return pieces
  }
}

/// A tensor as tf.print shows it: nested in brackets, with some elements at both ends of each dimension.
private struct TensorText {
  private let shape: Shape
  private let elements: [[UInt8]]
  /// Elements that are shown at each end.
  private let ends: Int
  private var text: [UInt8] = []

  /// How much memory the text of a tensor may take, its elements' own included.
  static func estimate(_ tensor: Tensor) -> Int {
    let each = MemoryLayout<[UInt8]>.size + 64
    guard tensor.dtype == .string else { return tensor.elementCount * each }
    return tensor.buffer(as: Bytes.self).reduce(0) { $0 + $1.count * 4 + each }
  }

  static func text(_ tensor: Tensor, limit: Int) -> [UInt8] {
    let count = tensor.elementCount
    let elements: [[UInt8]]
    if tensor.dtype == .string {
      let quote = UInt8(ascii: "\"")
      elements = tensor.buffer(as: Bytes.self).map {
        [quote] + TensorSummary.escaped($0, keepsHighBytes: true) + [quote]
      }
    } else {
      let texts = TensorSummary.elements(tensor, count) ?? [String](repeating: "?", count: count)
      elements = texts.map { Array($0.utf8) }
    }
    var writer = TensorText(
      shape: tensor.shape, elements: elements, ends: limit < 0 ? count : min(limit, count))
    if tensor.rank == 0 {
      return writer.ends > 0 ? elements[0] : Array("...".utf8)
    }
    writer.write(axis: 0, first: 0)
    return writer.text
  }

  private init(shape: Shape, elements: [[UInt8]], ends: Int) {
    self.shape = shape
    self.elements = elements
    self.ends = ends
  }

  private mutating func write(axis: Int, first: Int) {
    guard axis < shape.rank else {
      text += elements[first]
      return
    }
    let size = shape[axis]
    let step = shape.dimensions[(axis + 1)...].reduce(1, *)
    text.append(UInt8(ascii: "["))
    for index in 0..<min(ends, size) {
      if index > 0 { writeSpace(axis) }
      write(axis: axis + 1, first: first + index * step)
    }
    if size > 2 * ends {
      writeSpace(axis)
      text += "...".utf8
    }
    for index in max(ends, size - ends)..<max(size, ends, size - ends) {
      writeSpace(axis)
      write(axis: axis + 1, first: first + index * step)
    }
    text.append(UInt8(ascii: "]"))
  }

  private mutating func writeSpace(_ axis: Int) {
    if axis == shape.rank - 1 {
      text.append(UInt8(ascii: " "))
    } else {
      text += [UInt8](repeating: UInt8(ascii: "\n"), count: shape.rank - axis - 1)
      text += [UInt8](repeating: UInt8(ascii: " "), count: axis + 1)
    }
  }
}
