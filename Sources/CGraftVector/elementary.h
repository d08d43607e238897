// Elementary functions of one single-precision number, as straight lines of arithmetic and selects: what a
// compiler turns into vector code when it stands in a loop. Results are within two units in the last place, where
// nothing else is said; NaN, infinities, zeros and subnormal numbers come out as in <math.h>. FUSED is defined where
// instructions add products with a single rounding.
//
// The polynomials are minimax fits of our own. Comments give the function that each stands for.

#ifndef GRAFT_ELEMENTARY_H
#define GRAFT_ELEMENTARY_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

INLINE uint64_t bits_of_double(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE double double_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

INLINE float absolute(float x) { return float_of(bits_of(x) & 0x7FFFFFFF); }

/// The magnitude of the first with the sign of the second.
INLINE float with_sign(float magnitude, float sign) {
  return float_of((bits_of(magnitude) & 0x7FFFFFFF) | (bits_of(sign) & 0x80000000));
}

/// 2^n for -126 <= n <= 127.
INLINE float power_of_two(int32_t n) { return float_of((uint32_t)(n + 127) << 23); }

/// A number that, added and subtracted, leaves the nearest integer, which stands in its low bits meanwhile.
#define ROUNDER 12582912.0f

/// x = n log 2 + r with |r| <= log(2)/2, for |x| < 2^20.
typedef struct {
  float r;
  int32_t n;
} reduced_exponent;

INLINE reduced_exponent reduce_exponent(float x) {
  float shifted = x * 1.44269502f + ROUNDER;
  float n = shifted - ROUNDER;
  // log 2 in two parts, of which the first has few enough bits that its product with n is exact.
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194442e-4f;
  return (reduced_exponent){r, (int32_t)(bits_of(shifted) - bits_of(ROUNDER))};
}

/// e^r - 1 for |r| <= log(2)/2.
INLINE float expm1_reduced(float r) {
  float q = 0.000197643487f;
  q = q * r + 0.00139323645f;
  q = q * r + 0.00833354332f;
  q = q * r + 0.0416664928f;
  q = q * r + 0.166666657f;
  q = q * r + 0.5f;
  return r + (r * r) * q;
}

/// e^x.
INLINE float exp_f32(float x) {
  float limited = x > 89.0f ? 89.0f : x;
  limited = limited < -104.0f ? -104.0f : limited;
  reduced_exponent e = reduce_exponent(limited);
  // In two steps: 2^n itself may overflow or be subnormal where the result is not.
  int32_t half = e.n >> 1;
  float result = expm1_reduced(e.r) + 1.0f;
  return result * power_of_two(half) * power_of_two(e.n - half);
}

/// e^x for x <= 0, and zero where that is less than any normal number.
INLINE float exp_negative_f32(float x) {
  float limited = x < -87.3f ? -87.3f : x;
  reduced_exponent e = reduce_exponent(limited);
  float result = (expm1_reduced(e.r) + 1.0f) * power_of_two(e.n);
  return x < -87.3f ? 0.0f : result;
}

/// e^x - 1.
INLINE float expm1_f32(float x) {
  float limited = x > 89.0f ? 89.0f : x;
  limited = limited < -18.0f ? -18.0f : limited;
  reduced_exponent e = reduce_exponent(limited);
  float p = expm1_reduced(e.r);
  // 2^n p + (2^n - 1), at half the scale so that n = 128 does not overflow.
  float scale = power_of_two(e.n - 1);
  float result = 2.0f * (scale * p + (scale - 0.5f));
  return absolute(x) < 1e-8f ? x : result;
}

/// log x.
INLINE float log_f32(float x) {
  int subnormal = x < 1.17549435e-38f;
  float scaled = subnormal ? x * 8388608.0f : x;
  // x = 2^e m with sqrt(1/2) <= m < sqrt(2).
  int32_t offset = (int32_t)(bits_of(scaled) - 0x3F3504F3u);
  float e = (float)((offset >> 23) - (subnormal ? 23 : 0));
  float f = float_of(((uint32_t)offset & 0x7FFFFFu) + 0x3F3504F3u) - 1.0f;
  // (log(1+f) - f + f^2/2) / f^3
  float p = 0.0673236623f;
  p = p * f + -0.116618097f;
  p = p * f + 0.118870288f;
  p = p * f + -0.124080934f;
  p = p * f + 0.142201349f;
  p = p * f + -0.166678563f;
  p = p * f + 0.20002076f;
  p = p * f + -0.250000119f;
  p = p * f + 0.333333135f;
  float square = f * f;
  float tail = (square * f) * p + e * -2.12194442e-4f;
  float result = e * 0.693359375f + (f + (tail - 0.5f * square));
  result = x == INFINITY ? INFINITY : result;
  result = x < 0.0f ? NAN : result;
  result = x == 0.0f ? -INFINITY : result;
  return x != x ? x : result;
}

/// log(1 + x).
INLINE float log1p_f32(float x) {
  float u = 1.0f + x;
  // What 1 + x lost by rounding.
  float lost = x >= 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  float result = log_f32(u) + lost / u;
  result = x == INFINITY ? INFINITY : result;
  result = x == -1.0f ? -INFINITY : result;
  return absolute(x) < 1e-8f ? x : result;
}

/// 1 + e^-x, infinite for x < -88.4; a NaN stays one. What is made of it is within 6 units of the last place, what
/// TensorFlow makes within 8: networks call this more often than the others, and every term counts.
INLINE float logistic_divisor(float x) {
  // Between these 2^n is a normal number or infinite.
  float limited = x < -88.9f ? -88.9f : x;
  limited = limited > 87.0f ? 87.0f : limited;
  // n, with the exponent of 2^n in its low bits, from where a shift brings it to its place.
  const float rounder = ROUNDER + 127.0f;
  float shifted = limited * -1.44269502f + rounder;
  float n = shifted - rounder;
#ifdef FUSED
  // Rounded once, one constant for log 2 does: it is off by 2e-9.
  float r = __builtin_elementwise_fma(n, 0.693147182f, limited);
#else
  float r = limited + n * 0.693359375f;
  r = r - n * 2.12194442e-4f;
#endif
  float p = -0.00829025451f;
  p = p * r + 0.0418982320f;
  p = p * r - 0.166676387f;
  p = p * r + 0.499991477f;
  p = p * r - 0.999999702f;
  p = p * r + 1.0f;
  return 1.0f + p * float_of(bits_of(shifted) << 23);
}

/// 1 / (1 + e^-x).
INLINE float sigmoid_f32(float x) { return 1.0f / logistic_divisor(x); }

/// x / (1 + e^-x).
INLINE float silu_f32(float x) { return x / logistic_divisor(x); }

/// x tanh(log(1 + e^x)), which is x n / (n + 2) with n = e^x (e^x + 2); a NaN stays one.
INLINE float mish_f32(float x) {
  // Beyond 20 the quotient is 1.
  float power = exp_f32(x < 20.0f ? x : 20.0f);
  float n = power * (power + 2.0f);
  return x * (n / (n + 2.0f));
}

/// x min(max(x + 3, 0), 6) / 6; a NaN stays one.
INLINE float hard_silu_f32(float x) {
  float gate = x <= -3.0f ? 0.0f : x + 3.0f;
  gate = gate > 6.0f ? 6.0f : gate;
  return x * (gate * 0.166666667f);
}

/// tanh x, within 7 units of the last place, about as TensorFlow's own is.
INLINE float tanh_f32(float x) {
  // Beyond 9.01 it rounds to 1; the quotient is more than that here, before rounding and after it.
  float limited = x > 9.5f ? 9.5f : x;
  limited = limited < -9.5f ? -9.5f : limited;
  float t = limited * limited;
  // A quotient of polynomials for tanh(x)/x.
  float p = 1.33546569e-08f;
  p = p * t + 2.06090772e-05f;
  p = p * t + 0.00349558773f;
  p = p * t + 0.133810252f;
  p = p * t + 1.0f;
  float q = 7.776556e-07f;
  q = q * t + 0.000328563445f;
  q = q * t + 0.0258769803f;
  q = q * t + 0.467143416f;
  q = q * t + 1.0f;
  float result = limited * p / q;
  result = result > 1.0f ? 1.0f : result;
  return result < -1.0f ? -1.0f : result;
}

/// log(1 + e^x).
INLINE float softplus_f32(float x) {
  return (x > 0.0f ? x : 0.0f) + log1p_f32(exp_f32(-absolute(x)));
}

/// x for x > 0, else e^x - 1.
INLINE float elu_f32(float x) { return x < 0.0f ? expm1_f32(x) : x; }

// lambda, and lambda times alpha, of the paper of selu.
#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_SCALED_ALPHA 1.7580993408473768599402175208123

/// elu, scaled so that means and variances stay what they are.
INLINE float selu_f32(float x) {
  return x < 0.0f ? (float)SELU_SCALED_ALPHA * expm1_f32(x) : (float)SELU_SCALE * x;
}

/// erf(x)/x - 1 of t = x^2 < 1.
INLINE float erf_quotient(float t) {
  float s = 7.92036808e-05f;
  s = s * t + -0.000803076138f;
  s = s * t + 0.00519073382f;
  s = s * t + -0.026855126f;
  s = s * t + 0.112836182f;
  s = s * t + -0.376126289f;
  return s * t + 0.128379166f;
}

/// The error function.
INLINE float erf_f32(float x) {
  float a = absolute(x);
  float limited = a > 4.0f ? 4.0f : a;
  float small = limited + limited * erf_quotient(limited * limited);
  // log(1 - erf x) for 1 <= x <= 4.
  float l = -2.1687234e-05f;
  l = l * limited + 0.000441340992f;
  l = l * limited + -0.00420458661f;
  l = l * limited + 0.0252083391f;
  l = l * limited + -0.108418755f;
  l = l * limited + -0.633219659f;
  l = l * limited + -1.12957859f;
  l = l * limited + 0.000188088758f;
  reduced_exponent e = reduce_exponent(l);
  float large = 1.0f - (expm1_reduced(e.r) + 1.0f) * power_of_two(e.n);
  float result = limited < 1.0f ? small : large;
  return x != x ? x : with_sign(result, x);
}

/// 1 - erf x, exact where that is small.
INLINE float erfc_f32(float x) {
  float a = absolute(x);
  float limited = a > 10.1f ? 10.1f : a;
  // erfc(x) e^(x^2) for 0.5 <= x <= 10.1.
  float u = (limited - 3.0f) / (limited + 3.0f);
  float g = -5.449927412e-04f;
  g = g * u + 7.356637507e-04f;
  g = g * u + 0.004252455197f;
  g = g * u + -0.024398608133f;
  g = g * u + 0.071668207645f;
  g = g * u + -0.150115460157f;
  g = g * u + 0.245603680611f;
  g = g * u + -0.326233565807f;
  g = g * u + 0.179001152515f;
  // The square in two parts, of which the first is exact, and the second at most 0.05.
  float high = float_of(bits_of(limited) & 0xFFFFF000u);
  reduced_exponent e = reduce_exponent(-high * high);
  float rest = e.r + (high - limited) * (high + limited);
  int32_t half = e.n >> 1;
  float tail = (expm1_reduced(rest) + 1.0f) * g * power_of_two(half) * power_of_two(e.n - half);
  float large = x < 0.0f ? 2.0f - tail : tail;
  float result = a < 0.5f ? 1.0f - (x + x * erf_quotient(x * x)) : large;
  return x != x ? x : result;
}

/// The angle whose tangent is t, for 0 <= t <= 1.
INLINE float atan_reduced(float t) {
  int turned = t > 0.414213562f;
  float r = turned ? (t - 1.0f) / (t + 1.0f) : t;
  float z = r * r;
  float q = -0.060323279351f;
  q = q * z + 0.105763845146f;
  q = q * z + -0.142412796617f;
  q = q * z + 0.199983581901f;
  q = q * z + -0.333333134651f;
  return (turned ? 0.785398163f : 0.0f) + (r + (r * z) * q);
}

/// The angle whose tangent is x.
INLINE float atan_f32(float x) {
  float a = absolute(x);
  float r = atan_reduced(a > 1.0f ? 1.0f / a : a);
  return with_sign(a > 1.0f ? 1.57079633f - r : r, x);
}

/// The angle of the point (x, y).
INLINE float atan2_f32(float y, float x) {
  float a = absolute(y), b = absolute(x);
  float high = a > b ? a : b, low = a > b ? b : a;
  float t = low / high;
  t = high == 0.0f ? 0.0f : t;
  t = low == INFINITY ? 1.0f : t;
  float r = atan_reduced(t);
  r = a > b ? 1.57079633f - r : r;
  r = (bits_of(x) >> 31) ? 3.14159265f - r : r;
  return x != x || y != y ? x + y : with_sign(r, y);
}

/// What is left of an angle whose sine is at most a half; of others, of half the angle that is missing to pi/2.
INLINE float asin_reduced(float a) {
  float z = a > 0.5f ? (1.0f - a) * 0.5f : a * a;
  float s = a > 0.5f ? __builtin_elementwise_sqrt(z) : a;
  float q = 0.037529356778f;
  q = q * z + 0.014429854229f;
  q = q * z + 0.031809907407f;
  q = q * z + 0.044516708702f;
  q = q * z + 0.075005054474f;
  q = q * z + 0.166666597128f;
  return s + (s * z) * q;
}

/// The angle whose sine is x.
INLINE float asin_f32(float x) {
  float a = absolute(x), r = asin_reduced(a);
  return with_sign(a > 0.5f ? 1.57079633f - 2.0f * r : r, x);
}

/// The angle whose cosine is x.
INLINE float acos_f32(float x) {
  float a = absolute(x), r = asin_reduced(a);
  float large = x < 0.0f ? 3.14159265f - 2.0f * r : 2.0f * r;
  return a > 0.5f ? large : 1.57079633f - with_sign(r, x);
}

/// The number whose hyperbolic tangent is x.
INLINE float atanh_f32(float x) {
  float a = absolute(x);
  return with_sign(0.5f * log1p_f32(2.0f * a / (1.0f - a)), x);
}

/// x (1 + erf(x / sqrt 2)) / 2. Where erf is near -1 the sum has lost what a relative error is measured by, and a
/// quotient of polynomials is as good as `erf_f32`.
INLINE float gelu_f32(float x) {
  float limited = x > 5.65685425f ? 5.65685425f : x;
  limited = limited < -5.65685425f ? -5.65685425f : limited;
  float t = limited * limited;
  // erf(x / sqrt 2) / 2x, of x^2.
  float p = 1.05573016e-10f;
  p = p * t + -2.14598597e-08f;
  p = p * t + 3.25468704e-06f;
  p = p * t + 0.000176367248f;
  p = p * t + 0.00455424469f;
  p = p * t + 0.0366156027f;
  p = p * t + 0.398942262f;
  float q = 6.38220008e-05f;
  q = q * t + 0.00186980003f;
  q = q * t + 0.029493086f;
  q = q * t + 0.258447319f;
  q = q * t + 1.0f;
  float sum = 0.5f + limited * p / q;
  // What rounding leaves of the sum must not grow with x.
  return x * (x <= -5.65685425f ? 0.0f : sum);
}

/// `gelu_f32`, approximated with the hyperbolic tangent, of which a sigmoid is half of one more.
INLINE float gelu_tanh_f32(float x) {
  return x / logistic_divisor(1.59576912f * (x + 0.044715f * (x * x * x)));
}

/// The largest number whose sine and cosine are computed here.
#define TRIGONOMETRIC_LIMIT 524288.0f

/// The sine of x + quadrants * pi/2 for |x| <= 2^19; NaN for infinities.
INLINE float sin_shifted_f32(float x, int64_t quadrants) {
  double wide = (double)x;
  double shifted = wide * 0.63661977236758134 + 6755399441055744.0;
  double q = shifted - 6755399441055744.0;
  // pi/2 in two parts, of which the first has few enough bits that its product with q is exact.
  double rest = (wide - q * 0x1.921fb544p+0) - q * 0x1.0b4611a626331p-34;
  float r = (float)rest;
  uint32_t quadrant = (uint32_t)(bits_of_double(shifted) + (uint64_t)quadrants);
  float t = r * r;
  float s = -0.000195185989f;
  s = s * t + 0.00833219104f;
  s = s * t + -0.166666552f;
  float sine = r + (r * t) * s;
  float c = 2.44319526e-05f;
  c = c * t + -0.00138873071f;
  c = c * t + 0.0416666456f;
  float cosine = 1.0f - (0.5f * t - (t * t) * c);
  float result = (quadrant & 1) ? cosine : sine;
  result = float_of(bits_of(result) ^ ((quadrant & 2) << 30));
  return quadrants == 0 && absolute(x) < 1e-4f ? x : result;
}

/// x^y for a normal number x > 0 and a finite y.
INLINE float pow_positive_f32(float x, float y) {
  // In double precision, because the logarithm's error is multiplied by up to 150.
  int32_t offset = (int32_t)(bits_of(x) - 0x3F3504F3u);
  double e = (double)(offset >> 23);
  double f = (double)float_of(((uint32_t)offset & 0x7FFFFFu) + 0x3F3504F3u) - 1.0;
  double s = f / (2.0 + f);
  double t = s * s;
  // log2((1+s)/(1-s)) / s
  double p = 0.28291478505407414;
  p = p * t + 0.31990466444982724;
  p = p * t + 0.4122092778401888;
  p = p * t + 0.577077942109131;
  p = p * t + 0.9617966941142382;
  p = p * t + 2.8853900817778495;
  double l = (double)y * (e + s * p);
  l = l > 160.0 ? 160.0 : l;
  l = l < -160.0 ? -160.0 : l;
  double shifted = l + 6755399441055744.0;
  double r = l - (shifted - 6755399441055744.0);
  // 2^r
  double q = 1.531636313615368e-05;
  q = q * r + 0.00015469731714937694;
  q = q * r + 0.0013333423069185639;
  q = q * r + 0.009618025603942624;
  q = q * r + 0.05550410975590114;
  q = q * r + 0.24022651213585935;
  q = q * r + 0.6931471805351883;
  q = q * r + 1.0;
  uint64_t scale = (bits_of_double(shifted) - bits_of_double(6755399441055744.0) + 1023) << 52;
  return (float)(q * double_of(scale));
}

/// Whether `pow_plain_f32` is made for the arguments.
INLINE int pow_is_plain(float x, float y) {
  return absolute(x) >= 1.17549435e-38f && absolute(x) < INFINITY && absolute(y) < INFINITY;
}

/// x^y for normal x and finite y. Of a negative x there are powers of integers only.
INLINE float pow_plain_f32(float x, float y) {
  float size = pow_positive_f32(absolute(x), y);
  // From 2^24 on all numbers are even integers.
  int is_small = absolute(y) < 16777216.0f;
  int32_t whole = (int32_t)(is_small ? y : 0.0f);
  float odd = whole & 1 ? -size : size;
  float negative = is_small && (float)whole != y ? NAN : odd;
  return x < 0.0f ? negative : size;
}

/// A half-precision number as a float, by its bits.
INLINE float half_to_float(uint16_t half) {
  uint32_t magnitude = (uint32_t)(half & 0x7FFF) << 13;
  // Moved to the float's exponent by a product; subnormal halves by one of their integers, so that they stay where
  // subnormal floats count as zero.
  float normal = float_of(magnitude) * 0x1p112f;
  float scaled = magnitude < 0x00800000u ? (float)(int32_t)(half & 0x3FF) * 0x1p-24f : normal;
  uint32_t special = magnitude | 0x7F800000u | (magnitude & 0x7FFFFF ? 0x400000u : 0u);
  uint32_t bits = magnitude >= 0x0F800000u ? special : bits_of(scaled);
  return float_of(bits | ((uint32_t)(half & 0x8000) << 16));
}

/// The nearest half-precision number, ties to even.
INLINE uint16_t float_to_half(float x) {
  uint32_t bits = bits_of(x);
  uint32_t magnitude = bits & 0x7FFFFFFF;
  // Normal results: add what rounds the 13 bits that go, then move the exponent.
  uint32_t normal = (magnitude + 0xFFF + ((magnitude >> 13) & 1) - (112u << 23)) >> 13;
  // Subnormal results: a sum whose last place is a half's.
  uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  uint32_t nan = 0x7E00u | ((magnitude >> 13) & 0x3FF);
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
  result = magnitude >= 0x477FF000u ? 0x7C00u : result;
  result = magnitude > 0x7F800000u ? nan : result;
  return (uint16_t)(result | ((bits >> 16) & 0x8000));
}

/// The nearest bfloat16 number, ties to even; a NaN stays one.
INLINE uint16_t float_to_bfloat16(float x) {
  uint32_t bits = bits_of(x);
  uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  uint32_t nan = (bits >> 16) | 0x40;
  return (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000u ? nan : rounded);
}

/// The integer part, or the smallest number where there is none: what x86 processors give.
INLINE int32_t integer_part(float x) {
  int fits = x >= -2147483648.0f && x < 2147483648.0f;
  return fits ? (int32_t)x : INT32_MIN;
}

INLINE int32_t integer_part_double(double x) {
  int fits = x > -2147483649.0 && x < 2147483648.0;
  return fits ? (int32_t)x : INT32_MIN;
}

INLINE int64_t long_part(double x) {
  int fits = x >= -9223372036854775808.0 && x < 9223372036854775808.0;
  return fits ? (int64_t)x : INT64_MIN;
}

#endif
