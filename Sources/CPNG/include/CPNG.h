#ifndef C_PNG_H
#define C_PNG_H
#include <stddef.h>
#include <stdint.h>

// libpng leaves errors by longjmp, which Swift cannot be called across: so the whole decoding and encoding
// stands here. All functions return 0, or -1 with a message.

/// A decoded picture: rows from top to bottom, without gaps.
typedef struct {
  uint32_t width, height;
  /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
  uint32_t channels;
  /// malloc'ed, 8 or 16 bits a sample, the latter in this machine's order; the caller frees it.
  uint8_t *pixels;
  /// Whether it was refused for its size.
  int isTooLarge;
} CPNGPicture;

/// Decodes a PNG. Values are the file's own: no gamma is applied to them, unless colours become grey.
///
/// - channels: how many are wanted; 0 for as many as the file has, where a palette has 3 or 4.
/// - bits: 8 or 16; samples of fewer bits are widened, of 16 bits the upper 8 are taken.
/// - maximumBytes: more pixels than these hold are refused before they are decoded.
int cpng_decode(
  const uint8_t *bytes, size_t count, int channels, int bits, size_t maximumBytes, CPNGPicture *picture,
  char *message, size_t messageCapacity);

/// Encodes a picture of 1 to 4 channels and 8 or 16 bits. The result is malloc'ed; the caller frees it.
int cpng_encode(
  const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int bits, int compression,
  uint8_t **bytes, size_t *count, char *message, size_t messageCapacity);

#endif
