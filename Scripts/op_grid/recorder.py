"""Runs a case with TensorFlow, and writes it with the answer."""

import base64
import collections
import json
import shutil
import sys

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

tf1 = tf.compat.v1

_CONFIG = tf1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
# Cases are small: extreme sizes can ask for much.
_MOST_BYTES = 1 << 18
# Half precision is computed step by step in other orders.
_TOLERANCES = {"float16": (4e-3, 4e-3), "bfloat16": (3e-2, 3e-2), "float64": (1e-7, 1e-7), "complex128": (1e-7, 1e-7)}
_RANDOM = ("Random", "Multinomial", "StatelessMultinomial", "Sampler", "SampleDistorted", "TruncatedNormal")


def _value(value):
    if isinstance(value, tuple):
        kind, sizes = value
        return sizes if kind == "shapes" else tf.TensorShape([None if size < 0 else size for size in sizes])
    return tf.TensorShape(None) if value == "shape?" else value


def _node(case, graph):
    """The graph with the case's node, what to feed, and what to fetch where the node has no outputs."""
    feeds, first, arguments = {}, [], []
    for tensors in case.inputs:
        made = []
        for place, array in tensors:
            dtype = tf.string if array.dtype == object else tf.dtypes.as_dtype(array.dtype)
            fed = tf1.placeholder(dtype, array.shape if case.shaped else None, name=f"x{len(feeds)}")
            feeds[fed.name] = array
            if place == "variable":
                variable = tf.raw_ops.VariableV2(shape=array.shape, dtype=dtype)
                first.append(tf.raw_ops.Assign(ref=variable, value=fed, validate_shape=False).op)
                made.append(variable)
            elif place == "resource":
                handle = tf.raw_ops.VarHandleOp(dtype=dtype, shape=array.shape, shared_name=f"v{len(feeds)}")
                first.append(tf.raw_ops.AssignVariableOp(resource=handle, value=fed))
                made.append(handle)
            else:
                made.append(fed)
        arguments.append(made)
    definition = op_def_registry.get(case.op)
    inputs = []
    for argument, made in zip(definition.input_arg, arguments):
        inputs += made
    attributes = {}
    for name, value in case.attributes.items():
        attributes[name] = _value(value)
    for argument, made in zip(definition.input_arg, arguments):
        if argument.number_attr:
            attributes[argument.number_attr] = len(made)
        if argument.type_list_attr:
            attributes[argument.type_list_attr] = [one.dtype for one in made]
    node = tf1.NodeDef(name="node", op=case.op)
    node.input.extend(one.name.removesuffix(":0") if one.name.endswith(":0") else one.name for one in inputs)
    for one in first:
        node.input.append("^" + one.name)
    for attribute in definition.attr:
        if attribute.name not in attributes:
            if attribute.HasField("default_value"):
                node.attr[attribute.name].CopyFrom(attribute.default_value)
            continue
        _set(node.attr[attribute.name], attribute.type, attributes[attribute.name])
    base = graph.as_graph_def()
    base.node.append(node)
    if definition.HasField("deprecation"):
        base.versions.producer = definition.deprecation.version - 1
    # An op without outputs shows what it did in the variables that it changed.
    fetches = []
    if not definition.output_arg:
        for made in first:
            if made.type == "AssignVariableOp":
                read = base.node.add(name=f"read{len(fetches)}", op="ReadVariableOp")
                read.input.extend([made.inputs[0].op.name, "^node"])
                read.attr["dtype"].type = made.get_attr("dtype").as_datatype_enum
                fetches.append(f"{read.name}:0")
    return base, feeds, fetches


def _set(target, kind, value):
    if kind == "type":
        target.type = tf.dtypes.as_dtype(value).as_datatype_enum
    elif kind == "list(type)":
        target.list.type.extend(tf.dtypes.as_dtype(one).as_datatype_enum for one in value)
        target.list.SetInParent()
    elif kind == "int":
        target.i = value
    elif kind == "float":
        target.f = value
    elif kind == "bool":
        target.b = value
    elif kind == "string":
        target.s = value.encode("latin-1")
    elif kind == "shape":
        target.shape.CopyFrom(tf.TensorShape(value).as_proto())
    elif kind == "list(shape)":
        target.list.SetInParent()
        target.list.shape.extend(tf.TensorShape([None if s < 0 else s for s in one]).as_proto() for one in value)
    elif kind in ("list(int)", "list(float)"):
        target.list.SetInParent()
        (target.list.i if kind == "list(int)" else target.list.f).extend(value)
    elif kind == "list(string)":
        target.list.SetInParent()
        target.list.s.extend(one.encode("latin-1") for one in value)
    else:
        raise ValueError(kind)


def _save(folder, name, array, dtypes):
    # Numpy drops zero bytes at the end of its own kind of text.
    array = np.asarray(array, dtype=object) if isinstance(array, bytes) else np.asarray(array)
    if array.dtype == object:
        data = [base64.b64encode(one if isinstance(one, bytes) else str(one).encode()).decode()
                for one in array.reshape(-1)]
        (folder / f"{name}.json").write_text(
            json.dumps({"dtype": "string", "shape": list(array.shape), "base64": data}))
        return f"{name}.json"
    if array.dtype == tf.bfloat16.as_numpy_dtype:
        array = array.view(np.uint16)
        dtypes[f"{name}.npy"] = "bfloat16"
    if array.dtype.names:
        dtypes[f"{name}.npy"] = array.dtype.names[0]
        array = np.ascontiguousarray(array).view(array.dtype[0]).reshape(array.shape)
    np.save(folder / f"{name}.npy", array)
    return f"{name}.npy"


