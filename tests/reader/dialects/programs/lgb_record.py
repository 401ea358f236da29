"""A small training with LightGBM, and its own record: ``lgb_record.py train|early|sklearn FOLDER``."""

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np

API, FOLDER = sys.argv[1:]


def rows(seed):
    random = np.random.default_rng(seed)
    x = random.standard_normal((512, 8))
    return x, (x.sum(1) + 0.3 * random.standard_normal(512) > 0).astype(int)


found = {}
options = {"num_leaves": 7, "num_threads": 1, "seed": 0, "deterministic": True}
if API == "sklearn":
    model = lightgbm.LGBMClassifier(n_estimators=30, n_jobs=1, num_leaves=7, random_state=0)
    model.fit(*rows(0), eval_set=[rows(1)], callbacks=[lightgbm.log_evaluation(1)])
    record = {"evals_result": model.evals_result_, "rounds": model.n_iter_}
else:
    train = lightgbm.Dataset(*rows(0))
    val = lightgbm.Dataset(*rows(1), reference=train)
    callbacks = [lightgbm.log_evaluation(1), lightgbm.record_evaluation(found)]
    if API == "early":
        callbacks.append(lightgbm.early_stopping(5))
        options |= {"learning_rate": 0.5}
    booster = lightgbm.train(
        options | {"objective": "binary", "metric": ["binary_logloss", "auc"], "verbose": 1},
        train,
        num_boost_round=30 if API == "train" else 300,
        valid_sets=[train, val],
        valid_names=["train", "valid"],
        callbacks=callbacks,
    )
    record = {"evals_result": found, "rounds": len(found["valid"]["auc"]), "best_iteration": booster.best_iteration}
(Path(FOLDER) / "record.json").write_text(json.dumps(record))
