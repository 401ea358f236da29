"""A small training with scikit-learn's perceptron, and its own record: ``mlp_record.py plain|early FOLDER``."""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPClassifier

STOPPING, FOLDER = sys.argv[1:]
random = np.random.default_rng(0)
x = random.standard_normal((512, 8))
y = (x.sum(1) + 0.3 * random.standard_normal(512) > 0).astype(int)
model = MLPClassifier(
    hidden_layer_sizes=(16,),
    learning_rate_init=1e-2,
    early_stopping=STOPPING == "early",
    n_iter_no_change=5,
    tol=1e-3,
    random_state=0,
    verbose=True,
).fit(x, y)
record = {"loss_curve_": model.loss_curve_, "validation_scores_": getattr(model, "validation_scores_", None)}
record |= {"n_iter_": model.n_iter_, "t_": int(model.t_)}
(Path(FOLDER) / "record.json").write_text(json.dumps(record))
