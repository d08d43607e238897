#ifndef C_GRAFT_VECTOR_MATRIX_H
#define C_GRAFT_VECTOR_MATRIX_H

#include <stddef.h>

// Matrix products and convolutions on one thread, with the vector instructions that the processor has.
//
// Sums run over the inner dimension in ascending order, one rounding (or two, without fused instructions) for
// each product, whatever part of the result is asked for: cutting the rows or, at multiples of the panel
// width, the columns does not change a bit. Matrices of 1 to 4 columns are another matter: their sums run in as many
// parts as a register has lanes, so that no cut may leave so few columns of more.

/// What happens to each element of a product once it is summed: bias, then addend, then activation.
typedef enum {
  GRAFT_ACTIVATION_NONE,
  GRAFT_ACTIVATION_RELU,
  GRAFT_ACTIVATION_RELU6,
  GRAFT_ACTIVATION_LEAKY_RELU,
  GRAFT_ACTIVATION_PRELU,
  GRAFT_ACTIVATION_ELU,
  GRAFT_ACTIVATION_TANH,
  GRAFT_ACTIVATION_SIGMOID,
  GRAFT_ACTIVATION_SWISH,
  GRAFT_ACTIVATION_HARD_SWISH,
  GRAFT_ACTIVATION_MISH,
  GRAFT_ACTIVATION_GELU,
  GRAFT_ACTIVATION_GELU_TANH,
} graft_activation;

typedef struct {
  /// One for each column, or NULL.
  const void *bias;
  /// As many rows and columns as the result, or NULL.
  const void *addend;
  /// Elements from one row of the addend to the next.
  ptrdiff_t addend_row;
  graft_activation activation;
  /// The slope of leaky ReLU below zero.
  double alpha;
  /// That of parametric ReLU, one for each column; else NULL.
  const void *slopes;
} graft_finish;

/// A convolution over three spatial dimensions (depth, height, width), channels last.
typedef struct {
  ptrdiff_t input[3];
  ptrdiff_t kernel[3];
  ptrdiff_t output[3];
  ptrdiff_t stride[3];
  ptrdiff_t dilation[3];
  /// Zeros before the first element of each dimension.
  ptrdiff_t padding[3];
  ptrdiff_t groups;
  /// Channels of one group of the input, and of the output.
  ptrdiff_t input_channels;
  ptrdiff_t output_channels;
} graft_convolution;

/// Names memory that this thread, or another soon after it, is to read once: the tiles of the products that it computes
/// until then ask for it, a few lines at a time, so that it lies in a cache. It need not stay where it is, for to ask
/// for what is gone does nothing. Whatever was left of the memory named before is forgotten.
void graft_read_later(const void *first, size_t count);

/// How many bytes of the memory named last no tile has asked for.
size_t graft_unasked(void);

/// Columns of a panel of packed elements.
#define GRAFT_PANEL_F32 16
#define GRAFT_PANEL_F64 8

/// Lines that are added up at once at most, and steps of them all.
#define GRAFT_LINES 32
#define GRAFT_LINE_STEPS 256

