// Loops over arrays for the processor at hand: each runs the widest variant that it supports.
//
// An output may be the same memory as an input where their elements have the same size, or apart from it.

#ifndef C_GRAFT_VECTOR_H
#define C_GRAFT_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "CGraftVectorBFloat16.h"
#include "CGraftVectorMatrix.h"

#pragma clang assume_nonnull begin

// MARK: Functions of one number

/// y[i] = f(x[i]): elementary functions, within two units in the last place.
void graft_f32_exp(const float *x, float *y, size_t count);
void graft_f32_expm1(const float *x, float *y, size_t count);
void graft_f32_log(const float *x, float *y, size_t count);
void graft_f32_log1p(const float *x, float *y, size_t count);
void graft_f32_tanh(const float *x, float *y, size_t count);
void graft_f32_sigmoid(const float *x, float *y, size_t count);
void graft_f32_erf(const float *x, float *y, size_t count);
void graft_f32_erfc(const float *x, float *y, size_t count);
void graft_f32_erfinv(const float *x, float *y, size_t count);
/// The inverse of the normal distribution's cumulative function.
void graft_f32_ndtri(const float *x, float *y, size_t count);
/// log |gamma(x)|, and the derivative of that, which is NaN at its poles.
void graft_f32_lgamma(const float *x, float *y, size_t count);
void graft_f32_digamma(const float *x, float *y, size_t count);
void graft_f32_atan(const float *x, float *y, size_t count);
void graft_f32_asin(const float *x, float *y, size_t count);
void graft_f32_acos(const float *x, float *y, size_t count);
void graft_f32_atanh(const float *x, float *y, size_t count);
void graft_f32_sin(const float *x, float *y, size_t count);
void graft_f32_cos(const float *x, float *y, size_t count);

/// y[i] = f(x[i]): activations.
void graft_f32_softplus(const float *x, float *y, size_t count);
void graft_f32_softsign(const float *x, float *y, size_t count);
void graft_f32_elu(const float *x, float *y, size_t count);
void graft_f32_selu(const float *x, float *y, size_t count);
void graft_f32_relu(const float *x, float *y, size_t count);
void graft_f32_relu6(const float *x, float *y, size_t count);
/// x sigmoid(x)
void graft_f32_silu(const float *x, float *y, size_t count);
void graft_f32_hard_silu(const float *x, float *y, size_t count);
/// x tanh(log(1 + exp(x)))
void graft_f32_mish(const float *x, float *y, size_t count);
/// x (1 + erf(x / sqrt 2)) / 2
void graft_f32_gelu(const float *x, float *y, size_t count);
/// The approximation of gelu by tanh.
void graft_f32_gelu_tanh(const float *x, float *y, size_t count);
/// x for x > 0, else alpha x, as the larger (alpha < 1) or smaller of both.
void graft_f32_leaky_relu(const float *x, float *y, size_t count, float alpha);
/// The larger of low and the smaller of high and x; NaN bounds do not bound, and a NaN stays one.
void graft_f32_clip(const float *x, float *y, size_t count, float low, float high);

/// A range of steps that are `scale` apart, of which `zero` stands for zero.
typedef struct {
  float low, high, scale, inverse, zero;
} graft_steps;
/// The nearest steps of the range, found by division by `scale`, or by multiplication by `inverse`; a NaN stays one.
void graft_f32_steps_divided(const float *x, float *y, size_t count, const graft_steps *steps);
void graft_f32_steps_multiplied(const float *x, float *y, size_t count, const graft_steps *steps);

/// The same for elements of which each has a range of its own.
typedef struct {
  const float *low, *high, *scale, *inverse, *zero;
} graft_channel_steps;
void graft_f32_steps_of_channels(const float *x, float *y, size_t count, const graft_channel_steps *steps);

