import GraftTensor

/// Fingerprints of the rows of a tensor.
enum FingerprintOp {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Fingerprint",
      "The 64-bit FarmHash fingerprint of each entry of the first dimension, as eight bytes, low ones first. "
        + "Several strings of an entry are fingerprinted one by one, and their fingerprints together.",
      types: ["T": .values + .quantized], shape: { [PartialShape([$0.input(0)[0], 8])] },
      prepare: { _ in
        { context in
          let data = try context.input(0)
          let method = try context.input(1)
          guard method.rank == 0, method.dtype == .string, let name = try method.strings().first else {
            throw ArrayArguments.invalid("'method' must be one string, of shape [].", input: 1)
          }
          guard name == "farmhash64" else {
            throw ArrayArguments.invalid("The method '\(name)' is not known; 'farmhash64' is.", input: 1)
          }
          guard data.rank > 0 else {
            throw ArrayArguments.invalid("The data must have one dimension or more.", input: 0)
          }
          let count = data.shape[0]
          let output = try context.allocate(0, .uint8, Shape([count, 8]))
          guard count > 0 else { return }
          let target = output.mutableBuffer(as: UInt8.self)
          for entry in 0..<count {
            let print = fingerprint(of: entry, data, width: data.elementCount / count)
            for byte in 0..<8 { target[entry * 8 + byte] = UInt8(truncatingIfNeeded: print >> (8 * byte)) }
          }
        }
      })
  ]

  private static func fingerprint(of entry: Int, _ data: Tensor, width: Int) -> UInt64 {
    guard data.dtype == .string else {
      let size = width * data.dtype.size
      return Fingerprint64.of(Array(UnsafeRawBufferPointer(start: data.base + entry * size, count: size)))
    }
    let prints = data.buffer(as: Bytes.self)[entry * width..<(entry + 1) * width].map {
      Fingerprint64.of($0.bytes)
    }
    if prints.count == 1 { return prints[0] }
    return Fingerprint64.of(
      prints.flatMap { print in (0..<8).map { UInt8(truncatingIfNeeded: print >> (8 * $0)) } })
  }
}
