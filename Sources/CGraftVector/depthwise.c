// Depthwise convolutions with windows of 3, 5 or 7 columns, row by row.

#include "CGraftVectorMatrix.h"
#include "select.h"

// Pixels of a row that are summed at once, and the pixels under their windows.
#define COLUMNS 7
#define MAX_WINDOW 7
// Channels that the narrowest vectors hold.
#define NARROWEST 4
#define LINE ((COLUMNS - 1) * 2 + MAX_WINDOW)

#define KERNEL "depthwise-kernel.h"
#include "variants.h"

int graft_depthwise_handles_f32(const graft_convolution *s) {
  const ptrdiff_t window = s->kernel[2], stride = s->stride[2];
  return s->input_channels == 1 && s->output_channels == 1 && s->groups >= NARROWEST && s->kernel[0] == 1 &&
         s->input[0] == 1 && s->kernel[1] <= MAX_WINDOW && (window == 3 || window == 5 || window == 7) &&
         (stride == 1 || stride == 2) && s->stride[1] == stride;
}

void graft_depthwise_rows_f32(
    const graft_convolution *s, graft_pitches pitches, const float *x, const float *filter, const float *zeros,
    float *y, ptrdiff_t first, ptrdiff_t last, const graft_finish *finish) {
  // What has fewer channels than a register has lanes takes narrower ones.
#if defined(__x86_64__)
  if (s->groups < 8) return depthwise_plain(s, pitches, x, filter, zeros, y, first, last, finish);
  if (s->groups < 16 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return depthwise_avx2(s, pitches, x, filter, zeros, y, first, last, finish);
#endif
  SELECT(depthwise)(s, pitches, x, filter, zeros, y, first, last, finish);
}