/// The multiple of `scale`, found by multiplication by `inverse`, that is nearest to what lies between `low` and `high`:
/// halves to the even one, or up. Zero is zero, whatever `zero` says.
void graft_f32_nearest_steps_even(const float *x, float *y, size_t count, const graft_steps *steps);
void graft_f32_nearest_steps_even_of_channels(
    const float *x, float *y, size_t count, const graft_channel_steps *steps);
void graft_f32_nearest_steps_up(const float *x, float *y, size_t count, const graft_steps *steps);
void graft_f32_nearest_steps_up_of_channels(
    const float *x, float *y, size_t count, const graft_channel_steps *steps);

/// Lowers `low` and raises `high` so that all elements lie between them, but for NaN.
void graft_f32_widen_range(const float *x, size_t count, float *low, float *high);

/// y[i] = f(x[i]): arithmetic, exact.
void graft_f32_abs(const float *x, float *y, size_t count);
void graft_f32_sign(const float *x, float *y, size_t count);
void graft_f32_neg(const float *x, float *y, size_t count);
void graft_f32_square(const float *x, float *y, size_t count);
void graft_f32_cube(const float *x, float *y, size_t count);
void graft_f32_sqrt(const float *x, float *y, size_t count);
void graft_f32_rsqrt(const float *x, float *y, size_t count);
void graft_f32_reciprocal(const float *x, float *y, size_t count);
void graft_f32_floor(const float *x, float *y, size_t count);
void graft_f32_ceil(const float *x, float *y, size_t count);
/// To the nearest integer, ties to even.
void graft_f32_round(const float *x, float *y, size_t count);
void graft_f64_floor(const double *x, double *y, size_t count);
void graft_f64_ceil(const double *x, double *y, size_t count);
void graft_f64_round(const double *x, double *y, size_t count);

/// Functions of half-precision and bfloat16 numbers in steps that are rounded to such, but for the last one. The numbers
/// come and go as floats.
#define GRAFT_DECLARE_SIXTEEN_BITS(name)                                                          \
  void graft_f32_half_##name(const float *x, float *y, size_t count);                             \
  void graft_f32_bfloat16_##name(const float *x, float *y, size_t count);
GRAFT_DECLARE_SIXTEEN_BITS(sigmoid)
GRAFT_DECLARE_SIXTEEN_BITS(silu)
GRAFT_DECLARE_SIXTEEN_BITS(elu)
GRAFT_DECLARE_SIXTEEN_BITS(selu)
GRAFT_DECLARE_SIXTEEN_BITS(softplus)
GRAFT_DECLARE_SIXTEEN_BITS(softsign)
#undef GRAFT_DECLARE_SIXTEEN_BITS

/// Elementary functions and activations of double precision, within three units in the last place.
void graft_f64_exp(const double *x, double *y, size_t count);
void graft_f64_expm1(const double *x, double *y, size_t count);
void graft_f64_log(const double *x, double *y, size_t count);
void graft_f64_log1p(const double *x, double *y, size_t count);
void graft_f64_tanh(const double *x, double *y, size_t count);
void graft_f64_sigmoid(const double *x, double *y, size_t count);
void graft_f64_softplus(const double *x, double *y, size_t count);
void graft_f64_elu(const double *x, double *y, size_t count);
void graft_f64_selu(const double *x, double *y, size_t count);
void graft_f64_silu(const double *x, double *y, size_t count);
void graft_f64_sign(const double *x, double *y, size_t count);
void graft_f64_sqrt(const double *x, double *y, size_t count);
void graft_f64_rsqrt(const double *x, double *y, size_t count);

// MARK: Functions of two numbers

/// y[i] = f(a[i], b[i]); with _left a is one number, with _right b is one.
#define GRAFT_DECLARE_BINARY(name)                                                                \
  void graft_f32_##name(const float *a, const float *b, float *y, size_t count);                  \
  void graft_f32_##name##_left(const float *a, const float *b, float *y, size_t count);           \
  void graft_f32_##name##_right(const float *a, const float *b, float *y, size_t count);
