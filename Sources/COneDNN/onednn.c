#define _GNU_SOURCE
#include "COneDNN.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t description;
typedef const_dnnl_memory_desc_t description_reference;
#else
typedef dnnl_memory_desc_t *description;
typedef const dnnl_memory_desc_t *description_reference;
#endif

struct graft_dnn_primitive {
  dnnl_primitive_t primitive;
  dnnl_memory_t weights;
  description source, bias, destination, scratchpad;
  size_t scratch_size;
};

// MARK: Differences between the versions

static description make_description(int rank, const int64_t *sizes, dnnl_format_tag_t tag) {
  dnnl_dims_t dims;
  memcpy(dims, sizes, (size_t)rank * sizeof(int64_t));
#if DNNL_VERSION_MAJOR >= 3
  description result = NULL;
  if (dnnl_memory_desc_create_with_tag(&result, rank, dims, dnnl_f32, tag) != dnnl_success) return NULL;
  return result;
#else
  description result = malloc(sizeof *result);
  if (result && dnnl_memory_desc_init_by_tag(result, rank, dims, dnnl_f32, tag) != dnnl_success) {
    free(result);
    return NULL;
  }
  return result;
#endif
}

static description copy_description(description_reference from) {
  if (!from) return NULL;
#if DNNL_VERSION_MAJOR >= 3
  description result = NULL;
  return dnnl_memory_desc_clone(&result, from) == dnnl_success ? result : NULL;
#else
  description result = malloc(sizeof *result);
  if (result) *result = *from;
  return result;
#endif
}

static void destroy_description(description value) {
  if (!value) return;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(value);
#else
  free(value);
#endif
}

static dnnl_status_t append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_eltwise(ops, kind, alpha, beta);
#else
  return dnnl_post_ops_append_eltwise(ops, 1, kind, alpha, beta);
#endif
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_f32);
#else
  return dnnl_post_ops_append_sum(ops, 1);
#endif
}

static dnnl_status_t describe_convolution(
    dnnl_primitive_desc_t *result, dnnl_engine_t engine, description source, description weights, description bias,
    description destination, const dnnl_dims_t strides, const dnnl_dims_t dilates, const dnnl_dims_t before,
    const dnnl_dims_t after, dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_forward_primitive_desc_create(
      result, engine, dnnl_forward_inference, dnnl_convolution_direct, source, weights, bias, destination, strides,
      dilates, before, after, attributes);
#else
  dnnl_convolution_desc_t convolution;
  dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
      &convolution, dnnl_forward_inference, dnnl_convolution_direct, source, weights, bias, destination, strides,
      dilates, before, after);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(result, &convolution, attributes, engine, NULL);
#endif
}

// MARK: The processor

static dnnl_engine_t engine;
static void (*set_threads)(int);

static void start(void) {
  if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
  // Where the library was built on OpenMP, this decides how many threads the calling thread's loops take.
  *(void **)&set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
}

static dnnl_engine_t processor(int threads) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  if (set_threads) set_threads(threads);
  return engine;
}

int graft_dnn_is_wider(void) {
#if defined(__x86_64__)
  // AMD's run them at the same rate as the narrower ones.
  return __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512f");
#else
  return 1;
#endif
}

// MARK: Convolutions

static dnnl_status_t append_activation(dnnl_post_ops_t ops, graft_dnn_activation activation, float alpha) {
  switch (activation) {
    case GRAFT_DNN_NONE: return dnnl_success;
    case GRAFT_DNN_RELU: return append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
    case GRAFT_DNN_RELU6: return append_eltwise(ops, dnnl_eltwise_clip, 0, 6);
    case GRAFT_DNN_LEAKY_RELU: return append_eltwise(ops, dnnl_eltwise_relu, alpha, 0);
    case GRAFT_DNN_ELU: return append_eltwise(ops, dnnl_eltwise_elu, 1, 0);
    case GRAFT_DNN_TANH: return append_eltwise(ops, dnnl_eltwise_tanh, 0, 0);
    case GRAFT_DNN_SIGMOID: return append_eltwise(ops, dnnl_eltwise_logistic, 0, 0);
    case GRAFT_DNN_SWISH: return append_eltwise(ops, dnnl_eltwise_swish, 1, 0);
    case GRAFT_DNN_HARD_SWISH: return append_eltwise(ops, dnnl_eltwise_hardswish, 0, 0);
    case GRAFT_DNN_GELU: return append_eltwise(ops, dnnl_eltwise_gelu_erf, 0, 0);
    case GRAFT_DNN_GELU_TANH: return append_eltwise(ops, dnnl_eltwise_gelu_tanh, 0, 0);
  }
  return dnnl_unimplemented;
}

