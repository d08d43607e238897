#!/usr/bin/env python3
"""Writes Tests/Fixtures/recurrent: one LSTM in the forms in which graphs hold it, and what TensorFlow computes.

Run it with a Python that has tensorflow-cpu 2.21.

    v1_loop.pb     a loop of TensorFlow 1: Switch, Merge, Enter, Exit, NextIteration
    v2_while.pb    While, with functions for its condition and its body, and a TensorList for the outputs
    v2_rows.pb     the same with the inputs in a TensorList too, as Keras has them
    unrolled.pb    a step after the other
    values.npz     the input `x` and the outputs `y`: [steps, batch, units]
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

STEPS, BATCH, INPUTS, UNITS = 6, 2, 3, 4
RANDOM = np.random.default_rng(11)
KERNEL = RANDOM.standard_normal((INPUTS, 4 * UNITS)).astype(np.float32)
RECURRENT = RANDOM.standard_normal((UNITS, 4 * UNITS)).astype(np.float32)
BIAS = RANDOM.standard_normal(4 * UNITS).astype(np.float32)


def cell(x, h, c):
    z = tf.nn.bias_add(tf.matmul(x, KERNEL) + tf.matmul(h, RECURRENT), BIAS)
    i, f, g, o = tf.split(z, 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def zeros(x):
    return tf.zeros([tf.shape(x)[1], UNITS])


def v1_loop():
    with tf.Graph().as_default() as graph:
        tf.compat.v1.disable_control_flow_v2()
        x = tf.compat.v1.placeholder(tf.float32, [None, None, INPUTS], "x")
        steps = tf.shape(x)[0]

        def step(time, h, c, outputs):
            h, c = cell(tf.gather(x, time), h, c)
            return time + 1, h, c, tf.tensor_scatter_nd_update(outputs, [[time]], [h])

        outputs = tf.zeros([steps, tf.shape(x)[1], UNITS])
        results = tf.compat.v1.while_loop(
            lambda time, *_: time < steps, step, [tf.constant(0), zeros(x), zeros(x), outputs]
        )
        tf.identity(results[-1], "y")
        tf.compat.v1.enable_control_flow_v2()
        return graph.as_graph_def()


def frozen(function):
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec([None, None, INPUTS], name="x"))
    return convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph.as_graph_def()


def v2_while(x):
    steps = tf.shape(x)[0]
    outputs = tf.TensorArray(tf.float32, steps, element_shape=[None, UNITS])

    def step(time, h, c, outputs):
        h, c = cell(x[time], h, c)
        return time + 1, h, c, outputs.write(time, h)

    results = tf.while_loop(lambda time, *_: time < steps, step, [0, zeros(x), zeros(x), outputs])
    return tf.identity(results[-1].stack(), "y")


def v2_rows(x):
    steps = tf.shape(x)[0]
    rows = tf.TensorArray(tf.float32, steps, element_shape=[None, INPUTS]).unstack(x)
    outputs = tf.TensorArray(tf.float32, steps, element_shape=[None, UNITS])

    def step(time, h, c, outputs):
        h, c = cell(rows.read(time), h, c)
        return time + 1, h, c, outputs.write(time, h)

    results = tf.while_loop(lambda time, *_: time < steps, step, [0, zeros(x), zeros(x), outputs])
    return tf.identity(results[-1].stack(), "y")


def unrolled(x):
    h, c, outputs = zeros(x), zeros(x), []
    for time in range(STEPS):
        h, c = cell(x[time], h, c)
        outputs.append(h)
    return tf.identity(tf.stack(outputs), "y")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=root / "Tests/Fixtures/recurrent")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {"v1_loop": v1_loop()}
    graphs |= {form.__name__: frozen(form) for form in (v2_while, v2_rows, unrolled)}
    x = RANDOM.standard_normal((STEPS, BATCH, INPUTS)).astype(np.float32)
    for name, graph in graphs.items():
        (folder / f"{name}.pb").write_bytes(graph.SerializeToString(deterministic=True))
        ops = sorted({node.op for node in graph.node} | {n.op for f in graph.library.function for n in f.node_def})
        print(name, [node.name for node in graph.node if node.name in ("x", "y", "Identity")], ops)
    y = tf.function(unrolled)(tf.constant(x)).numpy()
    np.savez(folder / "values.npz", x=x, y=y)


main()
