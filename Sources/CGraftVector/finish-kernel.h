// What `graft_finish` asks of sums of one element type, for one instruction set: what is done while they are in
// registers. Included by the kernels of convolutions and products, behind registers-kernel.h.

/// What `graft_finish` says, in parts: what is done while sums are in registers, and the rest.
typedef struct {
  const T *bias, *addend;
  ptrdiff_t addend_row;
  /// Whether sums are cut at 0 and `upper`.
  int clamps;
  T upper;
  /// What remains to be done to the values in memory.
  graft_activation rest;
  T alpha;
  const T *slopes;
} NAME(finish);

INLINE NAME(finish) NAME(finish_of)(const graft_finish *finish) {
  const graft_activation activation = finish->activation;
  const int clamps = activation == GRAFT_ACTIVATION_RELU || activation == GRAFT_ACTIVATION_RELU6;
  return (NAME(finish)){
      .bias = finish->bias,
      .addend = finish->addend,
      .addend_row = finish->addend_row,
      .clamps = clamps,
      .upper = activation == GRAFT_ACTIVATION_RELU6 ? (T)6 : (T)__builtin_inf(),
      .rest = clamps ? GRAFT_ACTIVATION_NONE : activation,
      .alpha = (T)finish->alpha,
      .slopes = finish->slopes,
  };
}

INLINE V NAME(clamp)(V x, T upper) {
  const V zero = {0}, most = zero + upper;
  // Written so that NaN stays NaN.
  x = NAME(choose)(x < zero, zero, x);
  return NAME(choose)(x > most, most, x);
}
