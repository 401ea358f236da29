"""A small training with XGBoost, and its own record: ``xgb_record.py train|every5|sklearn|sklearn2 FOLDER``.

``sklearn2`` judges by the training's own rows too.
"""

import json
import sys
from pathlib import Path

import numpy as np
import xgboost

API, FOLDER = sys.argv[1:]


def rows(seed):
    random = np.random.default_rng(seed)
    x = random.standard_normal((256, 8))
    return x, (x.sum(1) + 0.3 * random.standard_normal(256) > 0).astype(int)


if API.startswith("sklearn"):
    model = xgboost.XGBClassifier(n_estimators=32, max_depth=3, eval_metric=["logloss", "auc"], n_jobs=1)
    model.fit(*rows(0), eval_set=[rows(1)] if API == "sklearn" else [rows(0), rows(1)], verbose=True)
    record = {"evals_result": model.evals_result(), "rounds": model.get_booster().num_boosted_rounds()}
else:
    train, val = (xgboost.DMatrix(x, label=y) for x, y in (rows(0), rows(1)))
    options = {"objective": "binary:logistic", "eval_metric": ["error", "logloss"], "max_depth": 3, "nthread": 1}
    found = {}
    booster = xgboost.train(
        options,
        train,
        num_boost_round=32,
        evals=[(train, "train"), (val, "val")],
        evals_result=found,
        verbose_eval=5 if API == "every5" else True,
    )
    record = {"evals_result": found, "rounds": booster.num_boosted_rounds()}
(Path(FOLDER) / "record.json").write_text(json.dumps(record))
