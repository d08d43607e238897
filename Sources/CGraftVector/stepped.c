// Products of matrices, depthwise convolutions and reductions of half-precision and bfloat16 numbers that are rounded at
// every step.

#include "CGraftVectorMatrix.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "elementary.h"
#undef INLINE
#include "select.h"

// Elements of a packet: what TensorFlow's loops compute together, with products rounded too.
#define GROUP 8

/// Where the pixels under a window's positions begin, `zeros` for those beside the image.
static void lay_lines(
    const graft_convolution *s, const float *x, const float *zeros, ptrdiff_t pixel, const float **lines) {
  const ptrdiff_t column = pixel % s->output[2], row = pixel / s->output[2] % s->output[1];
  const ptrdiff_t slice = pixel / s->output[2] / s->output[1] % s->output[0];
  const ptrdiff_t image = pixel / s->output[2] / s->output[1] / s->output[0];
  for (ptrdiff_t i = 0; i < s->kernel[0]; i++) {
    const ptrdiff_t z = slice * s->stride[0] + i * s->dilation[0] - s->padding[0];
    for (ptrdiff_t j = 0; j < s->kernel[1]; j++) {
      const ptrdiff_t v = row * s->stride[1] + j * s->dilation[1] - s->padding[1];
      for (ptrdiff_t k = 0; k < s->kernel[2]; k++) {
        const ptrdiff_t u = column * s->stride[2] + k * s->dilation[2] - s->padding[2];
        const int is_inside =
            z >= 0 && z < s->input[0] && v >= 0 && v < s->input[1] && u >= 0 && u < s->input[2];
        *lines++ = is_inside ? x + (((image * s->input[0] + z) * s->input[1] + v) * s->input[2] + u) * s->groups : zeros;
      }
    }
  }
}

#define KERNEL "stepped-kernel.h"
#include "variants.h"

#define STEPPED(kind)                                                                                           \
  void graft_stepped_product_##kind(                                                                            \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column,               \
      const float *packed, float *c, ptrdiff_t c_row) {                                                         \
    SELECT(stepped_product_##kind)(m, n, k, a, a_row, a_column, packed, c, c_row);                              \
  }                                                                                                             \
  void graft_stepped_depthwise_##kind(                                                                          \
      const graft_convolution *shape, const float *x, const float *filter, const float *zeros, float *y,        \
      ptrdiff_t first, ptrdiff_t last) {                                                                        \
    SELECT(stepped_depthwise_##kind)(shape, x, filter, zeros, y, first, last);                                  \
  }                                                                                                             \
  void graft_stepped_columns_##kind(                                                                            \
      int multiplies, const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first, ptrdiff_t total,      \
      float *y) {                                                                                               \
    SELECT(stepped_columns_##kind)(multiplies, x, rows, columns, first, total, y);                              \
  }
STEPPED(half)
STEPPED(bfloat16)

// Sums of more than so many packets are cut in two, at the end of one of the tensor's packets; products are not.
#define DEFINE_REDUCE(kind, most)                                                                               \
  float graft_stepped_reduce_##kind(int multiplies, const float *x, ptrdiff_t first, ptrdiff_t count) {         \
    if (multiplies || count <= (most)*GROUP) return SELECT(stepped_row_##kind)(multiplies, x, count);           \
    const ptrdiff_t left = (first + (count + 1) / 2 + GROUP - 1) / GROUP * GROUP - first;                       \
    return SELECT(stepped_pair_##kind)(                                                                         \
        graft_stepped_reduce_##kind(0, x, first, left),                                                         \
        graft_stepped_reduce_##kind(0, x + left, first + left, count - left));                                  \
  }
DEFINE_REDUCE(half, 200)
DEFINE_REDUCE(bfloat16, 128)
