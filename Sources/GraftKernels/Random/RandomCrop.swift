import GraftGraph
import GraftTensor

/// The crop of TensorFlow's first version; what came later is made of other ops.
enum RandomCropOp {
  static let all: [OpDefinition] = [
    OpDefinition(
      "RandomCrop", "A part of a picture, of a given height and width, at a random place.",
      types: ["T": .reals], traits: [.stateful, .random],
      shape: { context in
        let sizes = context.ints(1)
        let channels = context.input(0).dimensions.flatMap { $0.count == 3 ? $0[2] : nil }
        return [PartialShape([sizes?.first, sizes?.last, channels])]
      }
    ) { setup in
      let seeds = try RandomSeeds(setup)
      return { context in
        let image = try context.input(0)
        let size = try context.input(1).integers()
        guard image.rank == 3, size.count == 2, try context.input(1).rank == 1 else {
          throw GraftError(
            .invalidArgument,
            "A picture of height, width and channels and a size of two numbers are expected; "
              + "\(image.shape) and \(size.count) numbers were found.")
        }
        let (height, width, channels) = (image.shape[0], image.shape[1], image.shape[2])
        guard size[0] >= 0, size[1] >= 0, size[0] <= height, size[1] <= width else {
          throw GraftError(
            .failedPrecondition, "A part of \(size[0])x\(size[1]) is to be cut out of \(height)x\(width).",
            at: .init(input: 1))
        }
        if size[0] == height, size[1] == width { return try context.setOutput(0, image) }
        var numbers = PhiloxNumbers(try seeds.stream(context).reserve(blocks: 1))
        let left = Int(numbers.next()) % (width - size[1] + 1)
        let top = Int(numbers.next()) % (height - size[0] + 1)
        let output = try context.allocate(0, image.dtype, Shape([size[0], size[1], channels]))
        let row = Shape([size[1] * channels])
        for line in 0..<size[0] {
          output.view(firstElement: line * row.elementCount, shape: row)
            .initializeElements(
              from: image.view(firstElement: ((top + line) * width + left) * channels, shape: row))
        }
      }
    }
  ]
}
