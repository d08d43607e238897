/// Sounds as WAV files of 16 bits.
enum WaveFile {
  /// A file of samples between -1 and 1, the channels of each frame side by side.
  static func bytes(_ samples: Slice<UnsafeBufferPointer<Float>>, rate: Float, channels: Int) -> [UInt8] {
    let size = samples.count * 2
    let rate = UInt32(rate)
    var bytes: [UInt8] = Array("RIFF".utf8)
    func append<N: FixedWidthInteger>(_ number: N) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
    append(UInt32(truncatingIfNeeded: 36 + size))
    bytes += Array("WAVEfmt ".utf8)
    append(UInt32(16))
    append(UInt16(1))
    append(UInt16(channels))
    append(rate)
    append(rate &* UInt32(channels) &* 2)
    append(UInt16(channels * 2))
    append(UInt16(16))
    bytes += Array("data".utf8)
    append(UInt32(truncatingIfNeeded: size))
    for sample in samples {
      let scaled = min(max(sample * 32768, -32768), 32767)
      append(scaled.isNaN ? 0 : Int16(scaled))
    }
    return bytes
  }
}
