import Glibc
import GraftGraph
import GraftTensor

/// Features of sound.
enum AudioOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "AudioSpectrogram",
      "The strength of each frequency in windows of sound `[samples, channels]`, as `[channels, windows, frequencies]`.",
      shape: { context in
        let (window, stride) = (try context.node.int("window_size"), try context.node.int("stride"))
        guard window > 1, stride > 0 else { return [.ofRank(3)] }
        let slices = context.input(0)[0].map { $0 < window ? 0 : 1 + ($0 - window) / stride }
        return [PartialShape([context.input(0)[1], slices, Spectrogram.size(window) / 2 + 1])]
      }
    ) { node in
      let spectrogram = try Spectrogram(node)
      return { context in
        let input = try context.input(0)
        guard input.rank == 2 else {
          throw GraftError(
            .invalidArgument, "Sound [samples, channels] is expected, and shape \(input.shape) was found.")
        }
        let (samples, channels) = (input.shape[0], input.shape[1])
        let slices = spectrogram.slices(samples)
        let output = try context.allocate(
          0, .float32, Shape(validating: [channels, slices, spectrogram.bins]))
        let (values, target) = (input.buffer(as: Float.self), output.mutableBuffer(as: Float.self))
        for channel in 0..<channels {
          for slice in 0..<slices {
            let bins = spectrogram.bins(slice) { values[$0 * channels + channel] }
            for (index, value) in bins.enumerated() {
              target[(channel * slices + slice) * spectrogram.bins + index] = value
            }
          }
        }
      }
    },
    OpDefinition(
      "Mfcc",
      "Mel-frequency cepstral coefficients of a squared spectrogram `[channels, windows, frequencies]`.",
      shape: { context in
        [
          PartialShape([
            context.input(0)[0], context.input(0)[1], try context.node.int("dct_coefficient_count"),
          ])
        ]
      }
    ) { node in
      let options = try MelOptions(node)
      return { context in
        let (input, rate) = (
          try context.input(0), try ArrayArguments.scalar(context, 1, "sample_rate")
        )
        guard input.rank == 3, input.shape[2] > 1, rate > 0 else {
          throw GraftError(
            .invalidArgument,
            "A spectrogram [channels, windows, frequencies] and a sample rate are expected; shape \(input.shape) and rate \(rate) were found."
          )
        }
        let bins = input.shape[2]
        let bank = MelFilterBank(options, bins: bins, rate: rate)
        let output = try context.allocate(
          0, .float32, Shape(validating: [input.shape[0], input.shape[1], options.coefficients]))
        let (values, target) = (input.buffer(as: Float.self), output.mutableBuffer(as: Float.self))
        for window in 0..<input.shape[0] * input.shape[1] {
          let line = bank.coefficients { Double(values[window * bins + $0]) }
          for (index, value) in line.enumerated() {
            target[window * options.coefficients + index] = Float(value)
          }
        }
      }
    },
  ]
}

/// Windows of sound and their spectra.
private struct Spectrogram: Sendable {
  let bins: Int
  private let window: [Double]
  private let stride: Int
  private let isSquared: Bool
  private let transform: FourierTransform

  init(_ node: NodeSetup) throws {
    let size = try node.int("window_size")
    stride = try node.int("stride")
    isSquared = try node.bool("magnitude_squared")
    guard size > 1, size <= 1 << 24, stride > 0 else {
      throw node.invalid("A window of \(size) samples and a stride of \(stride) are not possible.")
    }
    window = (0..<size).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(size)) }
    transform = FourierTransform(Self.size(size))
    bins = Self.size(size) / 2 + 1
  }

  /// The next power of two.
  static func size(_ window: Int) -> Int {
    var size = 1
    while size < window, size < 1 << 24 { size *= 2 }
    return size
  }

  func slices(_ samples: Int) -> Int { samples < window.count ? 0 : 1 + (samples - window.count) / stride }

  func bins(_ slice: Int, _ sample: (Int) -> Float) -> [Float] {
    var values = window.indices.map { Complex128(Double(sample(slice * stride + $0)) * window[$0], 0) }
    values += [Complex128](repeating: Complex128(0, 0), count: transform.length - values.count)
    return transform.transform(values, inverse: false).prefix(bins).map { value in
      let power = value.real * value.real + value.imaginary * value.imaginary
      return Float(isSquared ? power : power.squareRoot())
    }
  }
}

private struct MelOptions: Sendable {
  let upper: Double
  let lower: Double
  let channels: Int
  let coefficients: Int

  init(_ node: NodeSetup) throws {
    upper = Double(try node.float("upper_frequency_limit"))
    lower = Double(try node.float("lower_frequency_limit"))
    channels = try node.int("filterbank_channel_count")
    coefficients = try node.int("dct_coefficient_count")
    guard lower >= 0, upper > lower, (1...1 << 20).contains(channels), (1...channels).contains(coefficients)
    else {
      throw node.invalid(
        "Frequencies from \(lower) to \(upper), \(channels) channels and \(coefficients) coefficients are not possible."
      )
    }
  }
}

/// Overlapping triangles over a spectrum, evenly spaced as ears hear.
private struct MelFilterBank {
  private let options: MelOptions
  private let weights: [Double]
  /// The channel whose triangle falls at each frequency; -1 where only the first one rises, nil for none.
  private let bands: [Int?]

  init(_ options: MelOptions, bins: Int, rate: Int) {
    self.options = options
    func mel(_ frequency: Double) -> Double { 1127 * log1p(frequency / 700) }
    let low = mel(options.lower)
    let spacing = (mel(options.upper) - low) / Double(options.channels + 1)
    let centers = (0...options.channels).map { low + spacing * Double($0 + 1) }
    let width = 0.5 * Double(rate) / Double(bins - 1)
    let (first, last) = (1.5 + options.lower / width, options.upper / width)
    var channel = 0
    var (weights, bands): ([Double], [Int?]) = ([], [])
    for bin in 0..<bins {
      guard Double(bin) >= first.rounded(.down), Double(bin) <= last.rounded(.down) else {
        weights.append(0)
        bands.append(nil)
        continue
      }
      let place = mel(Double(bin) * width)
      while channel < options.channels, centers[channel] < place { channel += 1 }
      let band = channel - 1
      weights.append(
        band >= 0
          ? (centers[band + 1] - place) / (centers[band + 1] - centers[band])
          : (centers[0] - place) / (centers[0] - low))
      bands.append(band)
    }
    self.weights = weights
    self.bands = bands
  }

  /// The cosine transform of the logarithms of the channels' strengths.
  func coefficients(_ power: (Int) -> Double) -> [Double] {
    var channels = [Double](repeating: 0, count: options.channels)
    for (bin, band) in bands.enumerated() {
      guard let band else { continue }
      let strength = power(bin).squareRoot()
      let falling = strength * weights[bin]
      if band >= 0 { channels[band] += falling }
      if band + 1 < options.channels { channels[band + 1] += strength - falling }
    }
    let logarithms = channels.map { log(max($0, 1e-12)) }
    let scale = (2 / Double(options.channels)).squareRoot()
    return (0..<options.coefficients).map { row in
      logarithms.enumerated().reduce(0.0) { sum, entry in
        sum + scale * cos(Double(row) * Double.pi / Double(options.channels) * (Double(entry.offset) + 0.5))
          * entry.element
      }
    }
  }
}
