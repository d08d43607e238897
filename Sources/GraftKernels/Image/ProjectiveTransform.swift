import GraftGraph
import GraftTensor

/// Images seen through projective transforms.
enum ProjectiveTransformOps {
  static let all: [OpDefinition] = [
    transform("ImageProjectiveTransformV2", "zero"),
    transform("ImageProjectiveTransformV3", "`fill_value`"),
  ]

  private static func transform(_ name: String, _ fill: String) -> OpDefinition {
    OpDefinition(
      name,
      """
      Images whose pixels are those of the input at ((a0 x + a1 y + a2) / k, (a3 x + a4 y + a5) / k) with \
      k = a6 x + a7 y + 1, the nearest one or interpolated between four; outside of the input \(fill), or \
      what `fill_mode` says.
      """,
      types: ["dtype": [.bfloat16, .float16, .float32, .float64, .int32, .int64, .uint8]],
      shape: { context in
        let size = context.ints(2)
        let images = context.input(0)
        return [
          PartialShape([
            images[0], size.flatMap { $0.first.flatMap { $0 < 0 ? nil : $0 } },
            size.flatMap { $0.last.flatMap { $0 < 0 ? nil : $0 } }, images[3],
          ])
        ]
      }
    ) { node in
      let mode = try FillMode(node)
      let dtype = try node.type("dtype")
      let cast = try KernelCall(
        MathOps.cast, in: node,
        [
          "SrcT": .type(ElementType(.float32)), "DstT": .type(ElementType(dtype)), "Truncate": .bool(false),
        ], inputTypes: [.float32], outputTypes: [dtype])
      let isBilinear: Bool
      switch try node.string("interpolation").uppercased() {
      case "NEAREST": isBilinear = false
      case "BILINEAR": isBilinear = true
      case let other:
        throw node.invalid("The attribute 'interpolation' is '\(other)', not NEAREST or BILINEAR.")
      }
      return { context in
        let images = try context.images(0, named: "images")
        let transforms = try context.input(1)
        let size = try context.integerVector(2, count: 2, named: "output_shape")
        guard transforms.rank == 2, transforms.shape[1] == 8,
          transforms.shape[0] == 1 || transforms.shape[0] == images.shape[0]
        else {
          throw GraftError(
            .invalidArgument,
            "'transforms' must be [1,8] or [\(images.shape[0]),8], and its shape is \(transforms.shape).",
            at: .init(input: 1))
        }
        guard size.allSatisfy({ $0 > 0 }) else {
          throw GraftError(
            .invalidArgument, "'output_shape' is \(size): height and width must be positive.",
            at: .init(input: 2))
        }
        var fill = Float(0)
        if context.inputCount > 3 {
          let value = try context.input(3)
          guard value.rank == 0, value.dtype == .float32 else {
            throw GraftError(
              .invalidArgument, "'fill_value' is a scalar, and the shape \(value.shape) was found.",
              at: .init(input: 3))
          }
          fill = value.buffer(as: Float.self)[0]
        }
        let shape = try Shape(validating: [images.shape[0], size[0], size[1], images.shape[3]])
        let output = try context.allocate(0, images.dtype, shape)
        guard shape.elementCount > 0 else { return }
        let projection = Projection(
          input: images.shape, output: shape, transforms: transforms, mode: mode, workers: context.workers)
        if isBilinear {
          let floats = dtype == .float32 ? output : try context.scratch(.float32, shape)
          projection.interpolate(try context.floats(images), floats, fill: fill)
          if dtype != .float32 { try context.setOutputs(try cast([floats], context)) }
        } else {
          let filling = try cast([try Tensor(fill)], context)[0]
          try dtype.withElement(
            NearestPixels(projection: projection, images: images, filling: filling, result: output))
        }
      }
    }
  }
}

/// What lies beyond the edges of an image.
private enum FillMode: Sendable {
  case constant, reflect, wrap, nearest

  init(_ node: NodeSetup) throws {
    guard node.has("fill_mode") else {
      self = .constant
      return
    }
    switch try node.string("fill_mode").uppercased() {
    case "CONSTANT": self = .constant
    case "REFLECT": self = .reflect
    case "WRAP": self = .wrap
    case "NEAREST": self = .nearest
    case let other:
      throw node.invalid(
        "The attribute 'fill_mode' is '\(other)', not CONSTANT, REFLECT, WRAP or NEAREST.")
    }
  }

