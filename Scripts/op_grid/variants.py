"""What is tried of a spec: dtypes, attributes, special values, sizes."""

import dataclasses
import random
import zlib

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

_NUMBERS = [
    tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int32, tf.int64, tf.int8, tf.int16, tf.uint8, tf.uint16,
    tf.uint32, tf.uint64, tf.complex64, tf.complex128, tf.bool, tf.string, tf.quint8, tf.qint8, tf.qint32, tf.quint16,
    tf.qint16,
]


# What TensorFlow computes from memory that it did not write, or from numbers that it cut to 32 bits: nothing to keep.
_UNDEFINED = {
    "ArgMax": lambda case: case.inputs[1][0][1].dtype == np.int16 or case.note == "extremes",
    "ArgMin": lambda case: case.inputs[1][0][1].dtype == np.int16 or case.note == "extremes",
    "Empty": lambda case: not case.attributes.get("init"),
    "RandomIndexShuffle": lambda case: case.attributes.get("rounds", 4) % 2 != 0,
    # The vectorised kernels look at no size of the gradient, and at no window over channels.
    "AvgPool": lambda case: case.note in ("ksize", "strides", "data_format"),
    "AvgPool3D": lambda case: case.note in ("ksize", "strides", "data_format"),
    "AvgPoolGrad": lambda case: case.note not in ("plain", "dtypes"),
    "AvgPool3DGrad": lambda case: case.note not in ("plain", "dtypes"),
    # The moments that half precision is saved with are not written.
    "FusedBatchNormV2": lambda case: case.attributes["T"] == tf.float16 and not case.attributes.get("is_training", 1),
    "FusedBatchNormV3": lambda case: case.attributes["T"] == tf.float16 and not case.attributes.get("is_training", 1),
}
# Where infinity and NaN meet zero depends on the order of sums, and on which of them are left out.
_SUMS = ("FFT", "IFFT", "RFFT", "IRFFT", "BatchFFT", "BatchIFFT", "Cholesky", "BatchCholesky", "Matrix", "BatchMatrix",
         "Svd", "BatchSvd", "SelfAdjointEig", "BatchSelfAdjointEig", "Eig", "Qr", "Lu", "LogMatrix", "Conv", "Depthwise",
         "FusedPad", "FusedResize", "_Fused", "Banded", "Tridiagonal", "AudioSpectrogram", "Mfcc", "CTC", "Einsum",
         "ImageProjective", "LRN", "BlockLSTM", "LSTMBlock", "GRUBlock")


@dataclasses.dataclass
class Case:
    """A node to run: for each of the op's arguments a list of (place, array), and the attributes."""

    op: str
    inputs: list
    attributes: dict
    note: str
    # Whether the placeholders say what shape is fed.
    shaped: bool = True


def _attribute(definition, name):
    return next((a for a in definition.attr if a.name == name), None)


def _types(definition, spec):
    """The values of type attributes that the inputs leave open, tried one after the other."""
    names = sorted({one.type for inputs in spec.inputs for one in inputs if _attribute(definition, one.type)})
    choices = {}
    for name in names:
        allowed = [tf.dtypes.as_dtype(t) for t in _attribute(definition, name).allowed_values.list.type]
        choices[name] = [t for t in _NUMBERS if not allowed or t in allowed]
    if not names:
        return [{}]
    main = max(names, key=lambda name: len(choices[name]))
    rows = []
    for index, dtype in enumerate(choices[main]):
        rows.append({name: choices[name][index % len(choices[name])] if name != main else dtype for name in names})
    return rows


def _array(one, dtype, generator):
    """What is fed for an input; nothing where its values are not of the dtype."""
    if dtype.is_quantized:
        # A quantized number is a structure of one integer for numpy.
        whole = _array(one, tf.dtypes.as_dtype(np.dtype(dtype.as_numpy_dtype)[0]), generator)
        return None if whole is None else whole.view(dtype.as_numpy_dtype) if whole.ndim else \
            whole.reshape(1).view(dtype.as_numpy_dtype).reshape(())
    numpy_type = dtype.as_numpy_dtype
    if one.values is not None:
        if dtype == tf.string:
            if not all(isinstance(text, str) for text in np.array(one.values, dtype=object).reshape(-1)):
                return None
            array = np.vectorize(lambda text: text.encode("latin-1"), otypes=[object])(np.array(one.values, dtype=object)) \
                if np.size(one.values) else np.array([], dtype=object)
        else:
            array = np.array(one.values)
            if array.dtype.kind in "iuf" and dtype.is_unsigned and array.size:
                array = np.abs(array)
            if array.dtype.kind in "US" or (array.dtype == object) != (numpy_type == object):
                return None
            with np.errstate(all="ignore"):
                array = array.astype(numpy_type)
        return array.reshape(one.shape) if one.shape is not None else array
    shape = one.shape
    if dtype == tf.string:
        words = [b"", b"a", b"Abc", b"two words", b"-7", b"1.5"]
        array = np.empty(int(np.prod(shape)), dtype=object)
        for index in range(array.size):
            array[index] = words[generator.integers(len(words))]
        return array.reshape(shape)
    if dtype == tf.bool:
        return generator.random(shape) < 0.5
    if one.domain == "01":
        values = generator.random(shape)
    elif one.domain == "+":
        values = generator.random(shape) * 2 + 0.1
    elif one.domain == "int":
        values = generator.integers(0, 4, shape)
    else:
        values = generator.normal(size=shape)
    if dtype.is_complex:
        values = values + 1j * generator.normal(size=shape)
    elif dtype.is_integer and one.domain != "int":
        values = np.round(np.asarray(values) * 4)
        if dtype.is_unsigned:
            values = np.abs(values)
    return np.asarray(values).astype(numpy_type)


