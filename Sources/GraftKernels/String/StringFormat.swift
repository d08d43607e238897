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
          var text = LimitedText { size in
            // A template may show a large tensor over and over: what the session has no room for is not
            // written to its end.
            try output.storage.check(text: size)
            try context.checkpoint()
          }
          try text.append(pieces[0])
          for (index, piece) in pieces.dropFirst().enumerated() {
            try TensorText(try context.input(index), limit: limit).write(to: &text)
            try text.append(piece)
          }
          try output.storage.charge(text: text.bytes.count)
          output.mutableBuffer(as: Bytes.self)[0] = Bytes(text.bytes)
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

/// Text that grows as far as it is let.
private struct LimitedText {
  private(set) var bytes: [UInt8] = []
  /// Asked before the text grows beyond what it was let before; told how long it would be.
  private let admit: (_ byteCount: Int) throws -> Void
  private var admitted = 0
  /// How much longer the text may get before it asks again.
  private static let step = 1 << 16

  init(_ admit: @escaping (_ byteCount: Int) throws -> Void) {
    self.admit = admit
  }

  mutating func append(_ more: some Collection<UInt8>) throws {
    let size = bytes.count + more.count
    if size > admitted {
      try admit(size)
      admitted = size + Self.step
    }
    bytes += more
  }

  /// A string in quotes, with control characters written as C writes them.
  mutating func append(quoting string: Bytes) throws {
    try append(CollectionOfOne(UInt8(ascii: "\"")))
    // In parts, so that of a long one no more is written than is let.
    for start in stride(from: 0, to: string.count, by: Self.step) {
      let part = string.bytes[start..<min(start + Self.step, string.count)]
      try append(TensorSummary.escaped(Bytes(Array(part)), keepsHighBytes: true))
    }
    try append(CollectionOfOne(UInt8(ascii: "\"")))
  }
}

/// A tensor as tf.print shows it: nested in brackets, with some elements at both ends of each dimension.
private struct TensorText {
  private let tensor: Tensor
  /// An element of any dtype but string; nil for dtypes that are not shown.
  private let element: ((Int) -> String)?
  /// Elements that are shown at each end.
  private let ends: Int

  init(_ tensor: Tensor, limit: Int) {
    self.tensor = tensor
    let count = tensor.elementCount
    ends = limit < 0 ? count : min(limit, count)
    element = tensor.dtype == .string ? nil : TensorSummary.reader(tensor)
  }

  func write(to text: inout LimitedText) throws {
    guard tensor.rank > 0 || ends > 0 else { return try text.append("...".utf8) }
    try write(axis: 0, first: 0, to: &text)
  }

  private func write(axis: Int, first: Int, to text: inout LimitedText) throws {
    let shape = tensor.shape
    guard axis < shape.rank else { return try write(element: first, to: &text) }
    let size = shape[axis]
    let step = shape.dimensions[(axis + 1)...].reduce(1, *)
    try text.append("[".utf8)
    for index in 0..<min(ends, size) {
      if index > 0 { try writeSpace(axis, to: &text) }
      try write(axis: axis + 1, first: first + index * step, to: &text)
    }
    if size > 2 * ends {
      try writeSpace(axis, to: &text)
      try text.append("...".utf8)
    }
    for index in max(ends, size - ends)..<max(size, ends, size - ends) {
      try writeSpace(axis, to: &text)
      try write(axis: axis + 1, first: first + index * step, to: &text)
    }
    try text.append("]".utf8)
  }

  private func write(element index: Int, to text: inout LimitedText) throws {
    guard tensor.dtype == .string else { return try text.append((element?(index) ?? "?").utf8) }
    try text.append(quoting: tensor.buffer(as: Bytes.self)[index])
  }

  private func writeSpace(_ axis: Int, to text: inout LimitedText) throws {
    let rank = tensor.rank
    guard axis < rank - 1 else { return try text.append(" ".utf8) }
    try text.append(repeatElement(UInt8(ascii: "\n"), count: rank - axis - 1))
    try text.append(repeatElement(UInt8(ascii: " "), count: axis + 1))
  }
}
