#if Zstandard
  import CZstd
#endif

/// Expands what Zstandard has compressed, through libzstd.
package enum Zstandard {
  /// The bytes of one frame, or of several after each other.
  ///
  /// - Parameter admit: Is asked again and again, as the bytes become more, whether there is room for so many.
  /// - Throws: `GraftError`: `invalidArgument` for bytes that are no whole frames, `resourceExhausted` for too
  ///   many, `unimplemented` in a build without libzstd, and what `admit` throws.
  package static func expand(
    _ compressed: [UInt8], maximumSize: Int = Inflate.maximumSize,
    admit: (_ byteCount: Int) throws(GraftError) -> Void = { _ in }
  ) throws(GraftError) -> [UInt8] {
    #if Zstandard
      guard let stream = ZSTD_createDStream() else {
        throw GraftError(.resourceExhausted, "libzstd has no memory to expand.")
      }
      defer { ZSTD_freeDStream(stream) }
      var result: [UInt8] = []
      var isWhole = false
      var isTooLong = false
      var refusal: GraftError?
      compressed.withUnsafeBufferPointer { bytes in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 16) { chunk in
          var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
          // How much more the frame wants; 0 at its end.
          var wanted = bytes.isEmpty ? 1 : 0
          while input.pos < input.size {
            var output = ZSTD_outBuffer(dst: chunk.baseAddress, size: chunk.count, pos: 0)
            repeat {
              output.pos = 0
              wanted = ZSTD_decompressStream(stream, &output, &input)
              guard ZSTD_isError(wanted) == 0 else { return }
              result.append(contentsOf: chunk.prefix(output.pos))
              isTooLong = result.count > maximumSize
              do throws(GraftError) {
                try admit(result.count)
              } catch {
                refusal = error
                return
              }
            } while output.pos == output.size && wanted != 0 && !isTooLong
            guard !isTooLong else { return }
          }
          isWhole = wanted == 0
        }
      }
      if let refusal { throw refusal }
      guard !isTooLong else {
        throw GraftError(
          .resourceExhausted, "The data has more than \(maximumSize) bytes when it is expanded.")
      }
      guard isWhole else {
        throw GraftError(
          .invalidArgument, "The bytes are no data compressed with Zstandard, or are damaged or cut short.",
          remedy: "Check which compression they have.")
      }
      return result
    #else
      throw GraftError(
        .unimplemented, "This build does not read Zstandard.",
        remedy: "Build with the package trait 'Zstandard', which needs libzstd.")
    #endif
  }
}
