// Kernels for plain instructions and, on x86-64, for AVX2 (with fused multiply-add and half-precision conversions) and
// for AVX-512. Included with
//   KERNEL  the file of the kernels, which is included with
//     TARGET   the attribute that selects the instructions
//     WIDTH    how many floats a register holds
//     NAME(x)  x with a suffix of its own

#define TARGET
#define WIDTH 4
#define NAME(x) x##_plain
#include KERNEL
#undef TARGET
#undef WIDTH
#undef NAME

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define WIDTH 8
#define NAME(x) x##_avx2
#include KERNEL
#undef TARGET
#undef WIDTH
#undef NAME

#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
#define WIDTH 16
#define NAME(x) x##_avx512
#include KERNEL
#undef TARGET
#undef WIDTH
#undef NAME
#endif

#undef KERNEL