GRAFT_DECLARE_BINARY(add)
GRAFT_DECLARE_BINARY(sub)
GRAFT_DECLARE_BINARY(mul)
GRAFT_DECLARE_BINARY(div)
GRAFT_DECLARE_BINARY(floor_div)
/// The angle of the point (b[i], a[i]).
GRAFT_DECLARE_BINARY(atan2)
/// NaN where either is NaN; the second of equal ones.
GRAFT_DECLARE_BINARY(max)
GRAFT_DECLARE_BINARY(min)
GRAFT_DECLARE_BINARY(squared_difference)
GRAFT_DECLARE_BINARY(pow)
/// a log b, but zero where a is zero.
GRAFT_DECLARE_BINARY(xlogy)
GRAFT_DECLARE_BINARY(xlog1py)
/// What a quotient's integer part leaves, with the sign of a, and what its floor leaves, with that of b.
GRAFT_DECLARE_BINARY(mod)
GRAFT_DECLARE_BINARY(floor_mod)
#undef GRAFT_DECLARE_BINARY

/// The same of doubles.
#define GRAFT_DECLARE_BINARY(name)                                                                \
  void graft_f64_##name(const double *a, const double *b, double *y, size_t count);               \
  void graft_f64_##name##_left(const double *a, const double *b, double *y, size_t count);        \
  void graft_f64_##name##_right(const double *a, const double *b, double *y, size_t count);
GRAFT_DECLARE_BINARY(max)
GRAFT_DECLARE_BINARY(min)
GRAFT_DECLARE_BINARY(floor_div)
#undef GRAFT_DECLARE_BINARY

/// Functions of pairs of half-precision and bfloat16 numbers, as those of one such number above.
#define GRAFT_DECLARE_SIXTEEN_BITS(name)                                                          \
  void graft_f32_half_##name(const float *a, const float *b, float *y, size_t count);             \
  void graft_f32_bfloat16_##name(const float *a, const float *b, float *y, size_t count);
GRAFT_DECLARE_SIXTEEN_BITS(squared_difference)
GRAFT_DECLARE_SIXTEEN_BITS(xlogy)
GRAFT_DECLARE_SIXTEEN_BITS(xlog1py)
GRAFT_DECLARE_SIXTEEN_BITS(floor_div)
GRAFT_DECLARE_SIXTEEN_BITS(truncate_div)
GRAFT_DECLARE_SIXTEEN_BITS(sigmoid_grad)
GRAFT_DECLARE_SIXTEEN_BITS(tanh_grad)
GRAFT_DECLARE_SIXTEEN_BITS(sqrt_grad)
GRAFT_DECLARE_SIXTEEN_BITS(rsqrt_grad)
GRAFT_DECLARE_SIXTEEN_BITS(reciprocal_grad)
GRAFT_DECLARE_SIXTEEN_BITS(relu_grad)
GRAFT_DECLARE_SIXTEEN_BITS(relu6_grad)
GRAFT_DECLARE_SIXTEEN_BITS(elu_grad)
GRAFT_DECLARE_SIXTEEN_BITS(selu_grad)
GRAFT_DECLARE_SIXTEEN_BITS(softplus_grad)
GRAFT_DECLARE_SIXTEEN_BITS(softsign_grad)
#undef GRAFT_DECLARE_SIXTEEN_BITS

/// The regularized lower incomplete gamma function P(a[i], x[i]), for 0 < x <= 30 and 0 < a <= 10^4. The output may be
/// an input.
void graft_f32_igamma(const float *a, const float *x, float *y, size_t count);

/// y[i] = f(a[i], b[i]) for integers, which wrap around. What comes of a divisor of zero is not
/// specified.
#define GRAFT_DECLARE_BINARY_INTEGER(name)                                                        \
  void graft_i32_##name(const int32_t *a, const int32_t *b, int32_t *y, size_t count);            \
  void graft_i32_##name##_left(const int32_t *a, const int32_t *b, int32_t *y, size_t count);     \
  void graft_i32_##name##_right(const int32_t *a, const int32_t *b, int32_t *y, size_t count);
