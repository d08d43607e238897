// Reductions of columns for one instruction set, by way of variants.h.

typedef float NAME(part) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int NAME(mask) __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float NAME(loose) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4)));

TARGET static inline __attribute__((always_inline)) NAME(part) NAME(take)(
    const columns_operation operation, NAME(part) total, NAME(part) x) {
  NAME(mask) stays;
  switch (operation) {
    case COLUMNS_SUM: return total + x;
    // Written so that NaN stays NaN, and of two zeros the later one counts.
    case COLUMNS_MAX: stays = (total > x) | (total != total); break;
    case COLUMNS_MIN: stays = (total < x) | (total != total); break;
  }
  return (NAME(part))(((NAME(mask))total & stays) | ((NAME(mask))x & ~stays));
}

/// Some columns' totals, in as many registers, while rows go by.
TARGET static inline __attribute__((always_inline)) void NAME(strip)(
    const columns_operation operation, const int registers, float *totals, const float *x, ptrdiff_t step,
    ptrdiff_t rows) {
  NAME(part) total[8];
  _Pragma("clang loop unroll(full)") for (int j = 0; j < registers; j++) total[j] =
      *(const NAME(loose) *)(totals + j * WIDTH);
  for (ptrdiff_t row = 0; row < rows; row++, x += step)
    _Pragma("clang loop unroll(full)") for (int j = 0; j < registers; j++) total[j] =
        NAME(take)(operation, total[j], *(const NAME(loose) *)(x + j * WIDTH));
  _Pragma("clang loop unroll(full)") for (int j = 0; j < registers; j++) *(NAME(loose) *)(totals + j * WIDTH) =
      total[j];
}

TARGET static inline void NAME(columns)(
    const columns_operation operation, float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows,
    ptrdiff_t count) {
  if (count > NARROW && rows > FEW) {
    // Long rows are read a few at a time: their lines follow each other in memory.
    for (ptrdiff_t row = 0; row < rows; row += FEW)
      NAME(columns)(operation, totals, x + row * step, step, rows - row < FEW ? rows - row : FEW, count);
    return;
  }
  ptrdiff_t column = 0;
  for (; column + 8 * WIDTH <= count; column += 8 * WIDTH)
    NAME(strip)(operation, 8, totals + column, x + column, step, rows);
  for (; column + WIDTH <= count; column += WIDTH)
    NAME(strip)(operation, 1, totals + column, x + column, step, rows);
  if (column == count) return;
  NAME(part) total = {0}, next = {0};
  const size_t rest = (size_t)(count - column) * sizeof(float);
  memcpy(&total, totals + column, rest);
  for (ptrdiff_t row = 0; row < rows; row++) {
    memcpy(&next, x + row * step + column, rest);
    total = NAME(take)(operation, total, next);
  }
  memcpy(totals + column, &total, rest);
}

TARGET static void NAME(reduce)(
    columns_operation operation, float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {
  switch (operation) {
    case COLUMNS_SUM: return NAME(columns)(COLUMNS_SUM, totals, x, step, rows, count);
    case COLUMNS_MAX: return NAME(columns)(COLUMNS_MAX, totals, x, step, rows, count);
    case COLUMNS_MIN: return NAME(columns)(COLUMNS_MIN, totals, x, step, rows, count);
  }
}
