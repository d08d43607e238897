import GraftGraph
import GraftTensor

/// RGB and HSV, with the operations in TensorFlow's order and rounded in the images' own type.
private enum ColorSpace {
  @inline(__always)
  static func hsv<T: FloatElement>(_ red: T, _ green: T, _ blue: T) -> (T, T, T) {
    let value = later(later(red, green, isLess: false), blue, isLess: false)
    let range = T.subtract(value, later(later(red, green, isLess: true), blue, isLess: true))
    let saturation = T.less(T.zero, value) ? divide(range, value) : T.zero
    guard T.less(T.zero, range) else { return (T.zero, saturation, value) }
    let sixth = divide(T.one, T(integer: 6))
    let norm = T.multiply(divide(T.one, range), sixth)
    var hue: T
    if red == value {
      hue = T.multiply(norm, T.subtract(green, blue))
    } else if green == value {
      hue = T.add(T.multiply(norm, T.subtract(blue, red)), divide(T(integer: 2), T(integer: 6)))
    } else {
      hue = T.add(T.multiply(norm, T.subtract(red, green)), divide(T(integer: 4), T(integer: 6)))
    }
    if T.less(hue, T.zero) { hue = T.add(hue, T.one) }
    return (hue, saturation, value)
  }

  @inline(__always)
  static func rgb<T: FloatElement>(_ hue: T, _ saturation: T, _ value: T) -> (T, T, T) {
    let six = T.multiply(hue, T(integer: 6))
    let two = T(integer: 2)
    let red = T.subtract(distance(six, T(integer: 3)), T.one)
    let green = T.subtract(two, distance(six, two))
    let blue = T.subtract(two, distance(six, T(integer: 4)))
    let rest = T.subtract(T.one, saturation)
    func mixed(_ part: T) -> T {
      let bounded = smaller(larger(part, T.zero), T.one)
      return T.multiply(T.add(rest, T.multiply(saturation, bounded)), value)
    }
    return (mixed(red), mixed(green), mixed(blue))
  }

  @inline(__always)
  private static func distance<T: FloatElement>(_ a: T, _ b: T) -> T {
    let difference = T.subtract(a, b)
    return T.less(difference, T.zero) ? T.subtract(T.zero, difference) : difference
  }

  @inline(__always)
  private static func divide<T: FloatElement>(_ a: T, _ b: T) -> T { T(a.compute / b.compute) }

  /// The smaller or larger of two; the second one where neither is, as where one is NaN.
  @inline(__always)
  private static func later<T: FloatElement>(_ a: T, _ b: T, isLess: Bool) -> T {
    (isLess ? T.less(a, b) : T.less(b, a)) ? a : b
  }

  @inline(__always)
  private static func larger<T: FloatElement>(_ a: T, _ b: T) -> T { T.less(a, b) ? b : a }

  @inline(__always)
  private static func smaller<T: FloatElement>(_ a: T, _ b: T) -> T { T.less(b, a) ? b : a }
}

enum ColorSpaceOps {
  static let all: [OpDefinition] = [
    definition(
      "RGBToHSV", "Hue, saturation and value, each between 0 and 1, of red, green and blue.", toHSV: true),
    definition("HSVToRGB", "Red, green and blue of hue, saturation and value between 0 and 1.", toHSV: false),
  ]

  private static func definition(_ name: String, _ summary: String, toHSV: Bool) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": .floats], traits: .inPlace, shape: ShapeRules.sameAsInput,
      prepare: { _ in
        { context in
          let images = try context.input(0)
          guard let channels = images.shape.dimensions.last else {
            throw GraftError(
              .invalidArgument, "Images have at least one dimension, and a scalar was found.",
              at: .init(input: 0))
          }
          guard channels == 3 else {
            throw GraftError(
              .invalidArgument,
              "The last dimension has three channels, and the shape \(images.shape) was found.",
              at: .init(input: 0))
          }
          let output = try context.allocate(0, images.dtype, images.shape)
          switch images.dtype {
          case .float16: convert(images, output, Float16.self, toHSV, context.workers)
          case .bfloat16: convert(images, output, BFloat16.self, toHSV, context.workers)
          case .float64: convert(images, output, Double.self, toHSV, context.workers)
          default: convert(images, output, Float.self, toHSV, context.workers)
          }
        }
      })
  }

  private static func convert<T: FloatElement>(
    _ images: Tensor, _ output: Tensor, _ type: T.Type, _ toHSV: Bool, _ workers: WorkerPool
  ) {
    workers.forEach(images.elementCount / 3, cost: 10) { range in
      let source = images.buffer(as: T.self)
      let target = output.mutableBuffer(as: T.self)
      for pixel in range {
        let at = pixel * 3
        let result =
          toHSV
          ? ColorSpace.hsv(source[at], source[at + 1], source[at + 2])
          : ColorSpace.rgb(source[at], source[at + 1], source[at + 2])
        target[at] = result.0
        target[at + 1] = result.1
        target[at + 2] = result.2
      }
    }
  }
}
