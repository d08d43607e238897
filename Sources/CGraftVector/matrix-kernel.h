// Matrix products and convolutions of one element type for one instruction set. Included by matrix.c with
//   T         the element
//   WIDTH     how many of them a register holds
//   REGISTERS  how many registers a panel is wide
//   ROWS      the height of a tile: as many sums as registers allow
//   PANELS    how many panels a tile is wide
//   LOAD_LANES(p, lanes) and STORE_LANES(p, lanes, v), for the first lanes of a register; others are zero
//   WIDE      how many panels a tile of a single row takes, so that sums need not wait for each other
//   NAME(x)   x with a suffix of its own
//   TARGET    the attribute that selects the instructions
//   BITS      the integer of the element's size
//   ACTIVATE  a function of this element that applies an activation to an array

#pragma clang fp contract(fast)

#include "registers-kernel.h"

#include "finish-kernel.h"

#define PANEL (REGISTERS * WIDTH)
// Lines of what is read later that a tile asks for with every AHEAD steps: one in some 20 cycles.
#define ASKED (PANELS > 1 ? 5 : 1)

/// A tile's register from memory, and into it. Where the tile is cut, only some lanes of its last one are there.
#define IS_CUT(j) (cut && (j) == registers - 1)
#define GET(p, j) (IS_CUT(j) ? LOAD_LANES(p, lanes) : LOAD(p))
#define PUT(p, j, v) (IS_CUT(j) ? STORE_LANES(p, lanes, v) : (void)STORE(p, v))

/// The sums of a tile, over `positions` times `k` products in ascending order.
///
/// Row i of position q begins at `a[q * pitch + i]`, its elements `a_column` apart. Always inlined with constant
/// `rows`, `registers` (the tile's width) and `cut` (whether of the last one only `lanes` are there), so that the sums
/// stay in registers. `finish`, unless NULL, is applied to the element of row `row` and column `column` and those
/// after it. Meanwhile `rate` lines from `ahead` on, of each panel, are brought into the cache for every `AHEAD`
/// steps.
INLINE void NAME(tile)(
    const int rows, const int registers, const int cut, ptrdiff_t positions, ptrdiff_t k, const T *const *a,
    ptrdiff_t pitch, ptrdiff_t a_first, ptrdiff_t a_column, const T *b, ptrdiff_t b_row, ptrdiff_t b_panel, T *c,
    ptrdiff_t c_row, int accumulate, const NAME(finish) * finish, ptrdiff_t row, ptrdiff_t column,
    const T *ahead, ptrdiff_t rate, ptrdiff_t lanes) {
  V sum[ROWS][WIDE * REGISTERS];
  const char *later = later_first;
  const ptrdiff_t asked = rows > 2 && later < later_last ? ASKED : 0;
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < registers; j++)
      sum[i][j] = accumulate ? GET(c + i * c_row + j * WIDTH, j) : (V){0};
  for (ptrdiff_t q = 0; q < positions; q++) {
    const T *left[ROWS];
    UNROLL for (int i = 0; i < rows; i++) left[i] = a[q * pitch + i] + a_first;
    ptrdiff_t p = 0, step = 0;
#define STEP                                                                                                   \
  {                                                                                                            \
    V right[WIDE * REGISTERS];                                                                                 \
    UNROLL for (int j = 0; j < registers; j++) right[j] =                                                      \
        LOAD(b + (j / REGISTERS) * b_panel + (j % REGISTERS) * WIDTH);                                         \
    UNROLL for (int i = 0; i < rows; i++) {                                                                    \
      const T value = left[i][step];                                                                           \
      UNROLL for (int j = 0; j < registers; j++) sum[i][j] += value * right[j];                                \
    }                                                                                                          \
    step += a_column;                                                                                          \
    b += b_row;                                                                                                \
  }
    // The next panel is asked for while this one is used, a little with every tile.
    for (; p + AHEAD <= k; p += AHEAD) {
      for (ptrdiff_t line = 0; line < rate; line++, ahead += PANEL)
        UNROLL for (int j = 0; j < registers && j < PANELS * REGISTERS; j += REGISTERS)
          __builtin_prefetch(ahead + j / REGISTERS * b_panel);
      for (ptrdiff_t line = 0; line < asked; line++, later += 64) __builtin_prefetch(later, 0, 2);
      UNROLL for (int r = 0; r < AHEAD; r++) STEP
    }
    for (; p < k; p++) STEP
#undef STEP
  }
  if (asked > 0) later_first = later;
  if (finish && finish->bias)
    UNROLL for (int j = 0; j < registers; j++) {
      const V bias = GET(finish->bias + column + j * WIDTH, j);
      UNROLL for (int i = 0; i < rows; i++) sum[i][j] += bias;
    }
  if (finish && finish->addend)
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int j = 0; j < registers; j++)
        sum[i][j] += GET(finish->addend + (row + i) * finish->addend_row + column + j * WIDTH, j);
  if (finish && finish->clamps)
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int j = 0; j < registers; j++) sum[i][j] = NAME(clamp)(sum[i][j], finish->upper);
  if (finish && finish->bends)
    UNROLL for (int j = 0; j < registers; j++) {
      const V slope = SLOPES(finish, GET(finish->slopes + column + j * WIDTH, j));
      UNROLL for (int i = 0; i < rows; i++) sum[i][j] = NAME(bend)(sum[i][j], slope);
    }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < registers; j++) PUT(c + i * c_row + j * WIDTH, j, sum[i][j]);
}