  /// The place inside of an image that a place stands for.
  func inside(_ place: Float, _ length: Int) -> Float {
    let last = Float(length - 1)
    var result = place
    switch self {
    case .constant: return place
    case .nearest: break
    case .reflect:
      let period = Float(2 * length)
      if place < 0 {
        if length <= 1 {
          result = 0
        } else {
          if result < period { result += period * (-result / period).rounded(.towardZero) }
          result = result < -Float(length) ? result + period : -result - 1
        }
      } else if place > last {
        if length <= 1 {
          result = 0
        } else {
          result -= period * (result / period).rounded(.towardZero)
          if result >= Float(length) { result = period - result - 1 }
        }
      }
    case .wrap:
      if place < 0 {
        result = length <= 1 ? 0 : result + Float(length) * ((-result / last).rounded(.towardZero) + 1)
      } else if place > last {
        result = length <= 1 ? 0 : result - Float(length) * (result / last).rounded(.towardZero)
      }
    }
    return min(max(result, 0), last)
  }
}

/// A projective transform of a batch of images.
private struct Projection: Sendable {
  let input: Shape
  let output: Shape
  let transforms: Tensor
  let mode: FillMode
  let workers: WorkerPool

  /// Calls the closure for each output pixel with its place and the batch's first input pixel; with where it
  /// lies on the input, unless it lies nowhere.
  @inline(__always)
  func forEach(_ body: @Sendable (_ place: Int, _ first: Int, _ row: Float?, _ column: Float) -> Void) {
    let (height, width) = (input[1], input[2])
    workers.forEach(output[0] * output[1], cost: output[2] * output[3] * 8) { lines in
      let numbers = transforms.buffer(as: Float.self)
      for line in lines {
        let (batch, y) = (line / output[1], Float(line % output[1]))
        let a = transforms.shape[0] == 1 ? 0 : batch * 8
        for x in 0..<output[2] {
          let (place, first) = (line * output[2] + x, batch * height * width)
          let x = Float(x)
          let scale = numbers[a + 6] * x + numbers[a + 7] * y + 1
          guard scale != 0 else {
            body(place, first, nil, 0)
            continue
          }
          let column = (numbers[a] * x + numbers[a + 1] * y + numbers[a + 2]) / scale
          let row = (numbers[a + 3] * x + numbers[a + 4] * y + numbers[a + 5]) / scale
          body(place, first, mode.inside(row, height), mode.inside(column, width))
        }
      }
    }
  }

  /// The pixel at a place, counted from the image's first one; nil beyond the edges.
  @inline(__always)
  func pixel(_ row: Float, _ column: Float) -> Int? {
    guard row >= 0, row < Float(input[1]), column >= 0, column < Float(input[2]) else { return nil }
    return Int(row) * input[2] + Int(column)
  }

  /// Interpolates between four pixels.
  func interpolate(_ images: Tensor, _ result: Tensor, fill: Float) {
    let channels = input[3]
    forEach { place, first, row, column in
      let source = images.buffer(as: Float.self)
      let target = result.mutableBuffer(as: Float.self)
      guard let row else {
        for channel in 0..<channels { target[place * channels + channel] = fill }
        return
      }
      let (top, left) = (row.rounded(.down), column.rounded(.down))
      let (bottom, right) = (top + 1, left + 1)
      let corners = (pixel(top, left), pixel(top, right), pixel(bottom, left), pixel(bottom, right))
      for channel in 0..<channels {
        func value(_ corner: Int?) -> Float {
          corner.map { source[(first + $0) * channels + channel] } ?? fill
        }
        let upper = (right - column) * value(corners.0) + (column - left) * value(corners.1)
        let lower = (right - column) * value(corners.2) + (column - left) * value(corners.3)
        target[place * channels + channel] = (bottom - row) * upper + (row - top) * lower
      }
    }
  }
}

/// Takes the nearest pixels.
private struct NearestPixels: ElementTask {
  let projection: Projection
  let images: Tensor
  /// What lies beyond the edges: one element.
  let filling: Tensor
  let result: Tensor

  func run<E: Sendable>(_ type: E.Type) throws {
    let channels = images.shape[3]
    projection.forEach { place, first, row, column in
      let source = images.element(type, 0)
      let target = result.element(type, 0) + place * channels
      if let row, let pixel = projection.pixel(row.rounded(), column.rounded()) {
        target.update(from: source + (first + pixel) * channels, count: channels)
      } else {
        target.update(repeating: filling.element(type, 0).pointee, count: channels)
      }
    }
  }
}
