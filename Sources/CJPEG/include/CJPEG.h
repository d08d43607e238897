#ifndef C_JPEG_H
#define C_JPEG_H
#include <stddef.h>
#include <stdint.h>

// libjpeg ends the process on an error unless it is left by longjmp, which Swift cannot be called across: so
// the whole decoding and encoding stands here. All functions return 0, or -1 with a message.

/// A decoded picture: rows from top to bottom, without gaps.
typedef struct {
  uint32_t width, height;
  /// 1 grey, 3 RGB.
  uint32_t channels;
  /// malloc'ed, 8 bits a sample; the caller frees it.
  uint8_t *pixels;
  /// Whether it was refused for its size.
  int isTooLarge;
} CJPEGPicture;

/// How a picture is decoded.
typedef struct {
  /// 1 grey, 3 RGB, 0 as the file has it.
  int channels;
  /// 1, 2, 4 or 8: how much smaller the picture becomes.
  int ratio;
  /// Whether colours are interpolated where the file has fewer of them.
  int isFancy;
  /// Whether the faster, less exact transform is taken.
  int isFast;
  /// Whether a file that ends too early gives what there is of it.
  int recovers;
  /// Whether a part is taken, and which.
  int crops;
  int32_t top, left, height, width;
} CJPEGDecoding;

/// Decodes a JPEG. More pixels than `maximumBytes` hold are refused before they are decoded.
int cjpeg_decode(
  const uint8_t *bytes, size_t count, const CJPEGDecoding *options, size_t maximumBytes,
  CJPEGPicture *picture, char *message, size_t messageCapacity);

/// Reads the size of the picture in a JPEG; the pixels are not decoded.
int cjpeg_size(
  const uint8_t *bytes, size_t count, CJPEGPicture *size, char *message, size_t messageCapacity);

/// How a picture is encoded.
typedef struct {
  int quality;
  int isProgressive, isOptimized, keepsChroma;
  /// 1 dots per inch, 2 dots per centimetre.
  int densityUnit, horizontalDensity, verticalDensity;
  /// XMP metadata.
  const uint8_t *metadata;
  size_t metadataCount;
} CJPEGEncoding;

/// Encodes a picture of 1 or 3 channels. The result is malloc'ed; the caller frees it.
int cjpeg_encode(
  const uint8_t *pixels, uint32_t width, uint32_t height, int channels, const CJPEGEncoding *options,
  uint8_t **bytes, size_t *count, char *message, size_t messageCapacity);

#endif
