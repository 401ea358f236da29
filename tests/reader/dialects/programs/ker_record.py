"""A small training with Keras, and its own record: ``ker_record.py 1|2 FOLDER``, the number for ``verbose``."""

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

VERBOSE, FOLDER = sys.argv[1:]


def rows(seed):
    random = np.random.default_rng(seed)
    x = random.standard_normal((128, 8)).astype("float32")
    return x, (x.sum(1, keepdims=True) > 0).astype("float32")


keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
history = model.fit(*rows(0), batch_size=8, epochs=4, validation_data=rows(1), verbose=int(VERBOSE))
record = {"history": history.history, "epoch": history.epoch, "params": history.params}
record |= {"iterations": int(model.optimizer.iterations)}
(Path(FOLDER) / "record.json").write_text(json.dumps(record))
