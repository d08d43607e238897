#include "CGraftVectorMatrix.h"

#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "CGraftVector.h"
#include "vectors.h"

// Rows of a block: what a panel of packed elements is used for before the next one is taken. A multiple of every
// tile's height.
#define BLOCK 126
// Elements of the inner dimension that are summed before the next panel: 48 KB of floats.
#define DEPTH 768
// Steps of a sum for which a tile asks for at least one line of the next panel.
#define AHEAD 4
// Kernel positions whose addresses are kept at once.
#define POSITIONS GRAFT_LINES
// Channels from which on a convolution sums over one kernel position at a time, not over a row of the kernel.
#define RUN 32
// Rows of a matrix that are packed at a time.
#define PACKED_ROWS 8
// Elements of copied patches.
#define PATCHES 16384

/// What is left of what this thread's tiles are to ask for.
static _Thread_local const char *later_first, *later_last;

void graft_read_later(const void *first, size_t count) {
  later_first = first;
  later_last = later_first + count;
}

size_t graft_unasked(void) { return later_first < later_last ? (size_t)(later_last - later_first) : 0; }

static void activate_f32(graft_activation kind, float *x, ptrdiff_t count) {
  switch (kind) {
    case GRAFT_ACTIVATION_ELU: graft_f32_elu(x, x, count); break;
    case GRAFT_ACTIVATION_TANH: graft_f32_tanh(x, x, count); break;
    case GRAFT_ACTIVATION_SIGMOID: graft_f32_sigmoid(x, x, count); break;
    case GRAFT_ACTIVATION_SWISH: graft_f32_silu(x, x, count); break;
    case GRAFT_ACTIVATION_HARD_SWISH: graft_f32_hard_silu(x, x, count); break;
    case GRAFT_ACTIVATION_MISH: graft_f32_mish(x, x, count); break;
    case GRAFT_ACTIVATION_GELU: graft_f32_gelu(x, x, count); break;
    case GRAFT_ACTIVATION_GELU_TANH: graft_f32_gelu_tanh(x, x, count); break;
    // Done while the sums are in registers.
    case GRAFT_ACTIVATION_NONE:
    case GRAFT_ACTIVATION_RELU:
    case GRAFT_ACTIVATION_RELU6:
    case GRAFT_ACTIVATION_LEAKY_RELU:
    case GRAFT_ACTIVATION_PRELU: break;
  }
}

static void activate_f64(graft_activation kind, double *x, ptrdiff_t count) {
  switch (kind) {
    case GRAFT_ACTIVATION_ELU: return graft_f64_elu(x, x, count);
    case GRAFT_ACTIVATION_TANH: return graft_f64_tanh(x, x, count);
    case GRAFT_ACTIVATION_SIGMOID: return graft_f64_sigmoid(x, x, count);
    case GRAFT_ACTIVATION_SWISH: return graft_f64_silu(x, x, count);
    default: break;
  }
  for (ptrdiff_t i = 0; i < count; i++) {
    const double v = x[i];
    switch (kind) {
      case GRAFT_ACTIVATION_HARD_SWISH: x[i] = v * (v <= -3 ? 0 : v >= 3 ? 1 : (v + 3) / 6); break;
      case GRAFT_ACTIVATION_MISH: x[i] = v * tanh(v > 40 ? v : log1p(exp(v))); break;
      case GRAFT_ACTIVATION_GELU: x[i] = v * 0.5 * erfc(-v * 0.70710678118654752); break;
      case GRAFT_ACTIVATION_GELU_TANH:
        x[i] = v / (1 + exp(-v * (1.59576912160573071 + 0.0713548162726009 * v * v)));
        break;
      default: break;
    }
  }
}

// The first lanes of a register, from memory and into it.

typedef float four_floats __attribute__((vector_size(4 * sizeof(float))));
typedef double two_doubles __attribute__((vector_size(2 * sizeof(double))));