def _same(answer, other):
    """Whether two runs gave the same bits."""
    def bits(array):
        array = np.asarray(array, dtype=object) if isinstance(array, bytes) else np.asarray(array)
        return array.tolist() if array.dtype == object else array.tobytes()

    return other is not None and [bits(one) for one in answer] == [bits(one) for one in other]


def _types(definition, fetches):
    with tf.Graph().as_default() as graph:
        tf1.import_graph_def(definition, name="")
        return [graph.get_tensor_by_name(name).dtype.base_dtype for name in fetches]


class _NothingToKeep(Exception):
    """What TensorFlow says is of its build, or of this machine."""


_OF_THE_BUILD = ("No OpKernel", "has constraint on attr", "not supported", "Unsupported", "not allowed values",
                 "not in the list of allowed values")


def _run(definition, feeds, fetches):
    """TensorFlow's answer or refusal, and what was fetched: the node's outputs where nothing was named."""
    try:
        with tf.Graph().as_default() as graph:
            tf1.import_graph_def(definition, name="")
            node = None if fetches else graph.get_operation_by_name("node")
            if not fetches and any(out.dtype in (tf.resource, tf.variant) for out in node.outputs):
                raise _NothingToKeep
            fetches = fetches or [out.name for out in node.outputs]
            with tf1.Session(graph=graph, config=_CONFIG) as session:
                # Some ops write into what is fed.
                given = {name: np.array(array) for name, array in feeds.items()}
                answer = session.run(fetches or node, given, options=tf1.RunOptions(timeout_in_ms=5000))
            return answer, None, fetches
    except (tf.errors.NotFoundError, tf.errors.DeadlineExceededError, tf.errors.InternalError) as failure:
        raise _NothingToKeep from failure
    except (tf.errors.OpError, ValueError, TypeError) as refusal:
        error = getattr(refusal, "message", None) or str(refusal)
        if any(words in error for words in _OF_THE_BUILD):
            raise _NothingToKeep from refusal
        return None, error, fetches


def record(case, folder):
    """Writes the case with TensorFlow's answer; whether there is one worth keeping."""
    try:
        with tf.Graph().as_default() as graph:
            definition, feeds, fetches = case.graph(graph) if hasattr(case, "graph") else _node(case, graph)
    except Exception as refusal:
        if hasattr(case, "graph"):
            print(f"{case.op} of {case.dtype.name}: {refusal}", file=sys.stderr)
        return False
    try:
        answer, error, fetches = _run(definition, feeds, fetches)
        if error is not None and "with input shapes: ?" in error and not case.shaped:
            # What is refused only for want of shapes says nothing of the op.
            return False
        if error is not None and "{{node node}} = " in error:
            # Refused before a run, for the shapes that the placeholders say: kept where the run refuses them too.
            for fed in definition.node:
                if fed.op == "Placeholder":
                    fed.attr["shape"].shape.unknown_rank = True
                    del fed.attr["shape"].shape.dim[:]
            if _run(definition, feeds, fetches)[1] is None:
                return False
        random = any(word in case.op for word in _RANDOM) and "Stateless" not in case.op
        if error is None and fetches and not random and not _same(answer, _run(definition, feeds, fetches)[0]):
            # Read from memory that nothing wrote.
            return False
    except _NothingToKeep:
        return False
    if error is None and fetches and sum(np.asarray(array).nbytes for array in answer) > _MOST_BYTES:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dtypes = {}
    run = {"feeds": {name: _save(folder, f"feed_{i}", array, dtypes) for i, (name, array) in enumerate(feeds.items())}}
    if error is not None:
        run["fetches"], run["error"] = fetches, error[:300]
        if not fetches:
            run["targets"] = ["node"]
    elif fetches:
        run["fetches"] = fetches
        run["expected"] = [_save(folder, f"expected_{i}", array, dtypes) for i, array in enumerate(answer)]
        # What is read of a variable of quantized numbers comes as plain integers.
        dtypes.update((f"expected_{i}.npy", dtype.name)
                      for i, dtype in enumerate(_types(definition, fetches)) if dtype.is_quantized)
        if random:
            run["compare"] = "shape_only"
    else:
        run["fetches"], run["targets"], run["expected"] = [], ["node"], []
    names = {np.asarray(array).dtype.name for array in [*feeds.values(), *(answer or [] if fetches else [])]} \
        if error is None else set()
    relative, absolute = next((_TOLERANCES[n] for n in _TOLERANCES if n in names), (1e-5, 1e-5))
    if names & {"float32", "complex64"}:
        relative, absolute = max(relative, 1e-5), max(absolute, 1e-5)
    (folder / "graph.pb").write_bytes(definition.SerializeToString(deterministic=True))
    (folder / "case.json").write_text(json.dumps({
        "kind": "frozen", "model": "graph.pb", "source": f"{case.op}: {case.note}", "runs": [run], "rtol": relative,
        "atol": absolute, "dtypes": dtypes,
        "ops": collections.Counter(node.op for node in definition.node), "recorded_with": tf.__version__},
        indent=1) + "\n")
    return True
