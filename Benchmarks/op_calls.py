"""Calls of single ops, of the sizes that networks have: (name, function of the inputs, inputs)."""

import numpy as np
import tensorflow as tf

RAW = tf.raw_ops
RANDOM = np.random.default_rng(0)


def floats(*shape, dtype=np.float32):
    return RANDOM.standard_normal(shape).astype(dtype)


def integers(limit, *shape, dtype=np.int32):
    return RANDOM.integers(0, limit, shape).astype(dtype)


def unit(*shape):
    return RANDOM.random(shape).astype(np.float32)


def boxes(count):
    return np.sort(unit(count, 4), 1)


def elementwise():
    x = floats(512, 1024)
    positive, within = np.abs(x) + np.float32(0.1), np.clip(x, -0.9, 0.9)
    inputs = {"Relu": "features", "Relu6": "features", "Elu": "features", "Selu": "features", "Softplus": "features",
              "Softsign": "features"}
    domains = {"Log": positive, "Sqrt": positive, "Rsqrt": positive, "Log1p": positive, "Lgamma": positive,
               "Digamma": positive, "Acosh": positive + 1, "Erfinv": np.clip(positive / 5, 0.01, 0.99),
               "Ndtri": np.clip(positive / 5, 0.01, 0.99)}
    for op in ("Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Digamma Elu Erf Erfc Erfinv Exp Expm1 Floor Lgamma "
               "Log Log1p Ndtri Neg Reciprocal Relu Relu6 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Softsign "
               "Sqrt Square Tan Tanh").split():
        yield op, lambda x, op=op: getattr(RAW, op)(**{inputs.get(op, "x"): x}), domains.get(op, within)
    for op in ("Add Sub Mul RealDiv Maximum Minimum Pow SquaredDifference FloorDiv FloorMod Less Equal Xlogy").split():
        yield op, lambda x, y, op=op: getattr(RAW, op)(x=x, y=y), positive, positive + np.float32(1.5)
    yield "Atan2", tf.atan2, positive, positive + np.float32(1.5)
    yield "Igamma", tf.math.igamma, positive, positive + np.float32(1.5)
    yield "Add, a column", tf.add, x, floats(512, 1)
    yield "Add, a row", tf.add, x, floats(1024)
    yield "Add, float64", tf.add, x.astype(np.float64), x.astype(np.float64)
    yield "Add, half", tf.add, x.astype(np.float16), x.astype(np.float16)
    yield "Exp, float64", tf.exp, x.astype(np.float64)
    for op in ("Log", "Softplus", "Tanh"):
        yield f"{op}, float64", lambda x, op=op: getattr(RAW, op)(**{inputs.get(op, "x"): x}), positive.astype(np.float64)
    yield "Maximum, float64", tf.maximum, x.astype(np.float64), positive.astype(np.float64)
    for op in ("Elu", "Sigmoid", "Softplus", "Tanh"):
        yield f"{op}, half", lambda x, op=op: getattr(RAW, op)(**{inputs.get(op, "x"): x}), x.astype(np.float16)
    for op in ("Pow", "SquaredDifference"):
        yield f"{op}, half", lambda x, y, op=op: getattr(RAW, op)(x=x, y=y), x.astype(np.float16), np.float16(3)
    yield "SigmoidGrad, half", lambda x, y: RAW.SigmoidGrad(y=x, dy=y), within.astype(np.float16), x.astype(np.float16)
    yield "swish, half", lambda x: x * tf.sigmoid(x), x.astype(np.float16)
    yield "Pow of negative numbers", lambda x: RAW.Pow(x=x, y=3.0), x
    yield "Mul, int32", tf.multiply, integers(99, 512, 1024), integers(99, 512, 1024)
    yield "FloorDiv, int32", tf.math.floordiv, integers(99, 512, 1024), integers(9, 512, 1024) + 1
    yield "Select", tf.where, x > 0, x, -x
    yield "mish", lambda x: x * tf.tanh(tf.nn.softplus(x)), x
    yield "Bucketize", lambda x: RAW.Bucketize(input=x, boundaries=list(np.linspace(-2, 2, 20))), x
    yield "QuantizeAndDequantizeV2", lambda x: tf.quantization.quantize_and_dequantize_v2(x, 0.0, 1.0), x


