#!/usr/bin/env python3
"""Writes Tests/Fixtures/modes: graphs that were exported to train or frozen in part, and what TensorFlow infers.

Run it with a Python that has tensorflow-cpu 2.21, Keras 3 with it.

    half_frozen_*.pb    variables are constants, and what assigns to them or takes their handles was left, so that
                        TensorFlow refuses the file; `x` is fed and `y` fetched
    training_*.pb       `init` gives the variables their values, `x` is fed, and `y` is fetched as if in training
    training_model      a SavedModel whose signature trains
    values.npz          `x`, and for each graph the `y` of inference, with the same values of variables
"""

import argparse
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.training import moving_averages

v1 = tf.compat.v1
RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((3, 4, 4, 2)).astype(np.float32)


def positive(size):
    return RANDOM.uniform(0.5, 2, size).astype(np.float32)


def any_sign(*size):
    return RANDOM.standard_normal(size).astype(np.float32)


# The values of the variables of all graphs of TensorFlow 1.
VALUES = {
    "bn/gamma": positive(2),
    "bn/beta": any_sign(2),
    "bn/moving_mean": any_sign(2),
    "bn/moving_variance": positive(2),
    "dense/kernel": any_sign(2, 3),
}


def variables(resource):
    with v1.variable_scope("", use_resource=resource):
        found = {name: v1.get_variable(name, initializer=value) for name, value in VALUES.items()}
    return (found[f"bn/{name}"] for name in ("gamma", "beta", "moving_mean", "moving_variance")), found["dense/kernel"]


def averaged(mean, variance, moving_mean, moving_variance):
    """The updates of the moving averages."""
    return [
        moving_averages.assign_moving_average(moving_mean, mean, 0.9, zero_debias=False),
        moving_averages.assign_moving_average(moving_variance, variance, 0.9, zero_debias=False),
    ]


def written_out(x, mean, variance, gamma, beta):
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)


def head(y, kernel):
    return tf.identity(tf.reshape(y, [-1, 2]) @ kernel, "y")


def conditional(x, phase, resource):
    """A conditional whose one side is training, as before TensorFlow 2: the switch is a placeholder."""
    (gamma, beta, moving_mean, moving_variance), kernel = variables(resource)

    def train():
        mean, variance = tf.nn.moments(x, [0, 1, 2])
        with tf.control_dependencies(averaged(mean, variance, moving_mean, moving_variance)):
            return written_out(x, mean, variance, gamma, beta)

    def infer():
        return written_out(x, moving_mean, moving_variance, gamma, beta)

    return head(v1.cond(phase, train, infer), kernel)


def moments_by_conditional(x, inside):
    """Moments that one side of a conditional averages and gives, as many wrote it by hand; computed there or before."""
    (gamma, beta, moving_mean, moving_variance), kernel = variables(False)
    before = None if inside else tf.nn.moments(x, [0, 1, 2])

    def train():
        mean, variance = before or tf.nn.moments(x, [0, 1, 2])
        with tf.control_dependencies(averaged(mean, variance, moving_mean, moving_variance)):
            return (mean, variance) if inside else (tf.identity(mean), tf.identity(variance))

    def infer():
        return tf.identity(moving_mean), tf.identity(moving_variance)

    mean, variance = v1.cond(v1.placeholder(tf.bool, [], "phase_train"), train, infer)
    return head(written_out(x, mean, variance, gamma, beta), kernel)


def called(x):
    """A function and a loop that read variables by their handles."""
    (gamma, beta, moving_mean, moving_variance), kernel = variables(True)

    @tf.function(autograph=False)
    def infer(x):
        return written_out(x, moving_mean, moving_variance, gamma, beta)

    def body(i, y):
        return i + 1, y + moving_mean

    _, y = tf.while_loop(lambda i, y: i < 3, body, [tf.constant(0), infer(x)])
    return head(y, kernel)


def drop(x, keep):
    """Dropout, as TensorFlow wrote it out up to 1.12."""
    return x / keep * tf.floor(keep + tf.random.uniform(tf.shape(x)))