static inline four_floats load_floats(const float *p, ptrdiff_t lanes) {
  four_floats v = {0};
  for (ptrdiff_t i = 0; i < lanes; i++) v[i] = p[i];
  return v;
}
static inline void store_floats(float *p, ptrdiff_t lanes, four_floats v) {
  for (ptrdiff_t i = 0; i < lanes; i++) p[i] = v[i];
}
// Of two there is one.
static inline two_doubles load_doubles(const double *p, ptrdiff_t lanes) {
  (void)lanes;
  return (two_doubles){p[0], 0};
}
static inline void store_doubles(double *p, ptrdiff_t lanes, two_doubles v) {
  (void)lanes;
  p[0] = v[0];
}
#if defined(__x86_64__)
// In halves, for masked stores of these take some processors very long.
__attribute__((target("avx2"))) static inline void store_eight(float *p, ptrdiff_t lanes, __m256 v) {
  __m128 part = _mm256_castps256_ps128(v);
  if (lanes == 8) return _mm256_storeu_ps(p, v);
  if (lanes & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (lanes & 2) {
    _mm_storel_pi((__m64 *)p, part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (lanes & 1) _mm_store_ss(p, part);
}
__attribute__((target("avx2"))) static inline void store_four(double *p, ptrdiff_t lanes, __m256d v) {
  __m128d part = _mm256_castpd256_pd128(v);
  if (lanes == 4) return _mm256_storeu_pd(p, v);
  if (lanes & 2) {
    _mm_storeu_pd(p, part);
    part = _mm256_extractf128_pd(v, 1);
    p += 2;
  }
  if (lanes & 1) _mm_store_sd(p, part);
}
#define LANES_32(n) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LANES_64(n) _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)(n)), _mm256_setr_epi64x(0, 1, 2, 3))
#define LANES_512(n) ((__mmask16)((1u << (n)) - 1))
#endif

/// Whether lines of rows that lie `pitch` floats apart are in one or two of the innermost cache's sets.
static inline int are_crowded(ptrdiff_t pitch) { return pitch % 512 == 0; }

#if defined(__aarch64__)
#define PLAIN_ROWS 6
#else
#define PLAIN_ROWS 2
#endif

// One type's kernels, for the processor's plain instructions and, on x86-64, for AVX2 with fused multiply-add and,
// of float32, for AVX-512.

#define T float
#define BITS int
#define ACTIVATE activate_f32

#define TARGET
#define WIDTH 4
#define REGISTERS 4
#define ROWS PLAIN_ROWS
#define PANELS 1
#define WIDE 2
#define LOAD_LANES(p, lanes) load_floats(p, lanes)
#define STORE_LANES(p, lanes, v) store_floats(p, lanes, v)
#define NAME(x) x##_f32_plain
#include "matrix-kernel.h"
#undef TARGET
#undef WIDTH
#undef REGISTERS
#undef ROWS
#undef PANELS
#undef WIDE
#undef LOAD_LANES
#undef STORE_LANES
#undef NAME

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define REGISTERS 2
#define ROWS 6
#define PANELS 1
#define WIDE 4
#define LOAD_LANES(p, lanes) ((V)_mm256_maskload_ps(p, LANES_32(lanes)))
#define STORE_LANES(p, lanes, v) store_eight(p, lanes, (__m256)(v))
#define NAME(x) x##_f32_avx2
#include "matrix-kernel.h"
#undef TARGET
#undef WIDTH
#undef REGISTERS
#undef ROWS
#undef PANELS
#undef WIDE
#undef LOAD_LANES
#undef STORE_LANES
#undef NAME

#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
#define WIDTH 16
#define REGISTERS 1
#define ROWS 14
#define PANELS 2
#define WIDE 4
#define LOAD_LANES(p, lanes) ((V)_mm512_maskz_loadu_ps(LANES_512(lanes), p))
#define STORE_LANES(p, lanes, v) _mm512_mask_storeu_ps(p, LANES_512(lanes), (__m512)(v))
#define NAME(x) x##_f32_avx512
#include "matrix-kernel.h"
#undef TARGET
#undef WIDTH
#undef REGISTERS
#undef ROWS
#undef PANELS
#undef WIDE
#undef LOAD_LANES
#undef STORE_LANES
#undef NAME
#endif

#undef T
#undef BITS
#undef ACTIVATE

#define T double
#define BITS long long
#define ACTIVATE activate_f64

#define TARGET
#define WIDTH 2
#define REGISTERS 4
#define ROWS PLAIN_ROWS
#define PANELS 1
#define WIDE 2
#define LOAD_LANES(p, lanes) load_doubles(p, lanes)
#define STORE_LANES(p, lanes, v) store_doubles(p, lanes, v)
#define NAME(x) x##_f64_plain
#include "matrix-kernel.h"
#undef TARGET
#undef WIDTH
#undef REGISTERS
#undef ROWS
#undef PANELS
#undef WIDE
#undef LOAD_LANES
#undef STORE_LANES
#undef NAME

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 4
#define REGISTERS 2
#define ROWS 6
#define PANELS 1
#define WIDE 4
#define LOAD_LANES(p, lanes) ((V)_mm256_maskload_pd(p, LANES_64(lanes)))
#define STORE_LANES(p, lanes, v) store_four(p, lanes, (__m256d)(v))
#define NAME(x) x##_f64_avx2
#include "matrix-kernel.h"
#endif

#if defined(__x86_64__)
#define SELECT(call, S) (graft_widest_vectors > GRAFT_VECTORS_PLAIN ? call##_##S##_avx2 : call##_##S##_plain)

/// Whether tall tiles are the quicker ones for rows of A that lie `pitch` elements apart and `n` columns of B: always
/// where their arithmetic is as wide as their registers. Elsewhere not where the rows' lines would push each other out
/// of the same sets of the innermost cache, nor where half of a register would be used and the rest is little.
static int suits_tall_tiles(ptrdiff_t pitch, ptrdiff_t n) {
  if (graft_wide_arithmetic) return 1;
  const ptrdiff_t rest = n % GRAFT_PANEL_F32;
  const int is_half = rest > 0 && rest <= GRAFT_PANEL_F32 / 2 && n < 8 * GRAFT_PANEL_F32;
  return !are_crowded(pitch) && !is_half && graft_widest_vectors == GRAFT_VECTORS_AVX512;
}

/// The same of a convolution. Sums over few channels are too short for tall tiles where the rows change with every
/// position of the kernel.
static int suits_tall_convolution(const graft_convolution *s) {
  const ptrdiff_t channels = s->input_channels, positions = s->kernel[0] * s->kernel[1] * s->kernel[2];
  const int is_short = positions > 1 && channels >= RUN && channels < 2 * RUN;
  if (is_short && !graft_wide_arithmetic) return 0;
  return suits_tall_tiles(s->stride[2] * s->groups * channels, s->output_channels);
}
#define TILES_f32(call, pitch, n) (suits_tall_tiles(pitch, n) ? call##_f32_avx512 : SELECT(call, f32))
#define TILES_f64(call, pitch, n) SELECT(call, f64)
#define CONVOLVE_f32(shape) (suits_tall_convolution(shape) ? convolve_f32_avx512 : SELECT(convolve, f32))
#define CONVOLVE_f64(shape) SELECT(convolve, f64)
#else
#define SELECT(call, S) call##_##S##_plain
#define TILES_f32(call, pitch, n) call##_f32_plain
#define TILES_f64(call, pitch, n) call##_f64_plain
#define CONVOLVE_f32(shape) convolve_f32_plain
#define CONVOLVE_f64(shape) convolve_f64_plain
#endif

static const graft_finish nothing = {0};

#define DEFINE_MATRIX(T, S)                                                                                     \
  void graft_matrix_pack_##S(                                                                                  \
      const T *b, ptrdiff_t row, ptrdiff_t column, ptrdiff_t k, ptrdiff_t n, const T *scale, T *packed) {        \
    SELECT(pack, S)(b, row, column, k, n, scale, packed);                                                      \
  }                                                                                                            \
  void graft_matrix_product_##S(                                                                               \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *packed,  \
      T *c, ptrdiff_t c_row, const graft_finish *finish) {                                                     \
    TILES_##S(product_packed, a_row, n)                                                                        \
    (m, n, k, a, a_row, a_column, packed, c, c_row, finish ? finish : &nothing);                               \
  }                                                                                                            \
  void graft_matrix_product_unpacked_##S(                                                                      \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b,       \
      ptrdiff_t b_row, T *c, ptrdiff_t c_row, const graft_finish *finish) {                                    \
    TILES_##S(product_unpacked, a_row, n)                                                                      \
    (m, n, k, a, a_row, a_column, b, b_row, c, c_row, finish ? finish : &nothing);                             \
  }                                                                                                            \
  void graft_matrix_add_lines_##S(                                                                             \
      ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column,        \
      const T *b, ptrdiff_t b_row, T *c, ptrdiff_t c_row) {                                                    \
    TILES_##S(add_lines, 1, n)(m, n, k, lines, count, a_column, b, b_row, c, c_row);                           \
  }                                                                                                            \
  void graft_depthwise_add_lines_##S(                                                                          \
      ptrdiff_t window, ptrdiff_t k, const T *const *lines, ptrdiff_t count, ptrdiff_t a_column, ptrdiff_t tap, \
      const T *b, ptrdiff_t channels, ptrdiff_t first, ptrdiff_t last, T *c) {                                 \
    SELECT(add_depthwise_lines, S)(window, k, lines, count, a_column, tap, b, channels, first, last, c);       \
  }                                                                                                            \
  void graft_matrix_dots_##S(                                                                                  \
      ptrdiff_t n, ptrdiff_t k, const T *a, const T *b, ptrdiff_t b_column, T *c, const graft_finish *finish) { \
    SELECT(dots, S)(n, k, a, b, b_column, c, finish ? finish : &nothing);                                      \
  }                                                                                                            \
  void graft_convolve_##S(                                                                                     \
      const graft_convolution *shape, const T *x, const T *packed, const T *zeros, T *y, ptrdiff_t y_row,       \
      ptrdiff_t first, ptrdiff_t last, const graft_finish *finish) {                                           \
    CONVOLVE_##S(shape)(shape, x, packed, zeros, y, y_row, first, last, finish ? finish : &nothing);           \
  }                                                                                                            \
  void graft_convolve_depthwise_##S(                                                                           \
      const graft_convolution *shape, const T *x, const T *filter, const T *zeros, T *y, ptrdiff_t first,       \
      ptrdiff_t last, const graft_finish *finish) {                                                            \
    SELECT(convolve_depthwise, S)(shape, x, filter, zeros, y, first, last, finish ? finish : &nothing);        \
  }                                                                                                            \
  void graft_finish_rows_##S(T *c, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t c_row, const graft_finish *finish) { \
    SELECT(finish_rows, S)(c, rows, n, c_row, finish ? finish : &nothing);                                     \
  }

DEFINE_MATRIX(float, f32)
DEFINE_MATRIX(double, f64)
