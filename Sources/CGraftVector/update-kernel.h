// Products taken from a matrix in place, for one instruction set, by way of variants.h.

#pragma clang fp contract(fast)

#define LANES (WIDTH / 2)
typedef double NAME(lanes) __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double))));
#define V NAME(lanes)
#define INLINE TARGET static inline __attribute__((always_inline)) void
#define UNROLL _Pragma("clang loop unroll(full)")

/// `rows` rows of `registers` registers.
INLINE NAME(subtract_tile)(
    const int rows, const int registers, ptrdiff_t k, const double *a, ptrdiff_t a_row, ptrdiff_t a_column,
    const double *b, ptrdiff_t b_row, double *c, ptrdiff_t c_row) {
  V rest[4][8];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < registers; j++) rest[i][j] = *(const V *)(c + i * c_row + j * LANES);
  for (ptrdiff_t p = 0; p < k; p++) {
    V factor[8];
    UNROLL for (int j = 0; j < registers; j++) factor[j] = *(const V *)(b + p * b_row + j * LANES);
    UNROLL for (int i = 0; i < rows; i++) {
      const double value = a[i * a_row + p * a_column];
      UNROLL for (int j = 0; j < registers; j++) rest[i][j] -= value * factor[j];
    }
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < registers; j++) *(V *)(c + i * c_row + j * LANES) = rest[i][j];
}

TARGET static void NAME(subtract_product)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *a, ptrdiff_t a_row, ptrdiff_t a_column, const double *b,
    ptrdiff_t b_row, double *c, ptrdiff_t c_row) {
  ptrdiff_t column = 0;
#define STRIP(registers)                                                                                        \
  for (; column + (registers)*LANES <= n; column += (registers)*LANES) {                                        \
    ptrdiff_t i = 0;                                                                                            \
    for (; i + 4 <= m; i += 4)                                                                                  \
      NAME(subtract_tile)(4, registers, k, a + i * a_row, a_row, a_column, b + column, b_row,                   \
                          c + i * c_row + column, c_row);                                                       \
    for (; i < m; i++)                                                                                          \
      NAME(subtract_tile)(1, registers, k, a + i * a_row, a_row, a_column, b + column, b_row,                   \
                          c + i * c_row + column, c_row);                                                       \
  }
  // Of a single row more columns at once, or each sum would wait for its last addition.
  if (m == 1)
    for (; column + 8 * LANES <= n; column += 8 * LANES)
      NAME(subtract_tile)(1, 8, k, a, a_row, a_column, b + column, b_row, c + column, c_row);
  STRIP(2)
  STRIP(1)
#undef STRIP
  for (; column < n; column++)
    for (ptrdiff_t i = 0; i < m; i++) {
      double rest = c[i * c_row + column];
      for (ptrdiff_t p = 0; p < k; p++) rest -= a[i * a_row + p * a_column] * b[p * b_row + column];
      c[i * c_row + column] = rest;
    }
}

#undef LANES
#undef V
#undef INLINE
#undef UNROLL
