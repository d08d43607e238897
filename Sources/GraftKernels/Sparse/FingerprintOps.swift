import GraftTensor

/// Fingerprints as keys of sparse features.
enum FingerprintOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "SdcaFprint",
      "The 128-bit fingerprint of each string as two integers, of which the first is not 0 or 1.",
      shape: { [PartialShape([$0.input(0)[0], 2])] }
    ) { _ in
      return { context in
        let strings = try context.strings(0)
        let shape = try context.input(0).shape
        guard shape.rank == 1 else {
          throw ArrayArguments.invalid("The input must be a vector, and its shape is \(shape).", input: 0)
        }
        let output = try context.allocate(0, .int64, try Shape(validating: shape.dimensions + [2]))
          .mutableBuffer(as: Int64.self)
        for (index, string) in strings.enumerated() {
          let fingerprint = Fingerprint128.of(string.bytes)
          // Those stand for empty places of tables.
          let low = fingerprint.low >= 2 ? fingerprint.low : fingerprint.low &+ ~1
          output[2 * index] = Int64(bitPattern: low)
          output[2 * index + 1] = Int64(bitPattern: fingerprint.high)
        }
      }
    }
  ]
}
