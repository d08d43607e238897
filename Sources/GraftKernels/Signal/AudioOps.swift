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
        try spectrogram.run(input, channels: channels, slices: slices, into: output, context)
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
        let output = try context.allocate(
          0, .float32, Shape(validating: [input.shape[0], input.shape[1], options.coefficients]))
        guard output.elementCount > 0 else { return }
        let bank = MelFilterBank(options, bins: bins, rate: rate)
        nonisolated(unsafe) let values = input.buffer(as: Float.self)
        nonisolated(unsafe) let target = output.mutableBuffer(as: Float.self)
        let count = options.coefficients
        context.workers.forEach(
          input.shape[0] * input.shape[1], cost: bins + options.channels * (count + 10)
        ) { windows in
          for window in windows {
            bank.write(
              UnsafeBufferPointer(rebasing: values[window * bins..<(window + 1) * bins]),
              into: UnsafeMutableBufferPointer(rebasing: target[window * count..<(window + 1) * count]))
          }
        }
      }
    },
  ]
}

/// Windows of sound and their spectra.
private struct Spectrogram: Sendable {
  var bins: Int { transform.frequencies }
  private let window: [Double]
  private let stride: Int
  private let isSquared: Bool
  private let transform: RealFourierTransform

  init(_ node: NodeSetup) throws {
    let size = try node.int("window_size")
    stride = try node.int("stride")
    isSquared = try node.bool("magnitude_squared")
    guard size > 1, size <= 1 << 24, stride > 0 else {
      throw node.invalid("A window of \(size) samples and a stride of \(stride) are not possible.")
    }
    window = (0..<size).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(size)) }
    transform = RealFourierTransform.shared(Self.size(size))
  }

  /// The next power of two.
  static func size(_ window: Int) -> Int {
    var size = 1
    while size < window, size < 1 << 24 { size *= 2 }
    return size
  }

  func slices(_ samples: Int) -> Int { samples < window.count ? 0 : 1 + (samples - window.count) / stride }

  /// Writes the strengths of `[channels, slices, bins]`.
  func run(
    _ input: Tensor, channels: Int, slices: Int, into output: Tensor, _ context: KernelContext
  ) throws {
    nonisolated(unsafe) let samples = input.buffer(as: Float.self)
    nonisolated(unsafe) let target = output.mutableBuffer(as: Float.self)
    try FourierLines.forEach(
      channels * slices, width: 1, positions: transform.positions, context
    ) { memory, line in
      let first = line % slices * stride * channels + line / slices
      window.withUnsafeBufferPointer { window in
        transform.load(memory) {
          $0 < window.count ? Double(samples[first + $0 * channels]) * window[$0] : 0
        }
      }
      transform.run(memory)
      for bin in 0..<bins {
        let (real, imaginary) = (memory.real[bin], memory.imaginary[bin])
        let power = real * real + imaginary * imaginary
        target[line * bins + bin] = Float(isSquared ? power : power.squareRoot())
      }
    }
  }
}

private struct MelOptions: Sendable {
  let upper: Double
  let lower: Double
  let channels: Int
  let coefficients: Int
  /// The cosine transform: a row of weights for each coefficient.
  let cosines: [Double]

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
    let (count, scale) = (channels, (2 / Double(channels)).squareRoot())
    try MemoryAccount.requireRoom(
      for: try Shape(validating: [coefficients, count]).elementCount, bytesEach: MemoryLayout<Double>.stride)
    cosines = (0..<coefficients * count).map { index in
      scale * cos(Double(index / count) * Double.pi / Double(count) * (Double(index % count) + 0.5))
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
  func write(_ power: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: options.channels) { channels in
      channels.initialize(repeating: 0)
      for (bin, band) in bands.enumerated() {
        guard let band else { continue }
        let strength = Double(power[bin]).squareRoot()
        let falling = strength * weights[bin]
        if band >= 0 { channels[band] += falling }
        if band + 1 < options.channels { channels[band + 1] += strength - falling }
      }
      for channel in channels.indices { channels[channel] = log(max(channels[channel], 1e-12)) }
      for row in target.indices {
        var sum = 0.0
        for channel in channels.indices {
          sum += options.cosines[row * options.channels + channel] * channels[channel]
        }
        target[row] = Float(sum)
      }
    }
  }
}
