// Products of matrices of bfloat16 numbers by the instructions that some processors have for them: each adds the products
// of two pairs to a sum of single precision.

#include "CGraftVectorBFloat16.h"

#include <string.h>

#include "vectors.h"

// Columns of a panel.
#define PANEL GRAFT_PANEL_BFLOAT16

// Weights lie in files at any address.
typedef uint16_t loose __attribute__((aligned(1)));

void graft_bfloat16_pack(
    const uint16_t *b, ptrdiff_t row, ptrdiff_t column, ptrdiff_t k, ptrdiff_t n, uint32_t *packed) {
  for (ptrdiff_t first = 0; first < n; first += PANEL) {
    const ptrdiff_t columns = n - first < PANEL ? n - first : PANEL;
    const loose *source = (const loose *)b + first * column;
    for (ptrdiff_t p = 0; p < k; p += 2, source += 2 * row, packed += PANEL) {
      const int is_pair = p + 1 < k;
      const ptrdiff_t next = is_pair ? row : 0;
      const uint32_t mask = is_pair ? ~0u : 0xFFFF;
      if (columns == PANEL && column == 1)
        for (ptrdiff_t j = 0; j < PANEL; j++) packed[j] = (source[j] | (uint32_t)source[next + j] << 16) & mask;
      else
        for (ptrdiff_t j = 0; j < PANEL; j++) {
          const loose *place = source + j * column;
          packed[j] = j < columns ? (*place | (uint32_t)place[next] << 16) & mask : 0;
        }
    }
  }
}

/// Copies a few numbers, which takes less than to call for it.
static inline void copy_numbers(uint16_t *restrict to, const uint16_t *restrict from, ptrdiff_t count) {
  if (count > 32) {
    memcpy(to, from, (size_t)count * sizeof *to);
    return;
  }
  for (; count >= 4; count -= 4, to += 4, from += 4) memcpy(to, from, 4 * sizeof *to);
  for (; count > 0; count--) *to++ = *from++;
}

/// Copies a line of a window that begins at `first` of a line of the image, which has `width` pixels; NULL is a line beside
/// the image.
static inline void copy_line(
    const uint16_t *line, ptrdiff_t first, ptrdiff_t width, ptrdiff_t window, ptrdiff_t step, ptrdiff_t channels,
    uint16_t *target) {
  if (line && step == 1 && first >= 0 && first + window <= width)
    return copy_numbers(target, line + first * channels, window * channels);
  for (ptrdiff_t i = 0; i < window; i++, target += channels) {
    const ptrdiff_t place = first + i * step;
    if (line && place >= 0 && place < width)
      copy_numbers(target, line + place * channels, channels);
    else
      memset(target, 0, (size_t)channels * sizeof *target);
  }
}

void graft_bfloat16_patches(
    const graft_convolution *shape, const uint16_t *x, ptrdiff_t first, ptrdiff_t count, uint16_t *patches,
    ptrdiff_t pitch) {
  // A copy that no number which is written can be part of.
  const graft_convolution s = *shape;
  const ptrdiff_t channels = s.input_channels, window = s.kernel[2], line = s.input[2] * channels;
  for (ptrdiff_t pixel = first; pixel < first + count;) {
    const ptrdiff_t column = pixel % s.output[2], row = pixel / s.output[2], slice = row / s.output[1];
    const ptrdiff_t back = slice % s.output[0] * s.stride[0] - s.padding[0];
    const ptrdiff_t top = row % s.output[1] * s.stride[1] - s.padding[1];
    const uint16_t *image = x + slice / s.output[0] * s.input[0] * s.input[1] * line;
    // The pixels that are left of this row of the output.
    const ptrdiff_t rest = s.output[2] - column, asked = first + count - pixel;
    const ptrdiff_t end = column + (rest < asked ? rest : asked);
    pixel += end - column;
    for (ptrdiff_t c = column; c < end; c++, patches += pitch) {
      const ptrdiff_t left = c * s.stride[2] - s.padding[2];
      uint16_t *target = patches;
      for (ptrdiff_t i = 0; i < s.kernel[0]; i++)
        for (ptrdiff_t j = 0; j < s.kernel[1]; j++, target += window * channels) {
          const ptrdiff_t z = back + i * s.dilation[0], y = top + j * s.dilation[1];
          const int is_inside = z >= 0 && z < s.input[0] && y >= 0 && y < s.input[1];
          copy_line(is_inside ? image + (z * s.input[1] + y) * line : NULL, left, s.input[2], window, s.dilation[2],
                    channels, target);
        }
    }
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// Rows of a tile: with two panels of columns its sums fill the registers.
#define ROWS 14

int graft_multiplies_bfloat16(void) {
  return graft_widest_vectors == GRAFT_VECTORS_AVX512 && __builtin_cpu_supports("avx512bf16");
}

/// Two numbers of a row, or one that is the last.
INLINE __m512bh repeated(const uint16_t *a, const int is_pair) {
  uint32_t pair = *a;
  if (is_pair) memcpy(&pair, a, sizeof pair);
  return (__m512bh)_mm512_set1_epi32((int)pair);
}

INLINE void add(
    const int rows, const int panels, const int is_pair, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed,
    ptrdiff_t panel, __m512 sums[ROWS][2]) {
  __m512bh weights[2];
  UNROLL for (int j = 0; j < panels; j++) weights[j] = (__m512bh)_mm512_loadu_si512(packed + j * panel);
  UNROLL for (int i = 0; i < rows; i++) {
    const __m512bh values = repeated(a + i * a_row, is_pair);
    UNROLL for (int j = 0; j < panels; j++) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], values, weights[j]);
  }
}

