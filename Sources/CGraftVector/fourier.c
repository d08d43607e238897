// Stages of Fourier transforms, of many lines at once: the elements of a line lie `lines` apart, real and imaginary
// parts for themselves, so that each step is the same for neighbours in memory (Stockham's order, which needs no
// exchange of places afterwards).

#include "CGraftVector.h"
#include "select.h"

typedef graft_fourier_stage stage;

// Elements whose sums are kept at once.
#define BLOCK 64

#define KERNEL "fourier-kernel.h"
#include "variants.h"

void graft_fourier_run_stage(const graft_fourier_stage *stage) { SELECT(run_stage)(stage); }

void graft_fourier_multiply(
    double *xr, double *xi, const double *wr, const double *wi, ptrdiff_t count, ptrdiff_t lines) {
  SELECT(multiply)(xr, xi, wr, wi, count, lines);
}

void graft_fourier_unfold(
    const double *xr, const double *xi, double *yr, double *yi, const double *wr, const double *wi, ptrdiff_t half,
    ptrdiff_t lines) {
  SELECT(unfold)(xr, xi, yr, yi, wr, wi, half, lines);
}

void graft_fourier_fold(
    const double *xr, const double *xi, double *yr, double *yi, const double *wr, const double *wi, ptrdiff_t half,
    ptrdiff_t lines) {
  SELECT(fold)(xr, xi, yr, yi, wr, wi, half, lines);
}
