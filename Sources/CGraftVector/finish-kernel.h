// What `graft_finish` asks of sums of one element type, for one instruction set: what is done while they are in
// registers. Included by the kernels of convolutions and products, behind registers-kernel.h.

/// What `graft_finish` says, in parts: what is done while sums are in registers, and the rest.
typedef struct {
  const T *bias, *addend;
  ptrdiff_t addend_row;
  /// Whether sums are cut at 0 and `upper`.
  int clamps;
  T upper;
  /// Whether sums below 0 are multiplied by their column's slope or, where there are no slopes, by `alpha`.
  int bends;
  T alpha;
  const T *slopes;
  /// What remains to be done to the values in memory.
  graft_activation rest;
} NAME(finish);

INLINE NAME(finish) NAME(finish_of)(const graft_finish *finish) {
  const graft_activation activation = finish->activation;
  const int clamps = activation == GRAFT_ACTIVATION_RELU || activation == GRAFT_ACTIVATION_RELU6;
  const int bends = activation == GRAFT_ACTIVATION_LEAKY_RELU || activation == GRAFT_ACTIVATION_PRELU;
  return (NAME(finish)){
      .bias = finish->bias,
      .addend = finish->addend,
      .addend_row = finish->addend_row,
      .clamps = clamps,
      .upper = activation == GRAFT_ACTIVATION_RELU6 ? (T)6 : (T)__builtin_inf(),
      .bends = bends,
      .alpha = (T)finish->alpha,
      .slopes = finish->slopes,
      .rest = clamps || bends ? GRAFT_ACTIVATION_NONE : activation,
  };
}

INLINE V NAME(clamp)(V x, T upper) {
  const V zero = {0}, most = zero + upper;
  // Written so that NaN stays NaN.
  x = NAME(choose)(x < zero, zero, x);
  return NAME(choose)(x > most, most, x);
}

/// A register of slopes below 0: what `loaded` takes from the columns' own, where there are any.
#define SLOPES(finish, loaded) ((finish)->slopes ? (loaded) : (V){0} + (finish)->alpha)

/// A NaN stays one.
INLINE V NAME(bend)(V x, V slope) { return NAME(choose)(x > (V){0}, x, x * slope); }
