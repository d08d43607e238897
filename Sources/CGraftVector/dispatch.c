// The public functions: each calls the variant for the widest vectors in use.

#include "CGraftVector.h"
#include "vectors.h"

#if defined(__x86_64__)
#define DISPATCH(name, parameters, arguments)                                                     \
  void graft_plain_##name parameters;                                                             \
  void graft_avx2_##name parameters;                                                              \
  void graft_avx512_##name parameters;                                                            \
  void graft_##name parameters {                                                                  \
    switch (graft_widest_vectors) {                                                               \
      case GRAFT_VECTORS_AVX512: graft_avx512_##name arguments; break;                            \
      case GRAFT_VECTORS_AVX2: graft_avx2_##name arguments; break;                                \
      case GRAFT_VECTORS_PLAIN: graft_plain_##name arguments; break;                              \
    }                                                                                             \
  }
#else
#define DISPATCH(name, parameters, arguments)                                                     \
  void graft_plain_##name parameters;                                                             \
  void graft_##name parameters { graft_plain_##name arguments; }
#endif

#define UNARY(name) DISPATCH(f32_##name, (const float *x, float *y, size_t count), (x, y, count))
UNARY(exp)
UNARY(expm1)
UNARY(log)
UNARY(log1p)
UNARY(tanh)
UNARY(sigmoid)
UNARY(erf)
UNARY(erfc)
UNARY(erfinv)
UNARY(ndtri)
UNARY(lgamma)
UNARY(digamma)
UNARY(atan)
UNARY(asin)
UNARY(acos)
UNARY(atanh)
UNARY(sin)
UNARY(cos)
UNARY(softplus)
UNARY(softsign)
UNARY(elu)
UNARY(selu)
UNARY(relu)
UNARY(relu6)
UNARY(silu)
UNARY(hard_silu)
UNARY(mish)
UNARY(gelu)
UNARY(gelu_tanh)
UNARY(abs)
UNARY(sign)
UNARY(neg)
UNARY(square)
UNARY(cube)
UNARY(sqrt)
UNARY(rsqrt)
UNARY(reciprocal)
UNARY(floor)
UNARY(ceil)
UNARY(round)

#define STEPPED_UNARY(name) UNARY(half_##name) UNARY(bfloat16_##name)
STEPPED_UNARY(sigmoid)
STEPPED_UNARY(silu)
STEPPED_UNARY(elu)
STEPPED_UNARY(selu)
STEPPED_UNARY(softplus)
STEPPED_UNARY(softsign)

#define UNARY_DOUBLE(name) DISPATCH(f64_##name, (const double *x, double *y, size_t count), (x, y, count))
UNARY_DOUBLE(floor)
UNARY_DOUBLE(ceil)
UNARY_DOUBLE(round)
UNARY_DOUBLE(exp)
UNARY_DOUBLE(expm1)
UNARY_DOUBLE(log)
UNARY_DOUBLE(log1p)
UNARY_DOUBLE(tanh)
UNARY_DOUBLE(sigmoid)
UNARY_DOUBLE(softplus)
UNARY_DOUBLE(elu)
UNARY_DOUBLE(selu)
UNARY_DOUBLE(silu)
UNARY_DOUBLE(sign)
UNARY_DOUBLE(sqrt)
UNARY_DOUBLE(rsqrt)

