// What is computed of a few pixels' channels, for one instruction set, by way of variants.h.

TARGET static int NAME(norms)(
    const float *restrict x, float *restrict squares, float *restrict norms, ptrdiff_t pixels, ptrdiff_t channels,
    ptrdiff_t reach, float bias, float alpha) {
  const ptrdiff_t pitch = channels + reach;
  int is_finite = 1;
  // Zeros stand between the pixels' squares, so that all of them are one line.
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++) {
    float *line = squares + pixel * pitch;
    for (ptrdiff_t i = 0; i < reach; i++) line[i] = 0;
    for (ptrdiff_t i = 0; i < channels; i++) {
      const float value = x[pixel * channels + i], square = value * value;
      line[reach + i] = square;
      is_finite &= square < INFINITY;
    }
  }
  for (ptrdiff_t i = 0; i < 2 * (reach + WIDTH); i++) squares[pixels * pitch + i] = 0;
  // The sums of a few places stay in registers; they take the place of squares that no later one reads.
  for (ptrdiff_t first = 0; first < pixels * pitch; first += 2 * WIDTH) {
    float sums[2 * WIDTH] = {0};
    for (ptrdiff_t step = 0; step <= 2 * reach; step++)
      for (ptrdiff_t i = 0; i < 2 * WIDTH; i++) sums[i] += squares[first + i + step];
    memcpy(squares + first, sums, sizeof sums);
  }
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++)
    for (ptrdiff_t i = 0; i < channels; i++)
      norms[pixel * channels + i] = bias + alpha * squares[pixel * pitch + i];
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
