// The variant of a function that was compiled for the widest vectors in use.

#pragma once

#include "vectors.h"

#if defined(__x86_64__)
#define SELECT(call)                                                                                           \
  (graft_widest_vectors == GRAFT_VECTORS_AVX512 ? call##_avx512                                                 \
   : graft_widest_vectors == GRAFT_VECTORS_AVX2 ? call##_avx2                                                   \
                                                : call##_plain)
#else
#define SELECT(call) call##_plain
#endif