DISPATCH(f32_leaky_relu, (const float *x, float *y, size_t count, float alpha), (x, y, count, alpha))
#define STEPS(name, kind)                                                                         \
  DISPATCH(f32_steps_##name, (const float *x, float *y, size_t count, const kind *steps), (x, y, count, steps))
STEPS(divided, graft_steps)
STEPS(multiplied, graft_steps)
STEPS(of_channels, graft_channel_steps)
#undef STEPS
#define NEAREST_STEPS(name, kind)                                                                 \
  DISPATCH(f32_nearest_steps_##name, (const float *x, float *y, size_t count, const kind *steps), \
           (x, y, count, steps))
NEAREST_STEPS(even, graft_steps)
NEAREST_STEPS(even_of_channels, graft_channel_steps)
NEAREST_STEPS(up, graft_steps)
NEAREST_STEPS(up_of_channels, graft_channel_steps)
DISPATCH(f32_widen_range, (const float *x, size_t count, float *low, float *high), (x, count, low, high))
DISPATCH(
    f32_clip, (const float *x, float *y, size_t count, float low, float high), (x, y, count, low, high))

#define BINARY_FORM(name) \
  DISPATCH(f32_##name, (const float *a, const float *b, float *y, size_t count), (a, b, y, count))
#define BINARY(name) BINARY_FORM(name) BINARY_FORM(name##_left) BINARY_FORM(name##_right)
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(floor_div)
BINARY(atan2)
BINARY(max)
BINARY(min)
BINARY(squared_difference)
BINARY(pow)
BINARY(xlogy)
BINARY(xlog1py)
BINARY_FORM(igamma)
BINARY(mod)
BINARY(floor_mod)

#define DOUBLE_FORM(name) \
  DISPATCH(f64_##name, (const double *a, const double *b, double *y, size_t count), (a, b, y, count))
#define BINARY_DOUBLE(name) DOUBLE_FORM(name) DOUBLE_FORM(name##_left) DOUBLE_FORM(name##_right)
BINARY_DOUBLE(max)
BINARY_DOUBLE(min)
BINARY_DOUBLE(floor_div)

#define STEPPED_PAIRS(name) BINARY_FORM(half_##name) BINARY_FORM(bfloat16_##name)
STEPPED_PAIRS(squared_difference)
STEPPED_PAIRS(xlogy)
STEPPED_PAIRS(xlog1py)
STEPPED_PAIRS(floor_div)
STEPPED_PAIRS(truncate_div)
STEPPED_PAIRS(sigmoid_grad)
STEPPED_PAIRS(tanh_grad)
STEPPED_PAIRS(sqrt_grad)
STEPPED_PAIRS(rsqrt_grad)
STEPPED_PAIRS(reciprocal_grad)
STEPPED_PAIRS(relu_grad)
STEPPED_PAIRS(relu6_grad)
STEPPED_PAIRS(elu_grad)
STEPPED_PAIRS(selu_grad)
STEPPED_PAIRS(softplus_grad)
STEPPED_PAIRS(softsign_grad)

#define INTEGER_FORM(name) \
  DISPATCH(i32_##name, (const int32_t *a, const int32_t *b, int32_t *y, size_t count), (a, b, y, count))
#define BINARY_INTEGER(name) INTEGER_FORM(name) INTEGER_FORM(name##_left) INTEGER_FORM(name##_right)
BINARY_INTEGER(floor_div)
BINARY_INTEGER(floor_mod)

DISPATCH(
    i32_add_products,
    (const int32_t *a, ptrdiff_t step, ptrdiff_t k, const int32_t *b, ptrdiff_t row, int32_t *c, size_t count),
    (a, step, k, b, row, c, count))

#define SELECT(bits)                                                                                             \
  DISPATCH(                                                                                                    \
      select_##bits,                                                                                           \
      (const void *condition, const void *t, ptrdiff_t t_step, const void *e, ptrdiff_t e_step, void *y,       \
       ptrdiff_t count),                                                                                       \
      (condition, t, t_step, e, e_step, y, count))
SELECT(8)
SELECT(16)
SELECT(32)
SELECT(64)

#define ROWS(name) \
  DISPATCH(f32_##name##_rows, (const float *x, float *y, size_t rows, size_t count), (x, y, rows, count))
ROWS(sum)
ROWS(sum_squares)
ROWS(max)
ROWS(min)
ROWS(softmax)
ROWS(softmax_short)
ROWS(log_softmax_short)

DISPATCH(
    f32_normalize_rows,
    (const float *x, const float *scale, const float *offset, float *y, size_t rows, size_t count, float epsilon),
    (x, scale, offset, y, rows, count, epsilon))
DISPATCH(
    f32_normalize_columns,
    (const float *x, const float *mean, const float *scale, const float *offset, float *y, size_t rows, size_t count),
    (x, mean, scale, offset, y, rows, count))
DISPATCH(
    f32_add_squares_columns,
    (float *totals, const float *x, const float *mean, size_t step, size_t rows, size_t count),
    (totals, x, mean, step, rows, count))

#define CONVERSION(name, from, to) DISPATCH(name, (const from *x, to *y, size_t count), (x, y, count))
CONVERSION(half_to_f32, uint16_t, float)
CONVERSION(f32_to_half, float, uint16_t)
CONVERSION(bfloat16_to_f32, uint16_t, float)
CONVERSION(f32_to_bfloat16, float, uint16_t)
CONVERSION(f32_to_i32, float, int32_t)
CONVERSION(f64_to_i32, double, int32_t)
CONVERSION(f64_to_i64, double, int64_t)
CONVERSION(f64_to_u32, double, uint32_t)
CONVERSION(f64_to_u64, double, uint64_t)
