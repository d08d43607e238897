// The logistic function and what is made of it, for AVX-512, whose permutation of two registers looks up 32 elements:
// with the powers of two between 1 and 2 from there, two terms of the exponential function's series do, where
// elementary.h needs five. Included by loops.h.

/// The bits of 2^(i/32), less i << 18: what the shift below adds.
static const uint32_t VARIANT(roots_of_two)[32] __attribute__((aligned(64))) = {
    0x3F800000, 0x3F7ECD87, 0x3F7DAAC3, 0x3F7C980F, 0x3F7B95C2, 0x3F7AA43A, 0x3F79C3D3, 0x3F78F4F0,
    0x3F7837F0, 0x3F778D3A, 0x3F76F532, 0x3F767043, 0x3F75FED7, 0x3F75A15B, 0x3F75583F, 0x3F7523F6,
    0x3F7504F3, 0x3F74FBAF, 0x3F7508A4, 0x3F752C4D, 0x3F75672A, 0x3F75B9BE, 0x3F76248C, 0x3F76A81E,
    0x3F7744FD, 0x3F77FBB8, 0x3F78CCDF, 0x3F79B907, 0x3F7AC0C7, 0x3F7BE4BA, 0x3F7D257D, 0x3F7E83B3,
};

/// As `logistic_divisor` of elementary.h: 1 + e^-x, infinite for x < -88.7; a NaN stays one. What is made of it is within
/// 7 units of the last place, 4 for |x| < 8.
INLINE __m512 VARIANT(logistic_divisor)(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.0f), log2 = _mm512_set1_ps(0.693147182f);
  // In its last place are 32nds.
  const __m512 rounder = _mm512_set1_ps(ROUNDER / 32);
  const __m512 first = _mm512_load_ps(VARIANT(roots_of_two)), second = _mm512_load_ps(VARIANT(roots_of_two) + 16);
  // In this order a NaN stays one.
  const __m512 limited = _mm512_min_ps(_mm512_set1_ps(87.0f), _mm512_max_ps(_mm512_set1_ps(-88.9f), x));
  const __m512 shifted = _mm512_fmadd_ps(limited, _mm512_set1_ps(-1.44269502f), rounder);
  const __m512 r = _mm512_fmadd_ps(_mm512_sub_ps(shifted, rounder), log2, limited);
  const __m512i place = _mm512_castps_si512(shifted);
  const __m512i root = _mm512_castps_si512(_mm512_permutex2var_ps(first, place, second));
  // 2^n for -126 <= n; from 2^128 on infinite.
  const __m512i power =
      _mm512_min_epi32(_mm512_add_epi32(root, _mm512_slli_epi32(place, 18)), _mm512_set1_epi32(0x7F800000));
  __m512 p = _mm512_fmadd_ps(r, _mm512_set1_ps(0.5000048874f), _mm512_set1_ps(-1.000014662f));
  p = _mm512_fmadd_ps(p, r, one);
  return _mm512_fmadd_ps(p, _mm512_castsi512_ps(power), one);
}

INLINE __m512 VARIANT(sigmoid)(__m512 x) {
  return _mm512_div_ps(_mm512_set1_ps(1.0f), VARIANT(logistic_divisor)(x));
}

INLINE __m512 VARIANT(silu)(__m512 x) { return _mm512_div_ps(x, VARIANT(logistic_divisor)(x)); }

/// `gelu_tanh_f32`.
INLINE __m512 VARIANT(gelu_tanh)(__m512 x) {
  const __m512 square = _mm512_mul_ps(x, x);
  const __m512 slope = _mm512_fmadd_ps(
      square, _mm512_set1_ps(1.59576912f * 0.044715f), _mm512_set1_ps(1.59576912f));
  return _mm512_div_ps(x, VARIANT(logistic_divisor)(_mm512_mul_ps(x, slope)));
}

#define REGISTERS(name)                                                                           \
  INLINE void VARIANT(f32_##name##_span)(const float *x, float *y) {                              \
    __m512 v[ABREAST];                                                                            \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ABREAST; i++) {                        \
      v[i] = VARIANT(name)(_mm512_loadu_ps(x + i * WIDTH));                                       \
    }                                                                                             \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ABREAST; i++) {                        \
      _mm512_storeu_ps(y + i * WIDTH, v[i]);                                                      \
    }                                                                                             \
  }

REGISTERS(sigmoid)
REGISTERS(silu)
REGISTERS(gelu_tanh)
#undef REGISTERS
