// Convolutions of float32 in groups of few channels, for one instruction set, by way of variants.h.
//
// A register holds neighbouring output channels. In a depthwise convolution they read the same channels of the input;
// else the channels of one or more groups: in turn the first input of each lane's group, the second and so on.

#pragma clang fp contract(fast)

#include "registers-kernel.h"

#include "finish-kernel.h"

/// Which channels of the input the lanes read.
typedef struct {
  /// Channels of one group of the input, and of the output as a power of 2.
  ptrdiff_t inputs;
  int shift;
  /// The last channel from which a register is filled.
  ptrdiff_t last;
  /// The first input of each lane's group, where the first lane reads channel 0.
  NAME(bits) lanes;
} NAME(groups);

/// The elements of a register's length that the lanes name.
INLINE V NAME(spread)(const float *p, NAME(bits) lanes) {
#if WIDTH == 16
  return (V)_mm512_permutexvar_ps((__m512i)lanes, (__m512)LOAD(p));
#elif WIDTH == 8
  return (V)_mm256_permutevar8x32_ps((__m256)LOAD(p), (__m256i)lanes);
#else
  return (V){p[lanes[0]], p[lanes[1]], p[lanes[2]], p[lanes[3]]};
#endif
}

/// Channels `c..<c + WIDTH` of `columns` pixels in a row, `pitch` elements apart. `lines` holds for each row of the
/// window the addresses of the input's pixels under these windows. `groups` is NULL for a depthwise convolution.
INLINE void NAME(pixels)(
    const int columns, const int window, const int stride, const NAME(groups) * groups, ptrdiff_t rows,
    const float *const (*lines)[LINE], const float *filter, ptrdiff_t filter_pitch, ptrdiff_t c, float *y,
    ptrdiff_t pitch, const NAME(finish) * end) {
  const int count = (columns - 1) * stride + window;
  const ptrdiff_t inputs = groups ? groups->inputs : 1;
  ptrdiff_t from = c;
  NAME(bits) lanes = {0};
  if (groups) {
    const ptrdiff_t channel = (c >> groups->shift) * inputs;
    from = channel < groups->last ? channel : groups->last;
    lanes = groups->lanes + (int)(channel - from);
  }
  const V zero = {0};
  V sum[COLUMNS];
  const V start = end->bias ? LOAD(end->bias + c) : zero;
  UNROLL for (int j = 0; j < columns; j++) sum[j] = start;
  for (ptrdiff_t r = 0; r < rows; r++, filter += window * inputs * filter_pitch)
    for (ptrdiff_t input = 0; input < inputs; input++) {
      V weight[MAX_WINDOW];
      UNROLL for (int q = 0; q < window; q++) weight[q] = LOAD(filter + (q * inputs + input) * filter_pitch + c);
      UNROLL for (int i = 0; i < count; i++) {
        const float *source = lines[r][i] + from;
        const V value = groups ? NAME(spread)(source, lanes + (int)input) : LOAD(source);
        UNROLL for (int j = 0; j < columns; j++) {
          const int q = i - j * stride;
          if (q >= 0 && q < window) sum[j] += value * weight[q];
        }
      }
    }
  UNROLL for (int j = 0; j < columns; j++) {
    if (end->clamps) sum[j] = NAME(clamp)(sum[j], end->upper);
    if (end->bends) sum[j] = NAME(bend)(sum[j], SLOPES(end, LOAD(end->slopes + c)));
    STORE(y + j * pitch + c, sum[j]);
  }
}

INLINE void NAME(span)(
    const int columns, const int window, const int stride, const NAME(groups) * groups, ptrdiff_t rows,
    const float *const (*lines)[LINE], const float *filter, ptrdiff_t filter_pitch, ptrdiff_t channels, float *y,
    ptrdiff_t pitch, const NAME(finish) * end) {
  ptrdiff_t c = 0;
  for (; c + WIDTH <= channels; c += WIDTH)
    NAME(pixels)(columns, window, stride, groups, rows, lines, filter, filter_pitch, c, y, pitch, end);
  // The last ones again with some before them.
  if (c < channels)
    NAME(pixels)
    (columns, window, stride, groups, rows, lines, filter, filter_pitch, channels - WIDTH, y, pitch, end);
}