/// The filter in the layout that the primitive reads, in memory of the library's.
static dnnl_memory_t reorder(
    dnnl_engine_t cpu, description plain, description_reference wanted, const float *filter) {
  dnnl_memory_t from = NULL, to = NULL;
  dnnl_primitive_desc_t moving = NULL;
  dnnl_primitive_t move = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_status_t status = dnnl_memory_create(&from, plain, cpu, (void *)filter);
  if (status == dnnl_success) status = dnnl_memory_create(&to, wanted, cpu, DNNL_MEMORY_ALLOCATE);
  if (status == dnnl_success) status = dnnl_reorder_primitive_desc_create(&moving, plain, cpu, wanted, cpu, NULL);
  if (status == dnnl_success) status = dnnl_primitive_create(&move, moving);
  if (status == dnnl_success) status = dnnl_stream_create(&stream, cpu, dnnl_stream_default_flags);
  if (status == dnnl_success) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    status = dnnl_primitive_execute(move, stream, 2, arguments);
    if (status == dnnl_success) status = dnnl_stream_wait(stream);
  }
  if (stream) dnnl_stream_destroy(stream);
  if (move) dnnl_primitive_destroy(move);
  if (moving) dnnl_primitive_desc_destroy(moving);
  if (from) dnnl_memory_destroy(from);
  if (status != dnnl_success && to) {
    dnnl_memory_destroy(to);
    to = NULL;
  }
  return to;
}

graft_dnn_primitive *graft_dnn_create(const graft_dnn_convolution *s, const float *filter, int threads) {
  dnnl_engine_t cpu = processor(threads);
  graft_dnn_primitive *result = calloc(1, sizeof *result);
  if (!cpu || !result) {
    free(result);
    return NULL;
  }
  // An image has a depth of 1, and two dimensions for the library.
  const int flat = s->input[0] == 1 && s->kernel[0] == 1 && s->output[0] == 1;
  const int first = flat ? 1 : 0, spatial = 3 - first;
  int64_t source[5] = {s->batch, s->groups * s->input_channels};
  int64_t weights[6] = {s->groups, s->output_channels, s->input_channels};
  int64_t destination[5] = {s->batch, s->groups * s->output_channels};
  int64_t bias[1] = {s->groups * s->output_channels};
  dnnl_dims_t strides = {0}, dilates = {0}, before = {0}, after = {0};
  for (int axis = 0; axis < spatial; axis++) {
    source[2 + axis] = s->input[first + axis];
    weights[3 + axis] = s->kernel[first + axis];
    destination[2 + axis] = s->output[first + axis];
    strides[axis] = s->stride[first + axis];
    dilates[axis] = s->dilation[first + axis] - 1;
    before[axis] = s->padding[first + axis];
    // Just as much as the output needs; less than nothing where the last elements are not read.
    after[axis] = (destination[2 + axis] - 1) * strides[axis] + (weights[3 + axis] - 1) * (dilates[axis] + 1) + 1 -
                  source[2 + axis] - before[axis];
  }
  const int grouped = s->groups > 1;
  const dnnl_format_tag_t last = flat ? dnnl_nhwc : dnnl_ndhwc;
  const dnnl_format_tag_t plain =
      grouped ? (flat ? dnnl_hwigo : dnnl_dhwigo) : (flat ? dnnl_hwio : dnnl_dhwio);
  const int64_t *weight_sizes = grouped ? weights : weights + 1;
  const int weight_rank = spatial + (grouped ? 3 : 2);

  description given = make_description(weight_rank, weight_sizes, plain);
  description wanted = make_description(weight_rank, weight_sizes, dnnl_format_tag_any);
  result->source = make_description(2 + spatial, source, last);
  result->destination = make_description(2 + spatial, destination, last);
  if (s->has_bias) result->bias = make_description(1, bias, dnnl_a);

  dnnl_primitive_desc_t described = NULL;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status = given && wanted && result->source && result->destination && (result->bias || !s->has_bias)
                             ? dnnl_primitive_attr_create(&attributes)
                             : dnnl_out_of_memory;
  if (status == dnnl_success) status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = dnnl_post_ops_create(&ops);
  if (status == dnnl_success && s->has_addend) status = append_sum(ops);
  if (status == dnnl_success) status = append_activation(ops, s->activation, s->alpha);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, ops);
  if (status == dnnl_success)
    status = describe_convolution(&described, cpu, result->source, wanted, result->bias, result->destination, strides,
                                  dilates, before, after, attributes);
  // The library's reference code is there to be compared with, not to be used.
  const char *name = NULL;
  if (status == dnnl_success &&
      dnnl_primitive_desc_query(described, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name &&
      strncmp(name, "ref", 3) == 0)
    status = dnnl_unimplemented;
  if (status == dnnl_success) status = dnnl_primitive_create(&result->primitive, described);
  if (status == dnnl_success) {
    result->weights =
        reorder(cpu, given, dnnl_primitive_desc_query_md(described, dnnl_query_weights_md, 0), filter);
    result->scratchpad = copy_description(dnnl_primitive_desc_query_md(described, dnnl_query_scratchpad_md, 0));
    if (result->scratchpad) result->scratch_size = dnnl_memory_desc_get_size(result->scratchpad);
  }
  if (described) dnnl_primitive_desc_destroy(described);
  if (ops) dnnl_post_ops_destroy(ops);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  destroy_description(given);
  destroy_description(wanted);
  if (status != dnnl_success || !result->weights || !result->scratchpad) {
    graft_dnn_destroy(result);
    return NULL;
  }
  return result;
}