/// What remains of `finish` after a tile did its part.
static void NAME(activate_rows)(
    T *c, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t c_row, const NAME(finish) * finish) {
  if (finish->rest == GRAFT_ACTIVATION_NONE) return;
  // Whole rows are one.
  if (c_row == n) {
    n *= rows;
    rows = 1;
  }
  for (ptrdiff_t i = 0; i < rows; i++) ACTIVATE(finish->rest, c + i * c_row, n);
}

/// All of `finish`, for values in memory; the first is that of row `row` and column `column`.
TARGET static void NAME(finish_block)(
    T *c, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t c_row, const NAME(finish) * finish, ptrdiff_t row,
    ptrdiff_t column) {
  const T *bias = finish->bias ? finish->bias + column : NULL;
  const T *slopes = finish->slopes ? finish->slopes + column : NULL;
  for (ptrdiff_t i = 0; i < rows && (bias || finish->addend || finish->clamps || finish->bends); i++) {
    T *line = c + i * c_row;
    const T *addend = finish->addend ? finish->addend + (row + i) * finish->addend_row + column : NULL;
    for (ptrdiff_t j = 0; j < n; j++) {
      T value = line[j];
      if (bias) value += bias[j];
      if (addend) value += addend[j];
      if (finish->clamps) value = value < 0 ? 0 : value > finish->upper ? finish->upper : value;
      if (finish->bends && !(value > 0)) value *= slopes ? slopes[j] : finish->alpha;
      line[j] = value;
    }
  }
  NAME(activate_rows)(c, rows, n, c_row, finish);
}

/// What the parts of a product have in common.
typedef struct {
  /// The rows' beginnings, those of one position after those of the one before, `pitch` apart.
  const T *const *a;
  ptrdiff_t pitch, a_first, a_column;
  ptrdiff_t positions, k;
  ptrdiff_t b_row, b_panel;
  ptrdiff_t c_row;
  int accumulate;
  /// NULL while sums are not complete.
  const NAME(finish) * finish;
  /// The first row's number in the addend.
  ptrdiff_t row;
  /// Whether the rows' lines are in the same sets of a cache, which has room for those of a lower tile.
  int is_crowded;
} NAME(task);

/// Rows from `i` on, `rows` of them, of some panels or one's first register. A tile of more than two rows is not whole.
INLINE void NAME(strip)(
    const int registers, const int cut, const NAME(task) * t, ptrdiff_t i, ptrdiff_t rows, const T *b, T *c,
    ptrdiff_t c_row, const NAME(finish) * finish, ptrdiff_t column, const T *ahead, ptrdiff_t rate, ptrdiff_t lanes) {
#define CASE(count)                                                                                            \
  case count:                                                                                                  \
    NAME(tile)(count, registers, cut, t->positions, t->k, t->a + i, t->pitch, t->a_first, t->a_column, b,      \
               t->b_row, t->b_panel, c + i * c_row, c_row, t->accumulate, finish, t->row + i, column, ahead,   \
               rate, lanes);                                                                                   \
    break;
  switch (rows) {
    CASE(1)
    CASE(2)
#if ROWS > 2
    CASE(3)
    CASE(4)
    CASE(5)
#endif
#if ROWS > 6
    CASE(6)
    CASE(7)
    CASE(8)
    CASE(9)
    CASE(10)
    CASE(11)
    CASE(12)
    CASE(13)
#endif
  }
#undef CASE
}

INLINE void NAME(panel)(
    const int registers, const int cut, const NAME(task) * t, ptrdiff_t rows, const T *b, T *c, ptrdiff_t c_row,
    const NAME(finish) * finish, ptrdiff_t column, ptrdiff_t lanes) {
  // A wider tile leaves registers for fewer rows.
  const int tall = registers > PANELS * REGISTERS ? ROWS / 2 : ROWS;
  const int has_low_tiles = ROWS > 6 && t->is_crowded, most = has_low_tiles ? ROWS / 2 : tall;
  // How much of the next panels each tile asks for, in lines per AHEAD steps.
  const ptrdiff_t strips = (rows + most - 1) / most, part = t->positions * (t->k / AHEAD);
  const ptrdiff_t rate = strips < AHEAD ? (AHEAD + strips - 1) / strips : 1;
  const ptrdiff_t panels = registers < REGISTERS ? 1 : registers / REGISTERS;
  const T *ahead = b + panels * t->b_panel, *const end = ahead + t->positions * t->k * PANEL;
  // Two tiles of nearly the same height rather than a whole one and one too low to be fast.
  const ptrdiff_t left = rows % most, evened = left > 0 && left < most / 2 + 1 ? left + most : left;
  const ptrdiff_t remaining = has_low_tiles ? rows : evened;
  ptrdiff_t i = 0;
  // A copy that no store can change stays in registers from tile to tile: where k is small, a tile has little to do.
  const NAME(task) task = *t;
#define WHOLE_TILES(positions)                                                                                 \
  for (; i < rows - remaining; i += tall, ahead += part * rate * PANEL)                                        \
    NAME(tile)(tall, registers, cut, positions, task.k, task.a + i, task.pitch, task.a_first, task.a_column, b, \
               task.b_row, task.b_panel, c + i * c_row, c_row, task.accumulate, finish, task.row + i, column,  \
               ahead, ahead < end ? rate : 0, lanes);
  if (task.positions == 1)
    WHOLE_TILES(1)
  else
    WHOLE_TILES(task.positions)
#undef WHOLE_TILES
  while (i < rows) {
    const ptrdiff_t height = rows - i <= most ? rows - i : rows - i < 2 * most ? (rows - i + 1) / 2 : most;
    NAME(strip)(registers, cut, t, i, height, b, c, c_row, finish, column, ahead, ahead < end ? rate : 0,
                lanes);
    ahead += part * rate * PANEL;
    i += height;
  }
}