INLINE void NAME(row)(
    const int window, const int stride, const NAME(groups) * groups, const graft_convolution *s,
    graft_pitches pitches, const float *x, int is_far, const float *filter, const float *zeros, float *y,
    ptrdiff_t image, ptrdiff_t line, const graft_finish *finish) {
  const ptrdiff_t channels = s->groups * s->output_channels, outputs = s->output[2];
  const ptrdiff_t width = s->input[2], height = s->input[1];
  const NAME(finish) end = NAME(finish_of)(finish);
  // Rows of the window that lie in the image.
  const ptrdiff_t down = s->dilation[1], across = s->dilation[2];
  const ptrdiff_t top = line * stride - s->padding[1];
  const ptrdiff_t bottom = top + (s->kernel[1] - 1) * down + 1;
  const ptrdiff_t first = top < 0 ? (down - 1 - top) / down : 0;
  const ptrdiff_t below = height > top ? (height - top + down - 1) / down : 0;
  const ptrdiff_t last = below < s->kernel[1] ? below : s->kernel[1];
  const ptrdiff_t rows = last > first ? last - first : 0;
  const float *source = x + (image * height + top + first * down) * width * pitches.x;
  const float *weights = filter + first * window * s->input_channels * pitches.filter;
  const float *lines[MAX_WINDOW][LINE];
  // Pixels as far apart as the window's columns are: their windows have pixels in common.
  for (ptrdiff_t phase = 0; phase < across && phase < outputs; phase++) {
    const ptrdiff_t end_of_phase = (outputs - phase + across - 1) / across;
    for (ptrdiff_t j = 0; j < end_of_phase; j += COLUMNS) {
      const ptrdiff_t left = (phase + j * across) * stride - s->padding[2];
      const ptrdiff_t columns = end_of_phase - j < COLUMNS ? end_of_phase - j : COLUMNS;
      const ptrdiff_t count = (columns - 1) * stride + window;
      // Pixels `before..<after` under the windows lie in the image.
      const ptrdiff_t outside = left < 0 ? (across - 1 - left) / across : 0;
      const ptrdiff_t inside = width > left ? (width - left + across - 1) / across : 0;
      const ptrdiff_t before = outside < count ? outside : count;
      const ptrdiff_t after = inside < before ? before : inside < count ? inside : count;
      for (ptrdiff_t r = 0; r < rows; r++) {
        const float *pixel = source + (r * down * width + left + before * across) * pitches.x;
        for (ptrdiff_t i = 0; i < before; i++) lines[r][i] = zeros;
        for (ptrdiff_t i = before; i < after; i++, pixel += across * pitches.x) lines[r][i] = pixel;
        for (ptrdiff_t i = after; i < count; i++) lines[r][i] = zeros;
      }
      // What the next line is the first to read.
      for (ptrdiff_t r = bottom; is_far && r < bottom + stride && (size_t)r < (size_t)height; r++) {
        const ptrdiff_t place = (phase + j) * stride, beyond = place + columns * stride;
        const ptrdiff_t pixels = (beyond < width ? beyond : width) - place;
        const float *next = x + ((image * height + r) * width + place) * pitches.x;
        for (ptrdiff_t e = 0; e < pixels * pitches.x; e += 16) __builtin_prefetch(next + e, 0, 2);
      }
      float *target = y + (phase + j * across) * pitches.y;
      const ptrdiff_t pitch = across * pitches.y;
#define CASE(columns)                                                                                          \
  case columns:                                                                                                \
    NAME(span)                                                                                                 \
    (columns, window, stride, groups, rows, lines, weights, pitches.filter, channels, target, pitch, &end);    \
    break;
      switch (columns) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
      }
#undef CASE
    }
  }
  if (end.rest != GRAFT_ACTIVATION_NONE) {
    const graft_finish rest = {.activation = end.rest};
    graft_finish_rows_f32(y, outputs, channels, pitches.y, &rest);
  }
}

TARGET static void NAME(grouped)(
    const graft_convolution *s, graft_pitches pitches, const float *x, int is_far, const float *filter,
    const float *zeros, float *y, ptrdiff_t first, ptrdiff_t last, const graft_finish *finish) {
  const int is_depthwise = s->input_channels == 1 && s->output_channels == 1;
  NAME(groups) groups = {s->input_channels, __builtin_ctz((unsigned)s->output_channels),
                         s->groups * s->input_channels - WIDTH};
  for (int lane = 0; lane < WIDTH; lane++) groups.lanes[lane] = (lane >> groups.shift) * (int)groups.inputs;
  for (ptrdiff_t index = first; index < last; index++) {
    const ptrdiff_t image = index / s->output[1], line = index % s->output[1];
    float *target = y + index * s->output[2] * pitches.y;
#define CASE(columns, step)                                                                                    \
  if (s->kernel[2] == columns && s->stride[2] == step) {                                                       \
    if (is_depthwise)                                                                                          \
      NAME(row)(columns, step, NULL, s, pitches, x, is_far, filter, zeros, target, image, line, finish);       \
    else                                                                                                       \
      NAME(row)(columns, step, &groups, s, pitches, x, is_far, filter, zeros, target, image, line, finish);    \
  }
    CASE(3, 1)
    CASE(3, 2)
    CASE(5, 1)
    CASE(5, 2)
    CASE(7, 1)
    CASE(7, 2)
#undef CASE
  }
}

// MARK: Windows of any size

/// Registers that lie a period apart, which have the same weights.
INLINE void NAME(periodic_tile)(
    const int registers, const float *const *lines, ptrdiff_t count, const float *weights, ptrdiff_t period, V bias,
    ptrdiff_t first, float *y) {
  V sums[MOST_PERIODS];
  UNROLL for (int j = 0; j < registers; j++) sums[j] = bias;
  for (ptrdiff_t q = 0; q < count; q++, weights += period) {
    const V weight = LOAD(weights);
    const float *x = lines[q] + first;
    UNROLL for (int j = 0; j < registers; j++) sums[j] += LOAD(x + j * period) * weight;
  }
  UNROLL for (int j = 0; j < registers; j++) STORE(y + first + j * period, sums[j]);
}

TARGET static void NAME(periodic_sums)(
    const float *const *lines, ptrdiff_t count, const float *weights, ptrdiff_t period, const float *bias,
    ptrdiff_t length, float *y) {
  for (ptrdiff_t part = 0; part < period && part < length; part += WIDTH) {
    const V start = LOAD(bias + part);
    for (ptrdiff_t first = part; first < length; first += MOST_PERIODS * period) {
      const ptrdiff_t left = (length - first + period - 1) / period;
#define CASE(registers)                                                                                        \
  case registers:                                                                                              \
    NAME(periodic_tile)(registers, lines, count, weights + part, period, start, first, y);                     \
    break;
      switch (left < MOST_PERIODS ? left : MOST_PERIODS) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
        CASE(8)
      }
#undef CASE
    }
  }
}
