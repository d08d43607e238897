import Glibc
import GraftGraph
import GraftTensor

/// A function that says how much a pixel at some distance counts.
private enum SamplingKernel: String {
  case lanczos1
  case lanczos3
  case lanczos5
  case gaussian
  case box
  case triangle
  case keyscubic
  case mitchellcubic

  /// From where on it is zero.
  var radius: Float {
    switch self {
    case .lanczos1, .box, .triangle: 1
    case .lanczos3: 3
    case .lanczos5: 5
    case .gaussian: 1.5
    case .keyscubic, .mitchellcubic: 2
    }
  }

  func callAsFunction(_ distance: Float) -> Float {
    let x = abs(distance)
    switch self {
    case .lanczos1, .lanczos3, .lanczos5:
      if x > radius { return 0 }
      if x <= 1e-3 { return 1 }
      let pi: Float = 3.14159265359
      return radius * sinf(pi * x) * sinf(pi * x / radius) / (pi * pi * x * x)
    case .gaussian:
      if x >= radius { return 0 }
      let sigma = Double(radius / 3)
      return Float(exp(Double(-x * x) / (2 * sigma * sigma)))
    case .box:
      return x < 0.5 ? 1 : x == 0.5 ? 0.5 : 0
    case .triangle:
      return x < 1 ? 1 - x : 0
    case .keyscubic:
      if x >= 2 { return 0 }
      return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : ((1.5 * x - 2.5) * x) * x + 1
    case .mitchellcubic:
      if x >= 2 { return 0 }
      if x >= 1 {
        let outer: Float = -7.0 / 18.0
        return ((outer * x + 2) * x - 10.0 / 3.0) * x + 16.0 / 9.0
      }
      let inner: Float = 7.0 / 6.0
      return ((inner * x - 2) * x) * x + 8.0 / 9.0
    }
  }
}

/// For each output pixel of one dimension, the input pixels that it is made of.
private struct SamplingSpans {
  /// How many weights each output pixel has.
  var size: Int
  var starts: [Int]
  var weights: [Float]

  init(
    _ kernel: SamplingKernel, output: Int, input: Int, scale: Float, translation: Float, antialias: Bool
  ) throws {
    let inverse = Float(1 / Double(scale))
    let shift = -inverse * translation
    // A kernel is stretched where the image shrinks, to leave no pixel out.
    let stretch = antialias ? max(inverse, 1) : 1
    let reach = kernel.radius * stretch
    size = min(2 * Int(truncating: min(reach.rounded(.up), 1e9)) + 1, input)
    try MemoryAccount.requireRoom(for: output, bytesEach: size * MemoryLayout<Float>.stride)
    starts = [Int](repeating: 0, count: output)
    weights = [Float](repeating: 0, count: size * output)
    let factor = 1 / stretch
    for x in 0..<output {
      let center = (Float(x) + 0.5) * inverse + shift
      guard center >= 0, center <= Float(input) else { continue }
      let first = min(max(Int(truncating: (center - reach - 0.5).rounded(.up)), 0), input - 1)
      let last = min(max(Int(truncating: (center + reach - 0.5).rounded(.down)), 0), input - 1)
      var sum: Float = 0
      var values: [Float] = []
      for source in first..<max(last + 1, first) {
        let weight = kernel((Float(source) + 0.5 - center) * factor)
        sum += weight
        values.append(weight)
      }
      starts[x] = first
      guard abs(sum) >= 1000 * Float.leastNormalMagnitude else { continue }
      let norm = 1 / sum
      for (index, value) in values.prefix(size).enumerated() { weights[size * x + index] = value * norm }
    }
  }

  /// The same weights from the input's side: which output pixels each input pixel is part of.
  func transposed(input: Int) -> SamplingSpans {
    var parts = [[(output: Int, weight: Float)]](repeating: [], count: input)
    for (x, start) in starts.enumerated() {
      for index in 0..<size where start + index < input {
        let weight = weights[x * size + index]
        if weight != 0 { parts[start + index].append((output: x, weight: weight)) }
      }
    }
    var result = self
    result.size = 0
    for part in parts {
      if let first = part.first, let last = part.last {
        result.size = max(result.size, last.output - first.output + 1)
      }
    }
    result.starts = parts.map { $0.first?.output ?? 0 }
    result.weights = [Float](repeating: 0, count: result.size * input)
    for (index, part) in parts.enumerated() {
      for (output, weight) in part {
        result.weights[index * result.size + output - result.starts[index]] += weight
      }
    }
    return result
  }
}

