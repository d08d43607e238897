#ifndef C_GRAFT_VECTOR_BFLOAT16_H
#define C_GRAFT_VECTOR_BFLOAT16_H

#include <stddef.h>
#include <stdint.h>

#include "CGraftVectorMatrix.h"

// Products of matrices of bfloat16 numbers on one thread, by the processor's instructions for them. Products are exact,
// and added up in single precision in ascending order, two at a time; subnormal numbers count as zero. Cutting the rows
// or, at multiples of the panel's width, the columns does not change a bit.

#pragma clang assume_nonnull begin

/// Columns of a panel of packed pairs.
#define GRAFT_PANEL_BFLOAT16 16

/// Whether the processor has such instructions, without which there are no products.
int graft_multiplies_bfloat16(void);

/// Packs a matrix of k rows and n columns, element (i, j) at b[i * row + j * column], into panels: of one panel's columns
/// each pair of rows, the last one with zeros where k is odd; zeros after the last column. `packed` has room for k / 2
/// pairs, rounded up, of each of the columns, their number rounded up to a multiple of the panel's width.
void graft_bfloat16_pack(
    const uint16_t *b, ptrdiff_t row, ptrdiff_t column, ptrdiff_t k, ptrdiff_t n, uint32_t *packed);

/// c = a b: m rows of a, `a_row` elements apart. Each row of c has room for whole panels.
void graft_bfloat16_product(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed, float *c,
    ptrdiff_t c_row);

/// Rounds m rows of n sums, or with `cuts` leaves off what bfloat16 has no room for.
void graft_bfloat16_store(
    ptrdiff_t m, ptrdiff_t n, const float *c, ptrdiff_t c_row, int cuts, uint16_t *y, ptrdiff_t y_row);

/// What lies under the window at `count` of a convolution's pixels, counted over batch, depth, height and width: rows of
/// kernel positions and channels, `pitch` elements apart, with zeros beside the image. There is one group.
void graft_bfloat16_patches(
    const graft_convolution *shape, const uint16_t *x, ptrdiff_t first, ptrdiff_t count, uint16_t *patches,
    ptrdiff_t pitch);

#pragma clang assume_nonnull end

#endif
