// Winograd's convolutions of float32 for one instruction set, by way of variants.h.

#pragma clang fp contract(fast)

#include "registers-kernel.h"

#include "finish-kernel.h"

// Weights lie in files at any address.
typedef float NAME(few) __attribute__((vector_size(WIDTH / 2 * sizeof(float)), aligned(1)));
typedef double NAME(wide) __attribute__((vector_size(WIDTH / 2 * sizeof(double))));

#define D NAME(wide)

/// One dimension of a patch to the transformed space: `size` elements to as many.
INLINE void NAME(input_line)(const int size, const V *d, V *t) {
  if (size == 1) {
    t[0] = d[0];
  } else if (size == 4) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
  } else {
    const V even_a = d[4] - B2 * d[2], odd_a = A1 * (d[3] - B2 * d[1]);
    const V even_b = d[4] - A2 * d[2], odd_b = B1 * (d[3] - A2 * d[1]);
    t[0] = (d[0] + d[4]) - AB * d[2];
    t[1] = even_a + odd_a;
    t[2] = even_a - odd_a;
    t[3] = even_b + odd_b;
    t[4] = even_b - odd_b;
    t[5] = (d[1] + d[5]) - AB * d[3];
  }
}

/// One dimension back from the transformed space: `SIZE(tile)` sums to `tile` results.
INLINE void NAME(output_line)(const int tile, const V *m, V *y) {
  if (tile == 1) {
    y[0] = m[0];
  } else if (tile == 2) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
  } else {
    const V even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = A1 * odd_a + B1 * odd_b;
    y[2] = A2 * even_a + B2 * even_b;
    if (tile == 4) y[3] = A1 * A2 * odd_a + B1 * B2 * odd_b;
    y[tile - 1] += m[5];
  }
}

/// One dimension of a kernel to the transformed space: `TAPS(tile)` elements to `SIZE(tile)`.
INLINE void NAME(filter_line)(const int tile, const D *g, D *u) {
  const D zero = {0};
  u[0] = g[0];
  if (tile == 1) return;
  u[SIZE(tile) - 1] = g[TAPS(tile) - 1];
  if (tile == 2) {
    const D even = (g[0] + g[2]) * (zero + 0.5), odd = g[1] * (zero + 0.5);
    u[1] = even + odd;
    u[2] = even - odd;
  } else {
    const D third = tile == 3 ? g[3] : zero;
    const D even_a = (g[0] + g[2] * (zero + 0.5)) * (zero - 2.0 / 3);
    const D odd_a = (g[1] + third * (zero + 0.5)) * (zero - 2 * A / 3);
    const D even_b = (g[0] + g[2] * (zero + 2.0)) * (zero + 1.0 / 6);
    const D odd_b = (g[1] + third * (zero + 2.0)) * (zero + B / 6);
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
  }
}

INLINE void NAME(pack_panels)(
    const int high, const int wide, const graft_convolution *s, const float *filter, const float *scale,
    ptrdiff_t first, ptrdiff_t last, float *packed) {
  const D one = (D){0} + 1.0;
  const ptrdiff_t channels = s->input_channels, n = s->output_channels;
  const ptrdiff_t down = blocks(s->kernel[1], s->stride[1], high);
  const ptrdiff_t across = blocks(s->kernel[2], s->stride[2], wide);
  const ptrdiff_t k = s->kernel[0] * down * across * channels;
  const ptrdiff_t step = (n + GRAFT_PANEL_F32 - 1) / GRAFT_PANEL_F32 * GRAFT_PANEL_F32 * k;
  // Some channels of all panels at a time, for that reads on along the filter's rows.
  for (ptrdiff_t begin = 0; begin < k; begin += PACKED_CHANNELS)
    for (ptrdiff_t panel = first; panel < last; panel++)
      for (ptrdiff_t c = begin; c < begin + PACKED_CHANNELS && c < k; c++) {
        const ptrdiff_t block = c / channels, depth = block / (down * across);
        const ptrdiff_t first_row = block_start(block / across % down, s->stride[1], high);
        const ptrdiff_t first_column = block_start(block % across, s->stride[2], wide);
        for (ptrdiff_t j = 0; j < GRAFT_PANEL_F32; j += WIDTH / 2) {
          const ptrdiff_t output = panel * GRAFT_PANEL_F32 + j;
          float *target = packed + (panel * k + c) * GRAFT_PANEL_F32 + j;
          const D factor = scale ? __builtin_convertvector(*(const NAME(few) *)(scale + output), D) : one;
          D lines[4][6];
          UNROLL for (int h = 0; h < TAPS(high); h++) {
            D g[4];
            UNROLL for (int w = 0; w < TAPS(wide); w++) {
              g[w] = (D){0};
              const ptrdiff_t row = first_row + h * s->stride[1], column = first_column + w * s->stride[2];
              if (row >= s->kernel[1] || column >= s->kernel[2]) continue;
              const ptrdiff_t place = (depth * s->kernel[1] + row) * s->kernel[2] + column;
              const float *source = filter + (place * channels + c % channels) * n + output;
              g[w] = factor * __builtin_convertvector(*(const NAME(few) *)source, D);
            }
            NAME(filter_line)(wide, g, lines[h]);
          }
          UNROLL for (int w = 0; w < SIZE(wide); w++) {
            D g[4], u[6];
            UNROLL for (int h = 0; h < TAPS(high); h++) g[h] = lines[h][w];
            NAME(filter_line)(high, g, u);
            UNROLL for (int h = 0; h < SIZE(high); h++)
              *(NAME(few) *)(target + (h * SIZE(wide) + w) * step) = __builtin_convertvector(u[h], NAME(few));
          }
        }
      }
}

