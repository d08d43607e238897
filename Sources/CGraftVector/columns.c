// Reductions of columns: rows are combined with totals, which stay in registers meanwhile.

#include <string.h>

#include "CGraftVector.h"
#include "select.h"

typedef enum { COLUMNS_SUM, COLUMNS_MAX, COLUMNS_MIN } columns_operation;

// Columns up to which all rows are walked at once, and how many are beyond that.
#define NARROW 128
#define FEW 8
// Rows from which on those of few columns are not taken one after the other.
#define MANY 256

#define KERNEL "columns-kernel.h"
#include "variants.h"

#define COLUMNS(name)                                                                                          \
  void graft_f32_##name##_columns(                                                                             \
      float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {                        \
    SELECT(name)(totals, x, step, rows, count);                                                                \
  }

COLUMNS(add)
COLUMNS(max)
COLUMNS(min)