size_t graft_dnn_scratch_size(const graft_dnn_primitive *primitive) { return primitive->scratch_size; }

int graft_dnn_run(
    const graft_dnn_primitive *p, const float *x, const float *bias, float *y, void *scratch, int threads) {
  dnnl_engine_t cpu = processor(threads);
  dnnl_memory_t source = NULL, offset = NULL, destination = NULL, pad = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_status_t status = dnnl_memory_create(&source, p->source, cpu, (void *)x);
  if (status == dnnl_success) status = dnnl_memory_create(&destination, p->destination, cpu, y);
  if (status == dnnl_success && p->bias) status = dnnl_memory_create(&offset, p->bias, cpu, (void *)bias);
  if (status == dnnl_success && p->scratch_size > 0) status = dnnl_memory_create(&pad, p->scratchpad, cpu, scratch);
  if (status == dnnl_success) status = dnnl_stream_create(&stream, cpu, dnnl_stream_default_flags);
  if (status == dnnl_success) {
    dnnl_exec_arg_t arguments[5] = {
        {DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, p->weights}, {DNNL_ARG_DST, destination}};
    int count = 3;
    if (offset) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, offset};
    if (pad) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, pad};
    status = dnnl_primitive_execute(p->primitive, stream, count, arguments);
    if (status == dnnl_success) status = dnnl_stream_wait(stream);
  }
  if (stream) dnnl_stream_destroy(stream);
  if (pad) dnnl_memory_destroy(pad);
  if (offset) dnnl_memory_destroy(offset);
  if (destination) dnnl_memory_destroy(destination);
  if (source) dnnl_memory_destroy(source);
  return (int)status;
}

void graft_dnn_destroy(graft_dnn_primitive *p) {
  if (!p) return;
  if (p->primitive) dnnl_primitive_destroy(p->primitive);
  if (p->weights) dnnl_memory_destroy(p->weights);
  destroy_description(p->source);
  destroy_description(p->bias);
  destroy_description(p->destination);
  destroy_description(p->scratchpad);
  free(p);
}
