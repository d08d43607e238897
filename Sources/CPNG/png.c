#include "CPNG.h"

#if __has_include(<png.h>)
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *bytes;
  size_t count, position;
  char *message;
  size_t messageCapacity;
} Source;

typedef struct {
  uint8_t *bytes;
  size_t count, capacity;
  char *message;
  size_t messageCapacity;
} Target;

static void onReadError(png_structp png, png_const_charp text) {
  Source *source = png_get_error_ptr(png);
  snprintf(source->message, source->messageCapacity, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

static void onWriteError(png_structp png, png_const_charp text) {
  Target *target = png_get_error_ptr(png);
  snprintf(target->message, target->messageCapacity, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

static void onWarning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void readBytes(png_structp png, png_bytep destination, size_t count) {
  Source *source = png_get_io_ptr(png);
  if (count > source->count - source->position) png_error(png, "the file ends too early");
  memcpy(destination, source->bytes + source->position, count);
  source->position += count;
}

/// Says what libpng is to make of the file's samples; the result is how many channels that gives.
static int setTransforms(png_structp png, png_infop info, int wanted, int bits) {
  const int colour = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
  const int hasTransparency = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  const int hasAlpha = (colour & PNG_COLOR_MASK_ALPHA) != 0;
  const int isGrey = (colour & PNG_COLOR_MASK_COLOR) == 0;
  int channels = wanted;
  if (channels == 0) {
    channels = colour == PNG_COLOR_TYPE_PALETTE ? (hasTransparency ? 4 : 3) : png_get_channels(png, info);
  }
  if (channels % 2 == 0) {
    if (hasTransparency) png_set_tRNS_to_alpha(png);
    // TensorFlow's filler is the largest sample of the file, also where samples are widened afterwards.
    else if (!hasAlpha) png_set_add_alpha(png, (1u << depth) - 1, PNG_FILLER_AFTER);
  } else if (hasAlpha || hasTransparency) {
    png_set_strip_alpha(png);
  }
  if (depth > 8 && bits <= 8) png_set_strip_16(png);
  png_set_packing(png);
  png_set_interlace_handling(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (bits > 8) png_set_swap(png);
#endif
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (isGrey && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (channels < 3) {
    if (!isGrey) png_set_rgb_to_gray(png, 1, 0.299, 0.587);
  } else if (isGrey) {
    png_set_gray_to_rgb(png);
  }
  return channels;
}

int cpng_decode(
  const uint8_t *bytes, size_t count, int channels, int bits, size_t maximumBytes, CPNGPicture *picture,
  char *message, size_t messageCapacity) {
  Source source = {bytes, count, 0, message, messageCapacity};
  memset(picture, 0, sizeof *picture);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, onReadError, onWarning);
  if (!png) {
    snprintf(message, messageCapacity, "libpng could not be started");
    return -1;
  }
  png_infop info = png_create_info_struct(png);
  // Volatile: what is assigned after setjmp is looked at after longjmp.
  uint8_t *volatile pixels = NULL;
  png_bytep *volatile rows = NULL;
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    free(pixels);
    free(rows);
    return -1;
  }
  png_set_read_fn(png, &source, readBytes);
  png_read_info(png, info);
  const int widens = bits > 8 && png_get_bit_depth(png, info) <= 8;
  const int made = setTransforms(png, info, channels, bits);
  png_read_update_info(png, info);

  picture->width = png_get_image_width(png, info);
  picture->height = png_get_image_height(png, info);
  picture->channels = (uint32_t)made;
  const size_t width = picture->width, height = picture->height;
  const size_t row = width * (size_t)made * (bits > 8 ? 2 : 1);
  const size_t read = png_get_rowbytes(png, info);
  if (png_get_channels(png, info) != made || read != (widens ? row / 2 : row))
    png_error(png, "its kind of samples is not known");
  if (height == 0 || row == 0 || row > maximumBytes / height) {
    picture->isTooLarge = 1;
    png_error(png, "the picture is too large");
  }
  pixels = malloc(row * height);
  rows = malloc(height * sizeof(png_bytep));
  if (!pixels || !rows) png_error(png, "there is not enough memory");
  for (size_t y = 0; y < height; y++) rows[y] = pixels + y * row;
  png_read_image(png, rows);
  png_read_end(png, info);
  png_destroy_read_struct(&png, &info, NULL);
  if (widens) {
    for (size_t y = 0; y < height; y++) {
      uint16_t *wide = (uint16_t *)rows[y];
      for (size_t x = row / 2; x-- > 0;) wide[x] = (uint16_t)(rows[y][x] * 257);
    }
  }
  free(rows);
  picture->pixels = pixels;
  return 0;
}

static void writeBytes(png_structp png, png_bytep source, size_t count) {
  Target *target = png_get_io_ptr(png);
  if (count > target->capacity - target->count) {
    const size_t capacity = target->capacity * 2 + count + 4096;
    uint8_t *grown = realloc(target->bytes, capacity);
    if (!grown) png_error(png, "there is not enough memory");
    target->bytes = grown;
    target->capacity = capacity;
  }
  memcpy(target->bytes + target->count, source, count);
  target->count += count;
}

static void flushBytes(png_structp png) { (void)png; }

int cpng_encode(
  const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int bits, int compression,
  uint8_t **bytes, size_t *count, char *message, size_t messageCapacity) {
  static const int kinds[] = {
    PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  Target target = {NULL, 0, 0, message, messageCapacity};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &target, onWriteError, onWarning);
  if (!png) {
    snprintf(message, messageCapacity, "libpng could not be started");
    return -1;
  }
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    // Its address was given away, so that it is no register that longjmp would take back.
    free(target.bytes);
    return -1;
  }
  png_set_write_fn(png, &target, writeBytes, flushBytes);
  png_set_IHDR(
    png, info, width, height, bits, kinds[channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
    PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, compression);
  png_write_info(png, info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (bits > 8) png_set_swap(png);
#endif
  const size_t row = (size_t)width * (size_t)channels * (bits > 8 ? 2 : 1);
  for (uint32_t y = 0; y < height; y++) png_write_row(png, pixels + (size_t)y * row);
  png_write_end(png, NULL);
  png_destroy_write_struct(&png, &info);
  *bytes = target.bytes;
  *count = target.count;
  return 0;
}
#endif
