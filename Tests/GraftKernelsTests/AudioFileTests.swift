import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

struct AudioFileTests {
  private func decode(_ file: [UInt8], channels: Int64 = -1, samples: Int64 = -1) throws -> [Tensor] {
    try KernelHarness.run(
      "DecodeWav", in: SignalOps.all, [try Tensor(Bytes(file))],
      attributes: ["desired_channels": .int(channels), "desired_samples": .int(samples)],
      outputs: [.float32, .int32])
  }

  private func encode(_ samples: [[Float]], rate: Int32 = 8000) throws -> [UInt8] {
    let audio = try Tensor(
      shape: [samples.count, samples.first?.count ?? 1], scalars: samples.flatMap { $0 })
    let file: [Bytes] = try KernelHarness.run(
      "EncodeWav", in: SignalOps.all, [audio, try Tensor(rate)], outputs: [.string])[0].scalars()
    return file[0].bytes
  }

  @Test func samplesComeBackRoundedAndCutOff() throws {
    let result = try decode(try encode([[0], [1], [-2], [1.5 / 32768], [.nan]]))
    #expect(result[0].shape == [5, 1])
    #expect(try result[0].scalars() == [0, 0.999969482421875, -1, 2 / 32768, 0] as [Float])
    #expect(try result[1].scalars() == [8000] as [Int32])
  }

  @Test func theLastChannelAndSilenceFillUp() throws {
    let file = try encode([[0.25, 0.5], [-0.25, -0.5]])
    let result = try decode(file, channels: 3, samples: 3)
    #expect(try result[0].scalars() == [0.25, 0.5, 0.5, -0.25, -0.5, -0.5, 0, 0, 0] as [Float])
    #expect(try decode(file, channels: 1, samples: 1)[0].scalars() == [0.25] as [Float])
  }

  @Test func otherChunksAreSkippedAndDamageIsAnError() throws {
    let file = try encode([[0.5]])
    let list: [UInt8] = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3]
    #expect(try decode(Array(file[..<36]) + list + file[36...])[0].scalars() == [0.5] as [Float])
    for count in file.indices {
      let error = #expect(throws: GraftError.self) { try decode(Array(file[..<count])) }
      #expect(error?.code == .invalidArgument)
    }
    for place in file.indices {
      for byte in [0, 1, 0x7F, 0xFF] as [UInt8] {
        var damaged = file
        damaged[place] = byte
        _ = try? decode(damaged)
      }
    }
    #expect(throws: GraftError.self) { try encode([[0]], rate: 0) }
  }
}
