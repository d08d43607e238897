// The loops for x86 processors with AVX-512.

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,f16c"))), apply_to = function)
#define VARIANT(name) graft_avx512_##name
#define WIDTH 16
#define ABREAST 2
#define HALF_INSTRUCTIONS
#define FUSED
#define PERMUTATIONS
#include "loops.h"
#pragma clang attribute pop
#endif