/// `rows` rows (at most `BLOCK`) by n columns.
TARGET static void NAME(block)(const NAME(task) * t, ptrdiff_t rows, ptrdiff_t n, const T *b, T *c) {
  const NAME(finish) *finish = t->finish;
  ptrdiff_t column = 0;
  // A single row or two: several panels at once.
#define CASE(count, panels)                                                                                     \
  for (; rows == count && column + (panels)*PANEL <= n; column += (panels)*PANEL, b += (panels)*t->b_panel)     \
    NAME(tile)(count, (panels)*REGISTERS, 0, t->positions, t->k, t->a, t->pitch, t->a_first, t->a_column, b,    \
               t->b_row, t->b_panel, c + column, t->c_row, t->accumulate, finish, t->row, column, NULL, 0, WIDTH);
  CASE(1, WIDE)
  CASE(2, WIDE / 2)
#undef CASE
  // Registers of a last panel that is not whole. A single one goes together with the panel before it.
  const ptrdiff_t last = (n % PANEL + WIDTH - 1) / WIDTH, rest = n % WIDTH;
  const ptrdiff_t whole = n - n % PANEL, wide = last == 1 && whole > column ? whole - PANEL : whole;
  for (; PANELS > 1 && column + PANELS * PANEL <= wide; column += PANELS * PANEL, b += PANELS * t->b_panel)
    NAME(panel)(PANELS * REGISTERS, 0, t, rows, b, c + column, t->c_row, finish, column, WIDTH);
  for (; column + PANEL <= wide; column += PANEL, b += t->b_panel)
    NAME(panel)(REGISTERS, 0, t, rows, b, c + column, t->c_row, finish, column, WIDTH);
#define CASE(registers)                                                                                        \
  if (rest)                                                                                                    \
    NAME(panel)(registers, 1, t, rows, b, c + column, t->c_row, finish, column, rest);                         \
  else                                                                                                         \
    NAME(panel)(registers, 0, t, rows, b, c + column, t->c_row, finish, column, WIDTH);
  if (wide < whole) {
    CASE(REGISTERS + 1)
  } else if (last == 1) {
    CASE(1)
  } else if (REGISTERS > 1 && last == 2) {
    CASE(2)
  } else if (REGISTERS > 2 && last == 3) {
    CASE(3)
  } else if (REGISTERS > 3 && last == 4) {
    CASE(4)
  }
#undef CASE
  if (finish) NAME(activate_rows)(c, rows, n, t->c_row, finish);
}

#include "narrow-kernel.h"

typedef T NAME(anywhere) __attribute__((aligned(1)));

/// Packs whole panels of a matrix that lies row after row: some rows of all panels at a time, for that reads on along
/// the rows.
INLINE void NAME(pack_rows)(
    const int scales, const T *b, ptrdiff_t row, ptrdiff_t k, ptrdiff_t n, const T *scale, T *packed) {
  for (ptrdiff_t p = 0; p < k; p += PACKED_ROWS) {
    const ptrdiff_t end = p + PACKED_ROWS < k ? p + PACKED_ROWS : k;
    for (ptrdiff_t first = 0; first < n; first += PANEL) {
      const NAME(anywhere) *source = (const NAME(anywhere) *)b + first;
      T *target = packed + first * k;
      V factor[REGISTERS];
      if (scales) UNROLL for (int j = 0; j < REGISTERS; j++) factor[j] = LOAD(scale + first + j * WIDTH);
      for (ptrdiff_t r = p; r < end; r++)
        UNROLL for (int j = 0; j < REGISTERS; j++) {
          const V v = LOAD(source + r * row + j * WIDTH);
          STORE(target + r * PANEL + j * WIDTH, scales ? v * factor[j] : v);
        }
    }
  }
}

#if WIDTH == 2
#define INTERLEAVED(a, b, half) __builtin_shufflevector(a, b, half, 2 + half)
#elif WIDTH == 4
#define INTERLEAVED(a, b, half) __builtin_shufflevector(a, b, 2 * half, 4 + 2 * half, 1 + 2 * half, 5 + 2 * half)
#elif WIDTH == 8
#define INTERLEAVED(a, b, half)                                                                                \
  __builtin_shufflevector(a, b, 4 * half, 8 + 4 * half, 1 + 4 * half, 9 + 4 * half, 2 + 4 * half, 10 + 4 * half, \
                          3 + 4 * half, 11 + 4 * half)
#endif

#ifdef INTERLEAVED
/// Packs as many rows as a register has lanes of as many columns, each of which is contiguous: a square, transposed by
/// interleaving row i with row i + WIDTH / 2, for all rows and as often as it takes.
INLINE void NAME(pack_square)(const T *b, ptrdiff_t column, const T *scale, T *target) {
  V square[WIDTH], next[WIDTH];
  UNROLL for (int i = 0; i < WIDTH; i++) square[i] = LOAD(b + i * column);
  UNROLL for (int size = 1; size < WIDTH; size *= 2) {
    UNROLL for (int i = 0; i < WIDTH / 2; i++) {
      next[2 * i] = INTERLEAVED(square[i], square[i + WIDTH / 2], 0);
      next[2 * i + 1] = INTERLEAVED(square[i], square[i + WIDTH / 2], 1);
    }
    UNROLL for (int i = 0; i < WIDTH; i++) square[i] = next[i];
  }
  UNROLL for (int i = 0; i < WIDTH; i++) STORE(target + i * PANEL, scale ? square[i] * LOAD(scale) : square[i]);
}
#endif