GRAFT_DECLARE_BINARY_INTEGER(floor_div)
GRAFT_DECLARE_BINARY_INTEGER(floor_mod)
#undef GRAFT_DECLARE_BINARY_INTEGER

/// Adds to c[i] the products of a[p * step] and b[p * row + i], for each p < k; integers wrap around.
void graft_i32_add_products(
    const int32_t *a, ptrdiff_t step, ptrdiff_t k, const int32_t *b, ptrdiff_t row, int32_t *c, size_t count);

// MARK: Choices

/// y[i] is that of t where condition[i] is not zero, that of e elsewhere, for elements of so many bits; a step of 0
/// stands for one element for all.
#define GRAFT_DECLARE_SELECT(bits)                                                                         \
  void graft_select_##bits(                                                                                    \
      const void *condition, const void *t, ptrdiff_t t_step, const void *e, ptrdiff_t e_step, void *y,        \
      ptrdiff_t count);
GRAFT_DECLARE_SELECT(8)
GRAFT_DECLARE_SELECT(16)
GRAFT_DECLARE_SELECT(32)
GRAFT_DECLARE_SELECT(64)
#undef GRAFT_DECLARE_SELECT

// MARK: Reductions

/// y[r] = f(x[r * count], ..., x[r * count + count - 1]). Sums are made pairwise, in an order that depends
/// on count alone. NaN wins over the largest and the smallest.
void graft_f32_sum_rows(const float *x, float *y, size_t rows, size_t count);
void graft_f32_sum_squares_rows(const float *x, float *y, size_t rows, size_t count);
void graft_f32_max_rows(const float *x, float *y, size_t rows, size_t count);
void graft_f32_min_rows(const float *x, float *y, size_t rows, size_t count);

/// totals[i] = f(totals[i], x[i], x[step + i], ...), for so many rows, one after the other. NaN wins over the largest
/// and the smallest.
void graft_f32_add_columns(float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count);
void graft_f32_max_columns(float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count);
void graft_f32_min_columns(float *totals, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count);

/// Where the largest or the smallest element of each row is, of equal ones the first. Numbers that are none are never
/// taken; where there is nothing else, the result is 0.
void graft_f32_largest_place_rows(const float *x, int32_t *y, ptrdiff_t rows, ptrdiff_t count);
void graft_f32_smallest_place_rows(const float *x, int32_t *y, ptrdiff_t rows, ptrdiff_t count);

/// Takes what is better than the best so far, column by column, and notes its row.
void graft_f32_largest_place_columns(
    float *best, int32_t *found, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count);
void graft_f32_smallest_place_columns(
    float *best, int32_t *found, const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count);

/// The `most` largest of some elements in order, and where they are, of equal ones the first one first. The result is
/// 0, and nothing is written, where one is no number, or more are wanted than a few registers hold. `most` is from 1 to
/// `count`.
int graft_f32_top(const float *x, ptrdiff_t count, ptrdiff_t most, float *values, int32_t *places);

/// Each row's exponentials, divided by their sum. Where an element is infinity or NaN those become NaN, and the others
/// 0. The result may be in the place of x.
void graft_f32_softmax_rows(const float *x, float *y, size_t rows, size_t count);
/// The same, for rows of at most 32 elements.
void graft_f32_softmax_short_rows(const float *x, float *y, size_t rows, size_t count);
/// The logarithms of the exponentials' shares, for rows of at most 32 elements. The result may be in the place of x.
void graft_f32_log_softmax_short_rows(const float *x, float *y, size_t rows, size_t count);

/// Each row without its mean, divided by the root of its variance and epsilon, times scale, plus offset: those are
/// of `count` numbers. The result may be in the place of x.
void graft_f32_normalize_rows(
    const float *x, const float *scale, const float *offset, float *y, size_t rows, size_t count, float epsilon);

