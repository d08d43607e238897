import GraftGraph
import GraftTensor

/// Windows of pooling that move over images.
private struct QuantizedWindows {
  let input: Shape
  let window: (height: Int, width: Int)
  let strides: (height: Int, width: Int)
  let output: (height: Int, width: Int)
  let padding: (top: Int, left: Int)

  init(_ input: Shape, window: (Int, Int), strides: (Int, Int), padding: String) throws {
    guard input.rank == 4 else {
      throw GraftError(
        .invalidArgument, "Images have four dimensions, and the shape \(input) was found.",
        at: .init(input: 0))
    }
    func size(_ input: Int, _ window: Int, _ stride: Int) throws -> (Int, Int) {
      if padding == "SAME" {
        let output = (input + stride - 1) / stride
        return (output, max((output - 1) * stride + window - input, 0) / 2)
      }
      guard input >= window else {
        throw GraftError(.invalidArgument, "A window of \(window) does not fit into \(input) pixels.")
      }
      return ((input - window) / stride + 1, 0)
    }
    let rows = try size(input[1], window.0, strides.0)
    let columns = try size(input[2], window.1, strides.1)
    self.input = input
    self.window = window
    self.strides = strides
    output = (rows.0, columns.0)
    self.padding = (rows.1, columns.1)
  }

  /// The rows of the image that a window at a row of the output covers.
  func rows(_ y: Int) -> Range<Int> {
    Self.covered(y * strides.height - padding.top, window.height, input[1])
  }

  /// The same for columns.
  func columns(_ x: Int) -> Range<Int> {
    Self.covered(x * strides.width - padding.left, window.width, input[2])
  }

  private static func covered(_ start: Int, _ size: Int, _ limit: Int) -> Range<Int> {
    let first = max(start, 0)
    return first..<max(min(start + size, limit), first)
  }
}

enum QuantizedWindowOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "QuantizedConv2D", "A convolution of values with values, as values of 32 bits.",
      types: ["Tinput": [.quint8], "Tfilter": [.qint8, .quint8], "out_type": [.qint32]],
      shape: { context in
        let input = context.input(0)
        return [PartialShape([input[0], nil, nil, context.input(1)[3]]), .scalar, .scalar]
      },
      prepare: { setup in
        let (strides, padding) = try arguments(setup)
        guard try setup.ints("dilations").allSatisfy({ $0 == 1 }) else {
          throw setup.invalid("'dilations' other than 1 are not known for quantized convolutions.")
        }
        let attributes = WindowAttributes(
          order: .last, strides: [strides.0, strides.1], dilations: [1, 1],
          padding: padding == "SAME" ? .same : .valid)
        return { context in try convolve(context, attributes) }
      }),
    pool("QuantizedMaxPool", "The largest value of each window.", isMaximum: true),
    pool("QuantizedAvgPool", "The mean value of each window, rounded, halves to even.", isMaximum: false),
  ]

  private static func pair(_ setup: NodeSetup, _ name: String) throws -> (Int, Int) {
    let numbers = try setup.ints(name)
    guard numbers.count == 4, numbers[0] == 1, numbers[3] == 1, numbers[1] > 0, numbers[2] > 0,
      numbers[1] < Int(Int32.max), numbers[2] < Int(Int32.max)
    else {
      throw setup.invalid("'\(name)' is \(numbers); [1, height, width, 1] with positive numbers is expected.")
    }
    return (numbers[1], numbers[2])
  }

  private static func arguments(_ setup: NodeSetup) throws -> (strides: (Int, Int), padding: String) {
    let padding = try setup.string("padding")
    guard padding == "SAME" || padding == "VALID" else {
      throw setup.invalid("'padding' is '\(padding)'; SAME or VALID is expected.")
    }
    return (try pair(setup, "strides"), padding)
  }

  private static func convolve(_ context: KernelContext, _ attributes: WindowAttributes) throws {
    let (input, filter) = (try context.input(0), try context.input(1))
    guard input.rank == 4, filter.rank == 4, filter.shape[2] == input.shape[3], filter.shape[0] > 0,
      filter.shape[1] > 0
    else {
      throw GraftError(
        .invalidArgument, "A filter of shape \(filter.shape) does not fit images of shape \(input.shape).",
        at: .init(input: 1))
    }
    let inputRange = try context.quantizedRange(2)
    let filterRange = try context.quantizedRange(4)
    try WholeNumberProducts.convolve(
      context, attributes, .init(input, range: inputRange), .init(filter, range: filterRange))
    let range = QuantizedArithmeticOps.productRange(input.dtype, inputRange, filter.dtype, filterRange)
    try context.setQuantizedRange(1, low: range.low, high: range.high)
  }

  private static func pool(_ name: String, _ summary: String, isMaximum: Bool) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": [.qint8, .quint8]],
      shape: { context in
        [PartialShape([context.input(0)[0], nil, nil, context.input(0)[3]]), .scalar, .scalar]
      },
      prepare: { setup in
        let (strides, padding) = try arguments(setup)
        let window = try pair(setup, "ksize")
        return { context in
          let input = try context.input(0)
          let range = try context.quantizedRange(1)
          let windows = try QuantizedWindows(input.shape, window: window, strides: strides, padding: padding)
          let depth = input.shape[3]
          let shape = try Shape(validating: [
            input.shape[0], windows.output.height, windows.output.width, depth,
          ])
          let output = try context.allocate(0, input.dtype, shape)
          let pixels = input.quantizedValues()
          output.setQuantizedValues { index in
            let channel = index % depth
            let x = index / depth % windows.output.width
            let y = index / depth / windows.output.width % windows.output.height
            let image = index / depth / windows.output.width / windows.output.height
            let (rows, columns) = (windows.rows(y), windows.columns(x))
            var largest = Int32.min
            var sum: Int32 = 0
            for row in rows {
              for column in columns {
                let value = pixels[
                  ((image * input.shape[1] + row) * input.shape[2] + column) * depth + channel]
                largest = max(largest, value)
                sum &+= value
              }
            }
            let mean = Double(sum) / Double(max(rows.count * columns.count, 1))
            return isMaximum ? largest : Int32(mean.rounded(.toNearestOrEven))
          }
          try context.setQuantizedRange(1, low: range.low, high: range.high)
        }
      })
  }
}