TARGET static void NAME(pack)(
    const T *b, ptrdiff_t row, ptrdiff_t column, ptrdiff_t k, ptrdiff_t n, const T *scale, T *packed) {
  ptrdiff_t first = 0;
  if (column == 1) {
    first = n - n % PANEL;
    if (scale)
      NAME(pack_rows)(1, b, row, k, first, scale, packed);
    else
      NAME(pack_rows)(0, b, row, k, first, scale, packed);
  }
  for (; first < n; first += PANEL) {
    const NAME(anywhere) *source = (const NAME(anywhere) *)b + first * column;
    T *target = packed + first * k;
    const ptrdiff_t columns = n - first < PANEL ? n - first : PANEL;
    // Some rows at a time, so that what a cache line holds of a column is used before it is gone.
    for (ptrdiff_t p = 0; p < k; p += WIDTH) {
      const ptrdiff_t end = p + WIDTH < k ? p + WIDTH : k;
      ptrdiff_t j = 0;
#ifdef INTERLEAVED
      for (; row == 1 && p + WIDTH <= k && j + WIDTH <= columns; j += WIDTH)
        NAME(pack_square)
        ((const T *)source + j * column + p, column, scale ? scale + first + j : NULL, target + p * PANEL + j);
#endif
      for (; j < PANEL; j++)
        for (ptrdiff_t r = p; r < end; r++) {
          const T v = j < columns ? source[r * row + j * column] : 0;
          target[r * PANEL + j] = scale && j < columns ? v * scale[first + j] : v;
        }
    }
  }
}
#undef INTERLEAVED

/// Into how many elements of k a sum is cut, so that a panel stays in the innermost cache.
INLINE ptrdiff_t NAME(cut)(ptrdiff_t k) {
  const ptrdiff_t pieces = (k + DEPTH - 1) / DEPTH;
  // At least one: a sum over nothing is a step all the same.
  return k == 0 ? 1 : (k + pieces - 1) / pieces;
}

TARGET static void NAME(product)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b,
    ptrdiff_t b_row, ptrdiff_t b_panel, T *c, ptrdiff_t c_row, const graft_finish *finish) {
  const NAME(finish) last = NAME(finish_of)(finish);
  const int is_narrow = NAME(is_narrow)(n, k, a_column);
  if (is_narrow && m <= NARROW_FEW && (n == NARROW || b_row == PANEL)) {
    for (ptrdiff_t row = 0; row < m; row++) NAME(narrow_row)(a + row * a_row, n, k, b, b_row, c + row * c_row);
    return NAME(finish_block)(c, m, n, c_row, &last, 0, 0);
  }
  _Alignas(64) T columns[NARROW * WIDTH + NARROW_MOST];
  if (is_narrow) NAME(lay_columns)(b, b_row, n, k, columns);
  const ptrdiff_t cut = is_narrow ? k : NAME(cut)(k);
  // Blocks of nearly the same height: a low one would read the matrix for little.
  const ptrdiff_t blocks = (m + BLOCK - 1) / BLOCK;
  const ptrdiff_t height = blocks < 2 ? BLOCK : ((m + blocks - 1) / blocks + ROWS - 1) / ROWS * ROWS;
  for (ptrdiff_t row = 0; row < m; row += height) {
    const ptrdiff_t rows = m - row < height ? m - row : height;
    const T *lines[BLOCK];
    for (ptrdiff_t i = 0; i < rows; i++) lines[i] = a + (row + i) * a_row;
    for (ptrdiff_t p = 0; p == 0 || p < k; p += cut) {
      const ptrdiff_t depth = k - p < cut ? k - p : cut;
      const NAME(task) task = {lines, 0, p * a_column, a_column, 1, depth, b_row, b_panel, c_row, p > 0,
                               p + depth == k ? &last : NULL, row, are_crowded(a_row)};
      if (is_narrow)
        NAME(narrow_block)(&task, rows, n, columns, NAME(column_step)(k), c + row * c_row);
      else
        NAME(block)(&task, rows, n, b + p * b_row, c + row * c_row);
    }
  }
}

TARGET static void NAME(product_packed)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *packed,
    T *c, ptrdiff_t c_row, const graft_finish *finish) {
  NAME(product)(m, n, k, a, a_row, a_column, packed, PANEL, k * PANEL, c, c_row, finish);
}

TARGET static void NAME(product_unpacked)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b,
    ptrdiff_t b_row, T *c, ptrdiff_t c_row, const graft_finish *finish) {
  const ptrdiff_t whole = NAME(is_narrow)(n, k, a_column) ? n : n - n % PANEL;
  if (whole > 0) NAME(product)(m, whole, k, a, a_row, a_column, b, b_row, PANEL, c, c_row, finish);
  if (whole == n) return;
  // The last columns in a panel of their own: reading on would run over the matrix's end.
  const NAME(finish) last = NAME(finish_of)(finish);
  T panel[DEPTH * PANEL];
  const ptrdiff_t cut = NAME(cut)(k);
  for (ptrdiff_t p = 0; p == 0 || p < k; p += cut) {
    const ptrdiff_t depth = k - p < cut ? k - p : cut;
    NAME(pack)(b + p * b_row + whole, b_row, 1, depth, n - whole, NULL, panel);
    for (ptrdiff_t row = 0; row < m; row += BLOCK) {
      const ptrdiff_t rows = m - row < BLOCK ? m - row : BLOCK;
      const T *lines[BLOCK];
      for (ptrdiff_t i = 0; i < rows; i++) lines[i] = a + (row + i) * a_row;
      T *target = c + row * c_row + whole;
      const NAME(task) task = {lines, 0, p * a_column, a_column, 1,   depth, PANEL,
                               0,     c_row, p > 0,    NULL,     row, are_crowded(a_row)};
      NAME(block)(&task, rows, n - whole, panel, target);
      if (p + depth == k) NAME(finish_block)(target, rows, n - whole, c_row, &last, row, whole);
    }
  }
}