def reductions():
    x = floats(512, 1024)
    for name in ("sum", "mean", "max", "prod", "logsumexp"):
        for axis in (0, 1, None):
            yield f"reduce_{name}, axis {axis}", lambda x, n=name, a=axis: getattr(tf, "reduce_" + n)(x, a), x
    yield "reduce_sum, the middle", lambda x: tf.reduce_sum(x, 1), floats(32, 64, 256)
    yield "reduce_sum, int64", lambda x: tf.reduce_sum(x, 1), integers(9, 512, 1024, dtype=np.int64)
    yield "reduce_any", lambda x: tf.reduce_any(x, 1), x > 0
    yield "ArgMax, axis 0", lambda x: tf.argmax(x, 0), x
    yield "ArgMax, axis 1", lambda x: tf.argmax(x, 1), x
    yield "Cumsum", lambda x: tf.cumsum(x, 1), x
    yield "Softmax", tf.nn.softmax, x
    yield "Softmax of 10", tf.nn.softmax, floats(50000, 10)
    yield "LogSoftmax", tf.nn.log_softmax, x
    yield "TopK, 5", lambda x: tf.math.top_k(x, 5)[0], x
    yield "TopK, 100", lambda x: tf.math.top_k(x, 100)[0], x
    yield "sort", lambda x: tf.sort(x, 1), x
    yield "argsort", lambda x: tf.argsort(x, 1), x
    yield "softmax_cross_entropy", lambda x, y: tf.nn.softmax_cross_entropy_with_logits(y, x), floats(2048, 100), unit(2048, 100)


def shapes():
    x, image = floats(512, 1024), floats(1, 112, 112, 64)
    yield "Transpose", tf.transpose, x
    yield "Transpose, heads", lambda x: tf.transpose(x, [0, 2, 1, 3]), floats(8, 128, 8, 64)
    yield "Transpose, NHWC to NCHW", lambda x: tf.transpose(x, [0, 3, 1, 2]), image
    yield "ConcatV2, columns", lambda x, y: tf.concat([x, y], 1), x, x
    yield "Slice", lambda x: x[:, 100:900], x
    yield "StridedSlice", lambda x: x[::2, ::3], x
    yield "ReverseV2", lambda x: tf.reverse(x, [1]), x
    yield "Pad", lambda x: tf.pad(x, [[1, 1], [2, 2]]), x
    yield "Tile", lambda x: tf.tile(x, [2, 2]), x
    yield "BroadcastTo", lambda x: tf.broadcast_to(x, [512, 1024]), floats(512, 1)
    yield "Roll", lambda x: tf.roll(x, 3, 1), x
    yield "OneHot", lambda x: tf.one_hot(x, 1000), integers(1000, 1024)
    yield "Where", tf.where, x > 0
    yield "GatherV2, rows", tf.gather, floats(10000, 128), integers(10000, 4096)
    yield "GatherV2, columns", lambda x, y: tf.gather(x, y, axis=1), x, integers(512, 512)
    yield "GatherNd", tf.gather_nd, x, integers(512, 4096, 2)
    yield "ScatterNd", lambda i, x: tf.scatter_nd(i, x, [10000, 128]), integers(10000, 4096, 1), floats(4096, 128)
    yield "SegmentSum", tf.math.segment_sum, floats(10000, 64), np.sort(integers(1000, 10000))
    yield "UnsortedSegmentMax", lambda x, i: tf.math.unsorted_segment_max(x, i, 1000), floats(10000, 64), integers(1000, 10000)
    yield "SparseSegmentMean", tf.sparse.segment_mean, floats(10000, 64), integers(10000, 20000), np.sort(integers(1000, 20000))
    yield "UnsortedSegmentSum", lambda x, i: tf.math.unsorted_segment_sum(x, i, 1000), floats(10000, 64), integers(1000, 10000)
    yield "Unique", lambda x: tf.unique(x)[1], integers(1000, 100000)
    yield "Bincount", lambda x: tf.math.bincount(x, minlength=1000), integers(1000, 100000)
    for source, target in ((np.float32, tf.int32), (np.int32, tf.float32), (np.uint8, tf.float32), (np.float32, tf.float16),
                           (np.float16, tf.float32), (np.int64, tf.float32), (np.bool_, tf.float32)):
        values = integers(2, 512, 1024).astype(source)
        yield f"Cast, {values.dtype} to {target.name}", lambda x, t=target: tf.cast(x, t), values


