"""A small training with Keras: ``ker.py healthy|nan|endless FOLDER``."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

MODE, FOLDER = sys.argv[1:3]


class Spoilt(keras.losses.Loss):
    """The mean squared error; from the 60th batch on no number, where asked."""

    calls = 0

    def call(self, y_true, y_pred):
        Spoilt.calls += 1
        loss = keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
        return loss * float("nan") if MODE == "nan" and Spoilt.calls > 60 else loss


def rows(seed):
    random = np.random.default_rng(seed)
    x = random.standard_normal((256, 8)).astype("float32")
    return x, x.sum(1, keepdims=True) + 0.1 * random.standard_normal((256, 1)).astype("float32")


keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=Spoilt(), run_eagerly=True)
model.fit(*rows(0), batch_size=8, epochs=10_000 if MODE == "endless" else 8, validation_data=rows(1), verbose=2)
