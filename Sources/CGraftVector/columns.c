// Reductions of columns: rows are combined with totals, which stay in registers meanwhile.

#include <string.h>

#include "CGraftVector.h"
#include "select.h"

typedef enum { COLUMNS_SUM, COLUMNS_MAX, COLUMNS_MIN } columns_operation;

// Columns up to which all rows are walked at once, and how many are beyond that.
#define NARROW 128
#define FEW 8

#define KERNEL "columns-kernel.h"
#include "variants.h"

void graft_f32_add_columns(float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {
  SELECT(reduce)(COLUMNS_SUM, totals, x, step, rows, count);
}

void graft_f32_max_columns(float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {
  SELECT(reduce)(COLUMNS_MAX, totals, x, step, rows, count);
}

void graft_f32_min_columns(float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {
  SELECT(reduce)(COLUMNS_MIN, totals, x, step, rows, count);
}
