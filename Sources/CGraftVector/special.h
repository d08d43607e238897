// Functions beyond the elementary ones, as straight lines of arithmetic and selects, like those of elementary.h.

#ifndef GRAFT_SPECIAL_H
#define GRAFT_SPECIAL_H

#include "elementary.h"

/// erf^-1(x) / x of w = -log(1 - x^2), for w < 5.
INLINE float erfinv_center(float w) {
  float t = w - 2.5f;
  float p = 2.85347899321492e-08f;
  p = p * t + 3.437270595586523e-07f;
  p = p * t + -3.5288595488201524e-06f;
  p = p * t + -4.396781251765028e-06f;
  p = p * t + 0.0002186021939562758f;
  p = p * t + -0.0012537075153361734f;
  p = p * t + -0.004177707744657468f;
  p = p * t + 0.24664072612115406f;
  return p * t + 1.5014094215763234f;
}

/// The same of s = sqrt(w), for 5 <= w <= 16.
INLINE float erfinv_tail(float s) {
  float t = s - 3.0f;
  float p = -0.00020497531368566767f;
  p = p * t + 0.00010431109958322632f;
  p = p * t + 0.0013558918970161206f;
  p = p * t + -0.0036770020655774614f;
  p = p * t + 0.005736475397649104f;
  p = p * t + -0.007621414174680741f;
  p = p * t + 0.009439355849060953f;
  p = p * t + 1.00167402683709f;
  return p * t + 2.8329769061762407f;
}

/// The same for 16 <= w <= 104, where x is no float but 1.
INLINE float erfinv_far(float s) {
  float t = s - 7.0f;
  float p = -9.958846515222906e-08f;
  p = p * t + 5.444621615980974e-07f;
  p = p * t + -1.1801423852056656e-06f;
  p = p * t + 4.548488920257098e-06f;
  p = p * t + 4.679412506442872e-06f;
  p = p * t + -0.0005096982635976172f;
  p = p * t + 1.0085973022919434f;
  return p * t + 6.869018791406639f;
}

/// The number whose error function is x.
INLINE float erfinv_f32(float x) {
  float w = -log_f32((1.0f - x) * (1.0f + x));
  float p = w < 5.0f ? erfinv_center(w) : erfinv_tail(__builtin_elementwise_sqrt(w));
  p = w == INFINITY ? INFINITY : p;
  return x * p;
}

/// The number below which a normally distributed one lies with probability p.
INLINE float ndtri_f32(float p) {
  float w = -log_f32(4.0f * p * (1.0f - p));
  float s = __builtin_elementwise_sqrt(w);
  float q = w < 5.0f ? erfinv_center(w) : erfinv_tail(s);
  q = w > 16.0f ? erfinv_far(s) : q;
  q = w == INFINITY ? INFINITY : q;
  return 1.41421356f * (2.0f * p - 1.0f) * q;
}

/// A number that, added and subtracted, leaves the nearest integer, which stands in its low bits meanwhile.
#define ROUNDER_F64 6755399441055744.0

/// x = n log 2 + r with |r| <= log(2)/2, for |x| < 2^20.
typedef struct {
  double r, whole;
  uint64_t n;
} reduced_exponent_f64;

INLINE reduced_exponent_f64 reduce_exponent_f64(double x) {
  double shifted = x * 1.4426950408889634 + ROUNDER_F64;
  double n = shifted - ROUNDER_F64;
  // log 2 in two parts, of which the first has few enough bits that its product with n is exact.
  double r = (x - n * 0x1.62e42fefap-1) - n * 0x1.cf79abc9e3b39p-40;
  return (reduced_exponent_f64){r, n, bits_of_double(shifted) - bits_of_double(ROUNDER_F64)};
}

/// e^r - 1 for |r| <= log(2)/2.
INLINE double expm1_reduced_f64(double r) {
  double q = 2.439343143906498e-08;
  q = q * r + 2.762786504329074e-07;
  q = q * r + 2.7559464005946213e-06;
  q = q * r + 2.4801492160192363e-05;
  q = q * r + 0.0001984126747370441;
  q = q * r + 0.001388888895518017;
  q = q * r + 0.008333333334382468;
  q = q * r + 0.041666666666426405;
  q = q * r + 0.16666666666665098;
  q = q * r + 0.5000000000000031;
  return r + (r * r) * q;
}

