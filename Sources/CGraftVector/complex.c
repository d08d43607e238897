// Elementary functions of complex numbers, by <complex.h>, whose results at infinities and zeros are those
// that std::complex has too.

#include "CGraftVector.h"

#include <complex.h>
#include <math.h>
#include <string.h>

#define UNARY(name, single_expression, double_expression)                                         \
  void graft_c64_##name(const float *x, float *y, size_t count) {                                 \
    for (size_t i = 0; i < count; i++) {                                                          \
      float complex z, w;                                                                         \
      memcpy(&z, x + 2 * i, sizeof z);                                                            \
      w = (single_expression);                                                                    \
      memcpy(y + 2 * i, &w, sizeof w);                                                            \
    }                                                                                             \
  }                                                                                               \
  void graft_c128_##name(const double *x, double *y, size_t count) {                              \
    for (size_t i = 0; i < count; i++) {                                                          \
      double complex z, w;                                                                        \
      memcpy(&z, x + 2 * i, sizeof z);                                                            \
      w = (double_expression);                                                                    \
      memcpy(y + 2 * i, &w, sizeof w);                                                            \
    }                                                                                             \
  }

static double complex number(double real, double imaginary) {
  double parts[2] = {real, imaginary};
  double complex z;
  memcpy(&z, parts, sizeof z);
  return z;
}

static double complex cexpm1(double complex z) {
  double a = creal(z), b = cimag(z), h = sin(b / 2);
  return number(expm1(a) * cos(b) - 2 * h * h, exp(a) * sin(b));
}

static double complex clog1p(double complex z) {
  double a = creal(z), b = cimag(z);
  // |1 + z|^2 = 1 + a (2 + a) + b^2: as a logarithm of a sum with one where that is near one.
  if (fabs(a) < 0.5 && fabs(b) < 0.5) return number(0.5 * log1p(a * (2 + a) + b * b), atan2(b, 1 + a));
  return clog(number(1 + a, b));
}

UNARY(exp, cexpf(z), cexp(z))
UNARY(expm1, (float complex)cexpm1(z), cexpm1(z))
UNARY(log, clogf(z), clog(z))
UNARY(log1p, (float complex)clog1p(z), clog1p(z))
UNARY(sqrt, csqrtf(z), csqrt(z))
UNARY(rsqrt, 1.0f / csqrtf(z), 1.0 / csqrt(z))
UNARY(sigmoid, 1.0f / (1.0f + cexpf(-z)), 1.0 / (1.0 + cexp(-z)))
UNARY(sign, z == 0 ? 0 : z / cabsf(z), z == 0 ? 0 : z / cabs(z))
UNARY(sin, csinf(z), csin(z))
UNARY(cos, ccosf(z), ccos(z))
UNARY(tan, ctanf(z), ctan(z))
UNARY(sinh, csinhf(z), csinh(z))
UNARY(cosh, ccoshf(z), ccosh(z))
UNARY(tanh, ctanhf(z), ctanh(z))
UNARY(asin, casinf(z), casin(z))
UNARY(acos, cacosf(z), cacos(z))
UNARY(atan, catanf(z), catan(z))
UNARY(asinh, casinhf(z), casinh(z))
UNARY(acosh, cacoshf(z), cacosh(z))
UNARY(atanh, catanhf(z), catanh(z))

#define BINARY(name, real_type, prefix, expression)                                               \
  void graft_##prefix##_##name(const real_type *a, const real_type *b, real_type *y) {            \
    real_type complex z, w, result;                                                               \
    memcpy(&z, a, sizeof z);                                                                      \
    memcpy(&w, b, sizeof w);                                                                      \
    result = (expression);                                                                        \
    memcpy(y, &result, sizeof result);                                                            \
  }

BINARY(divide, float, c64, z / w)
BINARY(divide, double, c128, z / w)
BINARY(power, float, c64, cpowf(z, w))
BINARY(power, double, c128, cpow(z, w))
