import GraftTensor

/// Sobol's sequences of evenly spread points, with the direction numbers of S. Joe and F. Y. Kuo ("Constructing
/// Sobol sequences with better two-dimensional projections", 2008), which TensorFlow takes.
struct SobolSequence {
  /// How many dimensions there are numbers for: those with polynomials of degree 14 and less.
  static let maximumDimension = 1867

  /// For each dimension, what is mixed in where a bit of the counter changes: the highest bit is a half.
  let directions: [[UInt32]]

  /// - Precondition: the dimension is from 1 to ``maximumDimension``.
  init(dimension: Int) {
    var result = [(0..<32).map { UInt32(1) << UInt32(31 - $0) }]
    var numbers = BitReader(SobolDirectionData.numbers)
    var polynomials = PrimitivePolynomials()
    while result.count < dimension, let polynomial = polynomials.next() {
      let degree = polynomial.degree
      // The first number is 1, and each is odd and less than twice the power of two of its place.
      var first: [UInt32] = [1]
      for place in 1..<max(degree, 1) { first.append(numbers.next(place) << 1 | 1) }
      result.append(Self.directions(first, polynomial))
    }
    directions = result
  }

  private static func directions(_ first: [UInt32], _ polynomial: PrimitivePolynomials.Polynomial) -> [UInt32]
  {
    let degree = polynomial.degree
    var values = first.enumerated().map { $1 << UInt32(31 - $0) }
    for place in degree..<32 {
      var value = values[place - degree] ^ (values[place - degree] >> UInt32(degree))
      for term in 1..<max(degree, 1) where polynomial.coefficients >> UInt32(degree - 1 - term) & 1 == 1 {
        value ^= values[place - term]
      }
      values.append(value)
    }
    return values
  }

  /// Reads numbers of a few bits each out of base64 text.
  private struct BitReader {
    private let text: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var buffer: UInt64 = 0
    private var available = 0

    init(_ string: StaticString) {
      text = UnsafeBufferPointer(start: string.utf8Start, count: string.utf8CodeUnitCount)
    }

    mutating func next(_ bits: Int) -> UInt32 {
      while available < bits, position < text.count {
        buffer = buffer << 6 | UInt64(Self.value(text[position]))
        position += 1
        available += 6
      }
      available -= bits
      guard available >= 0 else { return 0 }
      return UInt32(truncatingIfNeeded: buffer >> UInt64(available)) & ((1 << UInt32(bits)) - 1)
    }

    private static func value(_ character: UInt8) -> UInt8 {
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
      case UInt8(ascii: "+"): 62
      default: 63
      }
    }
  }
}

/// The primitive polynomials over two elements, by degree and then by coefficients.
private struct PrimitivePolynomials: IteratorProtocol {
  struct Polynomial {
    let degree: Int
    /// The coefficients between the first and the last, which are 1.
    let coefficients: UInt32
  }

  private var degree = 1
  private var coefficients: UInt32 = 0
  private var divisors: [UInt32] = []

  mutating func next() -> Polynomial? {
    while degree <= 14 {
      let found = Polynomial(degree: degree, coefficients: coefficients)
      let isPrimitive = degree == 1 || Self.isPrimitive(found, divisors)
      coefficients += 1
      if coefficients >> UInt32(degree - 1) != 0 {
        (degree, coefficients) = (degree + 1, 0)
        divisors = Self.divisors((1 << UInt32(degree)) - 1)
      }
      if isPrimitive { return found }
    }
    return nil
  }

  /// Whether the powers of x go through all but zero.
  private static func isPrimitive(_ polynomial: Polynomial, _ divisors: [UInt32]) -> Bool {
    let order: UInt32 = (1 << UInt32(polynomial.degree)) - 1
    return power(order, polynomial) == 1 && divisors.allSatisfy { power(order / $0, polynomial) != 1 }
  }

  private static func power(_ exponent: UInt32, _ polynomial: Polynomial) -> UInt32 {
    let modulus = UInt32(1) << UInt32(polynomial.degree) | polynomial.coefficients << 1 | 1
    func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
      var (a, b, result) = (a, b, UInt32(0))
      while b != 0 {
        if b & 1 == 1 { result ^= a }
        b >>= 1
        a <<= 1
        if a >> UInt32(polynomial.degree) & 1 == 1 { a ^= modulus }
      }
      return result
    }
    var (result, base, exponent) = (UInt32(1), UInt32(2), exponent)
    while exponent != 0 {
      if exponent & 1 == 1 { result = product(result, base) }
      base = product(base, base)
      exponent >>= 1
    }
    return result
  }

  private static func divisors(_ number: UInt32) -> [UInt32] {
    var (rest, result, candidate) = (number, [UInt32](), UInt32(2))
    while candidate * candidate <= rest {
      if rest % candidate == 0 { result.append(candidate) }
      while rest % candidate == 0 { rest /= candidate }
      candidate += 1
    }
    if rest > 1 { result.append(rest) }
    return result
  }
}

enum SobolOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "SobolSample",
      "Points of a Sobol sequence, from one on. There are \(SobolSequence.maximumDimension) dimensions at most; "
        + "TensorFlow has 21200.",
      types: ["dtype": [.float32, .float64]],
      shape: { context in
        [PartialShape([context.ints(1)?.first, context.ints(0)?.first])]
      }
    ) { node in
      let dtype = try node.outputType(0)
      return { context in
        let dimension = try ArrayArguments.scalar(context, 0, "dim")
        let count = try ArrayArguments.scalar(context, 1, "num_results")
        let skip = try ArrayArguments.scalar(context, 2, "skip")
        guard dimension >= 1, count >= 1, skip >= 0, count + skip < Int(Int32.max) else {
          throw GraftError(
            .invalidArgument,
            "'dim' and 'num_results' are 1 or more, 'skip' is not negative, and the last two are below "
              + "\(Int32.max) together; \(dimension), \(count) and \(skip) were found.")
        }
        guard dimension <= SobolSequence.maximumDimension else {
          throw GraftError(
            .invalidArgument,
            "'dim' is \(dimension), and there are direction numbers for \(SobolSequence.maximumDimension).",
            at: .init(input: 0))
        }
        let sequence = SobolSequence(dimension: dimension)
        let output = try context.allocate(0, dtype, try Shape(validating: [count, dimension]))
        for (axis, directions) in sequence.directions.enumerated() {
          try context.checkpoint()
          // The counter in Gray's code: one bit changes from point to point.
          var value: UInt32 = 0
          let start = UInt32(skip)
          for bit in 0..<32 where (start ^ start >> 1) >> UInt32(bit) & 1 == 1 { value ^= directions[bit] }
          for row in 0..<count {
            value ^= directions[(~(start + UInt32(row))).trailingZeroBitCount]
            if dtype == .float32 {
              output.mutableBuffer(as: Float.self)[row * dimension + axis] = Float(value) * 0x1p-32
            } else {
              output.mutableBuffer(as: Double.self)[row * dimension + axis] = Double(value) * 0x1p-32
            }
          }
        }
      }
    }
  ]
}