/// `height` and `width` are the patch's, those of the tile are in `tile`.
INLINE void NAME(input)(
    const int height, const int width, graft_winograd_tile tile, const graft_convolution *s, const float *x,
    const float *zeros, ptrdiff_t first, ptrdiff_t last, float *v, ptrdiff_t v_step) {
  const ptrdiff_t channels = s->input_channels, rows = s->input[1], columns = s->input[2];
  const tiles down = tiles_of(s->output[1], s->dilation[1], tile.height);
  const tiles across = tiles_of(s->output[2], s->dilation[2], tile.width);
  // What lies between the elements of a patch.
  const ptrdiff_t row_step = s->stride[1] * s->dilation[1], column_step = s->stride[2] * s->dilation[2];
  const ptrdiff_t block_rows = blocks(s->kernel[1], s->stride[1], tile.height);
  const ptrdiff_t block_columns = blocks(s->kernel[2], s->stride[2], tile.width);
  const ptrdiff_t slices = s->kernel[0] * block_rows * block_columns;
  for (ptrdiff_t index = first * slices; index < last * slices; index++, v += channels) {
    const ptrdiff_t place = index / slices, image = place / (across.count * down.count), block = index % slices;
    const ptrdiff_t column =
        tile_start(place % across.count, across, s->dilation[2], tile.width) * s->stride[2] +
        block_start(block % block_columns, s->stride[2], tile.width) * s->dilation[2] - s->padding[2];
    const ptrdiff_t row =
        tile_start(place / across.count % down.count, down, s->dilation[1], tile.height) * s->stride[1] +
        block_start(block / block_columns % block_rows, s->stride[1], tile.height) * s->dilation[1] - s->padding[1];
    const ptrdiff_t depth = image % s->output[0] * s->stride[0] +
                            block / (block_rows * block_columns) * s->dilation[0] - s->padding[0];
    const int is_inside = (size_t)depth < (size_t)s->input[0];
    const float *slice = x + (image / s->output[0] * s->input[0] + depth) * rows * columns * channels;
    const float *at[6][6];
    for (int i = 0; i < height; i++)
      for (int j = 0; j < width; j++) {
        const ptrdiff_t h = row + i * row_step, w = column + j * column_step;
        at[i][j] = is_inside && (size_t)h < (size_t)rows && (size_t)w < (size_t)columns
                       ? slice + (h * columns + w) * channels
                       : zeros;
      }
    for (ptrdiff_t c = 0; c < channels; c += WIDTH) {
      V lines[6][6];
      UNROLL for (int i = 0; i < height; i++) {
        V d[6];
        UNROLL for (int j = 0; j < width; j++) d[j] = LOAD(at[i][j] + c);
        NAME(input_line)(width, d, lines[i]);
      }
      UNROLL for (int j = 0; j < width; j++) {
        V d[6], t[6];
        UNROLL for (int i = 0; i < height; i++) d[i] = lines[i][j];
        NAME(input_line)(height, d, t);
        UNROLL for (int i = 0; i < height; i++) STORE(v + (i * width + j) * v_step + c, t[i]);
      }
    }
  }
}

