import Foundation
import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

#if Images
  struct ImageCodecTests {
    private func run(
      _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
      _ output: DataType = .uint8
    ) throws -> Tensor {
      try KernelHarness.run(op, in: ImageOps.all, inputs, attributes: attributes, outputs: [output])[0]
    }

    private let jpeg: [String: AttributeValue] = [
      "channels": .int(0), "ratio": .int(1), "fancy_upscaling": .bool(true),
      "try_recover_truncated": .bool(false), "acceptable_fraction": .float(1), "dct_method": .string(""),
    ]

    private func picture(_ height: Int, _ width: Int, _ channels: Int) throws -> Tensor {
      try Tensor(
        shape: [height, width, channels],
        scalars: (0..<height * width * channels).map { UInt8(truncatingIfNeeded: $0 * 7 % 251) })
    }

    /// A GIF of two frames, the second of which has a transparent pixel.
    private let gif: [UInt8] =
      Array("GIF89a".utf8) + [2, 0, 1, 0, 0x80, 0, 0, 10, 20, 30, 40, 50, 60]
      + [0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x44, 0x0A, 0]
      + [0x21, 0xF9, 4, 1, 0, 0, 1, 0, 0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x0C, 0x0A, 0, 0x3B]

    /// A BMP of two by two pixels of 24 bits, with the given sizes, place of the pixels and bits in its headers.
    private func bmp(width: Int32 = 2, height: Int32 = 2, offset: UInt32 = 54, bits: UInt16 = 24) -> [UInt8] {
      func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
      }
      let header = Array("BM".utf8) + bytes(70 as UInt32) + bytes(0 as UInt32) + bytes(offset)
      let sizes = bytes(40 as UInt32) + bytes(width) + bytes(height) + bytes(1 as UInt16) + bytes(bits)
      let rest = [UInt8](repeating: 0, count: 24)
      return header + sizes + rest + [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0]
    }

    @Test func headersOfABitmapThatPromiseMoreThanThereIsAreRefused() throws {
      let whole = try run("DecodeBmp", [try Tensor(Bytes(bmp()))], ["channels": .int(0)])
      #expect(try whole.scalars(as: UInt8.self) == [9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4])
      let damaged = [
        bmp(width: .max, height: .max), bmp(width: .max), bmp(height: .max), bmp(height: .min),
        bmp(width: .min),
        bmp(width: -2), bmp(width: 1 << 16, height: 1 << 16), bmp(offset: .max), bmp(offset: 1 << 31),
        bmp(offset: 69), bmp(bits: .max), bmp(bits: 0), bmp(height: -3),
      ]
      for file in damaged {
        #expect(throws: GraftError.self) {
          try run("DecodeBmp", [try Tensor(Bytes(file))], ["channels": .int(0)])
        }
      }
    }

    @Test func pngsComeBack() throws {
      for channels in 1...4 {
        let image = try picture(3, 5, channels)
        let file = try run("EncodePng", [image], ["compression": .int(-1)], .string)
        let back = try run("DecodePng", [file], ["channels": .int(0)])
        #expect(back.shape == image.shape)
        #expect(try back.scalars(as: UInt8.self) == image.scalars())
        let wide = try run("DecodePng", [file], ["channels": .int(0)], .uint16)
        #expect(try wide.scalars(as: UInt16.self) == image.scalars(as: UInt8.self).map { UInt16($0) * 257 })
      }
    }

    @Test func jpegsAreCloseAndCropped() throws {
      let image = try Tensor(shape: [16, 24, 3], scalars: [UInt8](repeating: 77, count: 16 * 24 * 3))
      let file = try run(
        "EncodeJpegVariableQuality", [image, try Tensor(Int32(90))], [:], .string)
      #expect(try run("ExtractJpegShape", [file], [:], .int32).scalars() == [16, 24, 3] as [Int32])
      let back = try run("DecodeJpeg", [file], jpeg)
      #expect(back.shape == [16, 24, 3])
      #expect(try back.scalars(as: UInt8.self).allSatisfy { abs(Int($0) - 77) <= 1 })
      let part = try run("DecodeAndCropJpeg", [file, try Tensor([1, 2, 3, 4] as [Int32])], jpeg)
      #expect(part.shape == [3, 4, 3])
      #expect(throws: GraftError.self) {
        try run("DecodeAndCropJpeg", [file, try Tensor([1, 2, 16, 4] as [Int32])], jpeg)
      }
      let half = try run("DecodeJpeg", [file], jpeg.merging(["ratio": .int(2), "channels": .int(1)]) { $1 })
      #expect(half.shape == [8, 12, 1])
    }

    @Test func framesOfAGIFShowTheOnesBeforeThem() throws {
      let file = try Tensor(Bytes(gif))
      let frames = try run("DecodeGif", [file])
      #expect(frames.shape == [2, 1, 2, 3])
      #expect(
        try frames.scalars() == [10, 20, 30, 40, 50, 60, 10, 20, 30, 10, 20, 30] as [UInt8])
      let first = try run(
        "DecodeImage", [file], ["channels": .int(0), "expand_animations": .bool(false)], .uint16)
      #expect(try first.scalars() == [2560, 5120, 7680, 10240, 12800, 15360] as [UInt16])
      #expect(throws: GraftError.self) { try run("DecodePng", [file], ["channels": .int(0)]) }
    }

    @Test func bitmapsStandOnTheirHeads() throws {
      let header: [UInt8] =
        Array("BM".utf8) + [
          0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0,
        ]
        + [UInt8](repeating: 0, count: 24)
      let file = header + [3, 2, 1, 0, 6, 5, 4, 0]
      let pixels = try run("DecodeBmp", [try Tensor(Bytes(file))], ["channels": .int(4)])
      #expect(pixels.shape == [2, 1, 4])
      #expect(try pixels.scalars() == [4, 5, 6, 255, 1, 2, 3, 255] as [UInt8])
      #expect(throws: GraftError.self) {
        try run("DecodeBmp", [try Tensor(Bytes(Array(file.dropLast())))], ["channels": .int(0)])
      }
    }

    /// Lossless WebP files that libwebp wrote; the pixels are what tf.raw_ops.DecodeWebP gives.
    private let opaque =
      "UklGRjAAAABXRUJQVlA4TCQAAAAvAkAAAC8gEEgMAtnfcIlROYfK/Ce2oaZtAzbU+ZdTI/of0ws="
    private let transparent = "UklGRigAAABXRUJQVlA4TBsAAAAvAUAAEB9wD54/8LyFpzyB/yAboEwVZhH9jx0A"

    @Test func framesOfAWebPHaveThreeChannelsOrFour() throws {
      let file = try Tensor(Bytes(Array(try #require(Data(base64Encoded: opaque)))))
      let frames = try run("DecodeWebP", [file], ["channels": .int(0)])
      #expect(frames.shape == [1, 2, 3, 3])
      #expect(try frames.scalars(as: UInt8.self) == (0..<18).map { $0 * 14 })
      let image = try run("DecodeImage", [file], ["channels": .int(3), "expand_animations": .bool(true)])
      #expect(try image.scalars(as: UInt8.self) == frames.scalars())
      let clear = try Tensor(Bytes(Array(try #require(Data(base64Encoded: transparent)))))
      let pixels = try run("DecodeWebP", [clear], ["channels": .int(0)])
      #expect(pixels.shape == [1, 2, 2, 4])
      #expect(try pixels.scalars(as: UInt8.self) == (1...16).map { $0 * 15 })
      #expect(throws: GraftError.self) {
        try run("DecodeImage", [clear], ["channels": .int(3), "expand_animations": .bool(true)])
      }
    }

    @Test func noDamageOfAFileIsATrap() throws {
      let png = try run("EncodePng", [try picture(3, 4, 3)], ["compression": .int(-1)], .string)
      let photo = try run(
        "EncodeJpegVariableQuality", [try picture(9, 9, 3), try Tensor(Int32(50))], [:], .string)
      let webP = Array(try #require(Data(base64Encoded: opaque)))
      let files = [
        gif, webP, bmp(), try png.scalars(as: Bytes.self)[0].bytes,
        try photo.scalars(as: Bytes.self)[0].bytes,
      ]
      let image: [String: AttributeValue] = ["channels": .int(0), "expand_animations": .bool(true)]
      for file in files {
        for place in file.indices {
          for bit in [0, 3, 7] as [UInt8] {
            var damaged = file
            damaged[place] ^= 1 << bit
            _ = try? run("DecodeImage", [try Tensor(Bytes(damaged))], image, .float32)
          }
          _ = try? run("DecodeImage", [try Tensor(Bytes(Array(file[..<place])))], image, .float32)
        }
      }
      let error = #expect(throws: GraftError.self) {
        try run("DecodeImage", [try Tensor(Bytes("garbage"))], image, .float32)
      }
      #expect(error?.code == .invalidArgument)
    }
  }
#endif
