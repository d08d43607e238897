#!/usr/bin/env python3
"""Writes Tests/Fixtures/saved_models: SavedModels that take more than their own saver to restore.

Run it with a Python that has tensorflow-cpu 2.21.

    keras       `tf.saved_model.save` of Keras 3 models, two of them with variables of the same names
    keras.npz   `x`, and what `tf.saved_model.load` answers: `y`
    functions   two functions, and no signature
"""

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


class Functions(tf.Module):
    """What `tf.saved_model.save` finds no default signature for."""

    @tf.function(input_signature=[tf.TensorSpec([], name="x")])
    def double(self, x):
        return 2 * x

    @tf.function(input_signature=[tf.TensorSpec([], name="x")])
    def half(self, x):
        return x / 2


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    model = Twins()
    tf.saved_model.save(model, str(FOLDER / "keras"), signatures=model.__call__)
    x = np.array([[1, -2, 0.5], [0, 3, 1]], np.float32)
    y = tf.saved_model.load(str(FOLDER / "keras")).signatures["serving_default"](x=tf.constant(x))["y"]
    np.savez(FOLDER / "keras.npz", x=x, y=y)
    tf.saved_model.save(Functions(), str(FOLDER / "functions"))
    for path in FOLDER.glob("*/fingerprint.pb"):
        path.unlink()


if __name__ == "__main__":
    main()
