#include "CJPEG.h"

#if __has_include(<jpeglib.h>)
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf escape;
  char *message;
  size_t messageCapacity;
} Errors;

typedef struct {
  struct jpeg_source_mgr base;
  int recovers;
} Source;

static const char early[] = "it ends too early";

static void onError(j_common_ptr common) {
  Errors *errors = (Errors *)common->err;
  char text[JMSG_LENGTH_MAX];
  errors->base.format_message(common, text);
  snprintf(errors->message, errors->messageCapacity, "%s", text);
  longjmp(errors->escape, 1);
}

static void onMessage(j_common_ptr common, int level) {
  (void)common;
  (void)level;
}

static void fail(Errors *errors, const char *text) {
  snprintf(errors->message, errors->messageCapacity, "%s", text);
  longjmp(errors->escape, 1);
}

static void setErrors(Errors *errors, char *message, size_t messageCapacity) {
  jpeg_std_error(&errors->base);
  errors->base.error_exit = onError;
  errors->base.emit_message = onMessage;
  errors->message = message;
  errors->messageCapacity = messageCapacity;
}

static void doNothing(j_decompress_ptr jpeg) { (void)jpeg; }

/// Where the bytes end the picture ends, as if that were said, or the decoder stops. It stops, too, in the
/// middle of something, so that nothing is made of half of it: as TensorFlow has it.
static boolean fill(j_decompress_ptr jpeg) {
  static const JOCTET end[2] = {0xFF, JPEG_EOI};
  if (!((Source *)jpeg->src)->recovers || jpeg->src->bytes_in_buffer > 0) return FALSE;
  jpeg->src->next_input_byte = end;
  jpeg->src->bytes_in_buffer = 2;
  return TRUE;
}

static void skip(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  if ((size_t)count > jpeg->src->bytes_in_buffer) {
    jpeg->src->bytes_in_buffer = 0;
  } else {
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
  }
}

static void setSource(
  struct jpeg_decompress_struct *jpeg, Source *source, const uint8_t *bytes, size_t count, int recovers) {
  source->base.init_source = doNothing;
  source->base.fill_input_buffer = fill;
  source->base.skip_input_data = skip;
  source->base.resync_to_restart = jpeg_resync_to_restart;
  source->base.term_source = doNothing;
  source->base.next_input_byte = bytes;
  source->base.bytes_in_buffer = count;
  source->recovers = recovers;
  jpeg->src = &source->base;
}

/// Adobe's four inks stand inverted in the file: a sample is how much of the light is left.
static void convertInks(const uint8_t *inks, uint8_t *colours, size_t count, int areInverted) {
  for (size_t i = 0; i < count; i++) {
    const unsigned black = areInverted ? inks[4 * i + 3] : 255 - inks[4 * i + 3];
    for (int c = 0; c < 3; c++) {
      const unsigned ink = areInverted ? inks[4 * i + c] : 255 - inks[4 * i + c];
      colours[3 * i + c] = (uint8_t)(ink * black / 255);
    }
  }
}

int cjpeg_decode(
  const uint8_t *bytes, size_t count, const CJPEGDecoding *options, size_t maximumBytes,
  CJPEGPicture *picture, char *message, size_t messageCapacity) {
  memset(picture, 0, sizeof *picture);
  struct jpeg_decompress_struct jpeg = {0};
  Errors errors;
  Source source;
  setErrors(&errors, message, messageCapacity);
  jpeg.err = &errors.base;
  // Volatile: what is assigned after setjmp is looked at after longjmp.
  uint8_t *volatile pixels = NULL;
  uint8_t *volatile line = NULL;
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&jpeg);
    free(pixels);
    free(line);
    return -1;
  }
  jpeg_create_decompress(&jpeg);
  // A picture in several passes is kept as coefficients of two bytes, of its whole size however small the result.
  const size_t most = maximumBytes < LONG_MAX / 4 ? 2 * maximumBytes + (16 << 20) : LONG_MAX;
  jpeg.mem->max_memory_to_use = (long)most;
  setSource(&jpeg, &source, bytes, count, options->recovers);
  if (jpeg_read_header(&jpeg, TRUE) != JPEG_HEADER_OK) fail(&errors, early);
  const int channels = options->channels ? options->channels : jpeg.num_components < 3 ? jpeg.num_components : 3;
  const int hasInks = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  if (channels == 1) jpeg.out_color_space = JCS_GRAYSCALE;
  else if (channels == 3) jpeg.out_color_space = hasInks ? JCS_CMYK : JCS_RGB;
  else fail(&errors, "it has two channels");
  jpeg.scale_num = 1;
  jpeg.scale_denom = (unsigned)options->ratio;
  jpeg.do_fancy_upsampling = options->isFancy ? TRUE : FALSE;
  jpeg.dct_method = options->isFast ? JDCT_IFAST : JDCT_ISLOW;
  jpeg_calc_output_dimensions(&jpeg);
  if (jpeg.output_height == 0 || (size_t)jpeg.output_width * 4 > maximumBytes / jpeg.output_height) {
    picture->isTooLarge = 1;
    fail(&errors, "the picture is too large");
  }
  if (!jpeg_start_decompress(&jpeg)) fail(&errors, early);

  JDIMENSION top = 0, left = 0, width = jpeg.output_width, height = jpeg.output_height, start = 0;
  if (options->crops) {
    if (options->top < 0 || options->left < 0 || options->height <= 0 || options->width <= 0 ||
        (int64_t)options->top + options->height > (int64_t)height ||
        (int64_t)options->left + options->width > (int64_t)width)
      fail(&errors, "the part lies outside of the picture");
    top = (JDIMENSION)options->top;
    left = start = (JDIMENSION)options->left;
    width = (JDIMENSION)options->width;
    height = (JDIMENSION)options->height;
    JDIMENSION columns = width;
    // What can be cut off begins at whole blocks: the rest goes when rows are copied.
    jpeg_crop_scanline(&jpeg, &start, &columns);
    if (jpeg_skip_scanlines(&jpeg, top) != top) fail(&errors, early);
  }
  picture->width = width;
  picture->height = height;
  picture->channels = (uint32_t)channels;
  const size_t row = (size_t)width * (size_t)channels;
  pixels = malloc(row * height);
  line = malloc((size_t)jpeg.output_width * 4);
  if (!pixels || !line) fail(&errors, "there is not enough memory");
  for (JDIMENSION y = 0; y < height; y++) {
    JSAMPROW rows[1] = {line};
    uint8_t *target = pixels + (size_t)y * row;
    if (jpeg_read_scanlines(&jpeg, rows, 1) != 1) {
      if (!options->recovers) fail(&errors, early);
      // The last row that is there stands for those that are not.
      for (; y < height; y++, target += row) {
        if (y == 0) memset(target, 0, row);
        else memcpy(target, target - row, row);
      }
      jpeg.output_scanline = jpeg.output_height;
      break;
    }
    if (channels == 3 && hasInks) convertInks(line + (size_t)(left - start) * 4, target, width, jpeg.saw_Adobe_marker);
    else memcpy(target, line + (size_t)(left - start) * (size_t)channels, row);
  }
  if (jpeg.output_scanline < jpeg.output_height) jpeg_abort_decompress(&jpeg);
  else if (!jpeg_finish_decompress(&jpeg)) fail(&errors, early);
  jpeg_destroy_decompress(&jpeg);
  free(line);
  picture->pixels = pixels;
  return 0;
}