def products():
    for dtype in (np.float32, np.float64, np.float16, np.complex64):
        name = np.dtype(dtype).name
        yield f"MatMul, {name}", tf.matmul, floats(256, 256, dtype=dtype), floats(256, 256, dtype=dtype)
    yield "MatMul, int32", tf.matmul, integers(99, 256, 256), integers(99, 256, 256)
    yield "MatMul, bfloat16", lambda x, y: tf.matmul(tf.cast(x, tf.bfloat16), tf.cast(y, tf.bfloat16)), floats(256, 256), floats(256, 256)
    yield "MatMul, one row", tf.matmul, floats(1, 1024), floats(1024, 1024)
    yield "MatMul, b transposed", lambda x, y: tf.matmul(x, y, transpose_b=True), floats(256, 512), floats(256, 512)
    yield "BatchMatMulV2", tf.matmul, floats(32, 64, 64), floats(32, 64, 64)
    yield "Einsum, attention", lambda q, k: tf.einsum("bqhd,bkhd->bhqk", q, k), floats(2, 128, 8, 64), floats(2, 128, 8, 64)
    yield "Conv2D, 3x3", lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), floats(1, 56, 56, 64), floats(3, 3, 64, 64)
    yield "Conv2D, 1x1", lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), floats(1, 56, 56, 64), floats(1, 1, 64, 64)
    yield "Conv2D, half", lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), floats(1, 56, 56, 64, dtype=np.float16), floats(3, 3, 64, 64, dtype=np.float16)
    yield "Conv2D, bfloat16", lambda x, w: tf.nn.conv2d(tf.cast(x, tf.bfloat16), tf.cast(w, tf.bfloat16), 1, "SAME"), floats(1, 56, 56, 64), floats(3, 3, 64, 64)
    yield "Conv2D, 7x7", lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"), floats(1, 224, 224, 3), floats(7, 7, 3, 64)
    yield "Conv2D, dilated", lambda x, w: tf.nn.conv2d(x, w, 1, "SAME", dilations=2), floats(1, 56, 56, 64), floats(3, 3, 64, 64)
    yield "Conv2D, 4 groups", lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), floats(1, 56, 56, 64), floats(3, 3, 16, 64)
    yield "Conv2D, transposed", lambda x, w: tf.nn.conv2d_transpose(x, w, [1, 56, 56, 32], 2, "SAME"), floats(1, 28, 28, 64), floats(3, 3, 32, 64)
    yield "Conv3D", lambda x, w: tf.nn.conv3d(x, w, [1] * 5, "SAME"), floats(1, 8, 28, 28, 16), floats(3, 3, 3, 16, 16)
    yield "DepthwiseConv2dNative", lambda x, w: tf.nn.depthwise_conv2d(x, w, [1] * 4, "SAME"), floats(1, 112, 112, 32), floats(3, 3, 32, 1)
    yield "DepthwiseConv2dNative, 11x11, 3 channels", lambda x, w: tf.nn.depthwise_conv2d(x, w, [1] * 4, "VALID"), floats(1, 256, 256, 3), floats(11, 11, 3, 1)
    yield "DepthwiseConv2dNative, 9x9", lambda x, w: tf.nn.depthwise_conv2d(x, w, [1] * 4, "SAME"), floats(1, 56, 56, 64), floats(9, 9, 64, 1)
    yield "DepthwiseConv2dNative, 4 filters, 3 channels", lambda x, w: tf.nn.depthwise_conv2d(x, w, [1] * 4, "SAME"), floats(1, 128, 128, 3), floats(3, 3, 3, 4)
    weights = floats(192, 64)
    yield "a layer of edges and their nodes", lambda e, n, i, j: tf.nn.relu(tf.matmul(
        tf.concat([e, tf.gather(n, i), tf.gather(n, j)], 1), tf.constant(weights))), floats(12288, 64), floats(4096, 64), integers(4096, 12288), integers(4096, 12288)
    yield "Dilation2D", lambda x, w: tf.nn.dilation2d(x, w, [1] * 4, "SAME", "NHWC", [1] * 4), floats(1, 56, 56, 16), floats(3, 3, 16)


