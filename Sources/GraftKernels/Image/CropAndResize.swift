import CGraftVector
import GraftGraph
import GraftTensor

/// How the pixels of crops lie on those of the images that they are cut from.
private struct CropGrid {
  let boxes: Tensor
  let boxIndices: Tensor
  let count: Int
  let cropHeight: Int
  let cropWidth: Int
  let imageHeight: Int
  let imageWidth: Int

  /// One box: where its crop's pixels lie.
  struct Box {
    let image: Int
    let y1: Float
    let x1: Float
    let y2: Float
    let x2: Float
  }

  /// Checks boxes (`[count, 4]`) and the images that they belong to (`[count]`).
  init(
    boxes: Tensor, boxIndices: Tensor, cropHeight: Int, cropWidth: Int, images: [Int], firstInput: Int
  ) throws {
    self.boxes = boxes
    self.boxIndices = boxIndices
    self.cropHeight = cropHeight
    self.cropWidth = cropWidth
    imageHeight = images[1]
    imageWidth = images[2]
    guard cropHeight > 0, cropWidth > 0 else {
      throw GraftError(
        .invalidArgument,
        "Crops of height \(cropHeight) and width \(cropWidth) were found; both must be positive.")
    }
    guard imageHeight > 0, imageWidth > 0 else {
      throw GraftError(
        .invalidArgument, "Images of height \(imageHeight) and width \(imageWidth) cannot be cropped.")
    }
    guard boxes.rank == 2, boxIndices.rank == 1 else {
      throw GraftError(
        .invalidArgument,
        "'boxes' has two dimensions and 'box_ind' one; the shapes \(boxes.shape) and \(boxIndices.shape) were found.",
        at: .init(input: firstInput))
    }
    if boxes.elementCount == 0 && boxIndices.elementCount == 0 {
      count = 0
      return
    }
    guard boxes.shape[1] == 4, boxes.shape[0] == boxIndices.shape[0] else {
      throw GraftError(
        .invalidArgument,
        "'boxes' has a row of four numbers for each element of 'box_ind'; the shapes \(boxes.shape) and "
          + "\(boxIndices.shape) were found.", at: .init(input: firstInput))
    }
    count = boxes.shape[0]
    let indices = boxIndices.buffer(as: Int32.self)
    for (box, index) in indices.enumerated() where index < 0 || Int(index) >= images[0] {
      throw GraftError(
        .outOfRange, "Box \(box) belongs to image \(index), and there are \(images[0]).",
        at: .init(input: firstInput + 1))
    }
  }

  func box(_ index: Int) -> Box {
    let numbers = boxes.buffer(as: Float.self)
    let at = index * 4
    return Box(
      image: Int(boxIndices.buffer(as: Int32.self)[index]), y1: numbers[at], x1: numbers[at + 1],
      y2: numbers[at + 2], x2: numbers[at + 3])
  }

  /// Where pixel `index` of a crop of `size` pixels lies; nil outside of the image.
  @inline(__always)
  static func position(_ index: Int, of size: Int, from low: Float, to high: Float, limit: Int) -> Float? {
    let last = Float(limit - 1)
    let position: Float
    if size > 1 {
      position = low * last + Float(index) * ((high - low) * last / Float(size - 1))
    } else {
      position = Float(0.5 * Double(low + high) * Double(limit - 1))
    }
    return position >= 0 && position <= last ? position : nil
  }

  func rows(_ box: Box) -> [Float?] {
    (0..<cropHeight).map {
      Self.position($0, of: cropHeight, from: box.y1, to: box.y2, limit: imageHeight)
    }
  }

  func columns(_ box: Box) -> [Float?] {
    (0..<cropWidth).map { Self.position($0, of: cropWidth, from: box.x1, to: box.x2, limit: imageWidth) }
  }
}