/// Each element without its column's mean, times the column's scale, plus its offset.
void graft_f32_normalize_columns(
    const float *x, const float *mean, const float *scale, const float *offset, float *y, size_t rows, size_t count);
/// Adds to columns' totals the squares of their elements without the means; rows are `step` elements apart.
void graft_f32_add_squares_columns(
    float *totals, const float *x, const float *mean, size_t step, size_t rows, size_t count);

// MARK: Conversions

/// Half precision and bfloat16, by their bits; to the nearest, ties to even.
void graft_half_to_f32(const uint16_t *x, float *y, size_t count);
void graft_f32_to_half(const float *x, uint16_t *y, size_t count);
void graft_bfloat16_to_f32(const uint16_t *x, float *y, size_t count);
void graft_f32_to_bfloat16(const float *x, uint16_t *y, size_t count);

/// The integer part; the smallest integer for what is out of range, and for NaN.
void graft_f32_to_i32(const float *x, int32_t *y, size_t count);
void graft_f64_to_i32(const double *x, int32_t *y, size_t count);
void graft_f64_to_i64(const double *x, int64_t *y, size_t count);
/// The same for unsigned integers, with 2^31 or 2^63 for what is out of range, and negative numbers wrapped.
void graft_f64_to_u32(const double *x, uint32_t *y, size_t count);
void graft_f64_to_u64(const double *x, uint64_t *y, size_t count);

// MARK: Complex numbers

/// y[i] = f(x[i]) for complex numbers: the real part, then the imaginary one; each count is of complex
/// numbers.
#define GRAFT_DECLARE_COMPLEX_UNARY(name)                                                         \
  void graft_c64_##name(const float *x, float *y, size_t count);                                  \
  void graft_c128_##name(const double *x, double *y, size_t count);
GRAFT_DECLARE_COMPLEX_UNARY(exp)
GRAFT_DECLARE_COMPLEX_UNARY(expm1)
GRAFT_DECLARE_COMPLEX_UNARY(log)
GRAFT_DECLARE_COMPLEX_UNARY(log1p)
GRAFT_DECLARE_COMPLEX_UNARY(sqrt)
GRAFT_DECLARE_COMPLEX_UNARY(rsqrt)
GRAFT_DECLARE_COMPLEX_UNARY(sigmoid)
GRAFT_DECLARE_COMPLEX_UNARY(sign)
GRAFT_DECLARE_COMPLEX_UNARY(sin)
GRAFT_DECLARE_COMPLEX_UNARY(cos)
GRAFT_DECLARE_COMPLEX_UNARY(tan)
GRAFT_DECLARE_COMPLEX_UNARY(sinh)
GRAFT_DECLARE_COMPLEX_UNARY(cosh)
GRAFT_DECLARE_COMPLEX_UNARY(tanh)
GRAFT_DECLARE_COMPLEX_UNARY(asin)
GRAFT_DECLARE_COMPLEX_UNARY(acos)
GRAFT_DECLARE_COMPLEX_UNARY(atan)
GRAFT_DECLARE_COMPLEX_UNARY(asinh)
GRAFT_DECLARE_COMPLEX_UNARY(acosh)
GRAFT_DECLARE_COMPLEX_UNARY(atanh)
#undef GRAFT_DECLARE_COMPLEX_UNARY

/// y = f(a, b) for one pair of complex numbers.
void graft_c64_divide(const float *a, const float *b, float *y);
void graft_c128_divide(const double *a, const double *b, double *y);
void graft_c64_power(const float *a, const float *b, float *y);
void graft_c128_power(const double *a, const double *b, double *y);

// MARK: The channels of a few pixels

/// Numbers that a register holds at most.
#define GRAFT_LANES_F32 16

