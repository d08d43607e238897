// The places of extremes for one instruction set, by way of variants.h.

typedef float NAME(values) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int32_t NAME(places) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float NAME(loose) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4)));

typedef _Bool NAME(flags) __attribute__((ext_vector_type(WIDTH)));

/// A bit for each lane.
TARGET static inline __attribute__((always_inline)) uint32_t NAME(bits)(NAME(places) mask) {
  NAME(flags) flags = __builtin_convertvector(mask, NAME(flags));
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

/// One or the other, where each lane of `when` is all ones or all zeros.
TARGET static inline __attribute__((always_inline)) NAME(places) NAME(place_where)(
    NAME(places) when, NAME(places) yes, NAME(places) no) {
  return (yes & when) | (no & ~when);
}

TARGET static inline __attribute__((always_inline)) NAME(values) NAME(value_where)(
    NAME(places) when, NAME(values) yes, NAME(values) no) {
  return (NAME(values))NAME(place_where)(when, (NAME(places))yes, (NAME(places))no);
}

TARGET static inline __attribute__((always_inline)) NAME(values) NAME(better)(
    const int is_largest, NAME(values) a, NAME(values) b) {
  return NAME(value_where)(is_largest ? b > a : b < a, b, a);
}

TARGET static inline __attribute__((always_inline)) NAME(values) NAME(all)(float value) {
  return value - (NAME(values)){0};
}

/// The first of the best elements of a row; numbers that are none are never better.
TARGET static inline __attribute__((always_inline)) ptrdiff_t NAME(place)(
    const int is_largest, const float *x, ptrdiff_t count) {
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
  NAME(values) lanes[2] = {NAME(all)(worst), NAME(all)(worst)};
  ptrdiff_t i = 0;
  for (; i + 2 * WIDTH <= count; i += 2 * WIDTH) {
    lanes[0] = NAME(better)(is_largest, lanes[0], *(const NAME(loose) *)(x + i));
    lanes[1] = NAME(better)(is_largest, lanes[1], *(const NAME(loose) *)(x + i + WIDTH));
  }
  if (i + WIDTH <= count) lanes[0] = NAME(better)(is_largest, lanes[0], *(const NAME(loose) *)(x + i));
  lanes[1] = NAME(better)(is_largest, lanes[1], *(const NAME(loose) *)(x + count - WIDTH));
  lanes[0] = NAME(better)(is_largest, lanes[0], lanes[1]);
  _Pragma("clang loop unroll(full)") for (int distance = WIDTH / 2; distance > 0; distance /= 2) {
    NAME(values) others;
    _Pragma("clang loop unroll(full)") for (int lane = 0; lane < WIDTH; lane++) others[lane] =
        lanes[0][lane ^ distance];
    lanes[0] = NAME(better)(is_largest, lanes[0], others);
  }
  // Where there is nothing but what is no number, and the worst, it is the first.
  const NAME(values) wanted = lanes[0];
  if (wanted[0] == worst) return 0;
  if (count <= 2 * WIDTH) {
    // Without a branch that is as often wrong as not.
    const uint64_t first = NAME(bits)(*(const NAME(loose) *)x == wanted);
    const uint64_t last = NAME(bits)(*(const NAME(loose) *)(x + count - WIDTH) == wanted);
    return __builtin_ctzll(first | last << (count - WIDTH));
  }
  for (i = 0; i + WIDTH <= count; i += WIDTH) {
    const uint32_t bits = NAME(bits)(*(const NAME(loose) *)(x + i) == wanted);
    if (bits) return i + __builtin_ctz(bits);
  }
  return count - WIDTH + __builtin_ctz(NAME(bits)(*(const NAME(loose) *)(x + count - WIDTH) == wanted));
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
TARGET static inline __attribute__((always_inline)) void NAME(insert)(
    const int registers, NAME(values) *values, NAME(places) *places, float value, int32_t place) {
  const NAME(values) new_value = NAME(all)(value);
  const NAME(places) new_place = place - (NAME(places)){0};
  _Pragma("clang loop unroll(full)") for (int j = registers - 1; j >= 0; j--) {
    NAME(values) before;
    NAME(places) places_before;
    before[0] = j > 0 ? values[j - 1][WIDTH - 1] : INFINITY;
    places_before[0] = j > 0 ? places[j - 1][WIDTH - 1] : 0;
    _Pragma("clang loop unroll(full)") for (int lane = 1; lane < WIDTH; lane++) {
      before[lane] = values[j][lane - 1];
      places_before[lane] = places[j][lane - 1];
    }
    const NAME(places) stays = values[j] >= new_value, is_here = before >= new_value;
    before = NAME(value_where)(is_here, new_value, before);
    places_before = NAME(place_where)(is_here, new_place, places_before);
    values[j] = NAME(value_where)(stays, values[j], before);
    places[j] = NAME(place_where)(stays, places[j], places_before);
  }
}

TARGET static inline __attribute__((always_inline)) int NAME(collect)(
    const int registers, const float *x, ptrdiff_t count, ptrdiff_t most, float *values, int32_t *places) {
  union {
    NAME(values) parts[4];
    float elements[4 * WIDTH];
  } best;
  NAME(places) found[4];
  for (int j = 0; j < registers; j++) best.parts[j] = NAME(all)(NAN), found[j] = (NAME(places)){0};
  NAME(values) floor = best.parts[0];
  for (ptrdiff_t begin = 0; begin < count; begin += WIDTH) {
    NAME(values) part = NAME(all)(-INFINITY);
    const ptrdiff_t length = count - begin < WIDTH ? count - begin : WIDTH;
    if (length == WIDTH)
      part = *(const NAME(loose) *)(x + begin);
    else
      memcpy(&part, x + begin, (size_t)length * sizeof(float));
    if (NAME(bits)(part != part)) return 0;
    uint32_t bits = ~NAME(bits)(part <= floor) & (~0u >> (32 - length));
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