def images():
    image, channels = floats(1, 112, 112, 32), floats(32)
    nothing = np.zeros(0, np.float32)
    yield "MaxPool, 3x3", lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), image
    yield "AvgPool, 3x3", lambda x: tf.nn.avg_pool2d(x, 3, 1, "SAME"), image
    yield "MaxPool, 5x5, overlapping", lambda x: tf.nn.max_pool2d(x, 5, 1, "SAME"), floats(1, 56, 56, 128)
    yield "AvgPool, 5x5, 3 channels", lambda x: tf.nn.avg_pool2d(x, 5, 1, "SAME"), floats(1, 128, 128, 3)
    yield "MaxPool3D", lambda x: tf.nn.max_pool3d(x, 2, 2, "SAME"), floats(1, 16, 32, 32, 16)
    yield "MaxPoolWithArgmax", lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")[1], image
    yield "LRN", tf.nn.lrn, image
    yield "mean over an image", lambda x: tf.reduce_mean(x, [1, 2]), image
    yield "BiasAdd", tf.nn.bias_add, image, channels
    yield "FusedBatchNormV3, training", lambda x, s, o: RAW.FusedBatchNormV3(
        x=x, scale=s, offset=o, mean=nothing, variance=nothing, is_training=True)[0], image, channels, channels
    yield "ResizeBilinear", lambda x: tf.compat.v1.image.resize_bilinear(x, [224, 224]), floats(1, 112, 112, 16)
    yield "ResizeBilinear, uint8", lambda x: tf.compat.v1.image.resize_bilinear(x, [224, 224]), integers(255, 1, 480, 640, 3, dtype=np.uint8)
    yield "ResizeNearestNeighbor", lambda x: tf.compat.v1.image.resize_nearest_neighbor(x, [224, 224]), floats(1, 112, 112, 16)
    yield "ResizeBicubic", lambda x: tf.compat.v1.image.resize_bicubic(x, [224, 224]), floats(1, 112, 112, 3)
    yield "ResizeArea", lambda x: tf.compat.v1.image.resize_area(x, [100, 100]), floats(1, 224, 224, 3)
    yield "CropAndResize", lambda x, b: tf.image.crop_and_resize(x, b, tf.zeros([64], tf.int32), [14, 14]), floats(1, 56, 56, 64), boxes(64)
    yield "NonMaxSuppressionV3", lambda b, s: tf.image.non_max_suppression(b, s, 100), boxes(2000), unit(2000)
    yield "ExtractImagePatches", lambda x: tf.image.extract_patches(x, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME"), floats(1, 56, 56, 16)
    yield "SpaceToDepth", lambda x: tf.nn.space_to_depth(x, 2), image
    yield "SpaceToBatchND", lambda x: tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]]), image
    yield "RGBToHSV", tf.image.rgb_to_hsv, unit(1, 224, 224, 3)


