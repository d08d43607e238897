// Winograd's convolutions of float32 for one instruction set, by way of variants.h.

#pragma clang fp contract(fast)

typedef float NAME(vector) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float NAME(loose) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(sizeof(float))));
typedef int NAME(bits) __attribute__((vector_size(WIDTH * sizeof(float))));

// Weights lie in files at any address.
typedef float NAME(few) __attribute__((vector_size(WIDTH / 2 * sizeof(float)), aligned(1)));
typedef double NAME(wide) __attribute__((vector_size(WIDTH / 2 * sizeof(double))));

#define V NAME(vector)
#define D NAME(wide)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define LOAD(p) ((V) * (const NAME(loose) *)(p))
#define STORE(p, v) (*(NAME(loose) *)(p) = (NAME(loose))(v))
#define UNROLL _Pragma("clang loop unroll(full)")

/// One dimension of a patch to the transformed space: `tile + 2` elements to as many.
INLINE void NAME(input_line)(const int tile, const V *d, V *t) {
  if (tile == 2) {
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

/// One dimension back from the transformed space: `tile + 2` sums to `tile` results.
INLINE void NAME(output_line)(const int tile, const V *m, V *y) {
  if (tile == 2) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
  } else {
    const V even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = A1 * odd_a + B1 * odd_b;
    y[2] = A2 * even_a + B2 * even_b;
    y[3] = A1 * A2 * odd_a + B1 * B2 * odd_b + m[5];
  }
}

/// One dimension of a kernel to the transformed space: 3 elements to `tile + 2`.
INLINE void NAME(filter_line)(const int tile, const D *g, D *u) {
  const D zero = {0};
  u[0] = g[0];
  u[tile + 1] = g[2];
  if (tile == 2) {
    const D even = (g[0] + g[2]) * (zero + 0.5), odd = g[1] * (zero + 0.5);
    u[1] = even + odd;
    u[2] = even - odd;
  } else {
    const D even_a = (g[0] + g[2] * (zero + 0.5)) * (zero - 2.0 / 3), odd_a = g[1] * (zero - 2 * A / 3);
    const D even_b = (g[0] + g[2] * (zero + 2.0)) * (zero + 1.0 / 6), odd_b = g[1] * (zero + B / 6);
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
  }
}

INLINE void NAME(pack_panels)(
    const int tile, const graft_convolution *s, const float *filter, const float *scale, ptrdiff_t first,
    ptrdiff_t last, float *packed) {
  const int size = tile + 2;
  const D one = (D){0} + 1.0;
  const ptrdiff_t channels = s->input_channels, k = s->kernel[0] * channels, n = s->output_channels;
  const ptrdiff_t step = (n + GRAFT_PANEL_F32 - 1) / GRAFT_PANEL_F32 * GRAFT_PANEL_F32 * k;
  // Some channels of all panels at a time, for that reads on along the filter's rows.
  for (ptrdiff_t begin = 0; begin < k; begin += PACKED_CHANNELS)
    for (ptrdiff_t panel = first; panel < last; panel++)
      for (ptrdiff_t c = begin; c < begin + PACKED_CHANNELS && c < k; c++)
        for (ptrdiff_t j = 0; j < GRAFT_PANEL_F32; j += WIDTH / 2) {
          const ptrdiff_t column = panel * GRAFT_PANEL_F32 + j;
          const float *source = filter + (c / channels * 9 * channels + c % channels) * n + column;
          float *target = packed + (panel * k + c) * GRAFT_PANEL_F32 + j;
          const D factor = scale ? __builtin_convertvector(*(const NAME(few) *)(scale + column), D) : one;
          D lines[3][6];
          UNROLL for (int h = 0; h < 3; h++) {
            D g[3];
            UNROLL for (int w = 0; w < 3; w++)
              g[w] = factor * __builtin_convertvector(
                                  *(const NAME(few) *)(source + (h * 3 + w) * channels * n), D);
            NAME(filter_line)(tile, g, lines[h]);
          }
          UNROLL for (int w = 0; w < size; w++) {
            const D g[3] = {lines[0][w], lines[1][w], lines[2][w]};
            D u[6];
            NAME(filter_line)(tile, g, u);
            UNROLL for (int h = 0; h < size; h++)
              *(NAME(few) *)(target + (h * size + w) * step) = __builtin_convertvector(u[h], NAME(few));
          }
        }
}

INLINE void NAME(input)(
    const int tile, const graft_convolution *s, const float *x, const float *zeros, ptrdiff_t first,
    ptrdiff_t last, float *v, ptrdiff_t v_step) {
  const int size = tile + 2;
  const ptrdiff_t channels = s->input_channels, height = s->input[1], width = s->input[2];
  const ptrdiff_t down = (s->output[1] + tile - 1) / tile, across = (s->output[2] + tile - 1) / tile;
  const ptrdiff_t slices = s->kernel[0];
  for (ptrdiff_t index = first * slices; index < last * slices; index++, v += channels) {
    const ptrdiff_t place = index / slices, image = place / (across * down);
    const ptrdiff_t column = place % across * tile - s->padding[2];
    const ptrdiff_t row = place / across % down * tile - s->padding[1];
    const ptrdiff_t depth = image % s->output[0] * s->stride[0] + index % slices * s->dilation[0] - s->padding[0];
    const int is_inside = (size_t)depth < (size_t)s->input[0];
    const float *slice = x + (image / s->output[0] * s->input[0] + depth) * height * width * channels;
    const float *at[6][6];
    for (int i = 0; i < size; i++)
      for (int j = 0; j < size; j++)
        at[i][j] = is_inside && (size_t)(row + i) < (size_t)height && (size_t)(column + j) < (size_t)width
                       ? slice + ((row + i) * width + column + j) * channels
                       : zeros;
    for (ptrdiff_t c = 0; c < channels; c += WIDTH) {
      V lines[6][6];
      UNROLL for (int i = 0; i < size; i++) {
        V d[6];
        UNROLL for (int j = 0; j < size; j++) d[j] = LOAD(at[i][j] + c);
        NAME(input_line)(tile, d, lines[i]);
      }
      UNROLL for (int j = 0; j < size; j++) {
        V d[6], t[6];
        UNROLL for (int i = 0; i < size; i++) d[i] = lines[i][j];
        NAME(input_line)(tile, d, t);
        UNROLL for (int i = 0; i < size; i++) STORE(v + (i * size + j) * v_step + c, t[i]);
      }
    }
  }
}

INLINE void NAME(output)(
    const int tile, const graft_convolution *s, const float *m, ptrdiff_t m_step, ptrdiff_t first,
    ptrdiff_t last, float *y, const graft_finish *finish) {
  const int size = tile + 2;
  const ptrdiff_t channels = s->output_channels, height = s->output[1], width = s->output[2];
  const ptrdiff_t down = (height + tile - 1) / tile, across = (width + tile - 1) / tile;
  const graft_activation activation = finish->activation;
  const int clamps = activation == GRAFT_ACTIVATION_RELU || activation == GRAFT_ACTIVATION_RELU6;
  const V zero = {0}, upper = zero + (activation == GRAFT_ACTIVATION_RELU6 ? 6.0f : __builtin_inff());
  const float *bias = finish->bias;
  for (ptrdiff_t index = first; index < last; index++, m += channels) {
    const ptrdiff_t column = index % across * tile, row = index / across % down * tile;
    const ptrdiff_t pixel = (index / (across * down) * height + row) * width + column;
    const int rows = height - row < tile ? (int)(height - row) : tile;
    const int columns = width - column < tile ? (int)(width - column) : tile;
    const float *addend = finish->addend ? (const float *)finish->addend + pixel * finish->addend_row : 0;
    float *target = y + pixel * channels;
    for (ptrdiff_t c = 0; c < channels; c += WIDTH) {
      V lines[6][4];
      UNROLL for (int i = 0; i < size; i++) {
        V sums[6];
        UNROLL for (int j = 0; j < size; j++) sums[j] = LOAD(m + (i * size + j) * m_step + c);
        NAME(output_line)(tile, sums, lines[i]);
      }
      const V offset = bias ? LOAD(bias + c) : zero;
      UNROLL for (int j = 0; j < tile; j++) {
        V sums[6], result[4];
        UNROLL for (int i = 0; i < size; i++) sums[i] = lines[i][j];
        NAME(output_line)(tile, sums, result);
        UNROLL for (int i = 0; i < tile; i++) {
          if (i >= rows || j >= columns) continue;
          V value = result[i] + offset;
          const ptrdiff_t place = i * width + j;
          if (addend) value += LOAD(addend + place * finish->addend_row + c);
          if (clamps) {
            // Written so that NaN stays NaN.
            const NAME(bits) low = value < zero;
            value = (V)((NAME(bits))value & ~low);
            const NAME(bits) high = value > upper;
            value = (V)(((NAME(bits))upper & high) | ((NAME(bits))value & ~high));
          }
          STORE(target + place * channels + c, value);
        }
      }
    }
    if (!clamps && activation != GRAFT_ACTIVATION_NONE) {
      const graft_finish rest = {.activation = activation, .alpha = finish->alpha};
      for (int i = 0; i < rows; i++)
        graft_finish_rows_f32(target + i * width * channels, columns, channels, channels, &rest);
    }
  }
}

TARGET static void NAME(winograd_input)(
    int tile, const graft_convolution *s, const float *x, const float *zeros, ptrdiff_t first, ptrdiff_t last,
    float *v, ptrdiff_t v_step) {
  if (tile == 2)
    NAME(input)(2, s, x, zeros, first, last, v, v_step);
  else
    NAME(input)(4, s, x, zeros, first, last, v, v_step);
}

TARGET static void NAME(winograd_output)(
    int tile, const graft_convolution *s, const float *m, ptrdiff_t m_step, ptrdiff_t first, ptrdiff_t last,
    float *y, const graft_finish *finish) {
  if (tile == 2)
    NAME(output)(2, s, m, m_step, first, last, y, finish);
  else
    NAME(output)(4, s, m, m_step, first, last, y, finish);
}

TARGET static void NAME(winograd_pack)(
    int tile, const graft_convolution *s, const float *filter, const float *scale, ptrdiff_t first, ptrdiff_t last,
    float *packed) {
  if (tile == 2)
    NAME(pack_panels)(2, s, filter, scale, first, last, packed);
  else
    NAME(pack_panels)(4, s, filter, scale, first, last, packed);
}

#undef V
#undef D
#undef INLINE
#undef LOAD
#undef STORE
#undef UNROLL
