// Elementary functions of one double-precision number, as elementary.h has those of single precision: within three
// units in the last place. NaN, infinities, zeros and subnormal numbers come out as in <math.h>.

#ifndef GRAFT_ELEMENTARY_WIDE_H
#define GRAFT_ELEMENTARY_WIDE_H

#include "special.h"

INLINE double absolute_f64(double x) { return double_of(bits_of_double(x) & 0x7FFFFFFFFFFFFFFFu); }

/// The magnitude of the first with the sign of the second.
INLINE double with_sign_f64(double magnitude, double sign) {
  const uint64_t high = 0x8000000000000000u;
  return double_of((bits_of_double(magnitude) & ~high) | (bits_of_double(sign) & high));
}

/// e^x - 1.
INLINE double expm1_f64(double x) {
  double limited = x > 710.0 ? 710.0 : x;
  limited = limited < -40.0 ? -40.0 : limited;
  const reduced_exponent_f64 e = reduce_exponent_f64(limited);
  const double p = expm1_reduced_f64(e.r);
  // 2^n p + (2^n - 1), at half the scale so that n = 1024 does not overflow.
  const double scale = double_of((e.n + 1022) << 52);
  const double result = 2.0 * (scale * p + (scale - 0.5));
  return absolute_f64(x) < 1e-17 ? x : result;
}

/// log x.
INLINE double log_any_f64(double x) {
  const int subnormal = x < 0x1p-1022;
  double result = log_f64(subnormal ? x * 0x1p54 : x) - (subnormal ? 54.0 * 0.69314718055994531 : 0.0);
  result = x == (double)INFINITY ? (double)INFINITY : result;
  result = x < 0.0 ? (double)NAN : result;
  result = x == 0.0 ? -(double)INFINITY : result;
  return x != x ? x : result;
}

/// log(1 + x).
INLINE double log1p_f64(double x) {
  const double u = 1.0 + x;
  // What 1 + x lost by rounding.
  const double lost = x >= 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
  double result = log_any_f64(u) + lost / u;
  result = x == (double)INFINITY ? (double)INFINITY : result;
  result = x == -1.0 ? -(double)INFINITY : result;
  return absolute_f64(x) < 1e-17 ? x : result;
}

INLINE double tanh_f64(double x) {
  const double a = absolute_f64(x), power = expm1_f64(2.0 * (a > 20.0 ? 20.0 : a));
  const double result = power / (power + 2.0);
  return x != x ? x : with_sign_f64(a < 1e-9 ? a : result, x);
}

/// 1 / (1 + e^-x).
INLINE double sigmoid_f64(double x) {
  const double e = exp_f64(-absolute_f64(x));
  const double result = (x < 0.0 ? e : 1.0) / (1.0 + e);
  return x != x ? x : result;
}

/// log(1 + e^x).
INLINE double softplus_f64(double x) {
  const double result = (x > 0.0 ? x : 0.0) + log1p_f64(exp_f64(-absolute_f64(x)));
  return x != x ? x : result;
}

#endif
