// Where the largest and the smallest elements are.

#include <math.h>
#include <string.h>

#include "CGraftVector.h"
#include "select.h"

#define KERNEL "extremes-kernel.h"
#include "variants.h"

#define PLACES(name)                                                                                           \
  void graft_f32_##name##_place_rows(const float *x, int32_t *y, ptrdiff_t rows, ptrdiff_t count) {            \
    SELECT(name##_rows)(x, y, rows, count);                                                                    \
  }                                                                                                            \
  void graft_f32_##name##_place_columns(                                                                       \
      float *best, int32_t *found, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count) {          \
    SELECT(name##_columns)(best, found, x, step, rows, count);                                                 \
  }

PLACES(largest)
PLACES(smallest)

int graft_f32_top(const float *x, ptrdiff_t count, ptrdiff_t most, float *values, int32_t *places) {
  return SELECT(top)(x, count, most, values, places);
}
