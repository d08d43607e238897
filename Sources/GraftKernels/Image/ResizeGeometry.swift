import GraftTensor

/// What a resizing op's attributes say of where pixels lie.
struct PixelPlacement: Sendable {
  /// Whether the pixels in the corners stay where they are.
  let alignCorners: Bool
  /// Whether pixels are little squares whose centers lie at halves, and not points at whole numbers.
  let halfPixelCenters: Bool

  init(_ setup: NodeSetup) throws {
    alignCorners = try setup.bool("align_corners")
    halfPixelCenters = setup.has("half_pixel_centers") ? try setup.bool("half_pixel_centers") : false
  }

  /// Throws where both are true, which most ops do not have.
  func check() throws {
    guard !(alignCorners && halfPixelCenters) else {
      throw GraftError(
        .invalidArgument, "'align_corners' and 'half_pixel_centers' are both true, and exclude each other.")
    }
  }

  /// Input pixels for each output pixel, where there are so many of both.
  func scale(_ input: Int, _ output: Int) -> Float {
    alignCorners && input > 1 && output > 1
      ? Float(input - 1) / Float(output - 1)
      : Float(input) / Float(output)
  }
}

/// How the pixels of a resized image lie on those of the original: what all resizing ops share.
///
/// Positions are computed in `Float` with the operations in TensorFlow's order, so that they are the same
/// bits: a position next to a whole number decides which pixels are read.
struct ResizeGeometry {
  let batch: Int
  let inputHeight: Int
  let inputWidth: Int
  let channels: Int
  let outputHeight: Int
  let outputWidth: Int
  /// Input pixels for each output pixel.
  let heightScale: Float
  let widthScale: Float
  let placement: PixelPlacement

  /// The geometry for images (input 0) that are resized to a height and a width (input 1).
  init(_ context: KernelContext, _ placement: PixelPlacement) throws {
    try placement.check()
    let shape = try context.images(0, named: "images").shape
    let size = try context.integerVector(1, count: 2, named: "size")
    guard shape[3] > 0, shape[1] > 0, shape[2] > 0 else {
      throw GraftError(
        .invalidArgument, "Images of shape \(shape) have no pixels to resize.", at: .init(input: 0))
    }
    guard shape[1] < Int(Int32.max), shape[2] < Int(Int32.max) else {
      throw GraftError(
        .invalidArgument, "Images of shape \(shape) are higher or wider than 2^31.", at: .init(input: 0))
    }
    guard size[0] > 0, size[1] > 0 else {
      throw GraftError(
        .invalidArgument, "'size' is \(size): height and width must be positive.", at: .init(input: 1))
    }
    batch = shape[0]
    inputHeight = shape[1]
    inputWidth = shape[2]
    channels = shape[3]
    outputHeight = size[0]
    outputWidth = size[1]
    heightScale = placement.scale(inputHeight, outputHeight)
    widthScale = placement.scale(inputWidth, outputWidth)
    self.placement = placement
  }

  /// The geometry of the resizing whose gradient is asked for: images of the shape of `original` were
  /// resized to the height and width of `resized`.
  ///
  /// - Parameter takesBoth: whether the placement may be both of what exclude each other elsewhere.
  init(original: Shape, resized: Shape, _ placement: PixelPlacement, takesBoth: Bool = false) throws {
    if !takesBoth { try placement.check() }
    guard original.rank == 4, resized.rank == 4, original[1] > 0, original[2] > 0, resized[1] > 0,
      resized[2] > 0
    else {
      throw GraftError(
        .invalidArgument,
        "Gradients of shape \(resized) for images of shape \(original) were found; both have four dimensions, "
          + "and heights and widths are positive.")
    }
    batch = resized[0]
    inputHeight = original[1]
    inputWidth = original[2]
    channels = resized[3]
    outputHeight = resized[1]
    outputWidth = resized[2]
    heightScale = placement.scale(inputHeight, outputHeight)
    widthScale = placement.scale(inputWidth, outputWidth)
    self.placement = placement
  }

  /// The shape of the resized images.
  func outputShape() throws -> Shape { try Shape(validating: [batch, outputHeight, outputWidth, channels]) }

  /// The shape of the images before.
  func inputShape() throws -> Shape { try Shape(validating: [batch, inputHeight, inputWidth, channels]) }

  /// What is noted of each row, or of each column, of the resized images, where there is room for it.
  func table<Entry>(_ count: Int, _ entry: (Int) -> Entry) throws -> [Entry] {
    try MemoryAccount.requireRoom(for: count, bytesEach: MemoryLayout<Entry>.stride)
    return (0..<count).map(entry)
  }

  /// Where output pixel `index` lies among the input's pixels.
  @inline(__always)
  func position(_ index: Int, _ scale: Float) -> Float {
    placement.halfPixelCenters ? (Float(index) + 0.5) * scale - 0.5 : Float(index) * scale
  }
}
