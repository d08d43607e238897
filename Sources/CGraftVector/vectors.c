// Kernels for other processors are tested by way of the environment: GRAFT_VECTORS=plain or avx2 for those with
// narrower vectors, avx512 for those whose arithmetic is as wide.

#include "vectors.h"

#if defined(__x86_64__)
#include <stdlib.h>
#include <string.h>

graft_vectors graft_widest_vectors = GRAFT_VECTORS_PLAIN;
int graft_wide_arithmetic = 0;

__attribute__((constructor)) static void find_widest_vectors(void) {
  __builtin_cpu_init();
  graft_vectors widest = GRAFT_VECTORS_PLAIN;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    widest = GRAFT_VECTORS_AVX2;
  if (widest == GRAFT_VECTORS_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    widest = GRAFT_VECTORS_AVX512;
  const char *most = getenv("GRAFT_VECTORS");
  if (most && strcmp(most, "plain") == 0) widest = GRAFT_VECTORS_PLAIN;
  if (most && strcmp(most, "avx2") == 0 && widest > GRAFT_VECTORS_AVX2) widest = GRAFT_VECTORS_AVX2;
  graft_widest_vectors = widest;
  const int is_wide = __builtin_cpu_is("intel") || __builtin_cpu_is("znver5") || (most && strcmp(most, "avx512") == 0);
  graft_wide_arithmetic = widest == GRAFT_VECTORS_AVX512 && is_wide;
}
#endif