TARGET static void NAME(add_lines)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column, const T *b,
    ptrdiff_t b_row, T *c, ptrdiff_t c_row) {
  const ptrdiff_t whole = n - n % PANEL;
  const T *rows_of_lines[POSITIONS * BLOCK];
  // The last columns in a panel of their own: reading on would run over the matrix's end.
  T panel[GRAFT_LINE_STEPS * PANEL];
  if (whole < n) NAME(pack)(b + whole, b_row, 1, count * k, n - whole, NULL, panel);
  for (ptrdiff_t row = 0; row < m; row += BLOCK) {
    const ptrdiff_t rows = m - row < BLOCK ? m - row : BLOCK;
    for (ptrdiff_t q = 0; q < count; q++)
      for (ptrdiff_t i = 0; i < rows; i++) rows_of_lines[q * BLOCK + i] = lines[q] + row + i;
    NAME(task) task = {rows_of_lines, BLOCK, 0, a_column, count, k, b_row, PANEL, c_row, 1, NULL, 0, 0};
    T *target = c + row * c_row;
    if (whole > 0) NAME(block)(&task, rows, whole, b, target);
    task.b_row = PANEL;
    if (whole < n) NAME(block)(&task, rows, n - whole, panel, target + whole);
  }
}

// What has no tiles is not compiled for tall ones: the registers of one panel serve it as well.
#if PANELS == 1
/// `columns` sums at once, each in four registers' lanes that are added at the end.
INLINE void NAME(dot)(
    const int columns, ptrdiff_t k, const T *a, const T *b, ptrdiff_t b_column, T *c) {
  V sum[4][2];
  UNROLL for (int j = 0; j < columns; j++) sum[j][0] = sum[j][1] = (V){0};
  ptrdiff_t p = 0;
  for (; p + 2 * WIDTH <= k; p += 2 * WIDTH) {
    const V low = LOAD(a + p), high = LOAD(a + p + WIDTH);
    UNROLL for (int j = 0; j < columns; j++) {
      sum[j][0] += low * LOAD(b + j * b_column + p);
      sum[j][1] += high * LOAD(b + j * b_column + p + WIDTH);
    }
  }
  UNROLL for (int j = 0; j < columns; j++) {
    const V both = sum[j][0] + sum[j][1];
    T total = 0;
    UNROLL for (int lane = 0; lane < WIDTH; lane++) total += both[lane];
    for (ptrdiff_t r = p; r < k; r++) total += a[r] * b[j * b_column + r];
    c[j] = total;
  }
}

TARGET static void NAME(dots)(
    ptrdiff_t n, ptrdiff_t k, const T *a, const T *b, ptrdiff_t b_column, T *c, const graft_finish *finish) {
  ptrdiff_t j = 0;
  for (; j + 4 <= n; j += 4) NAME(dot)(4, k, a, b + j * b_column, b_column, c + j);
  for (; j < n; j++) NAME(dot)(1, k, a, b + j * b_column, b_column, c + j);
  const NAME(finish) last = NAME(finish_of)(finish);
  NAME(finish_block)(c, 1, n, n, &last, 0, 0);
}
#endif

/// Where a block's pixels begin in the input: coordinates before the padding is taken off.
typedef struct {
  ptrdiff_t depth, height, width, offset;
} NAME(corner);

INLINE void NAME(corners)(
    const graft_convolution *s, ptrdiff_t first, ptrdiff_t rows, NAME(corner) * corners) {
  const ptrdiff_t channels = s->groups * s->input_channels;
  ptrdiff_t w = first % s->output[2], h = first / s->output[2] % s->output[1];
  ptrdiff_t d = first / (s->output[2] * s->output[1]) % s->output[0];
  ptrdiff_t image = first / (s->output[2] * s->output[1] * s->output[0]);
  for (ptrdiff_t i = 0; i < rows; i++) {
    NAME(corner) *corner = corners + i;
    corner->depth = d * s->stride[0] - s->padding[0];
    corner->height = h * s->stride[1] - s->padding[1];
    corner->width = w * s->stride[2] - s->padding[2];
    corner->offset = (((image * s->input[0] + corner->depth) * s->input[1] + corner->height) * s->input[2] +
                      corner->width) *
                     channels;
    if (++w < s->output[2]) continue;
    w = 0;
    if (++h < s->output[1]) continue;
    h = 0;
    if (++d < s->output[0]) continue;
    d = 0;
    image++;
  }
}