enum ScaleAndTranslateOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ScaleAndTranslate",
      "Scales and moves images with a sampling kernel, as tf.image.resize does with antialias; gives float32.",
      types: ["T": .reals], shape: { [$0.resizedImages(sizeInput: 1)] },
      prepare: { setup in
        let kernel = try kernel(setup)
        let antialias = try setup.bool("antialias")
        return { context in
          let images = try context.images(0, named: "images")
          let size = try context.integerVector(1, count: 2, named: "size")
          guard size[0] > 0, size[1] > 0, images.shape[3] > 0, images.shape[1] > 0, images.shape[2] > 0 else {
            throw GraftError(
              .invalidArgument,
              "Images of shape \(images.shape) cannot be scaled to height and width \(size).")
          }
          let (scale, translation) = try placement(context)
          let shape = try Shape(validating: [images.shape[0], size[0], size[1], images.shape[3]])
          let output = try context.allocate(0, .float32, shape)
          guard output.elementCount > 0 else { return }
          let rows = try SamplingSpans(
            kernel, output: size[0], input: images.shape[1], scale: scale.0, translation: translation.0,
            antialias: antialias)
          let columns = try SamplingSpans(
            kernel, output: size[1], input: images.shape[2], scale: scale.1, translation: translation.1,
            antialias: antialias)
          gather(try context.floats(images), rows, columns, output, context.workers)
        }
      }),
    OpDefinition(
      "ScaleAndTranslateGrad", "The gradient of ScaleAndTranslate with respect to the images.",
      types: ["T": [.float32]], shape: { [$0.input(1)] },
      prepare: { setup in
        let kernel = try kernel(setup)
        let antialias = try setup.bool("antialias")
        return { context in
          let gradients = try context.images(0, named: "grads")
          let original = try context.images(1, named: "original_image").shape
          let (scale, translation) = try placement(context)
          let shape = try Shape(validating: [
            gradients.shape[0], original[1], original[2], gradients.shape[3],
          ])
          let output = try context.allocate(0, .float32, shape)
          guard output.elementCount > 0 else { return }
          let rows = try SamplingSpans(
            kernel, output: gradients.shape[1], input: original[1], scale: scale.0,
            translation: translation.0, antialias: antialias
          ).transposed(input: original[1])
          let columns = try SamplingSpans(
            kernel, output: gradients.shape[2], input: original[2], scale: scale.1,
            translation: translation.1, antialias: antialias
          ).transposed(input: original[2])
          gather(gradients, rows, columns, output, context.workers)
        }
      }),
  ]

  private static func kernel(_ setup: NodeSetup) throws -> SamplingKernel {
    let name = try setup.string("kernel_type")
    guard let kernel = SamplingKernel(rawValue: name.lowercased()) else {
      throw setup.invalid(
        "'kernel_type' is '\(name)', which is not known.",
        remedy:
          "There are lanczos1, lanczos3, lanczos5, gaussian, box, triangle, keyscubic and mitchellcubic.")
    }
    return kernel
  }

  private static func placement(_ context: KernelContext) throws -> ((Float, Float), (Float, Float)) {
    func pair(_ index: Int, _ name: String) throws -> (Float, Float) {
      let tensor = try context.input(index)
      guard tensor.rank == 1, tensor.elementCount == 2 else {
        throw GraftError(
          .invalidArgument, "'\(name)' is a vector of two numbers, and the shape \(tensor.shape) was found.",
          at: .init(input: index))
      }
      let numbers = tensor.buffer(as: Float.self)
      return (numbers[0], numbers[1])
    }
    let scale = try pair(2, "scale")
    guard scale.0 > 0, scale.1 > 0 else {
      throw GraftError(
        .invalidArgument, "'scale' is [\(scale.0), \(scale.1)]; both must be positive.", at: .init(input: 2))
    }
    return (scale, try pair(3, "translation"))
  }

  /// Weighs rows into an image as high as the output, then columns.
  private static func gather(
    _ images: Tensor, _ rows: SamplingSpans, _ columns: SamplingSpans, _ output: Tensor, _ workers: WorkerPool
  ) {
    let (inputHeight, inputWidth, channels) = (images.shape[1], images.shape[2], images.shape[3])
    let (height, width) = (output.shape[1], output.shape[2])
    let inputRow = inputWidth * channels
    let cost = inputRow * rows.size + width * channels * columns.size
    workers.forEach(output.shape[0] * height, cost: cost) { range in
      let source = images.buffer(as: Float.self)
      let target = output.mutableBuffer(as: Float.self)
      var mixed = [Float](repeating: 0, count: inputRow)
      for row in range {
        let y = row % height
        let image = row / height * inputHeight
        for index in 0..<inputRow { mixed[index] = 0 }
        for step in 0..<min(rows.size, inputHeight - rows.starts[y]) {
          let weight = rows.weights[y * rows.size + step]
          let from = (image + rows.starts[y] + step) * inputRow
          for index in 0..<inputRow { mixed[index] += weight * source[from + index] }
        }
        for x in 0..<width {
          let to = (row * width + x) * channels
          for channel in 0..<channels { target[to + channel] = 0 }
          for step in 0..<min(columns.size, inputWidth - columns.starts[x]) {
            let weight = columns.weights[x * columns.size + step]
            let from = (columns.starts[x] + step) * channels
            for channel in 0..<channels { target[to + channel] += weight * mixed[from + channel] }
          }
        }
      }
    }
  }
}
