// The bodies of loops of functions beyond the elementary ones, which loops.h includes.

#include "elementary-wide.h"
#include "special.h"

UNARY(erfinv, erfinv_f32(v))
UNARY(ndtri, ndtri_f32(v))

UNARY_DOUBLE(exp, exp_f64(v))
UNARY_DOUBLE(expm1, expm1_f64(v))
UNARY_DOUBLE(log, log_any_f64(v))
UNARY_DOUBLE(log1p, log1p_f64(v))
UNARY_DOUBLE(tanh, tanh_f64(v))
UNARY_DOUBLE(sigmoid, sigmoid_f64(v))
UNARY_DOUBLE(softplus, softplus_f64(v))
UNARY_DOUBLE(elu, v < 0.0 ? expm1_f64(v) : v)
UNARY_DOUBLE(selu, v < 0.0 ? SELU_SCALED_ALPHA * expm1_f64(v) : SELU_SCALE * v)
UNARY_DOUBLE(silu, v *sigmoid_f64(v))
UNARY_DOUBLE(sign, v > 0.0 ? 1.0 : v < 0.0 ? -1.0 : v == 0.0 ? 0.0 : v)
UNARY_DOUBLE(sqrt, __builtin_elementwise_sqrt(v))
UNARY_DOUBLE(rsqrt, 1.0 / __builtin_elementwise_sqrt(v))

BINARY(xlogy, v == 0.0f ? 0.0f : v *log_f32(w))
BINARY(xlog1py, v == 0.0f ? 0.0f : v *log1p_f32(w))

#define REMAINDER(name, left, right, finish)                                                      \
  void VARIANT(f32_##name)(const float *a, const float *b, float *y, size_t count) {              \
    float first = a[0], second = b[0];                                                            \
    (void)first, (void)second;                                                                    \
    IN_BLOCKS(                                                                                    \
        remainder_is_plain(left, right),                                                          \
        {                                                                                         \
          float w = right;                                                                        \
          float rest = remainder_f32(left, w);                                                    \
          y[i] = finish;                                                                          \
        },                                                                                        \
        {                                                                                         \
          float w = right;                                                                        \
          float rest = fmodf(left, w);                                                            \
          y[i] = finish;                                                                          \
        })                                                                                        \
  }

#define REMAINDERS(name, finish)                                                                  \
  REMAINDER(name, a[i], b[i], finish)                                                             \
  REMAINDER(name##_left, first, b[i], finish)                                                     \
  REMAINDER(name##_right, a[i], second, finish)

REMAINDERS(mod, rest)
REMAINDERS(floor_mod, floored_remainder(rest, w))

#define GAMMA(name)                                                                               \
  void VARIANT(f32_##name)(const float *x, float *y, size_t count) {                              \
    IN_BLOCKS(gamma_is_plain(x[i]), y[i] = (float)name##_positive((double)x[i]), y[i] = name##_of(x[i])) \
  }

GAMMA(lgamma)
GAMMA(digamma)

void VARIANT(f32_igamma)(const float *a, const float *x, float *y, size_t count) {
  size_t whole = count - count % IGAMMA_LANES;
  for (size_t i = 0; i < whole; i += IGAMMA_LANES) igamma_lanes(a + i, x + i, y + i);
  if (whole == count) return;
  float first[IGAMMA_LANES], second[IGAMMA_LANES];
  for (size_t i = 0; i < IGAMMA_LANES; i++) first[i] = second[i] = 1.0f;
  memcpy(first, a + whole, (count - whole) * sizeof(float));
  memcpy(second, x + whole, (count - whole) * sizeof(float));
  igamma_lanes(first, second, first);
  memcpy(y + whole, first, (count - whole) * sizeof(float));
}

#define BINARY_INTEGER(name, expression)                                                          \
  void VARIANT(i32_##name)(const int32_t *a, const int32_t *b, int32_t *y, size_t count) {        \
    EACH_ELEMENT {                                                                                \
      int32_t v = a[i], w = b[i];                                                                 \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }                                                                                               \
  void VARIANT(i32_##name##_left)(const int32_t *a, const int32_t *b, int32_t *y, size_t count) { \
    int32_t v = a[0];                                                                             \
    EACH_ELEMENT {                                                                                \
      int32_t w = b[i];                                                                           \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }                                                                                               \
  void VARIANT(i32_##name##_right)(const int32_t *a, const int32_t *b, int32_t *y, size_t count) { \
    int32_t w = b[0];                                                                             \
    EACH_ELEMENT {                                                                                \
      int32_t v = a[i];                                                                           \
      y[i] = (expression);                                                                        \
    }                                                                                             \
  }

BINARY_INTEGER(floor_div, floor_quotient_i32(v, w))
BINARY_INTEGER(floor_mod, floor_remainder_i32(v, w))
