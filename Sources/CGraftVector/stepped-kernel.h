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
  // A NaN stays one: those that arithmetic makes, and those that were bfloat16, have nothing in their lower halves.
  const B bits = (B)x;
  return (V)((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000u);
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

/// Some registers of channels of a pixel: those from `channel` on, whose steps run side by side. The products of those
/// that are `grouped` are rounded too.
INLINE void NAME(stepped_channels)(
    const int is_half, const int registers, ptrdiff_t positions, const float *const *lines, const float *filter,
    ptrdiff_t channels, ptrdiff_t channel, B grouped, float *y) {
  V sums[4];
  UNROLL for (int j = 0; j < registers; j++) sums[j] = (V){0};
  for (ptrdiff_t q = 0; q < positions; q++) {
    const float *x = lines[q] + channel, *weights = filter + q * channels + channel;
    UNROLL for (int j = 0; j < registers; j++) sums[j] =
        NAME(step)(is_half, sums[j], *(const V *)(x + j * WIDTH) * *(const V *)(weights + j * WIDTH), grouped);
  }
  UNROLL for (int j = 0; j < registers; j++) *(V *)(y + channel + j * WIDTH) = sums[j];
}

/// The same of so few channels that they do not fill a register.
INLINE void NAME(stepped_few)(
    const int is_half, ptrdiff_t positions, const float *const *lines, const float *filter, ptrdiff_t channels,
    float *y) {
  const B grouped = NAME(before)(0, channels - channels % GROUP);
  const size_t bytes = (size_t)channels * sizeof *y;
  V sum = {0};
  for (ptrdiff_t q = 0; q < positions; q++) {
    V x = {0}, weights = {0};
    memcpy(&x, lines[q], bytes);
    memcpy(&weights, filter + q * channels, bytes);
    sum = NAME(step)(is_half, sum, x * weights, grouped);
  }
  memcpy(y, &sum, bytes);
}

INLINE void NAME(stepped_depthwise)(
    const int is_half, const graft_convolution *s, const float *x, const float *filter, const float *zeros, float *y,
    ptrdiff_t first, ptrdiff_t last) {
  const ptrdiff_t channels = s->groups, positions = s->kernel[0] * s->kernel[1] * s->kernel[2];
  const float *lines[GRAFT_STEPPED_POSITIONS];
  for (ptrdiff_t pixel = first; pixel < last; pixel++) {
    lay_lines(s, x, zeros, pixel, lines);
    float *const target = y + pixel * channels;
    if (channels < WIDTH) {
      NAME(stepped_few)(is_half, positions, lines, filter, channels, target);
      continue;
    }
    const ptrdiff_t end = channels - channels % GROUP;
    ptrdiff_t channel = 0;
    for (; channel + 4 * WIDTH <= end; channel += 4 * WIDTH)
      NAME(stepped_channels)(is_half, 4, positions, lines, filter, channels, channel, ~(B){0}, target);
    for (; channel < channels; channel += WIDTH) {
      // The last ones together with some that are done already, which come out the same.
      const ptrdiff_t start = channel + WIDTH <= channels ? channel : channels - WIDTH;
      NAME(stepped_channels)
      (is_half, 1, positions, lines, filter, channels, start, NAME(before)(start, end), target);
    }
  }
}

INLINE V NAME(joined)(const int is_half, const int multiplies, V a, V b) {
  return NAME(rounded)(is_half, multiplies ? a * b : a + b);
}

/// The sum or product of a row in the order of TensorFlow's loops: packets of 8, four of them side by side where there are
/// as many, then what is left over; the last packet's elements are joined without rounding.
INLINE float NAME(stepped_row)(const int is_half, const int multiplies, const float *x, ptrdiff_t count) {
  const float neutral = multiplies ? 1 : 0;
  float lanes[4][GROUP];
  for (int p = 0; p < 4; p++)
    for (int i = 0; i < GROUP; i++) lanes[p][i] = neutral;
  ptrdiff_t start = 0;
  if (count >= 4 * GROUP) {
    V parts[4 * GROUP / WIDTH];
    memcpy(parts, lanes, sizeof parts);
    for (; start + 4 * GROUP <= count; start += 4 * GROUP)
      UNROLL for (int j = 0; j < 4 * GROUP / WIDTH; j++) parts[j] =
          NAME(joined)(is_half, multiplies, parts[j], *(const V *)(x + start + j * WIDTH));
    memcpy(lanes, parts, sizeof parts);
  }
  // Several packets, or one of two halves, where a register is of another width.
#define JOIN(target, source, length)                                                                            \
  for (int i = 0; i < (length); i += WIDTH) {                                                                   \
    V a = {0}, b = {0};                                                                                         \
    const size_t bytes = ((length) - i < WIDTH ? (length) - i : WIDTH) * sizeof(float);                         \
    memcpy(&a, (target) + i, bytes);                                                                            \
    memcpy(&b, (source) + i, bytes);                                                                            \
    a = NAME(joined)(is_half, multiplies, a, b);                                                                \
    memcpy((target) + i, &a, bytes);                                                                            \
  }
  for (int p = 1; p < 4; p++) JOIN(lanes[0], lanes[p], GROUP)
  for (; start + GROUP <= count; start += GROUP) JOIN(lanes[0], x + start, GROUP)
  float rest = neutral;
  for (; start < count; start++) JOIN(&rest, x + start, 1)
  float *const packet = lanes[0];
  for (int length = GROUP / 2; length > 0; length /= 2)
    for (int i = 0; i < length; i++)
      packet[i] = multiplies ? packet[i] * packet[i + length] : packet[i] + packet[i + length];
  V whole = {packet[0]};
  whole = NAME(rounded)(is_half, whole);
  memcpy(packet, &whole, sizeof *packet);
  JOIN(&rest, packet, 1)
#undef JOIN
  return rest;
}

/// The sums or products of some columns, at most a register of them, over `rows` rows: one after the other, or four of
/// them side by side.
INLINE void NAME(stepped_column)(
    const int is_half, const int multiplies, const int parts, ptrdiff_t lanes, const float *x, ptrdiff_t rows,
    ptrdiff_t row, float *y) {
  V sums[4], next = {0};
  UNROLL for (int p = 0; p < parts; p++) sums[p] = (V){0} + (multiplies ? 1.0f : 0.0f);
  ptrdiff_t i = 0;
  for (; i + parts <= rows; i += parts)
    UNROLL for (int p = 0; p < parts; p++) {
      memcpy(&next, x + (i + p) * row, (size_t)lanes * sizeof *x);
      sums[p] = NAME(joined)(is_half, multiplies, sums[p], next);
    }
  UNROLL for (int p = 1; p < parts; p++) sums[0] = NAME(joined)(is_half, multiplies, sums[0], sums[p]);
  for (; i < rows; i++) {
    memcpy(&next, x + i * row, (size_t)lanes * sizeof *x);
    sums[0] = NAME(joined)(is_half, multiplies, sums[0], next);
  }
  memcpy(y, &sums[0], (size_t)lanes * sizeof *y);
}

/// The sums or products of all columns of a matrix in the order of TensorFlow's loops: results that are a packet, from
/// `first` of `total` on, are computed together, and others one by one.
INLINE void NAME(stepped_columns)(
    const int is_half, const int multiplies, const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first,
    ptrdiff_t total, float *y) {
  const ptrdiff_t end = total - total % GROUP;
  for (ptrdiff_t c = 0; c < columns;) {
    const int is_packet = (first + c) % GROUP == 0 && c + GROUP <= columns && first + c + GROUP <= end;
    if (!is_packet) {
      NAME(stepped_column)(is_half, multiplies, 1, 1, x + c, rows, columns, y + c);
      c++;
      continue;
    }
    for (int i = 0; i < GROUP; i += WIDTH) {
      const ptrdiff_t lanes = GROUP < WIDTH ? GROUP : WIDTH;
      if (rows >= 16)
        NAME(stepped_column)(is_half, multiplies, 4, lanes, x + c + i, rows, columns, y + c + i);
      else
        NAME(stepped_column)(is_half, multiplies, 1, lanes, x + c + i, rows, columns, y + c + i);
    }
    c += GROUP;
  }
}

#define DEFINE_STEPPED(kind, is_half)                                                                           \
  TARGET static void NAME(stepped_columns_##kind)(                                                              \
      int multiplies, const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first, ptrdiff_t total,      \
      float *y) {                                                                                               \
    if (multiplies)                                                                                             \
      NAME(stepped_columns)(is_half, 1, x, rows, columns, first, total, y);                                     \
    else                                                                                                        \
      NAME(stepped_columns)(is_half, 0, x, rows, columns, first, total, y);                                     \
  }                                                                                                             \
  TARGET static float NAME(stepped_row_##kind)(int multiplies, const float *x, ptrdiff_t count) {               \
    return multiplies ? NAME(stepped_row)(is_half, 1, x, count) : NAME(stepped_row)(is_half, 0, x, count);       \
  }                                                                                                             \
  TARGET static float NAME(stepped_pair_##kind)(float a, float b) {                                             \
    const V sum = {a + b};                                                                                      \
    return NAME(rounded)(is_half, sum)[0];                                                                      \
  }                                                                                                             \
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
