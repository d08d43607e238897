// How fast the processor multiplies and adds: what kernels are measured against.

#include "CGraftVector.h"
#include "select.h"

#pragma clang fp contract(fast)

// Enough sums that none waits for the one before it.
#define SUMS 12

// No sum begins where it would stay, at 1, or a compiler leaves it out.
#define MULTIPLY_ADD(variant, attributes, width)                                                               \
  attributes static float multiply_add_##variant(size_t rounds) {                                              \
    typedef float lanes __attribute__((vector_size(width)));                                                   \
    lanes sums[SUMS], factor, addend;                                                                          \
    for (size_t lane = 0; lane < width / sizeof(float); lane++) factor[lane] = 0.75f, addend[lane] = 0.25f;    \
    for (int i = 0; i < SUMS; i++) sums[i] = addend * ((float)i + 0.5f);                                       \
    for (size_t round = 0; round < rounds; round++) {                                                          \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) sums[i] = sums[i] * factor + addend;   \
    }                                                                                                          \
    float total = 0;                                                                                           \
    for (int i = 0; i < SUMS; i++) total += sums[i][0];                                                        \
    return total;                                                                                              \
  }                                                                                                            \
  static size_t lanes_##variant(void) { return width / sizeof(float); }

MULTIPLY_ADD(plain, , 16)
#if defined(__x86_64__)
MULTIPLY_ADD(avx2, __attribute__((target("avx2,fma"))), 32)
MULTIPLY_ADD(avx512, __attribute__((target("avx512f,avx512bw"))), 64)
#endif

size_t graft_multiply_add(size_t rounds, float *result) {
  *result = SELECT(multiply_add)(rounds);
  return 2 * SUMS * rounds * SELECT(lanes)();
}