#define GRAFT_DECLARE_MATRIX(T, S)                                                                             \
  /** Packs a matrix of k rows and n columns, element (i, j) at b[i * row + j * column], into panels: k rows  */ \
  /** of one panel's columns each, zeros after the last column. `packed` holds k elements for each of the     */ \
  /** columns, their number rounded up to a multiple of the panel's width. Columns are multiplied by `scale`, */ \
  /** unless that is NULL.                                                                                    */ \
  void graft_matrix_pack_##S(                                                                                  \
      const T *b, ptrdiff_t row, ptrdiff_t column, ptrdiff_t k, ptrdiff_t n, const T *scale, T *packed);         \
  /** c = a b: m rows of a, element (i, p) at a[i * a_row + p * a_column]; b packed.                          */ \
  void graft_matrix_product_##S(                                                                               \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *packed,  \
      T *c, ptrdiff_t c_row, const graft_finish *finish);                                                      \
  /** The same with b as it is, row after row, `b_row` elements apart. Meant for few rows of a.               */ \
  void graft_matrix_product_unpacked_##S(                                                                      \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b,       \
      ptrdiff_t b_row, T *c, ptrdiff_t c_row, const graft_finish *finish);                                     \
  /** c += a b, m by n, where a lies in lines (at most `GRAFT_LINES`): the columns q * k + p with p < k are m      */ \
  /** elements at lines[q] + p * a_column. There are at most `GRAFT_LINE_STEPS` columns. b and c lie row after   */ \
  /** row, `b_row` and `c_row` elements apart.                                                                */ \
  void graft_matrix_add_lines_##S(                                                                             \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column,        \
      const T *b, ptrdiff_t b_row, T *c, ptrdiff_t c_row);                                                     \
  /** The same channel by channel, for channels `first..<last`: c[w * channels + i], for each w < `window`,    */ \
  /** becomes larger by the products of lines[q][p * a_column + w * tap + i] and                              */ \
  /** b[(q * k + p) * channels + i].                                                                          */ \
  void graft_depthwise_add_lines_##S(                                                                          \
      ptrdiff_t window, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column, ptrdiff_t tap, \
      const T *b, ptrdiff_t channels, ptrdiff_t first, ptrdiff_t last, T *c);                                  \
  /** c = a b for one row of a, with b's columns contiguous, `b_column` elements apart.                       */ \
  void graft_matrix_dots_##S(                                                                                  \
      ptrdiff_t n, ptrdiff_t k, const T *a, const T *b, ptrdiff_t b_column, T *c, const graft_finish *finish);   \
  /** The pixels `first..<last` of a convolution, counted over batch, depth, height and width. `packed` holds */ \
  /** for each group the filter's matrix, packed: kernel positions and channels by output channels. `zeros`   */ \
  /** are as many zeros as a group has channels. The output's pixels lie `y_row` elements apart: where there  */ \
  /** is one group, `shape` may have some of the output channels only, with `y`, `packed` and `finish` theirs. */ \
  void graft_convolve_##S(                                                                                     \
      const graft_convolution *shape, const T *x, const T *packed, const T *zeros, T *y, ptrdiff_t y_row,       \
      ptrdiff_t first, ptrdiff_t last, const graft_finish *finish);                                            \
  /** The same where each group is one channel, and its filter gives one: `filter` is kernel positions by    */ \
  /** channels, as it is, and `zeros` as many as there are channels.                                          */ \
  void graft_convolve_depthwise_##S(                                                                           \
      const graft_convolution *shape, const T *x, const T *filter, const T *zeros, T *y, ptrdiff_t first,       \
      ptrdiff_t last, const graft_finish *finish);                                                             \
  /** Applies bias, addend and activation to rows of a result that is there already.                          */ \
  void graft_finish_rows_##S(T *c, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t c_row, const graft_finish *finish);

GRAFT_DECLARE_MATRIX(float, f32)
GRAFT_DECLARE_MATRIX(double, f64)

/// Positions of a window that steps are made for at most.
#define GRAFT_STEPPED_POSITIONS 64

#define GRAFT_DECLARE_STEPPED(kind)                                                                            \
  /** c = a b as `graft_matrix_product_f32`, of floats that all are of this kind, with the sums rounded to it   */ \
  /** at every step, and the products too but for the last n % 8 columns.                                      */ \
  void graft_stepped_product_##kind(                                                                           \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column,               \
      const float *packed, float *c, ptrdiff_t c_row);                                                         \
  /** The same of `graft_convolve_depthwise_f32`, for windows of at most `GRAFT_STEPPED_POSITIONS` positions.   */ \
  void graft_stepped_depthwise_##kind(                                                                         \
      const graft_convolution *shape, const float *x, const float *filter, const float *zeros, float *y,        \
      ptrdiff_t first, ptrdiff_t last);                                                                         \
  /** The sum or product of a row, rounded at every step, in the order of TensorFlow's loops, which depends on    */ \
  /** the place of its first element in the tensor.                                                              */ \
  float graft_stepped_reduce_##kind(int multiplies, const float *x, ptrdiff_t first, ptrdiff_t count);          \
  /** The same of each column of a matrix, for results that are those from `first` on of `total`.                */ \
  void graft_stepped_columns_##kind(                                                                           \
      int multiplies, const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first, ptrdiff_t total,      \
      float *y);

GRAFT_DECLARE_STEPPED(half)
GRAFT_DECLARE_STEPPED(bfloat16)

#undef GRAFT_DECLARE_MATRIX

/// c -= a b: m rows of a, element (i, p) at a[i * a_row + p * a_column]; b and c row after row, `b_row` and `c_row`
/// elements apart, c apart from the others. Products are taken off in ascending order, with one rounding for each (or
/// two, without fused instructions).
void graft_matrix_subtract_product_f64(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *a, ptrdiff_t a_row, ptrdiff_t a_column, const double *b,
    ptrdiff_t b_row, double *c, ptrdiff_t c_row);

// MARK: Convolutions in groups of few channels, row by row

/// Whether `graft_grouped_rows_f32` computes this convolution: depthwise ones, and those whose groups give 2, 4, 8 or
/// 16 channels from as many or fewer, with the usual windows.
int graft_grouped_handles_f32(const graft_convolution *shape);

/// Elements from one pixel of the input and of the output to the next, and from one channel of a position of the
/// filter: the number of channels, or more where only some of a depthwise convolution's channels are computed.
typedef struct {
  ptrdiff_t x;
  ptrdiff_t filter;
  ptrdiff_t y;
} graft_pitches;

