// Sums of half-precision or bfloat16 numbers that are rounded to such at every step, for one instruction set, by way
// of variants.h. The numbers come as floats, of which they all are.

typedef float NAME(floats) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(sizeof(float))));
typedef unsigned NAME(bits) __attribute__((vector_size(WIDTH * sizeof(unsigned)), aligned(sizeof(unsigned))));
#define V NAME(floats)
#define B NAME(bits)
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define REGISTERS (GRAFT_PANEL_F32 / WIDTH)

/// The nearest numbers of 16 bits, ties to even.
INLINE V NAME(rounded)(const int is_half, V x) {
  if (is_half) {
#if WIDTH == 16
    return (V)_mm512_cvtph_ps(_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif WIDTH == 8
    return (V)_mm256_cvtph_ps(_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
    UNROLL for (int i = 0; i < WIDTH; i++) x[i] = half_to_float(float_to_half(x[i]));
    return x;
#endif
  }
  const B bits = (B)x, rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000u, isNumber = (B)(x == x);
  return (V)((rounded & isNumber) | (bits & ~isNumber));
}

/// All ones for those columns from `first` on that are before `end`.
INLINE B NAME(before)(ptrdiff_t first, ptrdiff_t end) {
  B result;
  UNROLL for (int i = 0; i < WIDTH; i++) result[i] = first + i < end ? ~0u : 0;
  return result;
}

/// The sums and one more product of each, which is rounded too where `grouped`.
INLINE V NAME(step)(const int is_half, V sum, V product, B grouped) {
  const B rounded = (B)NAME(rounded)(is_half, product);
  return NAME(rounded)(is_half, sum + (V)((rounded & grouped) | ((B)product & ~grouped)));
}

/// `rows` rows of a panel's first `columns`.
INLINE void NAME(stepped_tile)(
    const int is_half, const int rows, ptrdiff_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column, const float *b,
    const B *grouped, float *c, ptrdiff_t c_row, ptrdiff_t columns) {
  V sum[4][REGISTERS] = {0};
  for (ptrdiff_t p = 0; p < k; p++, b += GRAFT_PANEL_F32)
    UNROLL for (int i = 0; i < rows; i++) {
      const float value = a[i * a_row + p * a_column];
      UNROLL for (int j = 0; j < REGISTERS; j++) sum[i][j] =
          NAME(step)(is_half, sum[i][j], value * *(const V *)(b + j * WIDTH), grouped[j]);
    }
  UNROLL for (int i = 0; i < rows; i++) memcpy(c + i * c_row, sum[i], (size_t)columns * sizeof *c);
}

INLINE void NAME(stepped_product)(
    const int is_half, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column,
    const float *packed, float *c, ptrdiff_t c_row) {
  for (ptrdiff_t first = 0; first < n; first += GRAFT_PANEL_F32, packed += k * GRAFT_PANEL_F32) {
    const ptrdiff_t columns = n - first < GRAFT_PANEL_F32 ? n - first : GRAFT_PANEL_F32;
    B grouped[REGISTERS];
    UNROLL for (int j = 0; j < REGISTERS; j++) grouped[j] = NAME(before)(first + j * WIDTH, n - n % GROUP);
    ptrdiff_t i = 0;
#define TILE(rows)                                                                                              \
  for (; i + (rows) <= m; i += (rows))                                                                          \
    NAME(stepped_tile)(is_half, rows, k, a + i * a_row, a_row, a_column, packed, grouped, c + i * c_row + first, \
                       c_row, columns);
    TILE(4)
    TILE(1)
#undef TILE
  }
}

/// One register of channels of a pixel: those from `channel` on, of which only `lanes` are there.
INLINE void NAME(stepped_channels)(
    const int is_half, ptrdiff_t positions, const float *const *lines, const float *filter, ptrdiff_t channels,
    ptrdiff_t channel, ptrdiff_t lanes, float *y) {
  const B grouped = NAME(before)(channel, channels - channels % GROUP);
  V sum = {0};
  for (ptrdiff_t q = 0; q < positions; q++) {
    V x = {0}, weights = {0};
    if (lanes == WIDTH) {
      x = *(const V *)(lines[q] + channel);
      weights = *(const V *)(filter + q * channels + channel);
    } else {
      memcpy(&x, lines[q] + channel, (size_t)lanes * sizeof *y);
      memcpy(&weights, filter + q * channels + channel, (size_t)lanes * sizeof *y);
    }
    sum = NAME(step)(is_half, sum, x * weights, grouped);
  }
  memcpy(y + channel, &sum, (size_t)lanes * sizeof *y);
}

INLINE void NAME(stepped_depthwise)(
    const int is_half, const graft_convolution *s, const float *x, const float *filter, const float *zeros, float *y,
    ptrdiff_t first, ptrdiff_t last) {
  const ptrdiff_t channels = s->groups, positions = s->kernel[0] * s->kernel[1] * s->kernel[2];
  const float *lines[GRAFT_STEPS];
  for (ptrdiff_t pixel = first; pixel < last; pixel++) {
    lay_lines(s, x, zeros, pixel, lines);
    float *const target = y + pixel * channels;
    ptrdiff_t channel = 0;
    for (; channel + WIDTH <= channels; channel += WIDTH)
      NAME(stepped_channels)(is_half, positions, lines, filter, channels, channel, WIDTH, target);
    if (channel == channels) continue;
    // The last ones together with some that are done already, which come out the same.
    const ptrdiff_t lanes = channels < WIDTH ? channels : WIDTH;
    NAME(stepped_channels)(is_half, positions, lines, filter, channels, channels - lanes, lanes, target);
  }
}

#define DEFINE_STEPPED(kind, is_half)                                                                           \
  TARGET static void NAME(stepped_product_##kind)(                                                              \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column,               \
      const float *packed, float *c, ptrdiff_t c_row) {                                                         \
    NAME(stepped_product)(is_half, m, n, k, a, a_row, a_column, packed, c, c_row);                              \
  }                                                                                                             \
  TARGET static void NAME(stepped_depthwise_##kind)(                                                            \
      const graft_convolution *s, const float *x, const float *filter, const float *zeros, float *y,            \
      ptrdiff_t first, ptrdiff_t last) {                                                                        \
    NAME(stepped_depthwise)(is_half, s, x, filter, zeros, y, first, last);                                      \
  }
DEFINE_STEPPED(half, 1)
DEFINE_STEPPED(bfloat16, 0)
#undef DEFINE_STEPPED

#undef V
#undef B
#undef INLINE
#undef UNROLL
#undef REGISTERS
