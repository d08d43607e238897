// The bodies of loops of functions of half-precision and bfloat16 numbers in steps, each of which is rounded to such a
// number, in TensorFlow's order; loops.h includes them. The numbers come and go as floats, and whoever writes the results
// rounds the last step.

#ifdef HALF_INSTRUCTIONS
#define ROUNDED_TO_HALF(x) ((float)(_Float16)(x))
#else
#define ROUNDED_TO_HALF(x) half_to_float(float_to_half(x))
#endif
#define ROUNDED_TO_BFLOAT16(x) float_of((uint32_t)float_to_bfloat16(x) << 16)

#define STEPPED_UNARY(name, expression)                                                           \
  UNARY(half_##name, expression(ROUNDED_TO_HALF))                                                 \
  UNARY(bfloat16_##name, expression(ROUNDED_TO_BFLOAT16))
#define STEPPED_PAIRS(name, expression)                                                           \
  PAIRS(half_##name, expression(ROUNDED_TO_HALF))                                                 \
  PAIRS(bfloat16_##name, expression(ROUNDED_TO_BFLOAT16))

INLINE float finite_share(float power, float sum) { return power == INFINITY ? 1.0f : power / sum; }

#define SIGMOID(R) finite_share(R(exp_f32(v)), R(1.0f + R(exp_f32(v))))
#define SILU(R) (v * R(SIGMOID(R)))
#define ELU(R) (v < 0.0f ? R(exp_f32(v)) - 1.0f : v)
#define SELU(R) (v < 0.0f ? R((float)SELU_SCALED_ALPHA) * R(R(exp_f32(v)) - 1.0f) : R((float)SELU_SCALE) * v)
#define SOFTSIGN(R) (v / R(1.0f + absolute(v)))
STEPPED_UNARY(sigmoid, SIGMOID)
STEPPED_UNARY(silu, SILU)
STEPPED_UNARY(elu, ELU)
STEPPED_UNARY(selu, SELU)
STEPPED_UNARY(softsign, SOFTSIGN)

// Beyond the logarithm of what TensorFlow takes for the precision, plus two, one part vanishes.
INLINE float softplus_of(float v, float power, float limit) {
  return v > -limit ? v : v < limit ? power : log1p_f32(power);
}
#define SOFTPLUS(limit, R) softplus_of(v, R(exp_f32(v)), R(R(limit) + 2.0f))
UNARY(half_softplus, SOFTPLUS(-9.01091335f, ROUNDED_TO_HALF))
UNARY(bfloat16_softplus, SOFTPLUS(-4.85203026f, ROUNDED_TO_BFLOAT16))

#define SQUARED_DIFFERENCE(R) (R(v - w) * R(v - w))
#define XLOGY(R) (v == 0.0f ? 0.0f : v * R(log_f32(w)))
#define XLOG1PY(R) (v == 0.0f ? 0.0f : v * R(log1p_f32(w)))
#define FLOOR_DIV(R) __builtin_elementwise_floor(R(v / w))
#define TRUNCATE_DIV(R) __builtin_elementwise_trunc(R(v / w))
STEPPED_PAIRS(squared_difference, SQUARED_DIFFERENCE)
STEPPED_PAIRS(xlogy, XLOGY)
STEPPED_PAIRS(xlog1py, XLOG1PY)
STEPPED_PAIRS(floor_div, FLOOR_DIV)
STEPPED_PAIRS(truncate_div, TRUNCATE_DIV)

// From a function's result and the gradient that reaches it.
#define SIGMOID_GRAD(R) (w * R(v * R(1.0f - v)))
#define TANH_GRAD(R) (w * R(1.0f - R(v * v)))
#define SQRT_GRAD(R) (w == 0.0f ? 0.0f : w * R(0.5f / v))
#define RSQRT_GRAD(R) (R(w * v) * R(-0.5f * R(v * v)))
#define RECIPROCAL_GRAD(R) ((0.0f - w) * R(v * v))
STEPPED_PAIRS(sigmoid_grad, SIGMOID_GRAD)
STEPPED_PAIRS(tanh_grad, TANH_GRAD)
STEPPED_PAIRS(sqrt_grad, SQRT_GRAD)
STEPPED_PAIRS(rsqrt_grad, RSQRT_GRAD)
STEPPED_PAIRS(reciprocal_grad, RECIPROCAL_GRAD)

// From a gradient and what the activation got, or gave.
#define RELU_GRAD(R) (v * (w > 0.0f ? 1.0f : 0.0f))
#define RELU6_GRAD(R) (v * (w > 0.0f && w < 6.0f ? 1.0f : 0.0f))
#define ELU_GRAD(R) (w < 0.0f ? R(w + 1.0f) * v : v)
#define SELU_GRAD(R) (v * (w < 0.0f ? R(w + R((float)SELU_SCALED_ALPHA)) : R((float)SELU_SCALE)))
#define SOFTPLUS_GRAD(R) (v / R(R(exp_f32(0.0f - w)) + 1.0f))
#define SOFTSIGN_GRAD(R) (v / R(R(1.0f + absolute(w)) * R(1.0f + absolute(w))))
STEPPED_PAIRS(relu_grad, RELU_GRAD)
STEPPED_PAIRS(relu6_grad, RELU6_GRAD)
STEPPED_PAIRS(elu_grad, ELU_GRAD)
STEPPED_PAIRS(selu_grad, SELU_GRAD)
STEPPED_PAIRS(softplus_grad, SOFTPLUS_GRAD)
STEPPED_PAIRS(softsign_grad, SOFTSIGN_GRAD)

#undef STEPPED_UNARY
#undef STEPPED_PAIRS
