// What is computed of the channels of a few pixels: normalisation by neighbours, blending, gates.

#include <math.h>
#include <string.h>

#include "CGraftVector.h"
#include "CGraftVectorMatrix.h"
#include "select.h"

// Rounded as the definitions say.
#pragma clang fp contract(off)

#define KERNEL "windows-kernel.h"
#include "variants.h"

int graft_lrn_norms_f32(
    const float *x, float *squares, float *norms, ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t reach, float bias,
    float alpha) {
  return SELECT(norms)(x, squares, norms, pixels, channels, reach, bias, alpha);
}

void graft_divide_by_root_f32(const float *x, const float *norms, float *y, ptrdiff_t count, int quarters) {
  SELECT(divide_by_root)(x, norms, y, count, quarters);
}

void graft_blend_f32(
    const float *top_left, const float *top_right, const float *bottom_left, const float *bottom_right, float across,
    float down, float *y, ptrdiff_t channels) {
  SELECT(blend)(top_left, top_right, bottom_left, bottom_right, across, down, y, channels);
}

void graft_gate_f32(const float *x, const float *gate, float *y, ptrdiff_t pixels, ptrdiff_t channels) {
  SELECT(gate)(x, gate, y, pixels, channels);
}

void graft_weigh_f32(const float *x, const float *weights, float *y, ptrdiff_t rows, ptrdiff_t columns) {
  SELECT(weigh)(x, weights, y, rows, columns);
}