/// The rows `first..<last` of all images' outputs. `filter` holds kernel positions by a group's input channels by all
/// output channels, as it is, and `zeros` are as many as there are input channels. There is no addend. Where the input
/// `is_far`, in no near cache, each row asks for what the next one reads.
void graft_grouped_rows_f32(
    const graft_convolution *shape, graft_pitches pitches, const float *x, int is_far, const float *filter,
    const float *zeros, float *y, ptrdiff_t first, ptrdiff_t last, const graft_finish *finish);

// MARK: Depthwise convolutions of any window, row by row

/// y[i] becomes bias[i % period] and the sum of lines[q][i] * weights[q * period + i % period] over the `count` lines, for
/// `i` below `length`. The period is a multiple of 16; beyond their ends 15 more elements of lines are read, and of y
/// written.
void graft_periodic_sums_f32(
    const float *const *lines, ptrdiff_t count, const float *weights, ptrdiff_t period, const float *bias,
    ptrdiff_t length, float *y);

// MARK: Pooling

/// The largest elements under a window, or the means, for the pixels `first..<last` of all images' outputs. `groups`
/// is the number of channels; there is no dilation. Padding does not count. Of no elements the largest is -FLT_MAX,
/// and the mean is NaN; a NaN among others is not the largest.
void graft_pool_f32(
    int is_maximum, const graft_convolution *shape, const float *x, float *y, ptrdiff_t first, ptrdiff_t last);

/// The same of images, not volumes, for the rows `first..<last` of all images' outputs: the rows under windows are combined
/// before the columns. `line` has room for `graft_pool_line` elements.
void graft_pool_rows_f32(
    int is_maximum, const graft_convolution *shape, const float *x, float *y, ptrdiff_t first, ptrdiff_t last,
    float *line);
ptrdiff_t graft_pool_line(const graft_convolution *shape);

/// Multiplies each channel of pixels by its factor.
void graft_gate_f32(const float *x, const float *gate, float *y, ptrdiff_t pixels, ptrdiff_t channels);

/// Multiplies each row by its weight.
void graft_weigh_f32(const float *x, const float *weights, float *y, ptrdiff_t rows, ptrdiff_t columns);

// MARK: Winograd's convolution
//
// For kernels of any depth, without groups, that have not both strides and dilations in height or in width, and for
// channels that are multiples of 16. The output is made in tiles, each from products of matrices: one row for each
// tile, one matrix of the filter for each place in the transformed space. A tile's pixels are as far apart as a
// dilation has the kernel's elements. Kernels are taken apart into blocks of elements that are as far apart as steps
// are. The products' inner dimension adds them up: it is that of input channels, for each of the kernel's slices and
// their blocks.

/// A tile's pixels. In each dimension it is 2 or 4, for blocks of 3 of the kernel's elements, 3, for blocks of 4, or 1,
/// where the kernel has one element only. There are those of 2x2, 3x3, 4x4, 1x3, 1x4, 3x1 and 4x1. Of a dimension the
/// transformed space has as many places as tile and block together, less one.
typedef struct {
  int height, width;
} graft_winograd_tile;

/// What a convolution is in tiles: the places that the transformed space has, the elements that each of them sums up
/// for a tile, and the tiles of an image.
typedef struct {
  ptrdiff_t places, depth, tiles;
} graft_winograd_sizes;

graft_winograd_sizes graft_winograd_measure(graft_winograd_tile tile, const graft_convolution *shape);

/// Makes panels `first..<last` of the transformed filter's matrices, packed as `graft_matrix_pack_f32` packs them, one
/// after the other. Columns are multiplied by `scale`, unless that is NULL.
void graft_winograd_pack_f32(
    graft_winograd_tile tile, const graft_convolution *shape, const float *filter, const float *scale, ptrdiff_t first,
    ptrdiff_t last, float *packed);

/// Transforms what the tiles `first..<last` read, counted over batch, depth, height and width: a row for each tile,
/// `v_step` elements from one place's matrix to the next. `zeros` are as many as channels.
void graft_winograd_input_f32(
    graft_winograd_tile tile, const graft_convolution *shape, const float *x, const float *zeros, ptrdiff_t first,
    ptrdiff_t last, float *v, ptrdiff_t v_step);

/// Makes the tiles `first..<last` of the output from the products, of so many channels: `m` has a row of those for each
/// tile, and `y` and `finish` begin with the first.
void graft_winograd_output_f32(
    graft_winograd_tile tile, const graft_convolution *shape, ptrdiff_t channels, const float *m, ptrdiff_t m_step,
    ptrdiff_t first, ptrdiff_t last, float *y, const graft_finish *finish);

#endif
