// Pooling of float32, for one instruction set, by way of variants.h.

#include "registers-kernel.h"

// Registers that are combined at once.
#define MANY (WIDTH == 16 ? 4 : 8)

#define INITIAL(is_maximum) ((is_maximum) ? -FLT_MAX : 0.0f)

/// A result with one more element, of which a NaN is passed over where the largest is sought.
INLINE V NAME(combine)(const int is_maximum, V result, V x) {
  if (!is_maximum) return result + x;
#if WIDTH == 16
  return (V)_mm512_max_ps((__m512)x, (__m512)result);
#elif WIDTH == 8
  return (V)_mm256_max_ps((__m256)x, (__m256)result);
#elif defined(__x86_64__)
  return (V)_mm_max_ps((__m128)x, (__m128)result);
#else
  return NAME(choose)(x > result, x, result);
#endif
}

INLINE float NAME(combine_one)(const int is_maximum, float result, float x) {
  return is_maximum ? x > result ? x : result : result + x;
}

// MARK: Pixel by pixel

/// Some registers of channels of a pixel.
INLINE void NAME(pool_block)(
    const int is_maximum, const int registers, const covered *window, ptrdiff_t first, float *y) {
  V results[8];
  UNROLL for (int j = 0; j < registers; j++) results[j] = (V){0} + INITIAL(is_maximum);
  for (ptrdiff_t depth = 0; depth < window->count[0]; depth++)
    for (ptrdiff_t height = 0; height < window->count[1]; height++) {
      const float *x = window->start + depth * window->step[0] + height * window->step[1] + first;
      for (ptrdiff_t width = 0; width < window->count[2]; width++, x += window->step[2])
        UNROLL for (int j = 0; j < registers; j++)
          results[j] = NAME(combine)(is_maximum, results[j], LOAD(x + j * WIDTH));
    }
  const float divisor = is_maximum ? 1 : (float)(window->count[0] * window->count[1] * window->count[2]);
  UNROLL for (int j = 0; j < registers; j++)
    STORE(y + first + j * WIDTH, is_maximum ? results[j] : results[j] / divisor);
}

/// The same of fewer channels than a register has lanes.
INLINE void NAME(pool_few)(const int is_maximum, const covered *window, ptrdiff_t channels, float *y) {
  for (ptrdiff_t i = 0; i < channels; i++) y[i] = INITIAL(is_maximum);
  for (ptrdiff_t depth = 0; depth < window->count[0]; depth++)
    for (ptrdiff_t height = 0; height < window->count[1]; height++) {
      const float *x = window->start + depth * window->step[0] + height * window->step[1];
      for (ptrdiff_t width = 0; width < window->count[2]; width++, x += window->step[2])
        for (ptrdiff_t i = 0; i < channels; i++) y[i] = NAME(combine_one)(is_maximum, y[i], x[i]);
    }
  const float divisor = (float)(window->count[0] * window->count[1] * window->count[2]);
  for (ptrdiff_t i = 0; i < channels && !is_maximum; i++) y[i] /= divisor;
}

INLINE void NAME(pool_pixels)(
    const int is_maximum, const graft_convolution *s, const float *x, float *y, ptrdiff_t first, ptrdiff_t last) {
  const ptrdiff_t channels = s->groups;
  covered window = {.step = {s->input[1] * s->input[2] * channels, s->input[2] * channels, channels}};
  const ptrdiff_t image_size = s->input[0] * window.step[0];
  ptrdiff_t rest = first;
  ptrdiff_t at[3];
  for (int axis = 2; axis >= 0; axis--) {
    at[axis] = rest % s->output[axis];
    rest /= s->output[axis];
  }
  const float *image = x + rest * image_size;
  for (ptrdiff_t pixel = first; pixel < last; pixel++) {
    window.start = image;
    for (int axis = 0; axis < 3; axis++) {
      const ptrdiff_t start = at[axis] * s->stride[axis] - s->padding[axis];
      const ptrdiff_t end = start + s->kernel[axis] < s->input[axis] ? start + s->kernel[axis] : s->input[axis];
      const ptrdiff_t lower = start > 0 ? start : 0;
      window.count[axis] = end > lower ? end - lower : 0;
      window.start += lower * window.step[axis];
    }
    float *target = y + pixel * channels;
    ptrdiff_t c = 0;
    for (; c + MANY * WIDTH <= channels; c += MANY * WIDTH) NAME(pool_block)(is_maximum, MANY, &window, c, target);
    for (; c + WIDTH <= channels; c += WIDTH) NAME(pool_block)(is_maximum, 1, &window, c, target);
    // The last ones again with some before them.
    if (c > 0 && c < channels) NAME(pool_block)(is_maximum, 1, &window, channels - WIDTH, target);
    if (c == 0) NAME(pool_few)(is_maximum, &window, channels, target);
    for (int axis = 2; axis >= 0 && ++at[axis] == s->output[axis]; axis--) {
      at[axis] = 0;
      if (axis == 0) image += image_size;
    }
  }
}

