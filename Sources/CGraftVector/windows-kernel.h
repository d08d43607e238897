// What is computed of a few pixels' channels, for one instruction set, by way of variants.h.

/// Channels `first..<first + count` of a pooled pixel, kept in registers where the count is known.
TARGET static inline __attribute__((always_inline)) void NAME(pool_block)(
    int is_maximum, const covered *window, ptrdiff_t first, ptrdiff_t count, float *y) {
  float results[BLOCK];
  for (ptrdiff_t i = 0; i < count; i++) results[i] = is_maximum ? -FLT_MAX : 0.0f;
  for (ptrdiff_t depth = 0; depth < window->count[0]; depth++)
    for (ptrdiff_t height = 0; height < window->count[1]; height++) {
      const float *x = window->start + depth * window->step[0] + height * window->step[1] + first;
      for (ptrdiff_t width = 0; width < window->count[2]; width++, x += window->step[2]) {
        if (is_maximum) {
          // A NaN is passed over.
          for (ptrdiff_t i = 0; i < count; i++) results[i] = x[i] > results[i] ? x[i] : results[i];
        } else {
          for (ptrdiff_t i = 0; i < count; i++) results[i] += x[i];
        }
      }
    }
  if (is_maximum) {
    for (ptrdiff_t i = 0; i < count; i++) y[first + i] = results[i];
  } else {
    const float divisor = (float)(window->count[0] * window->count[1] * window->count[2]);
    for (ptrdiff_t i = 0; i < count; i++) y[first + i] = results[i] / divisor;
  }
}

TARGET static inline __attribute__((always_inline)) void NAME(pool_pixels)(
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
    for (; c + BLOCK <= channels; c += BLOCK) NAME(pool_block)(is_maximum, &window, c, BLOCK, target);
    for (; c + 16 <= channels; c += 16) NAME(pool_block)(is_maximum, &window, c, 16, target);
    if (c < channels) NAME(pool_block)(is_maximum, &window, c, channels - c, target);
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
  // The sums of a few channels stay in registers.
  ptrdiff_t first = 0;
  for (; first + 2 * WIDTH <= channels; first += 2 * WIDTH) {
    float sums[2 * WIDTH] = {0};
    for (ptrdiff_t step = 0; step <= 2 * reach; step++)
      for (ptrdiff_t i = 0; i < 2 * WIDTH; i++) sums[i] += squares[first + i + step];
    memcpy(norms + first, sums, sizeof sums);
  }
  for (ptrdiff_t step = 0; step <= 2 * reach; step++)
    for (ptrdiff_t i = first; i < channels; i++) norms[i] += squares[i + step];
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

TARGET static void NAME(gate)(
    const float *restrict x, const float *restrict gate, float *restrict y, ptrdiff_t pixels, ptrdiff_t channels) {
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++, x += channels, y += channels)
    for (ptrdiff_t i = 0; i < channels; i++) y[i] = x[i] * gate[i];
}

TARGET static void NAME(weigh)(
    const float *restrict x, const float *restrict weights, float *restrict y, ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t row = 0; row < rows; row++, x += columns, y += columns)
    for (ptrdiff_t i = 0; i < columns; i++) y[i] = x[i] * weights[row];
}