/// For each pixel the address of the input's pixel under one position of the kernel, or of zeros.
INLINE void NAME(position)(
    const graft_convolution *s, const NAME(corner) * corners, ptrdiff_t rows, ptrdiff_t q, const T *x,
    const T *zeros, const T **lines) {
  const ptrdiff_t w = q % s->kernel[2] * s->dilation[2], h = q / s->kernel[2] % s->kernel[1] * s->dilation[1];
  const ptrdiff_t d = q / (s->kernel[2] * s->kernel[1]) * s->dilation[0];
  const ptrdiff_t offset = ((d * s->input[1] + h) * s->input[2] + w) * s->groups * s->input_channels;
  for (ptrdiff_t i = 0; i < rows; i++) {
    const int inside = (size_t)(corners[i].width + w) < (size_t)s->input[2] &&
                       (size_t)(corners[i].height + h) < (size_t)s->input[1] &&
                       (size_t)(corners[i].depth + d) < (size_t)s->input[0];
    lines[i] = inside ? x + corners[i].offset + offset : zeros;
  }
}

/// As many elements as a row of a patch has at most.
static const T NAME(nothing)[PATCHES / ROWS];

/// Rows of patches that leave a line of `width` elements, as copies with zeros; the result is where the next copy goes.
/// The row of pixel `j` begins `start + j * step` elements after the line's first.
INLINE T *NAME(copy_runs)(
    const T *line, ptrdiff_t width, ptrdiff_t start, ptrdiff_t step, ptrdiff_t run, ptrdiff_t first, ptrdiff_t last,
    T *copies, const T **lines) {
  for (ptrdiff_t j = first; j < last; j++, copies += run) {
    lines[j] = copies;
    for (ptrdiff_t e = 0; e < run; e++) {
      const ptrdiff_t place = start + j * step + e;
      copies[e] = (size_t)place < (size_t)width ? line[place] : 0;
    }
  }
  return copies;
}

/// For each pixel the address of each row of the patch under the kernel, `kernel[2]` pixels in one run; where the
/// run leaves the input, that of a copy with zeros. Pixels of one line of the output are as far apart as steps.
INLINE void NAME(runs)(
    const graft_convolution *s, ptrdiff_t first, ptrdiff_t rows, const T *x, T *copies, const T **lines) {
  const ptrdiff_t count = s->input_channels, run = s->kernel[2] * count, step = s->stride[2] * count;
  const ptrdiff_t width = s->input[2] * count;
  ptrdiff_t w = first % s->output[2], line = first / s->output[2];
  for (ptrdiff_t i = 0; i < rows;) {
    const ptrdiff_t length = s->output[2] - w < rows - i ? s->output[2] - w : rows - i;
    const ptrdiff_t image = line / s->output[1] / s->output[0];
    const ptrdiff_t depth = line / s->output[1] % s->output[0] * s->stride[0] - s->padding[0];
    const ptrdiff_t height = line % s->output[1] * s->stride[1] - s->padding[1];
    // Where the first patch begins in a line of the input, and how many patches begin before it or end after it.
    const ptrdiff_t start = w * step - s->padding[2] * count, last = start + (length - 1) * step;
    const ptrdiff_t early = start < 0 ? (-start + step - 1) / step : 0, over = last + run - width;
    const ptrdiff_t late = over > 0 ? (over + step - 1) / step : 0;
    const ptrdiff_t left = early < length ? early : length, right = length - late > left ? length - late : left;
    for (ptrdiff_t kd = 0; kd < s->kernel[0]; kd++)
      for (ptrdiff_t kh = 0; kh < s->kernel[1]; kh++) {
        const T **target = lines + (kd * s->kernel[1] + kh) * BLOCK + i;
        const ptrdiff_t d = depth + kd * s->dilation[0], h = height + kh * s->dilation[1];
        if ((size_t)d >= (size_t)s->input[0] || (size_t)h >= (size_t)s->input[1]) {
          for (ptrdiff_t j = 0; j < length; j++) target[j] = NAME(nothing);
          continue;
        }
        const T *source = x + ((image * s->input[0] + d) * s->input[1] + h) * width;
        copies = NAME(copy_runs)(source, width, start, step, run, 0, left, copies, target);
        for (ptrdiff_t j = left; j < right; j++) target[j] = source + start + j * step;
        copies = NAME(copy_runs)(source, width, start, step, run, right, length, copies, target);
      }
    i += length;
    w = 0;
    line++;
  }
}

