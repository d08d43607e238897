// Reductions of columns for one instruction set, by way of variants.h.

/// Some columns' totals, in as many registers of some lanes, while rows go by.
#define STRIP(lanes)                                                                                           \
  typedef float NAME(part##lanes) __attribute__((vector_size(lanes * sizeof(float))));                         \
  typedef int NAME(mask##lanes) __attribute__((vector_size(lanes * sizeof(float))));                           \
  typedef float NAME(loose##lanes) __attribute__((vector_size(lanes * sizeof(float)), aligned(4)));            \
  TARGET static inline __attribute__((always_inline)) NAME(part##lanes) NAME(take##lanes)(                     \
      const columns_operation operation, NAME(part##lanes) total, NAME(part##lanes) x) {                       \
    NAME(mask##lanes) stays;                                                                                   \
    switch (operation) {                                                                                       \
      case COLUMNS_SUM: return total + x;                                                                      \
      /* Written so that NaN stays NaN, and of two zeros the later one counts. */                              \
      case COLUMNS_MAX: stays = (total > x) | (total != total); break;                                         \
      case COLUMNS_MIN: stays = (total < x) | (total != total); break;                                         \
    }                                                                                                          \
    return (NAME(part##lanes))(((NAME(mask##lanes))total & stays) | ((NAME(mask##lanes))x & ~stays));          \
  }                                                                                                            \
  TARGET static inline __attribute__((always_inline)) void NAME(strip##lanes)(                                 \
      const columns_operation operation, const int registers, float *totals, const float *x, ptrdiff_t step,   \
      ptrdiff_t rows) {                                                                                        \
    NAME(part##lanes) total[8];                                                                                \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < registers; j++) total[j] =                          \
        *(const NAME(loose##lanes) *)(totals + j * lanes);                                                     \
    for (ptrdiff_t row = 0; row < rows; row++, x += step)                                                      \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < registers; j++) total[j] =                        \
          NAME(take##lanes)(operation, total[j], *(const NAME(loose##lanes) *)(x + j * lanes));                \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < registers; j++) *(NAME(loose##lanes) *)(            \
        totals + j * lanes) = total[j];                                                                        \
  }

STRIP(1)
STRIP(2)
STRIP(4)
#if WIDTH >= 8
STRIP(8)
#endif
#if WIDTH >= 16
STRIP(16)
#endif
#undef STRIP

#if WIDTH == 16
#define WIDE_STRIP NAME(strip16)
#elif WIDTH == 8
#define WIDE_STRIP NAME(strip8)
#else
#define WIDE_STRIP NAME(strip4)
#endif

/// The rest of the columns, less than a register has lanes, some of them at once.
#define REST(lanes)                                                                                            \
  if ((count - column) & lanes) {                                                                              \
    NAME(strip##lanes)(operation, 1, totals + column, x + column, step, rows);                                 \
    column += lanes;                                                                                           \
  }

TARGET static inline __attribute__((always_inline)) void NAME(walk)(
    const columns_operation operation, float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows,
    ptrdiff_t count) {
  ptrdiff_t column = 0;
  for (; column + 8 * WIDTH <= count; column += 8 * WIDTH)
    WIDE_STRIP(operation, 8, totals + column, x + column, step, rows);
  for (; column + WIDTH <= count; column += WIDTH)
    WIDE_STRIP(operation, 1, totals + column, x + column, step, rows);
#if WIDTH >= 16
  REST(8)
#endif
#if WIDTH >= 8
  REST(4)
#endif
  REST(2)
  REST(1)
}

#define OPERATION(name, operation)                                                                             \
  TARGET static void NAME(walk_##name)(                                                                        \
      float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {                        \
    /* Long rows are read a few at a time: their lines follow each other in memory. */                         \
    const ptrdiff_t most = count > NARROW ? FEW : rows;                                                        \
    for (ptrdiff_t row = 0; row < rows; row += most)                                                           \
      NAME(walk)(operation, totals, x + row * step, step, rows - row < most ? rows - row : most, count);       \
  }                                                                                                            \
  TARGET static void NAME(name)(                                                                               \
      float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {                        \
    if (step == count && count < WIDTH && count > 0 && rows >= MANY) {                                         \
      /* As many rows as a register has lanes are one of as many registers as there are columns. */            \
      float wide[WIDTH * WIDTH];                                                                               \
      const ptrdiff_t width = count * WIDTH, wholes = rows / WIDTH;                                            \
      memcpy(wide, x, (size_t)width * sizeof(float));                                                          \
      NAME(walk_##name)(wide, x + width, width, wholes - 1, width);                                            \
      NAME(walk_##name)(totals, wide, count, WIDTH, count);                                                    \
      x += wholes * width;                                                                                     \
      rows -= wholes * WIDTH;                                                                                  \
    }                                                                                                          \
    NAME(walk_##name)(totals, x, step, rows, count);                                                           \
  }

OPERATION(add, COLUMNS_SUM)
OPERATION(max, COLUMNS_MAX)
OPERATION(min, COLUMNS_MIN)
#undef OPERATION
#undef REST
#undef WIDE_STRIP
