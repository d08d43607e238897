// Winograd's convolution: products in a transformed space, of which a 3x3 kernel takes 2.25 (tiles of 2x2) or 4
// (4x4) times fewer than by its definition.
//
// The larger tile's points are 0, +-sqrt(1/2), +-sqrt(2) and infinity: with them the rounding error is about twice
// that of a plain sum, and with the usual 0, +-1, +-2 four to eight times.

#include "CGraftVectorMatrix.h"
#include "select.h"

// The points and their squares.
#define A 0.70710678118654752440
#define B 1.41421356237309504880
#define A1 ((float)A)
#define A2 0.5f
#define B1 ((float)B)
#define B2 2.0f
#define AB (A2 + B2)
// Channels of the filter that are packed at a time.
#define PACKED_CHANNELS 4

#define KERNEL "winograd-kernel.h"
#include "variants.h"

void graft_winograd_input_f32(
    int tile, const graft_convolution *s, const float *x, const float *zeros, ptrdiff_t first, ptrdiff_t last,
    float *v, ptrdiff_t v_step) {
  SELECT(winograd_input)(tile, s, x, zeros, first, last, v, v_step);
}

void graft_winograd_output_f32(
    int tile, const graft_convolution *s, const float *m, ptrdiff_t m_step, ptrdiff_t first, ptrdiff_t last,
    float *y, const graft_finish *finish) {
  SELECT(winograd_output)(tile, s, m, m_step, first, last, y, finish);
}

void graft_winograd_pack_f32(
    int tile, const graft_convolution *s, const float *filter, const float *scale, ptrdiff_t first, ptrdiff_t last,
    float *packed) {
  SELECT(winograd_pack)(tile, s, filter, scale, first, last, packed);
}
