#!/usr/bin/env python3
"""Writes Tests/Fixtures/effects: graphs of TensorFlow 1 that change variables while others read them.

Run it with a Python that has tensorflow-cpu 2.21. In such graphs a variable's value is its memory: who reads it through
`w/read` sees what was assigned by the time at which it computes. Each graph orders all of its effects, so that there is
one right answer.

    NAME.pb        the graph: `init` gives the variables their first values, `x` is fed, `y0`, `y1`, … are fetched
    values.npz     `x`, and for each graph the results of two runs, one after the other: NAME/RUN/y0, …
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import function as functions

tf.disable_v2_behavior()
tf.disable_control_flow_v2()

RANDOM = np.random.default_rng(5)
X = RANDOM.standard_normal((4, 3)).astype(np.float32)
KERNEL = RANDOM.standard_normal((3, 2)).astype(np.float32)


def variable(name, value=KERNEL):
    return tf.Variable(value, name=name, use_resource=False)


def loss(x, w):
    return tf.reduce_sum(tf.square(tf.tanh(tf.matmul(x, w)) - 0.5))


def steps(x):
    """Steps of training after one another that share the operation that reads the variable."""
    w, losses, before = variable("w"), [], []
    for _ in range(3):
        with tf.control_dependencies(before):
            losses.append(tf.identity(loss(x, w)))
        with tf.control_dependencies([losses[-1]]):
            before = [tf.train.GradientDescentOptimizer(0.1).minimize(losses[-1], var_list=[w])]
    with tf.control_dependencies(before):
        return losses + [tf.reduce_sum(w, 0)]


def average(x):
    """Moving averages, as the documentation of `ExponentialMovingAverage` has them."""
    w = variable("w")
    step = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss(x, w))
    averages = tf.train.ExponentialMovingAverage(0.75)
    with tf.control_dependencies([step]):
        update = averages.apply([w])
    with tf.control_dependencies([update]):
        return [tf.identity(averages.average(w)), w + 0.0]


def target(x):
    """A target network that follows another one."""
    w, follower = variable("w"), variable("follower", KERNEL * 2)
    step = tf.train.AdamOptimizer(0.1).minimize(loss(x, w), var_list=[w])
    with tf.control_dependencies([step]):
        update = follower.assign(0.9 * follower + 0.1 * w)
    with tf.control_dependencies([update]):
        return [tf.matmul(x, follower)]


def fetched(x):
    """A variable that is fetched beside what changes it, in three ways."""
    w = variable("w")
    return [w.assign_sub(tf.ones_like(w)), w.value(), tf.stop_gradient(w)]


def loop(x):
    """Training within a loop."""
    w = variable("w")

    def step(index, _):
        value = loss(x, w)
        with tf.control_dependencies([w.assign_sub(0.05 * tf.gradients(value, w)[0])]):
            return index + 1, tf.identity(value)

    last = tf.while_loop(
        lambda index, _: index < 6, step, [0, 0.0], parallel_iterations=1, back_prop=False
    )[1]
    with tf.control_dependencies([last]):
        return [last, w + 0.0]


def start(x):
    """A loop whose variable begins with the value of one that changes afterwards."""
    w = variable("w")
    last = tf.while_loop(lambda index, _: index < 3, lambda index, v: (index + 1, tf.tanh(v) + w), [0, w.value()])[1]
    with tf.control_dependencies([w.assign(last)]):
        return [tf.reduce_sum(w, 0)]


def conditional(x):
    """Variables that conditionals change and read."""
    v, w = variable("v", np.float32(3)), variable("w", np.float32(1))
    changed = tf.cond(x[0, 0] > 1e6, lambda: v.assign_add(1.0), lambda: v.assign(v * 2.0))
    with tf.control_dependencies([changed]):
        read = tf.cond(v > 5.0, lambda: v + w, lambda: v - w)
    with tf.control_dependencies([w.assign(read)]):
        return [changed, read, tf.cond(w > 100.0, lambda: tf.identity(v), lambda: tf.identity(w))]


def moments(x):
    """Batch normalisation by hand, whose averages a conditional updates."""
    training = tf.placeholder_with_default(True, [], "training")
    mean, variance = tf.nn.moments(x, [0])
    averages = tf.train.ExponentialMovingAverage(0.5)

    def update():
        with tf.control_dependencies([averages.apply([mean, variance])]):
            return tf.identity(mean), tf.identity(variance)

    used = tf.cond(training, update, lambda: (averages.average(mean), averages.average(variance)))
    y = tf.nn.batch_normalization(x, *used, None, None, 1e-3)
    with tf.control_dependencies([y]):
        return [y, averages.average(mean) + 0.0]


def rows(x):
    """No variable: a loop whose conditional reads an array, as `raw_rnn` has it."""
    array = tf.TensorArray(tf.float32, 4).unstack(x)

    def step(index, total):
        row = tf.cond(index >= 4, lambda: tf.ones([3]), lambda: array.read(index))
        return index + 1, total * 0.5 + row

    return [tf.while_loop(lambda index, _: index < 6, step, [0, tf.zeros([3])])[1]]


def either(x):
    """No variable: a loop whose sides have predicates of their own, so that it is no conditional."""

    def step(index, total):
        low = tf.raw_ops.Switch(data=total, pred=index < 2).output_true
        high = tf.raw_ops.Switch(data=total, pred=index >= 2).output_true
        return index + 1, tf.raw_ops.Merge(inputs=[low * 2.0 + 1.0, high - 3.0]).output

    return [tf.while_loop(lambda index, _: index < 4, step, [0, tf.reduce_sum(x)])[1]]


def function(x):
    """A function that holds a variable of its own, changes it and gives its value."""

    @functions.Defun(tf.float32)
    def keep(sum):
        v = tf.raw_ops.VariableV2(shape=[], dtype=tf.float32, shared_name="kept")
        with tf.control_dependencies([tf.raw_ops.Assign(ref=v, value=sum)]):
            double = tf.raw_ops.AssignAdd(ref=v, value=sum)
        with tf.control_dependencies([double]):
            return tf.identity(v)

    return [keep(tf.reduce_sum(x)) + 1.0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=root / "Tests/Fixtures/effects")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    values = {"x": X}
    for form in (steps, average, target, fetched, loop, start, conditional, moments, rows, either, function):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            x = tf.placeholder(tf.float32, [None, 3], "x")
            results = [tf.convert_to_tensor(result) for result in form(x)]
            # A name of its own for each fetch, which must not compute with it: the variable would be read then.
            fetches = [tf.stop_gradient(result, name=f"y{index}") for index, result in enumerate(results)]
            tf.group(tf.global_variables_initializer(), name="init")
            session.run("init")
            for run in range(2):
                for fetch, value in zip(fetches, session.run(fetches, {x: X})):
                    values[f"{form.__name__}/{run}/{fetch.op.name}"] = np.asarray(value)
            definition = graph.as_graph_def()
            (folder / f"{form.__name__}.pb").write_bytes(definition.SerializeToString(deterministic=True))
            print(form.__name__, len(definition.node), "nodes")
    np.savez(folder / "values.npz", **values)


main()
