#ifndef C_ONEDNN_H
#define C_ONEDNN_H

#include <stddef.h>
#include <stdint.h>

// Convolutions of float32 through oneDNN, version 2 or 3: what changed between them stays in here. Nothing aborts:
// what the library refuses has no primitive, and the caller computes it himself.

/// What is applied to each element of the result, after bias and addend.
typedef enum {
  GRAFT_DNN_NONE,
  GRAFT_DNN_RELU,
  GRAFT_DNN_RELU6,
  GRAFT_DNN_LEAKY_RELU,
  GRAFT_DNN_ELU,
  GRAFT_DNN_TANH,
  GRAFT_DNN_SIGMOID,
  GRAFT_DNN_SWISH,
  GRAFT_DNN_HARD_SWISH,
  GRAFT_DNN_GELU,
  GRAFT_DNN_GELU_TANH,
} graft_dnn_activation;

/// A convolution with channels last, over depth, height and width.
typedef struct {
  int64_t batch;
  int64_t groups;
  /// Channels of one group.
  int64_t input_channels;
  int64_t output_channels;
  int64_t input[3];
  int64_t kernel[3];
  int64_t output[3];
  int64_t stride[3];
  int64_t dilation[3];
  /// Zeros before the first element; those after the last one follow from the sizes.
  int64_t padding[3];
  int has_bias;
  /// Whether the result is added to what the output holds before.
  int has_addend;
  graft_dnn_activation activation;
  float alpha;
} graft_dnn_convolution;

/// A convolution made ready: code for its sizes, and its filter as that code reads it.
typedef struct graft_dnn_primitive graft_dnn_primitive;

/// Whether the library has code for faster vectors than our own kernels do, on this processor.
int graft_dnn_is_wider(void);

/// Makes a convolution ready, for the given number of threads. The filter is `[depth, height, width, input channels
/// of a group, output channels of all groups]`, and is not needed afterwards. NULL where the library cannot.
graft_dnn_primitive *graft_dnn_create(const graft_dnn_convolution *shape, const float *filter, int threads);

/// Bytes that a run needs for itself.
size_t graft_dnn_scratch_size(const graft_dnn_primitive *primitive);

/// Computes the convolution. Several threads may run one primitive at once, with scratch memory of their own.
/// Returns 0, or else the library's status.
int graft_dnn_run(
    const graft_dnn_primitive *primitive, const float *x, const float *bias, float *y, void *scratch, int threads);

void graft_dnn_destroy(graft_dnn_primitive *primitive);

#endif