int cjpeg_size(
  const uint8_t *bytes, size_t count, CJPEGPicture *size, char *message, size_t messageCapacity) {
  memset(size, 0, sizeof *size);
  struct jpeg_decompress_struct jpeg = {0};
  Errors errors;
  Source source;
  setErrors(&errors, message, messageCapacity);
  jpeg.err = &errors.base;
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&jpeg);
    return -1;
  }
  jpeg_create_decompress(&jpeg);
  setSource(&jpeg, &source, bytes, count, 0);
  if (jpeg_read_header(&jpeg, TRUE) != JPEG_HEADER_OK) fail(&errors, early);
  jpeg_calc_output_dimensions(&jpeg);
  size->width = jpeg.output_width;
  size->height = jpeg.output_height;
  size->channels = (uint32_t)jpeg.output_components;
  jpeg_destroy_decompress(&jpeg);
  return 0;
}

static void writeMetadata(j_compress_ptr jpeg, const uint8_t *metadata, size_t count) {
  static const char name[] = "http://ns.adobe.com/xap/1.0/";
  if (count > 65533 - sizeof name) return;
  jpeg_write_m_header(jpeg, JPEG_APP0 + 1, (unsigned)(sizeof name + count));
  for (size_t i = 0; i < sizeof name; i++) jpeg_write_m_byte(jpeg, name[i]);
  for (size_t i = 0; i < count; i++) jpeg_write_m_byte(jpeg, metadata[i]);
}

int cjpeg_encode(
  const uint8_t *pixels, uint32_t width, uint32_t height, int channels, const CJPEGEncoding *options,
  uint8_t **bytes, size_t *count, char *message, size_t messageCapacity) {
  struct jpeg_compress_struct jpeg = {0};
  Errors errors;
  setErrors(&errors, message, messageCapacity);
  jpeg.err = &errors.base;
  unsigned char *result = NULL;
  unsigned long size = 0;
  // Where libjpeg keeps the result while it grows: not a register that longjmp would take back.
  unsigned char **volatile resultPlace = &result;
  if (setjmp(errors.escape)) {
    jpeg_destroy_compress(&jpeg);
    free(*resultPlace);
    return -1;
  }
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &result, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  if (options->isOptimized) jpeg.optimize_coding = TRUE;
  jpeg.density_unit = (UINT8)options->densityUnit;
  jpeg.X_density = (UINT16)options->horizontalDensity;
  jpeg.Y_density = (UINT16)options->verticalDensity;
  jpeg_set_quality(&jpeg, options->quality, TRUE);
  if (options->isProgressive) jpeg_simple_progression(&jpeg);
  if (options->keepsChroma) {
    for (int i = 0; i < jpeg.num_components; i++) {
      jpeg.comp_info[i].h_samp_factor = 1;
      jpeg.comp_info[i].v_samp_factor = 1;
    }
  }
  jpeg_start_compress(&jpeg, TRUE);
  if (options->metadataCount > 0) writeMetadata(&jpeg, options->metadata, options->metadataCount);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = (JSAMPROW)(pixels + (size_t)jpeg.next_scanline * width * (size_t)channels);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  *bytes = result;
  *count = size;
  return 0;
}
#endif
