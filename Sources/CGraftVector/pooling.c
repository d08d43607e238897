// The largest elements under windows, and the means.

#include <float.h>

#include "CGraftVectorMatrix.h"
#include "select.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// The pixels under a window: how many along each dimension, and how many elements apart.
typedef struct {
  const float *start;
  ptrdiff_t count[3], step[3];
} covered;

/// How many of the image's columns are under the windows of a column of the result.
static inline ptrdiff_t columns_under(const graft_convolution *s, ptrdiff_t column) {
  const ptrdiff_t left = column * s->stride[2] - s->padding[2], end = left + s->kernel[2];
  const ptrdiff_t lower = left > 0 ? left : 0, upper = end < s->input[2] ? end : s->input[2];
  return upper > lower ? upper - lower : 0;
}

#define KERNEL "pooling-kernel.h"
#include "variants.h"

void graft_pool_f32(
    int is_maximum, const graft_convolution *shape, const float *x, float *y, ptrdiff_t first, ptrdiff_t last) {
  SELECT(pool)(is_maximum, shape, x, y, first, last);
}

ptrdiff_t graft_pool_line(const graft_convolution *s) {
  const ptrdiff_t reach = (s->output[2] - 1) * s->stride[2] + s->kernel[2], width = s->padding[2] + s->input[2];
  return (reach > width ? reach : width) * s->groups;
}

void graft_pool_rows_f32(
    int is_maximum, const graft_convolution *shape, const float *x, float *y, ptrdiff_t first, ptrdiff_t last,
    float *line) {
  SELECT(pool_rows)(is_maximum, shape, x, y, first, last, line);
}
