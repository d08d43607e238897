import GraftTensor

/// The lines of a text file, as a table takes its keys and values from them.
struct VocabularyFile {
  /// What of a line is taken.
  enum Part: Equatable {
    case column(Int)
    case wholeLine
    case lineNumber

    init(_ index: Int, _ node: NodeSetup) throws {
      switch index {
      case -2: self = .wholeLine
      case -1: self = .lineNumber
      case 0...: self = .column(index)
      default: throw node.invalid("\(index) is no column: -2 is the whole line, -1 its number.")
      }
    }
  }

  /// How the lines are read.
  struct Format {
    let keyIndex: Part
    let valueIndex: Part
    /// How many lines are read; all where nil.
    let lineCount: Int?
    let delimiter: UInt8
    /// What is added to the lines' numbers.
    let offset: Int

    /// Whole lines and their numbers.
    init(lineCount: Int?) {
      (keyIndex, valueIndex) = (.wholeLine, .lineNumber)
      self.lineCount = lineCount
      (delimiter, offset) = (UInt8(ascii: "\t"), 0)
    }

    init(_ node: NodeSetup) throws {
      keyIndex = try Part(try node.int("key_index"), node)
      valueIndex = try Part(try node.int("value_index"), node)
      let size = try node.int("vocab_size")
      guard size >= -1 else { throw node.invalid("The size of the vocabulary is \(size).") }
      lineCount = size < 0 ? nil : size
      let delimiter = try node.bytes("delimiter").bytes
      guard delimiter.count == 1 else {
        throw node.invalid("The delimiter must be one byte, and has \(delimiter.count).")
      }
      self.delimiter = delimiter[0]
      offset = node.has("offset") ? try node.int("offset") : 0
    }

    /// - Throws: `GraftError` (`invalidArgument`) where lines' numbers do not fit the table.
    func check(keys: DataType, values: DataType) throws {
      for (part, type) in [(keyIndex, keys), (valueIndex, values)] where part == .lineNumber {
        guard type == .int64 else {
          throw GraftError(.invalidArgument, "The lines' numbers are int64, and the table has \(type).")
        }
      }
    }

    fileprivate var columnCount: Int {
      [keyIndex, valueIndex].map { if case .column(let index) = $0 { index + 1 } else { 0 } }.max() ?? 0
    }
  }

  private let path: String
  private let format: Format
  private let lines: [Bytes]
  /// Of each line, where its columns begin and end; empty where no column is asked for.
  private let columns: [[Range<Int>]]

  /// Reads a file.
  ///
  /// - Throws: `GraftError`: `outOfRange` for a file without lines, `invalidArgument` for a line that is empty
  ///   or has too few columns, and for too few lines; and what the system refuses.
  init(path: String, format: Format) throws {
    let file = try MappedFile(path: path, allowsEmpty: true)
    let lines = withExtendedLifetime(file) { Self.lines(file.bytes, atMost: format.lineCount) }
    guard !lines.isEmpty else {
      throw GraftError(.outOfRange, "The vocabulary has no line.", at: .init(file: path))
    }
    if let empty = lines.firstIndex(where: { $0.count == 0 }) {
      throw GraftError(
        .invalidArgument, "Line \(empty) of the vocabulary is empty.", at: .init(file: path),
        remedy: "Lines are counted from 0; remove it.")
    }
    if let expected = format.lineCount, lines.count < expected {
      throw GraftError(
        .invalidArgument, "The vocabulary has \(lines.count) lines, and \(expected) are expected.",
        at: .init(file: path))
    }
    let needed = format.columnCount
    columns = needed == 0 ? [] : lines.map { Self.columns(of: $0, format.delimiter, atMost: needed) }
    if let short = columns.firstIndex(where: { $0.count < needed }) {
      throw GraftError(
        .invalidArgument,
        "Line \(short) ('\(lines[short].string.prefix(80))') has \(columns[short].count) columns, and "
          + "\(needed) are needed.", at: .init(file: path))
    }
    self.path = path
    self.format = format
    self.lines = lines
  }

  /// The lines, of which the last needs no end. Carriage returns are left out, wherever they are.
  private static func lines(_ bytes: UnsafeRawBufferPointer, atMost count: Int?) -> [Bytes] {
    var lines: [Bytes] = []
    var start = 0
    while start < bytes.count, lines.count < count ?? .max {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let line = bytes[start..<end]
      lines.append(
        Bytes(line.contains(UInt8(ascii: "\r")) ? line.filter { $0 != UInt8(ascii: "\r") } : Array(line)))
      start = end + 1
    }
    return lines
  }

  private static func columns(of line: Bytes, _ delimiter: UInt8, atMost count: Int) -> [Range<Int>] {
    var columns: [Range<Int>] = []
    var start = 0
    while columns.count < count {
      let end = line.bytes[start...].firstIndex(of: delimiter) ?? line.count
      columns.append(start..<end)
      guard end < line.count else { break }
      start = end + 1
    }
    return columns
  }

  /// A part of every line, as a vector.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for text that is no number where numbers are needed.
  func column(_ part: Part, as dtype: DataType) throws -> Tensor {
    if part == .lineNumber { return try Tensor(lines.indices.map { Int64($0 &+ format.offset) }) }
    func text(_ line: Int) -> Bytes {
      guard case .column(let index) = part else { return lines[line] }
      return Bytes(Array(lines[line].bytes[columns[line][index]]))
    }
    func numbers<T: TensorScalar>(_ read: (Bytes) -> T?) throws -> Tensor {
      try Tensor(
        lines.indices.map { line in
          guard let number = read(text(line)) else {
            throw GraftError(
              .invalidArgument,
              "'\(text(line).string.prefix(80))' in line \(line) is no number of type \(dtype).",
              at: .init(file: path))
          }
          return number
        })
    }
    switch dtype {
    case .string: return try Tensor(lines.indices.map(text))
    case .int32: return try numbers { NumberText.integer($0) as Int32? }
    case .int64: return try numbers { NumberText.integer($0) as Int64? }
    case .float32: return try numbers { NumberText.float($0) }
    case .float64: return try numbers { NumberText.double($0) }
    default:
      throw GraftError(.invalidArgument, "A table of \(dtype) cannot be filled from text.")
    }
  }
}
