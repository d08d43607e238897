// The bodies of the loops. Each variant's file defines VARIANT(name), WIDTH, the elements of a register, and ABREAST,
// how many registers long chains of operations keep busy. It includes this once, so that the compiler makes them again
// for another set of instructions.

#include "CGraftVector.h"
#include "elementary.h"

// An output may be an input, element for element: no iteration reads what another writes.
#define EACH_ELEMENT _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < (size_t)count; i++)

// A few registers at a time, each operation for all of them before the next one, so that a processor finds independent
// work among its next instructions. Without these numbers the compiler takes short loops apart into single elements.
#define PRAGMA(text) _Pragma(#text)
#define SIDE_BY_SIDE(width, registers) \
  PRAGMA(clang loop vectorize(assume_safety) vectorize_width(width) interleave_count(registers))
#define SPAN (WIDTH * ABREAST)
// Two registers, as sums have them.
#define GROUP (WIDTH * 2)

// MARK: Functions of one number

// What is left over goes through a span of its own, so that no element is computed by other instructions than its
// neighbours.
#define IN_SPANS(name)                                                                            \
  void VARIANT(f32_##name)(const float *x, float *y, size_t count) {                              \
    size_t whole = count - count % SPAN;                                                          \
    for (size_t i = 0; i < whole; i += SPAN) VARIANT(f32_##name##_span)(x + i, y + i);            \
    if (whole == count) return;                                                                   \
    float rest[SPAN] = {0};                                                                       \
    memcpy(rest, x + whole, (count - whole) * sizeof(float));                                     \
    VARIANT(f32_##name##_span)(rest, rest);                                                       \
    memcpy(y + whole, rest, (count - whole) * sizeof(float));                                     \
  }
#define UNARY(name, expression)                                                                   \
  INLINE void VARIANT(f32_##name##_span)(const float *x, float *y) {                              \
    SIDE_BY_SIDE(WIDTH, ABREAST)                                                                  \
    for (int i = 0; i < SPAN; i++) {                                                              \
      float v = x[i];                                                                             \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }                                                                                               \
  IN_SPANS(name)

UNARY(exp, exp_f32(v))
UNARY(expm1, expm1_f32(v))
UNARY(log, log_f32(v))
UNARY(log1p, log1p_f32(v))
UNARY(tanh, tanh_f32(v))
UNARY(erf, erf_f32(v))
UNARY(erfc, erfc_f32(v))
UNARY(atan, atan_f32(v))
UNARY(asin, asin_f32(v))
UNARY(acos, acos_f32(v))
UNARY(atanh, atanh_f32(v))
UNARY(softplus, softplus_f32(v))
UNARY(softsign, v / (1.0f + absolute(v)))
UNARY(elu, elu_f32(v))
UNARY(selu, selu_f32(v))
// Comparisons are turned so that a NaN is passed on.
UNARY(relu, v <= 0.0f ? 0.0f : v)
UNARY(relu6, v <= 0.0f ? 0.0f : (v > 6.0f ? 6.0f : v))
UNARY(hard_silu, hard_silu_f32(v))
UNARY(mish, mish_f32(v))
UNARY(gelu, gelu_f32(v))
UNARY(abs, absolute(v))
UNARY(sign, v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v == 0.0f ? 0.0f : v)
UNARY(neg, -v)
UNARY(square, v *v)
UNARY(cube, v *(v * v))
UNARY(sqrt, __builtin_elementwise_sqrt(v))
UNARY(rsqrt, 1.0f / __builtin_elementwise_sqrt(v))
UNARY(reciprocal, 1.0f / v)
UNARY(floor, __builtin_elementwise_floor(v))
UNARY(ceil, __builtin_elementwise_ceil(v))
UNARY(round, __builtin_elementwise_roundeven(v))

#ifdef PERMUTATIONS
#include "logistic-avx512.h"
IN_SPANS(sigmoid)
IN_SPANS(silu)
IN_SPANS(gelu_tanh)
#else
UNARY(sigmoid, sigmoid_f32(v))
UNARY(silu, silu_f32(v))
UNARY(gelu_tanh, gelu_tanh_f32(v))
#endif

#define UNARY_DOUBLE(name, expression)                                                            \
  void VARIANT(f64_##name)(const double *x, double *y, size_t count) {                            \
    EACH_ELEMENT {                                                                                \
      double v = x[i];                                                                            \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }

UNARY_DOUBLE(floor, __builtin_elementwise_floor(v))
UNARY_DOUBLE(ceil, __builtin_elementwise_ceil(v))
UNARY_DOUBLE(round, __builtin_elementwise_roundeven(v))

// Places of steps are below 2^22, and are rounded down by additions alone, which vectors have everywhere.
#define STEPS(name, kind, OF, quotient)                                                           \
  void VARIANT(f32_steps_##name)(const float *x, float *y, size_t count, const kind *steps) {     \
    _Pragma("clang fp contract(off)") const kind s = *steps;                                      \
    EACH_ELEMENT {                                                                                \
      /* In this order a NaN stays one. */                                                        \
      const float limited = OF(high) < x[i] ? OF(high) : x[i];                                    \
      const float distance = (limited < OF(low) ? OF(low) : limited) - OF(low);                   \
      const float place = (quotient) - OF(zero) + 0.5f;                                           \
      const float nearest = (place + 0x1.8p23f) - 0x1.8p23f;                                      \
      y[i] = (nearest > place ? nearest - 1 : nearest) * OF(scale);                               \
    }                                                                                             \
  }
#define ONE(field) s.field
#define EACH(field) s.field[i]
STEPS(divided, graft_steps, ONE, distance / s.scale)
STEPS(multiplied, graft_steps, ONE, distance *s.inverse)
STEPS(of_channels, graft_channel_steps, EACH, distance *s.inverse[i])
#undef STEPS

// Rounds by additions alone too; what is 2^23 or more has no fractions.
#define NEAREST_STEPS(name, kind, OF, half, nearest)                                                \
  void VARIANT(f32_nearest_steps_##name)(const float *x, float *y, size_t count, const kind *steps) { \
    _Pragma("clang fp contract(off)") const kind s = *steps;                                      \
    EACH_ELEMENT {                                                                                \
      const float limited = OF(high) < x[i] ? OF(high) : x[i];                                    \
      const float place = (limited < OF(low) ? OF(low) : limited) * OF(inverse) + half;           \
      const float size = absolute(place), whole = (size + 0x1p23f) - 0x1p23f;                     \
      const float even = size < 0x1p23f ? __builtin_copysignf(whole, place) : place;              \
      y[i] = (nearest) * OF(scale);                                                               \
    }                                                                                             \
  }
// Adding this changes nothing, not even the sign of zero.
NEAREST_STEPS(even, graft_steps, ONE, -0.0f, even)
NEAREST_STEPS(even_of_channels, graft_channel_steps, EACH, -0.0f, even)
NEAREST_STEPS(up, graft_steps, ONE, 0.5f, even > place ? even - 1 : even)
NEAREST_STEPS(up_of_channels, graft_channel_steps, EACH, 0.5f, even > place ? even - 1 : even)
#undef NEAREST_STEPS
#undef ONE
#undef EACH

void VARIANT(f32_widen_range)(const float *x, size_t count, float *low, float *high) {
  float lows[64], highs[64];
  for (size_t lane = 0; lane < 64; lane++) lows[lane] = *low, highs[lane] = *high;
  size_t i = 0;
  for (; i + 64 <= count; i += 64)
    for (size_t lane = 0; lane < 64; lane++) {
      const float v = x[i + lane];
      lows[lane] = v < lows[lane] ? v : lows[lane];
      highs[lane] = v > highs[lane] ? v : highs[lane];
    }
  for (; i < count; i++) {
    lows[0] = x[i] < lows[0] ? x[i] : lows[0];
    highs[0] = x[i] > highs[0] ? x[i] : highs[0];
  }
  for (size_t lane = 0; lane < 64; lane++) {
    *low = lows[lane] < *low ? lows[lane] : *low;
    *high = highs[lane] > *high ? highs[lane] : *high;
  }
}

void VARIANT(f32_leaky_relu)(const float *x, float *y, size_t count, float alpha) {
  if (alpha < 1.0f) {
    EACH_ELEMENT {
      float v = x[i], scaled = v * alpha;
      y[i] = v < scaled ? scaled : v;
    }
  } else {
    EACH_ELEMENT {
      float v = x[i], scaled = v * alpha;
      y[i] = v > scaled ? scaled : v;
    }
  }
}

void VARIANT(f32_clip)(const float *x, float *y, size_t count, float low, float high) {
  EACH_ELEMENT {
    float v = x[i];
    v = v > high ? high : v;
    y[i] = v < low ? low : v;
  }
}

// What the fast reduction cannot do goes to the C library, number by number, so that a result does not
// depend on its neighbours.
INLINE float sine_of(float x, int64_t quadrants) {
  if (absolute(x) > TRIGONOMETRIC_LIMIT) return quadrants ? cosf(x) : sinf(x);
  return sin_shifted_f32(x, quadrants);
}

#define TRIGONOMETRIC(name, quadrants)                                                            \
  void VARIANT(f32_##name)(const float *x, float *y, size_t count) {                              \
    for (size_t begin = 0; begin < count; begin += 256) {                                         \
      size_t end = count - begin < 256 ? count : begin + 256;                                     \
      int outside = 0;                                                                            \
      for (size_t i = begin; i < end; i++) outside |= absolute(x[i]) > TRIGONOMETRIC_LIMIT;       \
      if (outside) {                                                                              \
        for (size_t i = begin; i < end; i++) y[i] = sine_of(x[i], quadrants);                     \
      } else {                                                                                    \
        _Pragma("clang loop vectorize(assume_safety)") for (size_t i = begin; i < end; i++)       \
            y[i] = sin_shifted_f32(x[i], quadrants);                                              \
      }                                                                                           \
    }                                                                                             \
  }

TRIGONOMETRIC(sin, 0)
TRIGONOMETRIC(cos, 1)

// MARK: Functions of two numbers

// Pairs of floats or doubles; in two more forms one side is a single number.
#define PAIRS_OF(T, name, expression)                                                             \
  void VARIANT(name)(const T *a, const T *b, T *y, size_t count) {                                \
    EACH_ELEMENT {                                                                                \
      T v = a[i], w = b[i];                                                                       \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }
#define BINARY_OF(T, name, expression)                                                            \
  PAIRS_OF(T, name, expression)                                                                   \
  void VARIANT(name##_left)(const T *a, const T *b, T *y, size_t count) {                         \
    T v = a[0];                                                                                   \
    EACH_ELEMENT {                                                                                \
      T w = b[i];                                                                                 \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }                                                                                               \
  void VARIANT(name##_right)(const T *a, const T *b, T *y, size_t count) {                        \
    T w = b[0];                                                                                   \
    EACH_ELEMENT {                                                                                \
      T v = a[i];                                                                                 \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }
#define PAIRS(name, expression) PAIRS_OF(float, f32_##name, expression)
#define BINARY(name, expression) BINARY_OF(float, f32_##name, expression)
#define BINARY_DOUBLE(name, expression) BINARY_OF(double, f64_##name, expression)

BINARY(add, v + w)
BINARY(sub, v - w)
BINARY(mul, v *w)
BINARY(div, v / w)
BINARY(floor_div, __builtin_elementwise_floor(v / w))
BINARY(atan2, atan2_f32(v, w))
BINARY(max, v > w || v != v ? v : w)
BINARY(min, v < w || v != v ? v : w)
BINARY(squared_difference, (v - w) * (v - w))
BINARY_DOUBLE(max, v > w || v != v ? v : w)
BINARY_DOUBLE(min, v < w || v != v ? v : w)
BINARY_DOUBLE(floor_div, __builtin_elementwise_floor(v / w))

INLINE float power_of(float x, float y) { return pow_is_plain(x, y) ? pow_plain_f32(x, y) : powf(x, y); }

// Where a block holds an argument that is not plain, it is done number by number, with the same results for
// those that are.
#define IN_BLOCKS(is_plain, vector, single)                                                       \
  for (size_t begin = 0; begin < count; begin += 256) {                                           \
    size_t end = count - begin < 256 ? count : begin + 256;                                       \
    int plain = 1;                                                                                \
    for (size_t i = begin; i < end; i++) plain &= is_plain;                                       \
    if (plain) {                                                                                  \
      _Pragma("clang loop vectorize(assume_safety)") for (size_t i = begin; i < end; i++) vector; \
    } else {                                                                                      \
      for (size_t i = begin; i < end; i++) single;                                                \
    }                                                                                             \
  }

#define POWER(name, left, right)                                                                  \
  void VARIANT(f32_##name)(const float *a, const float *b, float *y, size_t count) {              \
    float first = a[0], second = b[0];                                                            \
    (void)first, (void)second;                                                                    \
    IN_BLOCKS(pow_is_plain(left, right), y[i] = pow_plain_f32(left, right), y[i] = power_of(left, right)) \
  }

POWER(pow, a[i], b[i])
POWER(pow_left, first, b[i])
POWER(pow_right, a[i], second)

// MARK: Products of integers

#define LANES 64
/// Adds to `lanes` sums, at most as many as registers hold.
INLINE void VARIANT(add_integer_products)(
    const int32_t *a, ptrdiff_t step, ptrdiff_t k, const int32_t *b, ptrdiff_t row, int32_t *c, const size_t lanes) {
  uint32_t sums[LANES];
  for (size_t i = 0; i < lanes; i++) sums[i] = (uint32_t)c[i];
  for (ptrdiff_t p = 0; p < k; p++) {
    const uint32_t value = (uint32_t)a[p * step];
    const int32_t *line = b + p * row;
    for (size_t i = 0; i < lanes; i++) sums[i] += value * (uint32_t)line[i];
  }
  for (size_t i = 0; i < lanes; i++) c[i] = (int32_t)sums[i];
}

void VARIANT(i32_add_products)(
    const int32_t *a, ptrdiff_t step, ptrdiff_t k, const int32_t *b, ptrdiff_t row, int32_t *c, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) VARIANT(add_integer_products)(a, step, k, b + i, row, c + i, LANES);
  for (; i + 16 <= count; i += 16) VARIANT(add_integer_products)(a, step, k, b + i, row, c + i, 16);
  for (; i + 4 <= count; i += 4) VARIANT(add_integer_products)(a, step, k, b + i, row, c + i, 4);
  for (; i < count; i++) VARIANT(add_integer_products)(a, step, k, b + i, row, c + i, 1);
}
#undef LANES

// MARK: Choices

// Both are read whatever the condition says, so that there is no branch.
#define SELECT_LOOP(yes, no)                                                                      \
  EACH_ELEMENT {                                                                                  \
    const __typeof__(*result) first = yes, second = no;                                           \
    result[i] = c[i] ? first : second;                                                            \
  }
#define SELECT(bits)                                                                              \
  void VARIANT(select_##bits)(                                                                    \
      const void *condition, const void *t, ptrdiff_t t_step, const void *e, ptrdiff_t e_step, void *y,           \
      ptrdiff_t count) {                                                                          \
    const uint8_t *c = condition;                                                                 \
    const uint##bits##_t *yes = t, *no = e;                                                       \
    uint##bits##_t *result = y;                                                                   \
    if (count <= 0) return;                                                                       \
    const uint##bits##_t one = *yes, other = *no;                                                 \
    if (t_step && e_step) SELECT_LOOP(yes[i], no[i])                                              \
    else if (t_step) SELECT_LOOP(yes[i], other)                                                   \
    else if (e_step) SELECT_LOOP(one, no[i])                                                      \
    else SELECT_LOOP(one, other)                                                                  \
  }

SELECT(8)
SELECT(16)
SELECT(32)
SELECT(64)

// MARK: Reductions

#define LANES 32
#define BLOCK 1024
#define SHORT_ROW 32

/// The sum of the lanes, a power of two of them: of halves, quarters and so on.
INLINE float VARIANT(sum_of_lanes)(float *lanes, const size_t count) {
  for (size_t width = count / 2; width > 0; width /= 2) {
    for (size_t i = 0; i < width; i++) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

#define SUM(name, expression)                                                                     \
  static float VARIANT(name##_block)(const float *x, size_t count) {                              \
    float lanes[LANES] = {0};                                                                     \
    size_t whole = count - count % LANES;                                                         \
    for (size_t begin = 0; begin < whole; begin += LANES) {                                       \
      for (size_t i = 0; i < LANES; i++) {                                                        \
        float v = x[begin + i];                                                                   \
        lanes[i] += (expression);                                                                 \
      }                                                                                           \
    }                                                                                             \
    float rest = 0;                                                                               \
    for (size_t i = whole; i < count; i++) {                                                      \
      float v = x[i];                                                                             \
      rest += (expression);                                                                       \
    }                                                                                             \
    if (!whole) return rest;                                                                      \
    return VARIANT(sum_of_lanes)(lanes, LANES) + rest;                                            \
  }                                                                                               \
  static float VARIANT(name)(const float *x, size_t count) {                                      \
    if (count <= BLOCK) return VARIANT(name##_block)(x, count);                                   \
    size_t half = (count / 2 + BLOCK - 1) / BLOCK * BLOCK;                                        \
    return VARIANT(name)(x, half) + VARIANT(name)(x + half, count - half);                        \
  }                                                                                               \
  void VARIANT(f32_##name##_rows)(const float *x, float *y, size_t rows, size_t count) {          \
    for (size_t row = 0; row < rows; row++) y[row] = VARIANT(name)(x + row * count, count);       \
  }

SUM(sum, v)
SUM(sum_squares, v *v)

// The squares are summed of what is left without the mean, or they would be the difference of large numbers.
void VARIANT(f32_normalize_rows)(
    const float *x, const float *scale, const float *offset, float *y, size_t rows, size_t count, float epsilon) {
  for (size_t row = 0; row < rows; row++, x += count, y += count) {
    float mean = VARIANT(sum)(x, count) / (float)count;
    float lanes[LANES] = {0};
    size_t whole = count - count % LANES;
    for (size_t begin = 0; begin < whole; begin += LANES) {
      for (size_t i = 0; i < LANES; i++) {
        float v = x[begin + i] - mean;
        lanes[i] += v * v;
      }
    }
    float squares = 0;
    for (size_t i = whole; i < count; i++) squares += (x[i] - mean) * (x[i] - mean);
    float variance = (VARIANT(sum_of_lanes)(lanes, LANES) + squares) / (float)count;
    float factor = 1.0f / sqrtf(variance + epsilon);
    EACH_ELEMENT y[i] = (x[i] - mean) * factor * scale[i] + offset[i];
  }
}

void VARIANT(f32_normalize_columns)(
    const float *x, const float *mean, const float *scale, const float *offset, float *y, size_t rows, size_t count) {
  for (size_t row = 0; row < rows; row++, x += count, y += count)
    EACH_ELEMENT y[i] = (x[i] - mean[i]) * scale[i] + offset[i];
}

void VARIANT(f32_add_squares_columns)(
    float *totals, const float *x, const float *mean, size_t step, size_t rows, size_t count) {
  for (size_t row = 0; row < rows; row++, x += step)
    EACH_ELEMENT totals[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
}

#define EXTREME(name, initial, better)                                                            \
  INLINE void VARIANT(name##_of_lanes)(float *lanes, const float *x, size_t count) {              \
    for (size_t i = 0; i < count; i++) {                                                          \
      float v = x[i], w = lanes[i];                                                               \
      lanes[i] = v better w || v != v ? v : w;                                                    \
    }                                                                                             \
  }                                                                                               \
  static float VARIANT(name)(const float *x, size_t count) {                                      \
    float lanes[LANES], result = initial;                                                         \
    size_t whole = count - count % LANES;                                                         \
    if (whole == 0) {                                                                             \
      for (size_t i = 0; i < count; i++) VARIANT(name##_of_lanes)(&result, x + i, 1);             \
      return result;                                                                              \
    }                                                                                             \
    for (size_t i = 0; i < LANES; i++) lanes[i] = initial;                                        \
    for (size_t begin = 0; begin < whole; begin += LANES)                                         \
      VARIANT(name##_of_lanes)(lanes, x + begin, LANES);                                          \
    /* The last ones together with some that were there before. */                                \
    if (whole < count) VARIANT(name##_of_lanes)(lanes, x + count - LANES, LANES);                 \
    for (size_t width = LANES / 2; width > 0; width /= 2)                                         \
      VARIANT(name##_of_lanes)(lanes, lanes + width, width);                                      \
    return lanes[0];                                                                              \
  }                                                                                               \
  void VARIANT(f32_##name##_rows)(const float *x, float *y, size_t rows, size_t count) {          \
    for (size_t row = 0; row < rows; row++) y[row] = VARIANT(name)(x + row * count, count);       \
  }

EXTREME(max, -INFINITY, >)
EXTREME(min, INFINITY, <)

/// Powers of e of numbers less the largest, of which those from `first` on are added to the lanes' sums.
INLINE void VARIANT(exp_group)(const float *x, float *y, float largest, float *lanes, int first) {
  SIDE_BY_SIDE(WIDTH, 2) for (int i = 0; i < GROUP; i++) {
    float power = exp_negative_f32(x[i] - largest);
    y[i] = power;
    lanes[i] += i < first ? 0.0f : power;
  }
}

void VARIANT(f32_softmax_rows)(const float *x, float *y, size_t rows, size_t count) {
  for (size_t row = 0; row < rows; row++, x += count, y += count) {
    float largest = VARIANT(max)(x, count);
    if (!(largest < INFINITY)) {
      // Finite elements beside infinity or NaN have no share, as TensorFlow's kernel has it.
      EACH_ELEMENT y[i] = x[i] < INFINITY ? 0.0f : NAN;
      continue;
    }
    float lanes[GROUP] = {0}, last[GROUP];
    size_t left = count % GROUP, whole = count - left;
    if (whole == 0) {
      for (size_t i = 0; i < GROUP; i++) last[i] = -INFINITY;
      memcpy(last, x, count * sizeof(float));
      VARIANT(exp_group)(last, last, largest, lanes, 0);
    } else if (left > 0) {
      // A whole group of the last elements, before some of them may be overwritten.
      VARIANT(exp_group)(x + count - GROUP, last, largest, lanes, GROUP - (int)left);
    }
    for (size_t i = 0; i < whole; i += GROUP) VARIANT(exp_group)(x + i, y + i, largest, lanes, 0);
    float factor = 1.0f / VARIANT(sum_of_lanes)(lanes, GROUP);
    for (size_t i = 0; i < whole; i++) y[i] *= factor;
    if (left == 0) continue;
    for (size_t i = 0; i < GROUP; i++) last[i] *= factor;
    if (whole == 0)
      memcpy(y, last, count * sizeof(float));
    else
      memcpy(y + count - GROUP, last, sizeof last);
  }
}

/// The shares of the exponentials in columns' sums, a group of columns side by side.
INLINE void VARIANT(share_columns)(float *tile, size_t count, const float *largest) {
  float sum[GROUP] = {0};
  for (size_t row = 0; row < count; row++) {
    float *values = tile + row * GROUP;
    SIDE_BY_SIDE(WIDTH, 2) for (int i = 0; i < GROUP; i++) {
      // Finite elements beside infinity or NaN have no share, as TensorFlow's kernel has it.
      float share = values[i] < INFINITY ? 0.0f : NAN;
      float power = exp_negative_f32(values[i] - largest[i]);
      power = largest[i] < INFINITY ? power : share;
      values[i] = power;
      sum[i] += power;
    }
  }
  for (size_t i = 0; i < GROUP; i++) sum[i] = largest[i] < INFINITY ? sum[i] : 1.0f;
  for (size_t row = 0; row < count; row++) {
    for (size_t i = 0; i < GROUP; i++) tile[row * GROUP + i] /= sum[i];
  }
}

/// The logarithms of these shares.
INLINE void VARIANT(log_share_columns)(float *tile, size_t count, const float *largest) {
  float sum[GROUP] = {0};
  for (size_t row = 0; row < count; row++) {
    float *values = tile + row * GROUP;
    SIDE_BY_SIDE(WIDTH, 2) for (int i = 0; i < GROUP; i++) {
      values[i] -= largest[i];
      sum[i] += exp_f32(values[i]);
    }
  }
  for (size_t i = 0; i < GROUP; i++) sum[i] = log_f32(sum[i]);
  for (size_t row = 0; row < count; row++) {
    for (size_t i = 0; i < GROUP; i++) tile[row * GROUP + i] -= sum[i];
  }
}

// Short rows become columns, a group of them at a time.
#define SHORT_ROWS(name, share)                                                                         \
  void VARIANT(f32_##name##_short_rows)(const float *x, float *y, size_t rows, size_t count) {          \
    float tile[SHORT_ROW * GROUP];                                                                      \
    for (size_t i = 0; i < count * GROUP; i++) tile[i] = 0;                                             \
    for (size_t row = 0; row < rows; row += GROUP, x += count * GROUP, y += count * GROUP) {            \
      size_t taken = rows - row < GROUP ? rows - row : GROUP;                                           \
      for (size_t i = 0; i < taken; i++) {                                                              \
        for (size_t j = 0; j < count; j++) tile[j * GROUP + i] = x[i * count + j];                      \
      }                                                                                                 \
      float largest[GROUP];                                                                             \
      for (size_t i = 0; i < GROUP; i++) largest[i] = -INFINITY;                                        \
      for (size_t j = 0; j < count; j++) VARIANT(max_of_lanes)(largest, tile + j * GROUP, GROUP);       \
      VARIANT(share)(tile, count, largest);                                                             \
      for (size_t i = 0; i < taken; i++) {                                                              \
        for (size_t j = 0; j < count; j++) y[i * count + j] = tile[j * GROUP + i];                      \
      }                                                                                                 \
    }                                                                                                   \
  }
SHORT_ROWS(softmax, share_columns)
SHORT_ROWS(log_softmax, log_share_columns)
#undef SHORT_ROWS

// MARK: Conversions

#define CONVERSION(name, from, to, expression)                                                    \
  void VARIANT(name)(const from *x, to *y, size_t count) {                                        \
    EACH_ELEMENT {                                                                                \
      from v = x[i];                                                                              \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }

#ifdef HALF_INSTRUCTIONS
void VARIANT(half_to_f32)(const uint16_t *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
  }
  for (; i < count; i++) y[i] = half_to_float(x[i]);
}

void VARIANT(f32_to_half)(const float *x, uint16_t *y, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm_storeu_si128(
        (__m128i *)(y + i),
        _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  for (; i < count; i++) y[i] = float_to_half(x[i]);
}
#else
CONVERSION(half_to_f32, uint16_t, float, half_to_float(v))
CONVERSION(f32_to_half, float, uint16_t, float_to_half(v))
#endif
CONVERSION(bfloat16_to_f32, uint16_t, float, float_of((uint32_t)v << 16))
CONVERSION(f32_to_bfloat16, float, uint16_t, float_to_bfloat16(v))
CONVERSION(f32_to_i32, float, int32_t, integer_part(v))
CONVERSION(f64_to_i32, double, int32_t, integer_part_double(v))
CONVERSION(f64_to_i64, double, int64_t, long_part(v))

// The high half of the range is reached by subtracting 2^31 (2^63) first.
INLINE uint32_t unsigned_part(double x) {
  uint32_t low = (uint32_t)integer_part_double(x);
  uint32_t high = (uint32_t)integer_part_double(x - 2147483648.0);
  return low | ((low >> 31) ? high : 0);
}

INLINE uint64_t unsigned_long_part(double x) {
  uint64_t low = (uint64_t)long_part(x);
  uint64_t high = (uint64_t)long_part(x - 9223372036854775808.0);
  return low | ((low >> 63) ? high : 0);
}

CONVERSION(f64_to_u32, double, uint32_t, unsigned_part(v))
CONVERSION(f64_to_u64, double, uint64_t, unsigned_long_part(v))

// MARK: Functions of 16-bit numbers

#include "loops-stepped.h"

// MARK: Functions beyond the elementary ones

#include "loops-special.h"