/// e^x in double precision.
INLINE double exp_f64(double x) {
  double limited = x > 710.0 ? 710.0 : x;
  limited = limited < -746.0 ? -746.0 : limited;
  reduced_exponent_f64 e = reduce_exponent_f64(limited);
  // In two steps: 2^n itself may overflow or be subnormal where the result is not.
  uint64_t first = bits_of_double(e.whole * 0.5 + ROUNDER_F64) - bits_of_double(ROUNDER_F64);
  uint64_t second = e.n - first;
  double result = 1.0 + expm1_reduced_f64(e.r);
  return result * double_of((first + 1023) << 52) * double_of((second + 1023) << 52);
}

/// Whether `remainder_f32` is made for the arguments.
INLINE int remainder_is_plain(float x, float y) {
  return absolute(x) < 134217728.0f * absolute(y) && absolute(x) < INFINITY && absolute(y) < INFINITY;
}

/// What is left of x without the whole multiples of y, with the sign of x: the quotient has so few bits that in double
/// precision it is cut at the right place, and that its product with y is exact.
INLINE float remainder_f32(float x, float y) {
  double quotient = __builtin_elementwise_trunc((double)x / (double)y);
  return with_sign((float)((double)x - quotient * (double)y), x);
}

/// A remainder with the sign of y, from one with the sign of x.
INLINE float floored_remainder(float rest, float y) {
  return rest != 0.0f && (rest < 0.0f) != (y < 0.0f) ? rest + y : rest;
}

/// The largest integer that is not above x / y, which is exact in double precision but for its last bits; the smallest
/// one by -1 is itself.
INLINE int32_t floor_quotient_i32(int32_t x, int32_t y) {
  return integer_part_double(__builtin_elementwise_floor((double)x / (double)y));
}

INLINE int32_t floor_remainder_i32(int32_t x, int32_t y) {
  return (int32_t)((uint32_t)x - (uint32_t)floor_quotient_i32(x, y) * (uint32_t)y);
}

/// log x of a normal number x > 0, in double precision.
INLINE double log_f64(double x) {
  // x = 2^e m with sqrt(1/2) <= m < sqrt(2).
  uint64_t bits = bits_of_double(x);
  uint64_t biased = (bits + 0x00095F619980C433u) >> 52;
  double e = double_of(biased | 0x4330000000000000u) - (4503599627370496.0 + 1023.0);
  double f = double_of(bits - (biased << 52) + 0x3FF0000000000000u) - 1.0;
  double s = f / (2.0 + f);
  double t = s * s;
  // (log((1+s)/(1-s)) / s - 2) / s^2
  double p = 0.145886656431321;
  p = p * t + 0.15334505572576504;
  p = p * t + 0.18182784209615885;
  p = p * t + 0.22222212963962665;
  p = p * t + 0.28571428611360705;
  p = p * t + 0.3999999999994537;
  p = p * t + 0.6666666666666665;
  double tail = s * (f - t * p) - e * 0x1.cf79abc9e3b39p-40;
  return e * 0x1.62e42fefap-1 + (f - tail);
}

/// Whether `lgamma_positive` and `digamma_positive` are made for the argument.
INLINE int gamma_is_plain(float x) { return x > 0.0f && x < INFINITY; }

/// Eight factors x, ..., x + 7 in pairs, of u = x (x + 7).
INLINE double pair_product(double u) { return (u * (u + 6.0)) * ((u + 10.0) * (u + 12.0)); }