def fused(x, training):
    """Normalisation in one operation, trained with empty averages; dropout of today's form behind it."""
    (gamma, beta, moving_mean, moving_variance), kernel = variables(False)
    averages = {} if training else {"mean": moving_mean, "variance": moving_variance}
    y, mean, variance = v1.nn.fused_batch_norm(x, gamma, beta, epsilon=1e-3, is_training=training, **averages)
    if training:
        with tf.control_dependencies(averaged(mean, variance, moving_mean, moving_variance)):
            y = tf.nn.dropout(y, rate=0.4)
    return head(y, kernel)


def named(x, training):
    """The same without updates: the averages are to be found by their names."""
    if not training:
        return fused(x, False)
    (gamma, beta, _, _), kernel = variables(True)
    return head(v1.nn.fused_batch_norm(x, gamma, beta, epsilon=1e-3, is_training=True)[0], kernel)


def separate(x, training):
    """Normalisation in single operations, and dropout by a placeholder."""
    (gamma, beta, moving_mean, moving_variance), kernel = variables(False)
    if not training:
        return head(written_out(x, moving_mean, moving_variance, gamma, beta), kernel)
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    with tf.control_dependencies(averaged(mean, variance, moving_mean, moving_variance)):
        y = written_out(x, mean, variance, gamma, beta)
    return head(drop(y, v1.placeholder(tf.float32, [], "keep_prob")), kernel)


def build(make):
    """A graph with variables and their initialiser, and its `y` for X."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4, 4, 2], "x")
        make(x)
        v1.global_variables_initializer()
        return graph


def answer(graph, feeds={}):
    with v1.Session(graph=graph) as session:
        session.run("init")
        return session.run("y:0", {"x:0": X, **feeds})


def half_frozen(graph):
    """The graph with constants in the variables' places, and all else as it was."""
    definition = graph.as_graph_def()
    for node in definition.node:
        if node.op in ("VariableV2", "VarHandleOp"):
            value = tf.make_tensor_proto(VALUES[node.name])
            node.op = "Const"
            del node.input[:]
            node.attr.clear()
            node.attr["dtype"].type = tf.float32.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(value)
        node.attr.pop("_output_shapes", None)
    try:
        with tf.Graph().as_default():
            tf.import_graph_def(definition)
    except ValueError as error:
        assert "was passed float from" in str(error), error
        return definition
    raise AssertionError("TensorFlow takes the graph")


def model(folder):
    """A SavedModel of Keras 3 whose signature trains, and its inference of X."""
    keras.utils.set_random_seed(3)
    net = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.Conv2D(3, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    normalization = net.layers[1]
    normalization.set_weights([positive(3), any_sign(3), any_sign(3), positive(3)])

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.variables_of_net = [v.value for v in net.variables]

        @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 2], tf.float32, "x")])
        def __call__(self, x):
            return {"y": net(x, training=True)}

    module = Module()
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    for extra in ("fingerprint.pb", "assets"):
        path = folder / extra
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return net(X, training=False).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "Tests/Fixtures/modes")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"x": X, "training_model": model(folder / "training_model")}

    v1.disable_control_flow_v2()
    phase = lambda: v1.placeholder(tf.bool, [], "phase_train")
    for name, make, off in (
        ("conditional", lambda x: conditional(x, phase(), False), {"phase_train:0": False}),
        ("resources", lambda x: conditional(x, phase(), True), {"phase_train:0": False}),
    ):
        graph = build(make)
        arrays[f"half_frozen_{name}"] = answer(graph, off)
        (folder / f"half_frozen_{name}.pb").write_bytes(half_frozen(graph).SerializeToString(deterministic=True))
        (folder / f"training_{name}.pb").write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))
        arrays[f"training_{name}"] = arrays[f"half_frozen_{name}"]
    for name, inside in (("averaged", False), ("moments", True)):
        graph = build(lambda x: moments_by_conditional(x, inside))
        arrays[f"training_{name}"] = answer(graph, {"phase_train:0": False})
        (folder / f"training_{name}.pb").write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))
    for name, make in (("fused", fused), ("named", named), ("separate", separate)):
        graph = build(lambda x: make(x, True))
        (folder / f"training_{name}.pb").write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))
        arrays[f"training_{name}"] = answer(build(lambda x: make(x, False)), {})

    v1.enable_control_flow_v2()
    graph = build(called)
    arrays["half_frozen_called"] = answer(graph)
    (folder / "half_frozen_called.pb").write_bytes(half_frozen(graph).SerializeToString(deterministic=True))
    np.savez(folder / "values.npz", **arrays)


if __name__ == "__main__":
    main()