enum CropAndResizeOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "CropAndResize",
      """
      Cuts boxes out of images and resizes each to one size; the result is float32. Coordinates are relative to \
      the image's height and width less one; pixels outside of the image are `extrapolation_value`.
      """,
      types: ["T": .reals],
      shape: { context in
        let size = context.ints(3)
        let isPair = size?.count == 2
        return [
          PartialShape([
            context.input(1)[0] ?? context.input(2)[0], isPair ? size?.first : nil, isPair ? size?.last : nil,
            context.input(0)[3],
          ])
        ]
      },
      prepare: { setup in
        let isNearest = try isNearest(setup)
        let extrapolation = try setup.float("extrapolation_value")
        return { context in
          let images = try context.images(0, named: "image")
          let size = try context.integerVector(3, count: 2, named: "crop_size")
          let boxes = try context.input(1)
          let grid = try CropGrid(
            boxes: boxes, boxIndices: context.input(2), cropHeight: size[0], cropWidth: size[1],
            images: images.shape.dimensions, firstInput: 1)
          guard boxes.buffer(as: Float.self).allSatisfy(\.isFinite) else {
            throw GraftError(
              .invalidArgument, "A coordinate of a box is infinite or not a number.", at: .init(input: 1))
          }
          let shape = try Shape(validating: [grid.count, size[0], size[1], images.shape[3]])
          let output = try context.allocate(0, .float32, shape)
          guard shape.elementCount > 0 else { return }
          let pixels = try context.floats(images)
          crop(grid, pixels, output, isNearest: isNearest, extrapolation, context.workers)
        }
      }),
    OpDefinition(
      "CropAndResizeGradImage", "The gradient of CropAndResize with respect to the images.",
      types: ["T": [.float16, .float32, .float64]],
      shape: { context in
        guard let size = context.ints(3), size.count == 4 else { return [.ofRank(4)] }
        return [PartialShape(size.map { $0 < 0 ? nil : $0 })]
      },
      prepare: { setup in
        let isNearest = try isNearest(setup)
        let dtype = try setup.outputType(0)
        return { context in
          let gradients = try context.images(0, named: "grads")
          let size = try context.integerVector(3, count: 4, named: "image_size")
          let shape = try Shape(validating: size)
          let grid = try CropGrid(
            boxes: context.input(1), boxIndices: context.input(2), cropHeight: gradients.shape[1],
            cropWidth: gradients.shape[2], images: size, firstInput: 1)
          guard gradients.shape[0] == grid.count, gradients.shape[3] == size[3] else {
            throw GraftError(
              .invalidArgument,
              "Gradients of shape \(gradients.shape) do not fit \(grid.count) boxes of images of shape \(shape).",
              at: .init(input: 0))
          }
          let output = try context.allocate(0, dtype, shape)
          switch dtype {
          case .float64: spread(grid, gradients, output, Double.self, isNearest: isNearest)
          case .float16: spread(grid, gradients, output, Float16.self, isNearest: isNearest)
          default: spread(grid, gradients, output, Float.self, isNearest: isNearest)
          }
        }
      }),
    OpDefinition(
      "CropAndResizeGradBoxes", "The gradient of CropAndResize with respect to the boxes.",
      types: ["T": .reals], shape: { [PartialShape([$0.input(2)[0], 4])] },
      prepare: { setup in
        guard try setup.string("method") == "bilinear" else {
          throw setup.invalid("'method' is '\(try setup.string("method"))'; 'bilinear' is expected.")
        }
        return { context in
          let gradients = try context.images(0, named: "grads")
          let images = try context.images(1, named: "image")
          let grid = try CropGrid(
            boxes: context.input(2), boxIndices: context.input(3), cropHeight: gradients.shape[1],
            cropWidth: gradients.shape[2], images: images.shape.dimensions, firstInput: 2)
          guard gradients.shape[0] == grid.count, gradients.shape[3] == images.shape[3] else {
            throw GraftError(
              .invalidArgument,
              "Gradients of shape \(gradients.shape) do not fit \(grid.count) boxes of images of shape "
                + "\(images.shape).", at: .init(input: 0))
          }
          let output = try context.allocate(0, .float32, Shape([grid.count, 4]))
          slope(grid, gradients, try context.floats(images), output)
        }
      }),
  ]

  private static func isNearest(_ setup: NodeSetup) throws -> Bool {
    let method = try setup.string("method")
    guard method == "bilinear" || method == "nearest" else {
      throw setup.invalid("'method' is '\(method)'; 'bilinear' or 'nearest' is expected.")
    }
    return method == "nearest"
  }

  private static func crop(
    _ grid: CropGrid, _ images: Tensor, _ output: Tensor, isNearest: Bool, _ extrapolation: Float,
    _ workers: WorkerPool
  ) {
    let channels = images.shape[3]
    let rowSize = grid.imageWidth * channels
    let cropRow = grid.cropWidth * channels
    workers.forEach(grid.count, cost: grid.cropHeight * cropRow * 4) { range in
      guard let source = images.buffer(as: Float.self).baseAddress,
        var target = output.mutableBuffer(as: Float.self).baseAddress
      else { return }
      target += range.lowerBound * grid.cropHeight * cropRow
      for index in range {
        let box = grid.box(index)
        let columns = grid.columns(box)
        let image = source + box.image * grid.imageHeight * rowSize
        for y in grid.rows(box) {
          guard let y else {
            target.update(repeating: extrapolation, count: cropRow)
            target += cropRow
            continue
          }
          if isNearest {
            let row = image + Int(y.rounded(.toNearestOrAwayFromZero)) * rowSize
            for x in columns {
              if let x {
                target.update(
                  from: row + Int(x.rounded(.toNearestOrAwayFromZero)) * channels, count: channels)
              } else {
                target.update(repeating: extrapolation, count: channels)
              }
              target += channels
            }
          } else {
            let top = image + Int(y.rounded(.down)) * rowSize
            let bottom = image + Int(y.rounded(.up)) * rowSize
            let below = y - y.rounded(.down)
            for x in columns {
              if let x {
                let left = Int(x.rounded(.down)) * channels
                let right = Int(x.rounded(.up)) * channels
                let after = x - x.rounded(.down)
                graft_blend_f32(
                  top + left, top + right, bottom + left, bottom + right, after, below, target, channels)
              } else {
                target.update(repeating: extrapolation, count: channels)
              }
              target += channels
            }
          }
        }
      }
    }
  }

  private static func spread<T: BinaryFloatingPoint>(
    _ grid: CropGrid, _ gradients: Tensor, _ output: Tensor, _ type: T.Type, isNearest: Bool
  ) {
    let source = gradients.buffer(as: Float.self)
    let target = output.mutableBuffer(as: T.self)
    target.update(repeating: 0)
    let channels = gradients.shape[3]
    let rowSize = grid.imageWidth * channels
    for index in 0..<grid.count {
      let box = grid.box(index)
      let columns = grid.columns(box)
      let image = box.image * grid.imageHeight * rowSize
      for (row, y) in grid.rows(box).enumerated() {
        guard let y else { continue }
        let top = image + Int(y.rounded(.down)) * rowSize
        let bottom = image + Int(y.rounded(.up)) * rowSize
        let below = y - y.rounded(.down)
        for (column, x) in columns.enumerated() {
          guard let x else { continue }
          let from = ((index * grid.cropHeight + row) * grid.cropWidth + column) * channels
          if isNearest {
            let to =
              image + Int(y.rounded(.toNearestOrAwayFromZero)) * rowSize
              + Int(x.rounded(.toNearestOrAwayFromZero)) * channels
            for channel in 0..<channels { target[to + channel] += T(source[from + channel]) }
            continue
          }
          let left = Int(x.rounded(.down)) * channels
          let right = Int(x.rounded(.up)) * channels
          let after = x - x.rounded(.down)
          for channel in 0..<channels {
            let gradient = source[from + channel]
            let upper = (1 - below) * gradient
            target[top + left + channel] += T((1 - after) * upper)
            target[top + right + channel] += T(after * upper)
            let lower = below * gradient
            target[bottom + left + channel] += T((1 - after) * lower)
            target[bottom + right + channel] += T(after * lower)
          }
        }
      }
    }
  }

  private static func slope(_ grid: CropGrid, _ gradients: Tensor, _ images: Tensor, _ output: Tensor) {
    let incoming = gradients.buffer(as: Float.self)
    let pixels = images.buffer(as: Float.self)
    let target = output.mutableBuffer(as: Float.self)
    target.update(repeating: 0)
    let channels = images.shape[3]
    let rowSize = grid.imageWidth * channels
    // The share of a side's movement that reaches a row or column of the crop.
    func shares(_ index: Int, of size: Int, limit: Int) -> (low: Float, high: Float) {
      guard size > 1 else {
        let half = 0.5 * Float(limit - 1)
        return (half, half)
      }
      let high = Float(index) * (Float(limit - 1) / Float(size - 1))
      return (Float(limit - 1) - high, high)
    }
    for index in 0..<grid.count {
      let box = grid.box(index)
      let columns = grid.columns(box)
      let image = box.image * grid.imageHeight * rowSize
      for (row, y) in grid.rows(box).enumerated() {
        guard let y else { continue }
        let top = image + Int(y.rounded(.down)) * rowSize
        let bottom = image + Int(y.rounded(.up)) * rowSize
        let below = y - y.rounded(.down)
        let vertical = shares(row, of: grid.cropHeight, limit: grid.imageHeight)
        for (column, x) in columns.enumerated() {
          guard let x else { continue }
          let left = Int(x.rounded(.down)) * channels
          let right = Int(x.rounded(.up)) * channels
          let after = x - x.rounded(.down)
          let horizontal = shares(column, of: grid.cropWidth, limit: grid.imageWidth)
          let from = ((index * grid.cropHeight + row) * grid.cropWidth + column) * channels
          for channel in 0..<channels {
            let topLeft = pixels[top + left + channel]
            let topRight = pixels[top + right + channel]
            let bottomLeft = pixels[bottom + left + channel]
            let bottomRight = pixels[bottom + right + channel]
            let gradient = incoming[from + channel]
            let down = ((1 - after) * (bottomLeft - topLeft) + after * (bottomRight - topRight)) * gradient
            let across = ((1 - below) * (topRight - topLeft) + below * (bottomRight - bottomLeft)) * gradient
            target[index * 4] += down * vertical.low
            target[index * 4 + 1] += across * horizontal.low
            target[index * 4 + 2] += down * vertical.high
            target[index * 4 + 3] += across * horizontal.high
          }
        }
      }
    }
  }
}
