// Convolutions in groups of few channels with windows of 3, 5 or 7 columns, and depthwise ones with any, row by row.

#include "CGraftVectorMatrix.h"
#include "select.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Pixels of a row that are summed at once, and the pixels under their windows.
#define COLUMNS 7
#define MAX_WINDOW 7
#define LINE ((COLUMNS - 1) * 2 + MAX_WINDOW)

// Registers with the same weights that are summed at once.
#define MOST_PERIODS 8

#define KERNEL "grouped-kernel.h"
#include "variants.h"

enum { lanes_plain = 4, lanes_avx2 = 8, lanes_avx512 = 16 };

/// Lanes of the registers to compute with: what has fewer channels than the widest ones have lanes takes narrower
/// ones; 0 where it has fewer than those.
static ptrdiff_t lanes(const graft_convolution *s) {
  const ptrdiff_t channels = s->groups * s->input_channels;
  ptrdiff_t width = SELECT(lanes);
  while (width > channels && width >= lanes_plain) width /= 2;
  return width < lanes_plain ? 0 : width;
}

int graft_grouped_handles_f32(const graft_convolution *s) {
  const ptrdiff_t window = s->kernel[2], stride = s->stride[2], width = lanes(s);
  return width > 0 && s->output_channels > 0 && s->input_channels <= s->output_channels &&
         width % s->output_channels == 0 && s->kernel[0] == 1 && s->input[0] == 1 && s->kernel[1] <= MAX_WINDOW &&
         (window == 3 || window == 5 || window == 7) && (stride == 1 || stride == 2) && s->stride[1] == stride;
}

void graft_grouped_rows_f32(
    const graft_convolution *s, graft_pitches pitches, const float *x, int is_far, const float *filter,
    const float *zeros, float *y, ptrdiff_t first, ptrdiff_t last, const graft_finish *finish) {
#if defined(__x86_64__)
  const ptrdiff_t width = lanes(s);
  if (width == lanes_avx512) return grouped_avx512(s, pitches, x, is_far, filter, zeros, y, first, last, finish);
  if (width == lanes_avx2) return grouped_avx2(s, pitches, x, is_far, filter, zeros, y, first, last, finish);
#endif
  grouped_plain(s, pitches, x, is_far, filter, zeros, y, first, last, finish);
}

void graft_periodic_sums_f32(
    const float *const *lines, ptrdiff_t count, const float *weights, ptrdiff_t period, const float *bias,
    ptrdiff_t length, float *y) {
  SELECT(periodic_sums)(lines, count, weights, period, bias, length, y);
}
