// The loops for x86 processors with AVX2, fused multiply-add and half-precision conversions.

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define VARIANT(name) graft_avx2_##name
#define WIDTH 8
#define ABREAST 4
#define HALF_INSTRUCTIONS
#define FUSED
#include "loops.h"
#pragma clang attribute pop
#endif
