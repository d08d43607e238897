#!/usr/bin/env python3
"""Writes Tests/Fixtures/saved_models: SavedModels that take more than their own saver to restore.

Run it with a Python that has tensorflow-cpu 2.21.

    keras       `tf.saved_model.save` of Keras 3 models, two of them with variables of the same names
    keras.npz   `x`, and what `tf.saved_model.load` answers: `y`
    functions   functions with variables, tables, constants, ragged arguments, of several traces; no signature
    signed      the same beside a signature
    functions.npz   calls in their order: `encode/in/x` and `encode/out/output_0`
"""

import collections
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/saved_models"


class Twins(tf.Module):
    """Two models under the same name."""

    def __init__(self):
        layers = tf.keras.layers
        self.first, self.second = (
            tf.keras.Sequential([layers.Input((3,)), layers.Dense(3, name="dense"), layers.LayerNormalization(name="norm")],
                                name="block")
            for _ in range(2))
        for model in self.first, self.second:
            for variable in model.variables:
                variable.assign(tf.random.stateless_normal(variable.shape, [7, 0 if model is self.first else 1]))

    @tf.function(input_signature=[tf.TensorSpec([None, 3], name="x")])
    def __call__(self, x):
        return {"y": self.second(self.first(x))}


class Stretch(tf.Module):
    """A part of a model, with a function of its own."""

    def __init__(self):
        super().__init__()
        self.w = tf.Variable([1.0, 2.0, 3.0], name="w")

    @tf.function
    def stretch(self, x):
        return x * self.w


class Functions(tf.Module):
    """What `tf.saved_model.save` finds no default signature for."""

    def __init__(self, vocabulary):
        super().__init__()
        self.w = tf.Variable([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0], [2.0, 1.0, -1.0]], name="w")
        self.count = tf.Variable(0, dtype=tf.int64, name="count")
        self.part = Stretch()
        self.scale = tf.constant([[10.0, 20.0, 30.0]])
        self.words = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
            default_value=-1)
        self.notes = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, -1.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def encode(self, x):
        self.count.assign_add(1)
        return x @ self.w + self.scale

    @tf.function
    def decode(self, y, scale=2.0, flag=False, *, extra=None):
        results = {"all": y * scale if flag else y, "sums": (tf.reduce_sum(y), y + 1)}
        if extra is not None:
            results["extra"] = y + extra
        return results

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
    def ids(self, words):
        return self.words.lookup(words)

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None])])
    def ragged(self, rows):
        return Rows(tf.reduce_sum(rows, 1), rows + 1)

    @tf.function(input_signature=[[tf.TensorSpec([], name="p"), tf.TensorSpec([], name="p")], {"k": tf.TensorSpec([])}])
    def nested(self, pair, rest):
        return [pair[0] - pair[1], None, rest["k"]]

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64), tf.TensorSpec([])])
    def note(self, key, value):
        self.notes.insert(key, value)
        return self.notes.lookup(key) + self.notes.lookup(key + 1)

    @tf.function(input_signature=[])
    def counted(self):
        return self.count.read_value()


Rows = collections.namedtuple("Rows", ["sums", "rows"])


def save_functions():
    """Saves `functions`, and what `tf.saved_model.load` of it answers."""
    vocabulary = FOLDER / "words.txt"
    vocabulary.write_text("zero\none\ntwo\n")
    model = Functions(str(vocabulary))
    pair = tf.ones([2, 3])
    model.decode(pair)
    model.decode(pair, 3.0, flag=True)
    model.decode(pair, tf.constant(3.0), extra=tf.ones([3]))
    model.part.stretch(tf.ones([3]))
    model.fixed = model.part.stretch.get_concrete_function(tf.TensorSpec([1, 3], name="row"))
    tf.saved_model.save(model, str(FOLDER / "functions"))
    # Beside a signature.
    tf.saved_model.save(model, str(FOLDER / "signed"), signatures=model.encode)
    vocabulary.unlink()

    loaded = tf.saved_model.load(str(FOLDER / "functions"))
    values = {}

    def call(key, arguments, function, results):
        for name, value in arguments.items():
            values[f"{key}/in/{name}"] = value
        answer = [value for value in tf.nest.flatten(function(), expand_composites=True) if value is not None]
        for name, value in zip(results, answer, strict=True):
            values[f"{key}/out/{name}"] = value.numpy()

    x = np.array([[1, -2, 0.5], [0, 3, 1]], np.float32)
    e = np.array([5, 6, 7], np.float32)
    s = np.float32
    call("encode", {"x": x}, lambda: loaded.encode(tf.constant(x)), ["output_0"])
    call("decode", {"y": x}, lambda: loaded.decode(tf.constant(x)), ["all", "sums_0", "sums_1"])
    call("decode_1", {"y": x}, lambda: loaded.decode(tf.constant(x), 3.0, flag=True), ["all", "sums_0", "sums_1"])
    call("decode_2", {"y": x, "scale": s(4), "extra": e},
         lambda: loaded.decode(tf.constant(x), tf.constant(4.0), extra=tf.constant(e)), ["all", "extra", "sums_0", "sums_1"])
    words = np.array(["two", "three", "zero"])
    call("ids", {"words": words}, lambda: loaded.ids(tf.constant(words)), ["output_0"])
    rows = tf.ragged.constant([[1.0, 2.0], [], [3.0]])
    call("ragged", {"rows": rows.values.numpy(), "rows_1": rows.row_splits.numpy()}, lambda: loaded.ragged(rows),
         ["sums", "rows_0", "rows_1"])
    call("nested", {"p": s(5), "p_1": s(2), "rest_k": s(7)},
         lambda: loaded.nested([tf.constant(5.0), tf.constant(2.0)], {"k": tf.constant(7.0)}), ["output_0", "output_2"])
    call("note", {"key": np.int64(4), "value": s(8)}, lambda: loaded.note(tf.constant(4, tf.int64), tf.constant(8.0)),
         ["output_0"])
    call("counted", {}, loaded.counted, ["output_0"])
    call("part.stretch", {"x": e}, lambda: loaded.part.stretch(tf.constant(e)), ["output_0"])
    call("part.stretch_1", {"row": e[None]}, lambda: loaded.part.stretch(tf.constant(e[None])), ["output_0"])
    call("fixed", {"row": e[None]}, lambda: loaded.fixed(tf.constant(e[None])), ["output_0"])
    np.savez(FOLDER / "functions.npz", **values)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    model = Twins()
    tf.saved_model.save(model, str(FOLDER / "keras"), signatures=model.__call__)
    x = np.array([[1, -2, 0.5], [0, 3, 1]], np.float32)
    y = tf.saved_model.load(str(FOLDER / "keras")).signatures["serving_default"](x=tf.constant(x))["y"]
    np.savez(FOLDER / "keras.npz", x=x, y=y)
    save_functions()
    for path in FOLDER.glob("*/fingerprint.pb"):
        path.unlink()


if __name__ == "__main__":
    main()