TARGET static void NAME(convolve)(
    const graft_convolution *s, const T *x, const T *packed, const T *zeros, T *y, ptrdiff_t row,
    ptrdiff_t first, ptrdiff_t last, const graft_finish *finish) {
  const ptrdiff_t positions = s->kernel[0] * s->kernel[1] * s->kernel[2], k = s->input_channels;
  const ptrdiff_t n = s->output_channels, total = positions * k;
  const ptrdiff_t panels = (n + PANEL - 1) / PANEL;
  const NAME(finish) end = NAME(finish_of)(finish);
  // Few channels: a row of the kernel at a time, or each position's sum would be over before it runs. So are more
  // channels where no row of the kernel leaves the input's, and nothing has to be copied.
  const ptrdiff_t lower = s->kernel[0] * s->kernel[1];
  const int inside =
      s->padding[2] == 0 && (s->output[2] - 1) * s->stride[2] + s->kernel[2] <= s->input[2] && total <= DEPTH;
  const int runs = (k < RUN || (inside && s->kernel[2] > 1)) && s->groups == 1 && s->dilation[2] == 1 &&
                   lower <= POSITIONS && total <= PATCHES / ROWS;
  ptrdiff_t height = BLOCK;
  if (runs && !inside && PATCHES / total < height) height = PATCHES / total / ROWS * ROWS;
  const int is_crowded = are_crowded(s->stride[2] * s->groups * k);
  const ptrdiff_t cut = NAME(cut)(k);
  ptrdiff_t batch = cut < k ? 1 : DEPTH / cut;
  if (batch < 1) batch = 1;
  if (batch > POSITIONS) batch = POSITIONS;
  const int is_narrow = s->groups == 1 && NAME(is_narrow)(n, total, 1);
  _Alignas(64) T columns[NARROW * WIDTH + NARROW_MOST];
  if (is_narrow) NAME(lay_columns)(packed, PANEL, n, total, columns);
  for (ptrdiff_t pixel = first; pixel < last; pixel += height) {
    const ptrdiff_t rows = last - pixel < height ? last - pixel : height;
    NAME(corner) corners[BLOCK];
    if (!runs) NAME(corners)(s, pixel, rows, corners);
    for (ptrdiff_t group = 0; group < s->groups; group++) {
      const T *input = x + group * k, *filter = packed + group * panels * total * PANEL;
      T *target = y + pixel * row + group * n;
      NAME(finish) own = end;
      if (own.bias) own.bias += group * n;
      if (own.addend) own.addend += group * n;
      if (own.slopes) own.slopes += group * n;
      const T *lines[POSITIONS * BLOCK];
      if (runs) {
        T copies[PATCHES];
        NAME(runs)(s, pixel, rows, input, copies, lines);
        const NAME(task) task = {lines, BLOCK, 0,   1, lower, s->kernel[2] * k, PANEL, total * PANEL,
                                 row,   0,     &own, pixel, is_crowded};
        if (is_narrow)
          NAME(narrow_block)(&task, rows, n, columns, NAME(column_step)(total), target);
        else
          NAME(block)(&task, rows, n, filter, target);
        continue;
      }
      for (ptrdiff_t q = 0; q < positions; q += batch) {
        const ptrdiff_t count = positions - q < batch ? positions - q : batch;
        for (ptrdiff_t r = 0; r < count; r++)
          NAME(position)(s, corners, rows, q + r, input, zeros, lines + r * BLOCK);
        for (ptrdiff_t p = 0; p == 0 || p < k; p += cut) {
          const ptrdiff_t depth = k - p < cut ? k - p : cut;
          const NAME(finish) *complete = q + count == positions && p + depth == k ? &own : NULL;
          const NAME(task) task = {lines, BLOCK, p,         1,     count, depth, PANEL, total * PANEL,
                                   row,   q + p > 0, complete, pixel, is_crowded};
          if (is_narrow)
            NAME(narrow_block)(&task, rows, n, columns + q * k + p, NAME(column_step)(total), target);
          else
            NAME(block)(&task, rows, n, filter + (q * k + p) * PANEL, target);
        }
      }
    }
  }
}

#if PANELS == 1
/// `rows` pixels by `registers` registers of channels, each channel by a filter of its own.
INLINE void NAME(depthwise_tile)(
    const int rows, const int registers, ptrdiff_t positions, const T *const *lines, ptrdiff_t pitch,
    ptrdiff_t channel, const T *filter, ptrdiff_t channels, T *y, int accumulate, const NAME(finish) * finish,
    ptrdiff_t row) {
  V sum[4][2];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < registers; j++)
      sum[i][j] = accumulate ? LOAD(y + i * channels + j * WIDTH) : (V){0};
  for (ptrdiff_t q = 0; q < positions; q++) {
    V weight[2];
    UNROLL for (int j = 0; j < registers; j++) weight[j] = LOAD(filter + q * channels + j * WIDTH);
    UNROLL for (int i = 0; i < rows; i++) {
      const T *source = lines[q * pitch + i] + channel;
      UNROLL for (int j = 0; j < registers; j++) sum[i][j] += LOAD(source + j * WIDTH) * weight[j];
    }
  }
  if (finish && finish->bias)
    UNROLL for (int j = 0; j < registers; j++) {
      const V bias = LOAD(finish->bias + channel + j * WIDTH);
      UNROLL for (int i = 0; i < rows; i++) sum[i][j] += bias;
    }
  if (finish && finish->addend)
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int j = 0; j < registers; j++)
        sum[i][j] += LOAD(finish->addend + (row + i) * finish->addend_row + channel + j * WIDTH);
  if (finish && finish->clamps)
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int j = 0; j < registers; j++) sum[i][j] = NAME(clamp)(sum[i][j], finish->upper);
  if (finish && finish->bends)
    UNROLL for (int j = 0; j < registers; j++) {
      const V slope = SLOPES(finish, LOAD(finish->slopes + channel + j * WIDTH));
      UNROLL for (int i = 0; i < rows; i++) sum[i][j] = NAME(bend)(sum[i][j], slope);
    }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < registers; j++) STORE(y + i * channels + j * WIDTH, sum[i][j]);
}