INLINE void NAME(output)(
    const int high, const int wide, const graft_convolution *s, ptrdiff_t channels, const float *m, ptrdiff_t m_step,
    ptrdiff_t first, ptrdiff_t last, float *y, const graft_finish *finish) {
  const ptrdiff_t pixel_size = s->output_channels, height = s->output[1], width = s->output[2];
  const ptrdiff_t row_step = s->dilation[1], column_step = s->dilation[2];
  const tiles down = tiles_of(height, row_step, high), across = tiles_of(width, column_step, wide);
  const NAME(finish) end = NAME(finish_of)(finish);
  for (ptrdiff_t index = first; index < last; index++, m += channels) {
    const ptrdiff_t column = tile_start(index % across.count, across, column_step, wide);
    const ptrdiff_t row = tile_start(index / across.count % down.count, down, row_step, high);
    const ptrdiff_t pixel = (index / (across.count * down.count) * height + row) * width + column;
    const int rows = tile_size(row, height, row_step, high), columns = tile_size(column, width, column_step, wide);
    const float *addend = end.addend ? end.addend + pixel * end.addend_row : NULL;
    float *target = y + pixel * pixel_size;
    for (ptrdiff_t c = 0; c < channels; c += WIDTH) {
      V lines[6][4];
      UNROLL for (int i = 0; i < SIZE(high); i++) {
        V sums[6];
        UNROLL for (int j = 0; j < SIZE(wide); j++) sums[j] = LOAD(m + (i * SIZE(wide) + j) * m_step + c);
        NAME(output_line)(wide, sums, lines[i]);
      }
      const V offset = end.bias ? LOAD(end.bias + c) : (V){0}, slope = SLOPES(&end, LOAD(end.slopes + c));
      UNROLL for (int j = 0; j < wide; j++) {
        V sums[6], result[4];
        UNROLL for (int i = 0; i < SIZE(high); i++) sums[i] = lines[i][j];
        NAME(output_line)(high, sums, result);
        UNROLL for (int i = 0; i < high; i++) {
          if (i >= rows || j >= columns) continue;
          V value = result[i] + offset;
          const ptrdiff_t place = i * row_step * width + j * column_step;
          if (addend) value += LOAD(addend + place * end.addend_row + c);
          if (end.clamps) value = NAME(clamp)(value, end.upper);
          if (end.bends) value = NAME(bend)(value, slope);
          STORE(target + place * pixel_size + c, value);
        }
      }
    }
    if (end.rest != GRAFT_ACTIVATION_NONE) {
      const graft_finish rest = {.activation = end.rest};
      for (int i = 0; i < rows; i++)
        graft_finish_rows_f32(
            target + i * row_step * width * pixel_size, columns, channels, column_step * pixel_size, &rest);
    }
  }
}

TARGET static void NAME(winograd_input)(
    graft_winograd_tile tile, const graft_convolution *s, const float *x, const float *zeros, ptrdiff_t first,
    ptrdiff_t last, float *v, ptrdiff_t v_step) {
#define CASE(h, w) \
  if (SIZE(tile.height) == h && SIZE(tile.width) == w) NAME(input)(h, w, tile, s, x, zeros, first, last, v, v_step);
  CASE(4, 4)
  CASE(6, 6)
  CASE(1, 6)
  CASE(6, 1)
#undef CASE
}

// The tiles that there are.
#define EACH_TILE \
  CASE(2, 2)      \
  CASE(3, 3)      \
  CASE(4, 4)      \
  CASE(1, 3)      \
  CASE(1, 4)      \
  CASE(3, 1)      \
  CASE(4, 1)

TARGET static void NAME(winograd_output)(
    graft_winograd_tile tile, const graft_convolution *s, ptrdiff_t channels, const float *m, ptrdiff_t m_step,
    ptrdiff_t first, ptrdiff_t last, float *y, const graft_finish *finish) {
#define CASE(h, w) \
  if (tile.height == h && tile.width == w) NAME(output)(h, w, s, channels, m, m_step, first, last, y, finish);
  EACH_TILE
#undef CASE
}

TARGET static void NAME(winograd_pack)(
    graft_winograd_tile tile, const graft_convolution *s, const float *filter, const float *scale, ptrdiff_t first,
    ptrdiff_t last, float *packed) {
#define CASE(h, w) \
  if (tile.height == h && tile.width == w) NAME(pack_panels)(h, w, s, filter, scale, first, last, packed);
  EACH_TILE
#undef CASE
}

#undef EACH_TILE
#undef D
