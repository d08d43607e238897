// Products by matrices of so few columns that a panel of them would be mostly empty: registers hold elements of the
// inner dimension, which are added up at the end. Included by matrix-kernel.h.

// How many columns are few, and of how long a sum.
#define NARROW 4
#define NARROW_LEAST 32
// Elements that they have at most: 32 KB of floats.
#define NARROW_MOST 8192
// Registers that there are, and rows of a tile at most.
#define NARROW_REGISTERS (WIDTH * sizeof(T) == 64 ? 32 : 16)
#define NARROW_ROWS 8
// Rows for which columns need not be laid out.
#define NARROW_FEW 2

/// Whether the kernel of few columns is taken. However many rows there are: a row's sum must not depend on how many
/// are computed at a time.
INLINE int NAME(is_narrow)(ptrdiff_t n, ptrdiff_t k, ptrdiff_t a_column) {
  return n > 0 && n <= NARROW && k >= NARROW_LEAST && n * k <= NARROW_MOST && a_column == 1;
}

/// How far columns of `k` elements lie apart: each begins with a whole register.
INLINE ptrdiff_t NAME(column_step)(ptrdiff_t k) { return (k + WIDTH - 1) / WIDTH * WIDTH; }

/// Each column of a matrix of `k` rows, one after the other.
INLINE void NAME(lay_columns)(const T *b, ptrdiff_t b_row, ptrdiff_t n, ptrdiff_t k, T *columns) {
  for (ptrdiff_t j = 0; j < n; j++)
    for (ptrdiff_t p = 0; p < k; p++) columns[j * NAME(column_step)(k) + p] = b[p * b_row + j];
}

#if WIDTH == 2
#define TURNED(v, by) __builtin_shufflevector(v, v, 1, 0)
#elif WIDTH == 4
#define TURNED(v, by) __builtin_shufflevector(v, v, (by) % 4, (1 + by) % 4, (2 + by) % 4, (3 + by) % 4)
#elif WIDTH == 8
#define TURNED(v, by)                                                                                            \
  __builtin_shufflevector(v, v, (by) % 8, (1 + by) % 8, (2 + by) % 8, (3 + by) % 8, (4 + by) % 8, (5 + by) % 8,  \
                          (6 + by) % 8, (7 + by) % 8)
#elif WIDTH == 16
#define TURNED(v, by)                                                                                            \
  __builtin_shufflevector(v, v, (by) % 16, (1 + by) % 16, (2 + by) % 16, (3 + by) % 16, (4 + by) % 16,           \
                          (5 + by) % 16, (6 + by) % 16, (7 + by) % 16, (8 + by) % 16, (9 + by) % 16,             \
                          (10 + by) % 16, (11 + by) % 16, (12 + by) % 16, (13 + by) % 16, (14 + by) % 16,        \
                          (15 + by) % 16)
#endif

/// The sum of a register's lanes.
INLINE T NAME(lane_sum)(V v) {
#if WIDTH > 8
  v += TURNED(v, 8);
#endif
#if WIDTH > 4
  v += TURNED(v, 4);
#endif
#if WIDTH > 2
  v += TURNED(v, 2);
#endif
  v += TURNED(v, 1);
  return v[0];
}
#undef TURNED

/// Sums of some rows from row `i` on, by columns that lie `step` elements apart.
INLINE void NAME(narrow_tile)(
    const int rows, const int columns, const NAME(task) * t, ptrdiff_t i, const T *b, ptrdiff_t step, T *c) {
  V sum[NARROW_ROWS][NARROW];
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int j = 0; j < columns; j++) sum[r][j] = (V){0};
  for (ptrdiff_t q = 0; q < t->positions; q++, b += t->k) {
    const T *left[NARROW_ROWS];
    UNROLL for (int r = 0; r < rows; r++) left[r] = t->a[q * t->pitch + i + r] + t->a_first;
    V right[NARROW];
    ptrdiff_t p = 0;
    for (; p + WIDTH <= t->k; p += WIDTH) {
      UNROLL for (int j = 0; j < columns; j++) right[j] = LOAD(b + j * step + p);
      UNROLL for (int r = 0; r < rows; r++) {
        const V x = LOAD(left[r] + p);
        UNROLL for (int j = 0; j < columns; j++) sum[r][j] += x * right[j];
      }
    }
    if (p == t->k) continue;
    const ptrdiff_t lanes = t->k - p;
    UNROLL for (int j = 0; j < columns; j++) right[j] = LOAD_LANES(b + j * step + p, lanes);
    UNROLL for (int r = 0; r < rows; r++) {
      const V x = LOAD_LANES(left[r] + p, lanes);
      UNROLL for (int j = 0; j < columns; j++) sum[r][j] += x * right[j];
    }
  }
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int j = 0; j < columns; j++) {
      T *place = c + (i + r) * t->c_row + j;
      *place = NAME(lane_sum)(sum[r][j]) + (t->accumulate ? *place : 0);
    }
}

INLINE void NAME(narrow_rows)(
    const int columns, const NAME(task) * t, ptrdiff_t rows, const T *b, ptrdiff_t step, T *c) {
  // Beside the sums lie an element of each column and one of a row.
  const int fitting = (NARROW_REGISTERS - columns - 1) / columns, most = fitting < NARROW_ROWS ? fitting : NARROW_ROWS;
  ptrdiff_t i = 0;
  for (; i + most <= rows; i += most) NAME(narrow_tile)(most, columns, t, i, b, step, c);
  for (; i < rows; i++) NAME(narrow_tile)(1, columns, t, i, b, step, c);
}

/// The sums of one row by columns that lie beside each other, `b_row` elements from one row of the matrix to the next,
/// of which NARROW are read. They are added up as `narrow_tile` does it: its lanes are registers here.
INLINE void NAME(narrow_row)(const T *a, ptrdiff_t n, ptrdiff_t k, const T *b, ptrdiff_t b_row, T *c) {
  typedef T few __attribute__((vector_size(NARROW * sizeof(T))));
  typedef T loose_few __attribute__((vector_size(NARROW * sizeof(T)), aligned(1)));
  few sum[WIDTH] = {{0}};
  ptrdiff_t p = 0;
  for (; p + WIDTH <= k; p += WIDTH)
    UNROLL for (int lane = 0; lane < WIDTH; lane++)
      sum[lane] += a[p + lane] * (few) * (const loose_few *)(b + (p + lane) * b_row);
  UNROLL for (int lane = 0; p < k && lane < WIDTH; lane++)
    if (p + lane < k) sum[lane] += a[p + lane] * (few) * (const loose_few *)(b + (p + lane) * b_row);
  UNROLL for (int distance = WIDTH / 2; distance > 0; distance /= 2)
    UNROLL for (int lane = 0; lane < distance; lane++) sum[lane] += sum[lane + distance];
  for (ptrdiff_t j = 0; j < n; j++) c[j] = sum[0][j];
}

/// The same as `block` for few columns, laid one after the other `step` elements apart.
TARGET static void NAME(narrow_block)(
    const NAME(task) * t, ptrdiff_t rows, ptrdiff_t n, const T *b, ptrdiff_t step, T *c) {
  switch (n) {
    case 1: NAME(narrow_rows)(1, t, rows, b, step, c); break;
    case 2: NAME(narrow_rows)(2, t, rows, b, step, c); break;
    case 3: NAME(narrow_rows)(3, t, rows, b, step, c); break;
    case 4: NAME(narrow_rows)(4, t, rows, b, step, c); break;
  }
  if (t->finish) NAME(finish_block)(c, rows, n, t->c_row, t->finish, t->row, 0);
}
