// Products taken from a matrix in place: what takes most of the time where matrices are taken apart.

#include "CGraftVector.h"
#include "select.h"

#define KERNEL "update-kernel.h"
#include "variants.h"

void graft_matrix_subtract_product_f64(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *a, ptrdiff_t a_row, ptrdiff_t a_column, const double *b,
    ptrdiff_t b_row, double *c, ptrdiff_t c_row) {
  SELECT(subtract_product)(m, n, k, a, a_row, a_column, b, b_row, c, c_row);
}
