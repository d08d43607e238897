// Which vectors are computed with.

#pragma once

#if defined(__x86_64__)
typedef enum { GRAFT_VECTORS_PLAIN, GRAFT_VECTORS_AVX2, GRAFT_VECTORS_AVX512 } graft_vectors;

/// What the processor has, or less where GRAFT_VECTORS in the environment says so.
__attribute__((visibility("hidden"))) extern graft_vectors graft_widest_vectors;

/// Whether arithmetic on vectors of AVX-512 has the rate, in vectors, of that on those of half the width: Intel's
/// processors have it, and AMD's from Zen 5 on. Zen 4's take twice as long for them.
__attribute__((visibility("hidden"))) extern int graft_wide_arithmetic;
#endif
