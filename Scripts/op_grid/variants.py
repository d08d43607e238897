"""What is tried of a spec: dtypes, attributes, special values, sizes."""

import dataclasses
import random
import zlib

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

_NUMBERS = [
    tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int32, tf.int64, tf.int8, tf.int16, tf.uint8, tf.uint16,
    tf.uint32, tf.uint64, tf.complex64, tf.complex128, tf.bool, tf.string,
]


@dataclasses.dataclass
class Case:
    """A node to run: for each of the op's arguments a list of (place, array), and the attributes."""

    op: str
    inputs: list
    attributes: dict
    note: str


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
    numpy_type = dtype.as_numpy_dtype
    if one.values is not None:
        if dtype == tf.string:
            array = np.vectorize(lambda text: text.encode("latin-1"), otypes=[object])(np.array(one.values, dtype=object)) \
                if np.size(one.values) else np.array([], dtype=object)
        else:
            array = np.array(one.values)
            if array.dtype.kind in "iuf" and dtype.is_unsigned and array.size:
                array = np.abs(array)
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
        | {a.number_attr for a in definition.output_arg}
    for attribute in definition.attr:
        if attribute.name in fixed:
            continue
        now = spec.attributes.get(attribute.name)
        if attribute.type == "bool":
            default = attribute.default_value.b
            yield {**spec.attributes, attribute.name: not (default if now is None else now)}, attribute.name
        elif attribute.type == "string" and attribute.allowed_values.list.s:
            for choice in attribute.allowed_values.list.s:
                if choice.decode() != now:
                    yield {**spec.attributes, attribute.name: choice.decode()}, attribute.name
        elif attribute.type == "int" and attribute.HasField("default_value"):
            for value in (1, -1):
                yield {**spec.attributes, attribute.name: attribute.default_value.i + value}, attribute.name


def of(spec):
    """The cases of a spec: the plain one first, then its dtypes in turn with changes of the others."""
    definition = op_def_registry.get(spec.op)
    generator = np.random.default_rng(zlib.crc32(repr(spec).encode()))
    chooser = random.Random(zlib.crc32(repr(spec).encode()))

    def case(types, attributes, note, change=None):
        inputs = []
        for argument in spec.inputs:
            tensors = []
            for one in argument:
                dtype = types.get(one.type) or tf.dtypes.as_dtype(one.type)
                tensors.append((one.place, _array(one, dtype, generator)))
            inputs.append(tensors)
        if change:
            places = [(a, i) for a, tensors in enumerate(inputs) for i, (place, _) in enumerate(tensors)
                      if place == "placeholder"]
            if not places:
                return None
            a, i = chooser.choice(places)
            changed = change(inputs[a][i][1], generator)
            if changed is None:
                return None
            inputs[a][i] = ("placeholder", changed)
        return Case(spec.op, inputs, {**attributes, **types}, note)

    rows = _types(definition, spec)
    changed = list(_choices(definition, spec))
    chooser.shuffle(changed)
    yield case(rows[0], spec.attributes, "plain")
    for index, types in enumerate(rows[1:]):
        yield case(types, spec.attributes, "dtypes")
        if index < len(changed):
            yield case(rows[index % 2], changed[index][0], changed[index][1])
        yield case(types, spec.attributes, "special values", _special)
        yield case(types, spec.attributes, "another shape", _resized)
    for attributes, name in changed[len(rows) - 1:]:
        yield case(rows[0], attributes, name)
    for _ in range(4):
        yield case(rows[0], spec.attributes, "another shape", _resized)
        yield case(rows[0], spec.attributes, "special values", _special)
