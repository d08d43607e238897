// Winograd's convolution: products in a transformed space, of which a 3x3 kernel takes 2.25 (tiles of 2x2) or 4
// (4x4) times fewer than by its definition, and one of 1x3 half as many.
//
// The larger tiles' points are 0, +-sqrt(1/2), +-sqrt(2) and infinity: with them the rounding error is about twice
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

// In one dimension: the elements of a tile's patch, and of the kernel how many a block has.
#define SIZE(tile) ((tile) == 1 ? 1 : (tile) == 2 ? 4 : 6)
#define TAPS(tile) (SIZE(tile) - (tile) + 1)

/// Tiles of an output in one dimension. A tile's pixels are as far apart as a dilation has the kernel's elements, so
/// that there are tiles from each of the first pixels on, as many from each. The last ones may be cut, or empty.
typedef struct {
  ptrdiff_t from_each, count;
} tiles;

static inline tiles tiles_of(ptrdiff_t size, ptrdiff_t dilation, int tile) {
  const ptrdiff_t starts = dilation < size ? dilation : size;
  const ptrdiff_t from_each = starts > 0 ? (size + starts * tile - 1) / (starts * tile) : 0;
  return (tiles){from_each, starts * from_each};
}

/// The first pixel of a tile.
static inline ptrdiff_t tile_start(ptrdiff_t index, tiles all, ptrdiff_t dilation, int tile) {
  return index / all.from_each + index % all.from_each * tile * dilation;
}

/// How many pixels of a tile there are.
static inline int tile_size(ptrdiff_t start, ptrdiff_t size, ptrdiff_t dilation, int tile) {
  const ptrdiff_t left = size > start ? (size - start + dilation - 1) / dilation : 0;
  return left < tile ? (int)left : tile;
}

/// Blocks of a kernel in one dimension: elements as far apart as steps are, so that there are blocks from each of the
/// first elements on. The last ones may be cut.
static inline ptrdiff_t blocks(ptrdiff_t window, ptrdiff_t stride, int tile) {
  return tile == 1 ? 1 : (window + stride * TAPS(tile) - 1) / (stride * TAPS(tile)) * stride;
}

/// The first element of a block.
static inline ptrdiff_t block_start(ptrdiff_t block, ptrdiff_t stride, int tile) {
  return block / stride * stride * TAPS(tile) + block % stride;
}

graft_winograd_sizes graft_winograd_measure(graft_winograd_tile tile, const graft_convolution *s) {
  return (graft_winograd_sizes){
      .places = SIZE(tile.height) * SIZE(tile.width),
      .depth = s->kernel[0] * blocks(s->kernel[1], s->stride[1], tile.height) *
               blocks(s->kernel[2], s->stride[2], tile.width) * s->input_channels,
      .tiles = s->output[0] * tiles_of(s->output[1], s->dilation[1], tile.height).count *
               tiles_of(s->output[2], s->dilation[2], tile.width).count,
  };
}

#define KERNEL "winograd-kernel.h"
#include "variants.h"

void graft_winograd_input_f32(
    graft_winograd_tile tile, const graft_convolution *s, const float *x, const float *zeros, ptrdiff_t first,
    ptrdiff_t last, float *v, ptrdiff_t v_step) {
  SELECT(winograd_input)(tile, s, x, zeros, first, last, v, v_step);
}

void graft_winograd_output_f32(
    graft_winograd_tile tile, const graft_convolution *s, ptrdiff_t channels, const float *m, ptrdiff_t m_step,
    ptrdiff_t first, ptrdiff_t last, float *y, const graft_finish *finish) {
  SELECT(winograd_output)(tile, s, channels, m, m_step, first, last, y, finish);
}

void graft_winograd_pack_f32(
    graft_winograd_tile tile, const graft_convolution *s, const float *filter, const float *scale, ptrdiff_t first,
    ptrdiff_t last, float *packed) {
  SELECT(winograd_pack)(tile, s, filter, scale, first, last, packed);
}