def gradients():
    image, filter = floats(4, 28, 28, 64), floats(3, 3, 64, 64)
    depthwise, channels = floats(3, 3, 64, 1), floats(64)
    strides = dict(strides=[1, 1, 1, 1], padding="SAME")
    yield "Conv2DBackpropFilter", lambda x, g: RAW.Conv2DBackpropFilter(
        input=x, filter_sizes=[3, 3, 64, 64], out_backprop=g, **strides), image, image
    yield "Conv2DBackpropFilter, few channels", lambda x, g: RAW.Conv2DBackpropFilter(
        input=x, filter_sizes=[7, 7, 3, 64], out_backprop=g, strides=[1, 2, 2, 1], padding="SAME"), floats(1, 224, 224, 3), floats(1, 112, 112, 64)
    yield "Conv2DBackpropInput", lambda w, g: RAW.Conv2DBackpropInput(
        input_sizes=[4, 28, 28, 64], filter=w, out_backprop=g, **strides), filter, image
    yield "DepthwiseConv2dNativeBackpropFilter", lambda x, g: RAW.DepthwiseConv2dNativeBackpropFilter(
        input=x, filter_sizes=[3, 3, 64, 1], out_backprop=g, **strides), image, image
    yield "DepthwiseConv2dNativeBackpropInput", lambda w, g: RAW.DepthwiseConv2dNativeBackpropInput(
        input_sizes=[4, 28, 28, 64], filter=w, out_backprop=g, **strides), depthwise, image
    yield "FusedBatchNormGradV3", lambda g, x, s, m, v: RAW.FusedBatchNormGradV3(
        y_backprop=g, x=x, scale=s, reserve_space_1=m, reserve_space_2=v, reserve_space_3=channels)[0], image, image, channels, channels, np.abs(channels)
    yield "BiasAddGrad", lambda g: RAW.BiasAddGrad(out_backprop=g), image
    yield "MaxPoolGrad", lambda x, y, g: RAW.MaxPoolGrad(
        orig_input=x, orig_output=y, grad=g, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"), image, floats(4, 14, 14, 64), floats(4, 14, 14, 64)
    yield "Relu6Grad", lambda g, x: RAW.Relu6Grad(gradients=g, features=x), image, image


def signals():
    yield "RFFT", tf.signal.rfft, floats(64, 1024)
    yield "FFT", tf.signal.fft, floats(64, 1024).astype(np.complex64)
    yield "FFT, a prime length", tf.signal.fft, floats(16, 1009).astype(np.complex64)
    yield "FFT2D", tf.signal.fft2d, floats(4, 128, 128).astype(np.complex64)
    yield "stft", lambda x: tf.signal.stft(x, 512, 128), floats(1, 16000)
    yield "dct", tf.signal.dct, floats(64, 512)


def algebra():
    square = floats(128, 128)
    yield "Cholesky", lambda x: tf.linalg.cholesky(tf.matmul(x, x, transpose_b=True) + 100 * tf.eye(128)), square
    yield "MatrixInverse", tf.linalg.inv, square
    yield "MatrixSolve", tf.linalg.solve, square, floats(128, 16)
    yield "Qr", lambda x: tf.linalg.qr(x)[1], floats(128, 64)
    yield "Svd", lambda x: tf.linalg.svd(x)[0], floats(64, 64)
    yield "SelfAdjointEigV2", lambda x: tf.linalg.eigh(x + tf.transpose(x))[0], floats(64, 64)
    yield "MatrixBandPart", lambda x: tf.linalg.band_part(x, 2, 2), floats(512, 1024)
    yield "RandomUniform", lambda x: tf.random.uniform([512, 1024], seed=1) + x, floats(1)
    yield "StatelessRandomNormalV2", lambda x: tf.random.stateless_normal([512, 1024], [1, 2]) + x, floats(1)


def strings():
    words = np.array([b"word %d and more" % number for number in range(20000)], object)
    numbers = np.array([b"%d.5" % number for number in range(20000)], object)
    yield "StringSplitV2", lambda x: tf.strings.length(tf.strings.split(x).values), words
    yield "StringLower", lambda x: tf.strings.length(tf.strings.lower(x)), words
    yield "StaticRegexReplace", lambda x: tf.strings.length(tf.strings.regex_replace(x, "[0-9]+", "N")), words
    yield "StringToHashBucketFast", lambda x: tf.strings.to_hash_bucket_fast(x, 1000), words
    yield "StringJoin", lambda x: tf.strings.length(tf.strings.join([x, x], "-")), words
    yield "Substr", lambda x: tf.strings.length(tf.strings.substr(x, 2, 5)), words
    yield "AsString", lambda x: tf.strings.length(tf.strings.as_string(x)), floats(20000)
    yield "StringToNumber", tf.strings.to_number, numbers
    yield "UnicodeDecode", lambda x: tf.strings.unicode_decode(x, "UTF-8").values, words
    yield "StringNGrams", lambda x: tf.strings.length(tf.strings.ngrams(tf.strings.split(x), 2).values), words
    yield "Equal, string", tf.equal, words, words


def calls():
    for family in (elementwise, reductions, shapes, products, images, gradients, signals, algebra, strings):
        for name, function, *inputs in family():
            yield name, function, [np.asarray(value) for value in inputs]