def _special(array, generator):
    if array.dtype.kind not in "fc" and array.dtype != tf.bfloat16.as_numpy_dtype or array.size == 0:
        return None
    changed = array.copy().reshape(-1)
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0):
        changed[generator.integers(changed.size)] = value
    return changed.reshape(array.shape)


def _extremes(array, generator):
    """The least and the largest of an integer type, and what stands around zero."""
    if array.dtype.kind not in "iu" or array.size == 0:
        return None
    bounds = np.iinfo(array.dtype)
    changed = array.copy().reshape(-1)
    for value in (bounds.min, bounds.max, 0, 1, bounds.max - 1):
        changed[generator.integers(changed.size)] = value
    return changed.reshape(array.shape)


def _empty(array, generator):
    """The array with a size of zero."""
    if array.ndim == 0:
        return None
    shape = list(array.shape)
    shape[generator.integers(len(shape))] = 0
    return np.zeros(shape, array.dtype)


def _resized(array, generator):
    """The array with another size or rank: often one that the op refuses."""
    shape = list(array.shape)
    kind = generator.integers(4)
    if kind == 0 and shape:
        shape[generator.integers(len(shape))] = 0
    elif kind == 1 and shape:
        del shape[generator.integers(len(shape))]
    elif kind == 2 and shape:
        shape[generator.integers(len(shape))] += 1
    else:
        shape.insert(0, 1)
    flat = array.reshape(-1)
    if flat.size == 0:
        flat = np.zeros(1, array.dtype) if array.dtype != object else np.array([b"x"], dtype=object)
    return np.resize(flat, shape)


def _choices(definition, spec):
    """Attributes with one of them changed."""
    fixed = {a.type_attr for a in definition.input_arg} | {a.number_attr for a in definition.input_arg} \
        | {a.number_attr for a in definition.output_arg} | {a.type_list_attr for a in definition.input_arg}
    for attribute in definition.attr:
        if attribute.name in fixed:
            continue
        now = spec.attributes.get(attribute.name)
        for value in _others(attribute, now):
            yield {**spec.attributes, attribute.name: value}, attribute.name


def _others(attribute, now):
    """Other values of an attribute, some of which the op refuses."""
    default = attribute.default_value if attribute.HasField("default_value") else None
    allowed = attribute.allowed_values.list
    if attribute.type == "bool":
        yield not ((default.b if default else False) if now is None else now)
    elif attribute.type == "string":
        now = now if now is not None else default.s.decode() if default else None
        yield from (choice.decode() for choice in allowed.s if choice.decode() != now)
    elif attribute.type == "int":
        now = now if now is not None else default.i if default else None
        yield from () if now is None else [now + step for step in (1, -1)]
    elif attribute.type == "float":
        now = now if now is not None else default.f if default else None
        yield from () if now is None else {now * 2, 0.0, -1.0} - {now}
    elif attribute.type == "type":
        types = [tf.dtypes.as_dtype(choice) for choice in allowed.type] or _NUMBERS
        yield from (choice for choice in types if choice.name != now)
    elif attribute.type == "list(int)" and isinstance(now, list):
        for place in range(len(now)):
            yield [*now[:place], now[place] + 1, *now[place + 1:]]


def of(spec, turn=0):
    """The cases of a spec: the plain one first, then its dtypes in turn with changes of the others.

    `turn` says how many lines of the op were before, so that each line begins with other dtypes.
    """
    definition = op_def_registry.get(spec.op)
    generator = np.random.default_rng(zlib.crc32(repr(spec).encode()))
    chooser = random.Random(zlib.crc32(repr(spec).encode()))

    def case(types, attributes, note, change=None):
        inputs = []
        for argument in spec.inputs:
            tensors = []
            for one in argument:
                dtype = types.get(one.type) or tf.dtypes.as_dtype(one.type)
                array = _array(one, dtype, generator)
                if array is None:
                    return None
                tensors.append((one.place, array))
            inputs.append(tensors)
        if change:
            # Sizes and places are said with values: the largest of those only ask for more than there is.
            places = [(a, i) for a, tensors in enumerate(inputs) for i, (place, _) in enumerate(tensors)
                      if place == "placeholder" and not (change is _extremes and spec.inputs[a][i].values is not None)]
            if not places:
                return None
            a, i = chooser.choice(places)
            changed = change(inputs[a][i][1], generator)
            if changed is None:
                return None
            inputs[a][i] = ("placeholder", changed)
        made = Case(spec.op, inputs, {**attributes, **types}, note, shaped=chooser.random() < 0.75)
        if spec.op in _UNDEFINED and _UNDEFINED[spec.op](made):
            return None
        return None if note == "special values" and spec.op.startswith(_SUMS) else made

    rows = _types(definition, spec)
    if not rows:
        return
    changed = list(_choices(definition, spec))
    chooser.shuffle(changed)
    others = rows[1:]
    start = turn * 2 % len(others) if others else 0
    changes = [("special values", _special), ("another shape", _resized), ("extremes", _extremes), ("empty", _empty)]
    yield case(rows[0], spec.attributes, "plain")
    for index, types in enumerate(others[start:] + others[:start]):
        yield case(types, spec.attributes, "dtypes")
        if index < len(changed):
            yield case(rows[(index + turn) % len(rows)], changed[index][0], changed[index][1])
        for note, change in (changes[(index * 2 + turn) % 4], changes[(index * 2 + turn + 1) % 4]):
            yield case(types, spec.attributes, note, change)
    for attributes, name in changed[len(others):]:
        yield case(rows[0], attributes, name)
    for _ in range(4):
        for note, change in changes:
            yield case(rows[0], spec.attributes, note, change)