/// `rows` rows by `panels` panels.
INLINE void tile(
    const int rows, const int panels, ptrdiff_t k, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed,
    ptrdiff_t panel, float *c, ptrdiff_t c_row) {
  __m512 sums[ROWS][2];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < panels; j++) sums[i][j] = _mm512_setzero_ps();
  for (ptrdiff_t pair = 0; pair < k / 2; pair++)
    add(rows, panels, 1, a + 2 * pair, a_row, packed + pair * PANEL, panel, sums);
  if (k % 2) add(rows, panels, 0, a + k - 1, a_row, packed + k / 2 * PANEL, panel, sums);
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < panels; j++) _mm512_storeu_ps(c + i * c_row + j * PANEL, sums[i][j]);
}

typedef void tile_function(
    ptrdiff_t k, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed, ptrdiff_t panel, float *c,
    ptrdiff_t c_row);

// Functions of their own, for each of which the compiler finds registers by itself.
#define DEFINE_TILE(rows, panels)                                                                                \
  TARGET static void tile_##rows##_##panels(                                                                     \
      ptrdiff_t k, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed, ptrdiff_t panel, float *c,         \
      ptrdiff_t c_row) {                                                                                         \
    tile(rows, panels, k, a, a_row, packed, panel, c, c_row);                                                    \
  }
#define DEFINE_TILES(rows) DEFINE_TILE(rows, 1) DEFINE_TILE(rows, 2)
DEFINE_TILES(1)
DEFINE_TILES(2)
DEFINE_TILES(3)
DEFINE_TILES(4)
DEFINE_TILES(5)
DEFINE_TILES(6)
DEFINE_TILES(7)
DEFINE_TILES(8)
DEFINE_TILES(9)
DEFINE_TILES(10)
DEFINE_TILES(11)
DEFINE_TILES(12)
DEFINE_TILES(13)
DEFINE_TILES(14)

static tile_function *const tiles[2][ROWS] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1,
     tile_12_1, tile_13_1, tile_14_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2,
     tile_12_2, tile_13_2, tile_14_2},
};

void graft_bfloat16_product(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed, float *c,
    ptrdiff_t c_row) {
  const ptrdiff_t panel = (k + 1) / 2 * PANEL;
  for (ptrdiff_t j = 0; j < n; j += 2 * PANEL, packed += 2 * panel) {
    tile_function *const *const strip = tiles[n - j > PANEL];
    for (ptrdiff_t i = 0; i < m; i += ROWS)
      strip[(m - i < ROWS ? m - i : ROWS) - 1](k, a + i * a_row, a_row, packed, panel, c + i * c_row + j, c_row);
  }
}

TARGET void graft_bfloat16_store(
    ptrdiff_t m, ptrdiff_t n, const float *c, ptrdiff_t c_row, int cuts, uint16_t *y, ptrdiff_t y_row) {
  for (ptrdiff_t i = 0; i < m; i++, c += c_row, y += y_row)
    for (ptrdiff_t j = 0; j < n; j += PANEL) {
      const __mmask16 lanes = n - j < PANEL ? (__mmask16)((1 << (n - j)) - 1) : 0xFFFF;
      const __m512 sums = _mm512_maskz_loadu_ps(lanes, c + j);
      __m256i result = (__m256i)_mm512_cvtneps_pbh(sums);
      if (cuts) {
        const __m512i upper = _mm512_srli_epi32((__m512i)sums, 16);
        // A NaN whose upper half has no fraction would be an infinity.
        const __mmask16 is_nan = _mm512_cmp_ps_mask(sums, sums, _CMP_UNORD_Q);
        result = _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(upper, is_nan, upper, _mm512_set1_epi32(0x40)));
      }
      _mm256_mask_storeu_epi16(y + j, lanes, result);
    }
}
#else
int graft_multiplies_bfloat16(void) { return 0; }

void graft_bfloat16_store(
    ptrdiff_t m, ptrdiff_t n, const float *c, ptrdiff_t c_row, int cuts, uint16_t *y, ptrdiff_t y_row) {
  (void)m, (void)n, (void)c, (void)c_row, (void)cuts, (void)y, (void)y_row;
}

void graft_bfloat16_product(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const uint16_t *a, ptrdiff_t a_row, const uint32_t *packed, float *c,
    ptrdiff_t c_row) {
  (void)m, (void)n, (void)k, (void)a, (void)a_row, (void)packed, (void)c, (void)c_row;
}
#endif
