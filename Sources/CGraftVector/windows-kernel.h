// What is computed of a few pixels' channels, for one instruction set, by way of variants.h.

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
