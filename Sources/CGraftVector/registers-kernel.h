// Registers of one element type for one instruction set, and what kernels say them with. Included with TARGET, WIDTH
// and NAME(x) as variants.h gives them, and
//   T     the element: float, where nothing is said
//   BITS  the integer of the element's size

#ifndef T
#define T float
#define BITS int
#endif

typedef T NAME(vector) __attribute__((vector_size(WIDTH * sizeof(T))));
// Weights lie in files at any address.
typedef T NAME(loose) __attribute__((vector_size(WIDTH * sizeof(T)), aligned(1)));
typedef BITS NAME(bits) __attribute__((vector_size(WIDTH * sizeof(T))));

// These stay defined: each variant means its own by them.
#define V NAME(vector)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define LOAD(p) ((V) * (const NAME(loose) *)(p))
#define STORE(p, v) (*(NAME(loose) *)(p) = (NAME(loose))(v))
#define UNROLL _Pragma("clang loop unroll(full)")

/// One or the other, where each lane of `when` is all ones or all zeros.
INLINE V NAME(choose)(NAME(bits) when, V yes, V no) {
  return (V)(((NAME(bits))yes & when) | ((NAME(bits))no & ~when));
}
