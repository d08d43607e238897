// Stages of Fourier transforms, of one line or of many at once: the elements of a line lie `lines` apart, real and
// imaginary parts for themselves, so that each step is the same for neighbours in memory (Stockham's order, which
// needs no exchange of places afterwards).

#include "CGraftVector.h"
#include "select.h"

typedef graft_fourier_stage stage;

// Elements whose sums are kept at once.
#define BLOCK 64
// Neighbours that the first stage of a single line has in hand at once.
#define NEIGHBOURS 16

#define KERNEL "fourier-kernel.h"
#include "variants.h"

void graft_fourier_run_stage(const graft_fourier_stage *stage) { SELECT(run_stage)(stage); }

void graft_fourier_multiply(
    double *xr, double *xi, const double *wr, const double *wi, ptrdiff_t count, ptrdiff_t lines) {
  SELECT(multiply)(xr, xi, wr, wi, count, lines);
}

void graft_fourier_unfold(
    const double *xr, const double *xi, double *yr, double *yi, const double *wr, const double *wi, ptrdiff_t half) {
  SELECT(unfold)(xr, xi, yr, yi, wr, wi, half);
}

void graft_fourier_fold(
    const double *xr, const double *xi, double *yr, double *yi, const double *wr, const double *wi, ptrdiff_t half) {
  SELECT(fold)(xr, xi, yr, yi, wr, wi, half);
}

#define PAIRS(T, S)                                                                                             \
  void graft_fourier_split_##S(                                                                                 \
      const T *z, ptrdiff_t z_row, double *xr, double *xi, ptrdiff_t x_row, ptrdiff_t rows, ptrdiff_t count) {   \
    SELECT(split_##S)(z, z_row, xr, xi, x_row, rows, count);                                                    \
  }                                                                                                             \
  void graft_fourier_join_##S(                                                                                  \
      const double *xr, const double *xi, ptrdiff_t x_row, T *z, ptrdiff_t z_row, ptrdiff_t rows,                \
      ptrdiff_t count, double factor) {                                                                         \
    SELECT(join_##S)(xr, xi, x_row, z, z_row, rows, count, factor);                                             \
  }

PAIRS(float, f32)
PAIRS(double, f64)
