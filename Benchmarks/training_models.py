"""Small networks of common kinds, and SavedModels of a step of their training. Needs tensorflow-cpu."""

import absl.logging
import numpy as np
import tensorflow as tf

absl.logging.set_verbosity(absl.logging.ERROR)
L = tf.keras.layers
BATCH = 16


def perceptron():
    x = L.Input((784,))
    y = L.Dense(128, activation="tanh")(L.Dense(256, activation="relu")(x))
    return tf.keras.Model(x, L.Dense(10)(y))


def convolutions():
    x = y = L.Input((32, 32, 3))
    for channels in (32, 64, 128):
        for _ in range(2):
            y = L.Conv2D(channels, 3, padding="same", activation="relu")(y)
        y = L.MaxPool2D()(y)
    return tf.keras.Model(x, L.Dense(10)(L.Dense(256, activation="relu")(L.Flatten()(y))))


def residual():
    def convolution(y, channels, size, stride=1):
        return L.BatchNormalization()(L.Conv2D(channels, size, stride, padding="same", use_bias=False)(y))

    x = L.Input((32, 32, 3))
    y = L.ReLU()(convolution(x, 32, 3))
    for channels, stride in ((32, 1), (64, 2), (128, 2)):
        for step in (stride, 1):
            z = convolution(L.ReLU()(convolution(y, channels, 3, step)), channels, 3)
            y = L.ReLU()(L.Add()([z, y if y.shape == z.shape else convolution(y, channels, 1, step)]))
    return tf.keras.Model(x, L.Dense(10)(L.GlobalAveragePooling2D()(y)))


def depthwise():
    return tf.keras.applications.MobileNetV2(
        weights=None, input_shape=(96, 96, 3), classes=10, classifier_activation=None, alpha=0.35)


def encoder():
    x = L.Input((64,), dtype="int32")
    y = L.Embedding(1000, 128)(x)
    for _ in range(2):
        z = L.LayerNormalization()(y)
        y = L.Add()([y, L.MultiHeadAttention(4, 32)(z, z)])
        z = L.Dense(512, activation="gelu")(L.LayerNormalization()(y))
        y = L.Add()([y, L.Dense(128)(z)])
    return tf.keras.Model(x, L.Dense(10)(L.GlobalAveragePooling1D()(y)))


def lstm():
    x = L.Input((64,), dtype="int32")
    y = L.LSTM(64)(L.LSTM(64, return_sequences=True)(L.Embedding(1000, 64)(x)))
    return tf.keras.Model(x, L.Dense(10)(y))


def gru():
    x = L.Input((64, 32))
    return tf.keras.Model(x, L.Dense(10)(L.Bidirectional(L.GRU(48))(x)))


def series():
    x = y = L.Input((128, 16))
    for dilation in (1, 2, 4):
        y = L.Conv1D(32, 3, dilation_rate=dilation, padding="causal", activation="relu")(y)
    return tf.keras.Model(x, L.Dense(10)(L.GlobalMaxPooling1D()(L.SeparableConv1D(64, 5, padding="same")(y))))


NETWORKS = {
    function.__name__: function
    for function in (perceptron, convolutions, residual, depthwise, encoder, lstm, gru, series)
}


def export(name, folder, feeds):
    """Writes a SavedModel with the signatures `step` and `steps` (four of them), and a batch."""
    tf.keras.utils.set_random_seed(7)
    model = NETWORKS[name]()
    optimizer = tf.keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    measure = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    random = np.random.default_rng(1)
    shape, dtype = (BATCH,) + model.input_shape[1:], model.input.dtype
    x = random.integers(0, 1000, shape) if dtype == "int32" else random.random(shape)
    batch = {"x": x.astype(dtype), "y": random.integers(0, 10, BATCH).astype(np.int32)}
    np.savez(feeds, **batch)
    specification = [tf.TensorSpec(value.shape, value.dtype, name=key) for key, value in batch.items()]

    def train(x, y):
        with tf.GradientTape() as tape:
            loss = measure(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    step = tf.function(lambda x, y: {"loss": train(x, y)}, input_signature=specification)
    steps = tf.function(
        lambda x, y: {"loss": tf.stack([train(x, y) for _ in range(4)])}, input_signature=specification)
    module = tf.Module()
    module.kept = [model.variables, optimizer.variables]
    tf.saved_model.save(module, folder, signatures={"step": step, "steps": steps})