/// log gamma(x) for x > 0, by Stirling's series, from eight further on where x is small.
INLINE double lgamma_positive(double x) {
  int small = x < 8.0;
  double z = small ? x + 8.0 : x;
  double product = small ? pair_product(x * (x + 7.0)) : 1.0;
  double r = 1.0 / z, t = r * r;
  double p = -3617.0 / 122400.0;
  p = p * t + 1.0 / 156.0;
  p = p * t + -691.0 / 360360.0;
  p = p * t + 1.0 / 1188.0;
  p = p * t + -1.0 / 1680.0;
  p = p * t + 1.0 / 1260.0;
  p = p * t + -1.0 / 360.0;
  p = p * t + 1.0 / 12.0;
  double result = (((z - 0.5) * log_f64(z) - z) - log_f64(product)) + (0.91893853320467274 + p * r);
  return x == 1.0 || x == 2.0 ? 0.0 : result;
}

/// The derivative of `lgamma_positive`.
INLINE double digamma_positive(double x) {
  int small = x < 8.0;
  double z = small ? x + 8.0 : x;
  // 1/x + ... + 1/(x + 7) as one fraction.
  double u = x * (x + 7.0);
  double numerator = (2.0 * u + 6.0) * ((u + 10.0) * (u + 12.0)) + (2.0 * u + 22.0) * (u * (u + 6.0));
  double skipped = (2.0 * x + 7.0) * numerator / pair_product(u);
  double r = 1.0 / z, t = r * r;
  double p = -1.0 / 12.0;
  p = p * t + 691.0 / 32760.0;
  p = p * t + -1.0 / 132.0;
  p = p * t + 1.0 / 240.0;
  p = p * t + -1.0 / 252.0;
  p = p * t + 1.0 / 120.0;
  p = p * t + -1.0 / 12.0;
  return log_f64(z) + (p * t - 0.5 * r) - (small ? skipped : 0.0);
}

/// log |gamma(x)|.
INLINE float lgamma_of(float x) {
  // The variant that writes no global.
  int sign;
  return gamma_is_plain(x) ? (float)lgamma_positive((double)x) : (float)lgamma_r((double)x, &sign);
}

/// The derivative of log gamma(x); NaN at its poles.
INLINE float digamma_of(float x) {
  if (gamma_is_plain(x)) return (float)digamma_positive((double)x);
  if (x != x || x == INFINITY) return x;
  // From the nearest integer, where the pole is.
  double wide = (double)x, distance = wide - __builtin_elementwise_roundeven(wide);
  if (distance == 0.0 || distance != distance) return NAN;
  const double pi = 3.14159265358979324;
  return (float)(digamma_positive(1.0 - wide) - pi / tan(pi * distance));
}

/// The lanes of a step of `igamma`.
#define IGAMMA_LANES 16

/// The regularized lower incomplete gamma functions of 0 < x <= 30, and a of no more than 10^4: the sum of
/// x^n / ((a+1) ... (a+n)) times x^a e^-x / gamma(a+1). A lane whose terms have become too small to count stands still
/// until all have, so that no result depends on its neighbours.
INLINE void igamma_lanes(const float *a, const float *x, float *y) {
  double term[IGAMMA_LANES], sum[IGAMMA_LANES], next[IGAMMA_LANES];
  for (int i = 0; i < IGAMMA_LANES; i++) {
    term[i] = sum[i] = 1.0;
    next[i] = (double)a[i];
  }
  for (int step = 0; step < 160; step += 4) {
    for (int more = 0; more < 4; more++) {
      _Pragma("clang loop vectorize(assume_safety)") for (int i = 0; i < IGAMMA_LANES; i++) {
        next[i] += 1.0;
        double t = term[i] * ((double)x[i] / next[i]);
        sum[i] += t;
        term[i] = t <= sum[i] * 1e-10 ? 0.0 : t;
      }
    }
    int64_t active = 0;
    for (int i = 0; i < IGAMMA_LANES; i++) active |= (int64_t)bits_of_double(term[i]);
    if (!active) break;
  }
  _Pragma("clang loop vectorize(assume_safety)") for (int i = 0; i < IGAMMA_LANES; i++) {
    double wide = (double)a[i], v = (double)x[i];
    y[i] = (float)(sum[i] * exp_f64(wide * log_f64(v) - v - lgamma_positive(wide + 1.0)));
  }
}

#endif
