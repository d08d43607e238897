// The variant of a function that was compiled for the widest vectors of the processor at hand.

#pragma once

#if defined(__x86_64__)
#define SELECT(call)                                                                                           \
  (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ? call##_avx512                      \
   : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")          \
       ? call##_avx2                                                                                            \
       : call##_plain)
#else
#define SELECT(call) call##_plain
#endif
