// The places of extremes for one instruction set, by way of variants.h.

#include "registers-kernel.h"

typedef _Bool NAME(flags) __attribute__((ext_vector_type(WIDTH)));

/// A bit for each lane.
INLINE uint32_t NAME(mask)(NAME(bits) lanes) {
  NAME(flags) flags = __builtin_convertvector(lanes, NAME(flags));
#if WIDTH == 16
  uint16_t bits;
#else
  uint8_t bits = 0;
#endif
  memcpy(&bits, &flags, sizeof bits);
#if WIDTH == 4
  bits &= 15;
#endif
  return bits;
}

INLINE V NAME(better)(const int is_largest, V a, V b) {
  return NAME(choose)(is_largest ? b > a : b < a, b, a);
}

INLINE V NAME(all)(float value) { return value - (V){0}; }

/// The first of the best elements of a row; numbers that are none are never better.
INLINE ptrdiff_t NAME(place)(const int is_largest, const float *x, ptrdiff_t count) {
  const float worst = is_largest ? -INFINITY : INFINITY;
  if (count < WIDTH) {
    ptrdiff_t found = 0;
    float best = worst;
    for (ptrdiff_t i = 0; i < count; i++) {
      if (is_largest ? x[i] > best : x[i] < best) best = x[i], found = i;
    }
    return found;
  }
  // First the value, of which the last few elements may be asked twice, then where it is.
  V lanes[2] = {NAME(all)(worst), NAME(all)(worst)};
  ptrdiff_t i = 0;
  for (; i + 2 * WIDTH <= count; i += 2 * WIDTH) {
    lanes[0] = NAME(better)(is_largest, lanes[0], LOAD(x + i));
    lanes[1] = NAME(better)(is_largest, lanes[1], LOAD(x + i + WIDTH));
  }
  if (i + WIDTH <= count) lanes[0] = NAME(better)(is_largest, lanes[0], LOAD(x + i));
  lanes[1] = NAME(better)(is_largest, lanes[1], LOAD(x + count - WIDTH));
  lanes[0] = NAME(better)(is_largest, lanes[0], lanes[1]);
  UNROLL for (int distance = WIDTH / 2; distance > 0; distance /= 2) {
    V others;
    UNROLL for (int lane = 0; lane < WIDTH; lane++) others[lane] = lanes[0][lane ^ distance];
    lanes[0] = NAME(better)(is_largest, lanes[0], others);
  }
  // Where there is nothing but what is no number, and the worst, it is the first.
  const V wanted = lanes[0];
  if (wanted[0] == worst) return 0;
  if (count <= 2 * WIDTH) {
    // Without a branch that is as often wrong as not.
    const uint64_t first = NAME(mask)(LOAD(x) == wanted);
    const uint64_t last = NAME(mask)(LOAD(x + count - WIDTH) == wanted);
    return __builtin_ctzll(first | last << (count - WIDTH));
  }
  for (i = 0; i + WIDTH <= count; i += WIDTH) {
    const uint32_t bits = NAME(mask)(LOAD(x + i) == wanted);
    if (bits) return i + __builtin_ctz(bits);
  }
  return count - WIDTH + __builtin_ctz(NAME(mask)(LOAD(x + count - WIDTH) == wanted));
}

#define PLACES(name, is_largest)                                                                               \
  TARGET static void NAME(name##_rows)(const float *x, int32_t *y, ptrdiff_t rows, ptrdiff_t count) {          \
    for (ptrdiff_t row = 0; row < rows; row++) y[row] = (int32_t)NAME(place)(is_largest, x + row * count, count); \
  }                                                                                                            \
  TARGET static void NAME(name##_columns)(                                                                     \
      float *best, int32_t *found, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {          \
    for (ptrdiff_t row = 0; row < rows; row++) {                                                               \
      const float *line = x + row * step;                                                                      \
      _Pragma("clang loop vectorize(assume_safety)") for (ptrdiff_t i = 0; i < count; i++) {                   \
        const float value = line[i], old = best[i];                                                            \
        const int takes = is_largest ? value > old : value < old;                                              \
        best[i] = takes ? value : old;                                                                         \
        found[i] = takes ? (int32_t)row : found[i];                                                            \
      }                                                                                                        \
    }                                                                                                          \
  }

PLACES(largest, 1)
PLACES(smallest, 0)
#undef PLACES

/// A value and its place put in order among others, of which the last one falls out; those that are not there yet are
/// NaN.
INLINE void NAME(insert)(
    const int registers, V *values, NAME(bits) *places, float value, int32_t place) {
  const V new_value = NAME(all)(value);
  const NAME(bits) new_place = place - (NAME(bits)){0};
  UNROLL for (int j = registers - 1; j >= 0; j--) {
    V before;
    NAME(bits) places_before;
    before[0] = j > 0 ? values[j - 1][WIDTH - 1] : INFINITY;
    places_before[0] = j > 0 ? places[j - 1][WIDTH - 1] : 0;
    UNROLL for (int lane = 1; lane < WIDTH; lane++) {
      before[lane] = values[j][lane - 1];
      places_before[lane] = places[j][lane - 1];
    }
    const NAME(bits) stays = values[j] >= new_value, is_here = before >= new_value;
    before = NAME(choose)(is_here, new_value, before);
    places_before = (NAME(bits))NAME(choose)(is_here, (V)new_place, (V)places_before);
    values[j] = NAME(choose)(stays, values[j], before);
    places[j] = (NAME(bits))NAME(choose)(stays, (V)places[j], (V)places_before);
  }
}

INLINE int NAME(collect)(
    const int registers, const float *x, ptrdiff_t count, ptrdiff_t most, float *values, int32_t *places) {
  union {
    V parts[4];
    float elements[4 * WIDTH];
  } best;
  NAME(bits) found[4];
  for (int j = 0; j < registers; j++) best.parts[j] = NAME(all)(NAN), found[j] = (NAME(bits)){0};
  V floor = best.parts[0];
  for (ptrdiff_t begin = 0; begin < count; begin += WIDTH) {
    V part = NAME(all)(-INFINITY);
    const ptrdiff_t length = count - begin < WIDTH ? count - begin : WIDTH;
    if (length == WIDTH)
      part = LOAD(x + begin);
    else
      memcpy(&part, x + begin, (size_t)length * sizeof(float));
    if (NAME(mask)(part != part)) return 0;
    uint32_t bits = ~NAME(mask)(part <= floor) & (~0u >> (32 - length));
    if (!bits) continue;
    for (; bits; bits &= bits - 1) {
      const int lane = __builtin_ctz(bits);
      NAME(insert)(registers, best.parts, found, x[begin + lane], (int32_t)(begin + lane));
    }
    floor = NAME(all)(best.elements[most - 1]);
  }
  memcpy(values, best.elements, (size_t)most * sizeof(float));
  memcpy(places, found, (size_t)most * sizeof(int32_t));
  return 1;
}

TARGET static int NAME(top)(const float *x, ptrdiff_t count, ptrdiff_t most, float *values, int32_t *places) {
  if (most <= WIDTH) return NAME(collect)(1, x, count, most, values, places);
  if (most <= 2 * WIDTH) return NAME(collect)(2, x, count, most, values, places);
  if (most <= 4 * WIDTH) return NAME(collect)(4, x, count, most, values, places);
  return 0;
}
