// What is computed of a few pixels' channels, for one instruction set. Included by windows.c with
//   NAME(x)   x with a suffix of its own
//   TARGET    the attribute that selects the instructions

/// Channels `first..<first + count` of a pooled pixel, kept in registers where the count is known.
TARGET static inline __attribute__((always_inline)) void NAME(pool_block)(
    int is_maximum, const float *const *pixels, ptrdiff_t pixel_count, ptrdiff_t first, ptrdiff_t count, float *y) {
  float results[BLOCK];
  for (ptrdiff_t i = 0; i < count; i++) results[i] = is_maximum ? -FLT_MAX : 0.0f;
  for (ptrdiff_t k = 0; k < pixel_count; k++) {
    const float *x = pixels[k] + first;
    if (is_maximum) {
      // A NaN is passed over.
      for (ptrdiff_t i = 0; i < count; i++) results[i] = x[i] > results[i] ? x[i] : results[i];
    } else {
      for (ptrdiff_t i = 0; i < count; i++) results[i] += x[i];
    }
  }
  if (is_maximum) {
    for (ptrdiff_t i = 0; i < count; i++) y[first + i] = results[i];
  } else {
    const float divisor = (float)pixel_count;
    for (ptrdiff_t i = 0; i < count; i++) y[first + i] = results[i] / divisor;
  }
}

TARGET static void NAME(pool)(
    int is_maximum, const float *const *pixels, ptrdiff_t pixel_count, ptrdiff_t channels, float *y) {
  ptrdiff_t first = 0;
  for (; first + BLOCK <= channels; first += BLOCK) NAME(pool_block)(is_maximum, pixels, pixel_count, first, BLOCK, y);
  for (; first + 16 <= channels; first += 16) NAME(pool_block)(is_maximum, pixels, pixel_count, first, 16, y);
  if (first < channels) NAME(pool_block)(is_maximum, pixels, pixel_count, first, channels - first, y);
}

TARGET static int NAME(norms)(
    const float *restrict x, float *restrict squares, float *restrict norms, ptrdiff_t channels, ptrdiff_t reach,
    float bias, float alpha) {
  int is_finite = 1;
  for (ptrdiff_t i = 0; i < channels; i++) {
    const float square = x[i] * x[i];
    squares[reach + i] = square;
    is_finite &= square < INFINITY;
    norms[i] = 0;
  }
  for (ptrdiff_t step = 0; step <= 2 * reach; step++)
    for (ptrdiff_t i = 0; i < channels; i++) norms[i] += squares[i + step];
  for (ptrdiff_t i = 0; i < channels; i++) norms[i] = bias + alpha * norms[i];
  return is_finite;
}

TARGET static void NAME(divide_by_root)(
    const float *restrict x, const float *restrict norms, float *restrict y, ptrdiff_t count, int quarters) {
  switch (quarters) {
    case 2:
      for (ptrdiff_t i = 0; i < count; i++) y[i] = x[i] / __builtin_elementwise_sqrt(norms[i]);
      break;
    case 3:
      for (ptrdiff_t i = 0; i < count; i++) {
        const float root = __builtin_elementwise_sqrt(norms[i]);
        y[i] = x[i] / (root * __builtin_elementwise_sqrt(root));
      }
      break;
    default:
      for (ptrdiff_t i = 0; i < count; i++) y[i] = x[i] / norms[i];
  }
}

TARGET static void NAME(blend)(
    const float *top_left, const float *top_right, const float *bottom_left, const float *bottom_right, float across,
    float down, float *restrict y, ptrdiff_t channels) {
  for (ptrdiff_t i = 0; i < channels; i++) {
    const float upper = top_left[i] + (top_right[i] - top_left[i]) * across;
    const float lower = bottom_left[i] + (bottom_right[i] - bottom_left[i]) * across;
    y[i] = upper + (lower - upper) * down;
  }
}