TARGET static void NAME(pool)(
    int is_maximum, const graft_convolution *s, const float *x, float *y, ptrdiff_t first, ptrdiff_t last) {
  if (is_maximum)
    NAME(pool_pixels)(1, s, x, y, first, last);
  else
    NAME(pool_pixels)(0, s, x, y, first, last);
}

// MARK: Row by row

/// Some registers of what lines have at the same place, `pitch` elements apart.
INLINE void NAME(combine_strip)(
    const int is_maximum, const int registers, const float *x, ptrdiff_t lines, ptrdiff_t pitch, float *y) {
  V results[8];
  UNROLL for (int j = 0; j < registers; j++) results[j] = (V){0} + INITIAL(is_maximum);
  for (ptrdiff_t line = 0; line < lines; line++, x += pitch)
    UNROLL for (int j = 0; j < registers; j++)
      results[j] = NAME(combine)(is_maximum, results[j], LOAD(x + j * WIDTH));
  UNROLL for (int j = 0; j < registers; j++) STORE(y + j * WIDTH, results[j]);
}

/// What lines of so many elements have at each place.
INLINE void NAME(combine_lines)(
    const int is_maximum, const float *x, ptrdiff_t lines, ptrdiff_t pitch, ptrdiff_t count, float *y) {
  ptrdiff_t i = 0;
  for (; i + MANY * WIDTH <= count; i += MANY * WIDTH)
    NAME(combine_strip)(is_maximum, MANY, x + i, lines, pitch, y + i);
  for (; i + WIDTH <= count; i += WIDTH) NAME(combine_strip)(is_maximum, 1, x + i, lines, pitch, y + i);
  if (i > 0 && i < count) {
    NAME(combine_strip)(is_maximum, 1, x + count - WIDTH, lines, pitch, y + count - WIDTH);
  } else {
    for (; i < count; i++) {
      float result = INITIAL(is_maximum);
      for (ptrdiff_t line = 0; line < lines; line++)
        result = NAME(combine_one)(is_maximum, result, x[line * pitch + i]);
      y[i] = result;
    }
  }
}

/// First the rows under a row's windows are combined, then the columns.
INLINE void NAME(rows)(
    const int is_maximum, const graft_convolution *s, const float *x, float *y, ptrdiff_t first, ptrdiff_t last,
    float *line) {
  const ptrdiff_t channels = s->groups, width = s->input[2] * channels, before = s->padding[2] * channels;
  const ptrdiff_t outputs = s->output[2], stride = s->stride[2], kernel = s->kernel[2];
  for (ptrdiff_t i = 0; i < before; i++) line[i] = INITIAL(is_maximum);
  for (ptrdiff_t i = before + width; i < graft_pool_line(s); i++) line[i] = INITIAL(is_maximum);
  for (ptrdiff_t row = first; row < last; row++) {
    const ptrdiff_t top = row % s->output[1] * s->stride[1] - s->padding[1];
    const ptrdiff_t lower = top > 0 ? top : 0;
    const ptrdiff_t upper = top + s->kernel[1] < s->input[1] ? top + s->kernel[1] : s->input[1];
    const ptrdiff_t rows = upper > lower ? upper - lower : 0;
    const float *source = x + (row / s->output[1] * s->input[1] + lower) * width;
    NAME(combine_lines)(is_maximum, source, rows, width, width, line + before);
    float *target = y + row * outputs * channels;
    if (stride == 1) {
      NAME(combine_lines)(is_maximum, line, kernel, channels, outputs * channels, target);
    } else {
      for (ptrdiff_t j = 0; j < outputs; j++) {
        const float *start = line + j * stride * channels;
        NAME(combine_lines)(is_maximum, start, kernel, channels, channels, target + j * channels);
      }
    }
    for (ptrdiff_t j = 0, next = 0; j < outputs && !is_maximum; j = next) {
      const ptrdiff_t columns = columns_under(s, j);
      // Neighbours with as many are divided together.
      while (next < outputs && columns_under(s, next) == columns) next++;
      const float divisor = (float)(rows * columns);
      for (ptrdiff_t i = j * channels; i < next * channels; i++) target[i] /= divisor;
    }
  }
}

TARGET static void NAME(pool_rows)(
    int is_maximum, const graft_convolution *s, const float *x, float *y, ptrdiff_t first, ptrdiff_t last,
    float *line) {
  if (is_maximum)
    NAME(rows)(1, s, x, y, first, last, line);
  else
    NAME(rows)(0, s, x, y, first, last, line);
}

#undef MANY
#undef INITIAL