TARGET static void NAME(convolve_depthwise)(
    const graft_convolution *s, const T *x, const T *filter, const T *zeros, T *y, ptrdiff_t first,
    ptrdiff_t last, const graft_finish *finish) {
  const ptrdiff_t positions = s->kernel[0] * s->kernel[1] * s->kernel[2], channels = s->groups;
  const NAME(finish) end = NAME(finish_of)(finish);
  // So few pixels that their neighbourhoods stay in the innermost cache.
  const ptrdiff_t height = channels > 128 ? 8 : 32;
  for (ptrdiff_t pixel = first; pixel < last; pixel += height) {
    const ptrdiff_t rows = last - pixel < height ? last - pixel : height;
    NAME(corner) corners[BLOCK];
    const T *lines[POSITIONS * BLOCK];
    NAME(corners)(s, pixel, rows, corners);
    for (ptrdiff_t q = 0; q < positions; q += POSITIONS) {
      const ptrdiff_t count = positions - q < POSITIONS ? positions - q : POSITIONS;
      const NAME(finish) *complete = q + count == positions ? &end : NULL;
      for (ptrdiff_t r = 0; r < count; r++)
        NAME(position)(s, corners, rows, q + r, x, zeros, lines + r * BLOCK);
      const T *weights = filter + q * channels;
      ptrdiff_t channel = 0;
#define STRIP(registers)                                                                                         \
  for (; channel + (registers)*WIDTH <= channels; channel += (registers)*WIDTH) {                                \
    ptrdiff_t i = 0;                                                                                             \
    for (; i + 4 <= rows; i += 4)                                                                                \
      NAME(depthwise_tile)(4, registers, count, lines + i, BLOCK, channel, weights + channel, channels,          \
                           y + (pixel + i) * channels + channel, q > 0, complete, pixel + i);                    \
    for (; i < rows; i++)                                                                                        \
      NAME(depthwise_tile)(1, registers, count, lines + i, BLOCK, channel, weights + channel, channels,          \
                           y + (pixel + i) * channels + channel, q > 0, complete, pixel + i);                    \
  }
      STRIP(2)
      STRIP(1)
#undef STRIP
      if (channel < channels) {
        for (ptrdiff_t i = 0; i < rows; i++)
          for (ptrdiff_t j = channel; j < channels; j++) {
            T *target = y + (pixel + i) * channels + j;
            T sum = q > 0 ? *target : 0;
            for (ptrdiff_t r = 0; r < count; r++) sum += lines[r * BLOCK + i][j] * weights[r * channels + j];
            *target = sum;
          }
        if (complete) {
          NAME(finish) linear = end;
          linear.rest = GRAFT_ACTIVATION_NONE;
          NAME(finish_block)(y + pixel * channels + channel, rows, channels - channel, channels, &linear, pixel,
                             channel);
        }
      }
    }
    NAME(activate_rows)(y + pixel * channels, rows, channels, channels, &end);
  }
}

/// Adds to the sums of some of a window's positions and some registers of channels.
INLINE void NAME(depthwise_lines_strip)(
    const int window, const int registers, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column,
    ptrdiff_t tap, const T *b, ptrdiff_t channels, ptrdiff_t channel, T *c) {
  V sum[3][4];
  UNROLL for (int w = 0; w < window; w++)
    UNROLL for (int j = 0; j < registers; j++) sum[w][j] = LOAD(c + w * channels + channel + j * WIDTH);
  for (ptrdiff_t q = 0; q < count; q++) {
    const T *x = lines[q] + channel;
    for (ptrdiff_t p = 0; p < k; p++, x += a_column, b += channels) {
      V right[4];
      UNROLL for (int j = 0; j < registers; j++) right[j] = LOAD(b + channel + j * WIDTH);
      UNROLL for (int w = 0; w < window; w++)
        UNROLL for (int j = 0; j < registers; j++) sum[w][j] += LOAD(x + w * tap + j * WIDTH) * right[j];
    }
  }
  UNROLL for (int w = 0; w < window; w++)
    UNROLL for (int j = 0; j < registers; j++) STORE(c + w * channels + channel + j * WIDTH, sum[w][j]);
}

INLINE void NAME(depthwise_lines)(
    const int window, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column, ptrdiff_t tap,
    const T *b, ptrdiff_t channels, ptrdiff_t first, ptrdiff_t last, T *c) {
  ptrdiff_t channel = first;
  for (; channel + 4 * WIDTH <= last; channel += 4 * WIDTH)
    NAME(depthwise_lines_strip)(window, 4, k, lines, count, a_column, tap, b, channels, channel, c);
  for (; channel + WIDTH <= last; channel += WIDTH)
    NAME(depthwise_lines_strip)(window, 1, k, lines, count, a_column, tap, b, channels, channel, c);
  for (; channel < last; channel++)
    for (int w = 0; w < window; w++) {
      T sum = c[w * channels + channel];
      for (ptrdiff_t q = 0; q < count; q++)
        for (ptrdiff_t p = 0; p < k; p++)
          sum += lines[q][p * a_column + w * tap + channel] * b[(q * k + p) * channels + channel];
      c[w * channels + channel] = sum;
    }
}

TARGET static void NAME(add_depthwise_lines)(
    ptrdiff_t window, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column, ptrdiff_t tap,
    const T *b, ptrdiff_t channels, ptrdiff_t first, ptrdiff_t last, T *c) {
  const T *starts[POSITIONS];
  for (ptrdiff_t w = 0; w < window; w += 3) {
    for (ptrdiff_t q = 0; q < count; q++) starts[q] = lines[q] + w * tap;
#define CASE(positions)                                                                                        \
  case positions:                                                                                              \
    NAME(depthwise_lines)                                                                                      \
    (positions, k, starts, count, a_column, tap, b, channels, first, last, c + w * channels);                  \
    break;
    switch (window - w < 3 ? window - w : 3) {
      CASE(1)
      CASE(2)
      CASE(3)
    }
#undef CASE
  }
}

TARGET static void NAME(finish_rows)(
    T *c, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t c_row, const graft_finish *finish) {
  const NAME(finish) last = NAME(finish_of)(finish);
  NAME(finish_block)(c, rows, n, c_row, &last, 0, 0);
}
#endif

#undef PANEL
#undef ASKED
#undef IS_CUT
#undef NARROW
#undef NARROW_LEAST
#undef NARROW_MOST
#undef NARROW_REGISTERS
#undef NARROW_ROWS
#undef NARROW_FEW
#undef GET
#undef PUT
