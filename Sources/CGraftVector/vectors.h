// Which vectors are computed with.

#pragma once

#if defined(__x86_64__)
typedef enum { GRAFT_VECTORS_PLAIN, GRAFT_VECTORS_AVX2, GRAFT_VECTORS_AVX512 } graft_vectors;

/// What the processor has, or less where GRAFT_VECTORS in the environment says so.
__attribute__((visibility("hidden"))) extern graft_vectors graft_widest_vectors;
#endif