/// norms[p, c] = bias + alpha * (the sum of the squares of the channels at most `reach` away) for some pixels. `squares`
/// has room for `pixels * (channels + reach) + 2 * (reach + GRAFT_LANES_F32)` numbers. The result is whether all squares
/// are finite.
int graft_lrn_norms_f32(
    const float *x, float *squares, float *norms, ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t reach, float bias,
    float alpha);

/// y[i] = x[i] / norms[i]^(quarters / 4), for 2, 3 and 4 quarters.
void graft_divide_by_root_f32(const float *x, const float *norms, float *y, ptrdiff_t count, int quarters);

/// y[c] = what lies `across` of the way from left to right and `down` of the way from top to bottom.
void graft_blend_f32(
    const float *top_left, const float *top_right, const float *bottom_left, const float *bottom_right, float across,
    float down, float *y, ptrdiff_t channels);

// MARK: Fourier transforms
//
// Of one line or of many at once: the elements of a line lie `lines` apart, real and imaginary parts in arrays of their
// own.

/// The largest radix of a stage.
#define GRAFT_FOURIER_LARGEST_RADIX 13

/// A stage of a transform of length `radix * parts * m`, whose input is `m` transforms of `radix * parts` elements
/// that lie interleaved; `count` is `m` times the number of lines.
typedef struct {
  ptrdiff_t radix, parts, count;
  const double *xr, *xi;
  double *yr, *yi;
  /// exp(-2 pi i p j / (radix * parts)), at `j * parts + p`.
  const double *wr, *wi;
  /// exp(-2 pi i j / radix).
  const double *rr, *ri;
} graft_fourier_stage;

/// Runs one stage; the output is apart from the input.
void graft_fourier_run_stage(const graft_fourier_stage *stage);

/// Multiplies the lines by `count` numbers.
void graft_fourier_multiply(
    double *xr, double *xi, const double *wr, const double *wi, ptrdiff_t count, ptrdiff_t lines);

/// From the transform of `half` numbers whose real parts are a real line's even elements, and the imaginary parts its
/// odd ones, the first `half + 1` numbers of that line's transform; `w` are exp(-pi i k / half).
void graft_fourier_unfold(
    const double *xr, const double *xi, double *yr, double *yi, const double *wr, const double *wi, ptrdiff_t half);

/// The reverse. The imaginary parts of the first and the last number do not count.
void graft_fourier_fold(
    const double *xr, const double *xi, double *yr, double *yi, const double *wr, const double *wi, ptrdiff_t half);

#define GRAFT_DECLARE_PAIRS(T, S)                                                                                \
  /** Rows of `count` numbers in pairs, `z_row` elements apart, to real and imaginary parts, `x_row` apart. */   \
  void graft_fourier_split_##S(                                                                                  \
      const T *z, ptrdiff_t z_row, double *xr, double *xi, ptrdiff_t x_row, ptrdiff_t rows, ptrdiff_t count);     \
  /** The reverse, each number times the factor. */                                                              \
  void graft_fourier_join_##S(                                                                                   \
      const double *xr, const double *xi, ptrdiff_t x_row, T *z, ptrdiff_t z_row, ptrdiff_t rows,                 \
      ptrdiff_t count, double factor);

GRAFT_DECLARE_PAIRS(float, f32)
GRAFT_DECLARE_PAIRS(double, f64)

#undef GRAFT_DECLARE_PAIRS

// MARK: Random numbers

/// Blocks of four random numbers of the generator Philox 4x32-10, from a counter of four words on; the key is two words.
void graft_philox_blocks(const uint32_t *counter, const uint32_t *key, uint32_t *y, size_t blocks);

/// The same as numbers from 0 to below 1.
void graft_philox_uniform_f32(const uint32_t *counter, const uint32_t *key, float *y, size_t blocks);

// MARK: The processor's peak

/// Multiplies and adds in registers for so many rounds, as fast as the processor can, and gives back how many
/// operations these were. `result` is there so that none is left out.
size_t graft_multiply_add(size_t rounds, float *result);

#pragma clang assume_nonnull end

#endif
