"""The Temporal Fusion Transformer of pytorch-forecasting on our samples, labels and quantiles.

A sample's window ends on its date, and the one step to be predicted is the next date, whose targets are the sample's
labels: those of all horizons at once. Past labels are no inputs, because longer ones are not known yet on a sample's
date. Stocks do not see each other, because the package has no graph.
Shape legend: N rows, K horizons, Q quantiles, C codes, D dates, F features.
"""

from __future__ import annotations

import warnings
from time import process_time
from typing import Any, NamedTuple

import lightning
import numpy as np
import pandas
import torch
from numpy.typing import NDArray
from pytorch_forecasting import TemporalFusionTransformer, TimeSeriesDataSet
from pytorch_forecasting.data import MultiNormalizer, TorchNormalizer
from pytorch_forecasting.metrics import MultiLoss, QuantileLoss

from trainer.model.network import QUANTILES

BATCH_SIZE, LEARNING_RATE, DROPOUT, HEADS, CLIP = 128, 1e-3, 0.1, 4, 0.1
"""Within what Lim et al. (2021) searched; not tuned on our panels."""


class Part(NamedTuple):
    """The rows of a part, in its order."""

    code_N: NDArray[np.int64]
    date_N: NDArray[np.int64]
    label_NK: NDArray[np.float64]
    """In units of what is learnt, times its scale; nan if unlabelled."""


class OutOfTime(lightning.Callback):
    """Keep the weights of the best validation, and end the training when it has used so much processor time."""

    def __init__(self, budget_s: float) -> None:
        self._end_s, self._best, self.weights = process_time() + budget_s, float("inf"), None
        self.epochs = 0

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Stop when the time is up."""
        if process_time() > self._end_s:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Keep the best weights."""
        if trainer.sanity_checking:
            return
        self.epochs += 1
        loss = float(trainer.callback_metrics["val_loss"])
        if loss < self._best:
            self._best, self.weights = loss, {name: each.clone() for name, each in module.state_dict().items()}


def predict(
    features_CDF: NDArray[np.float32],
    parts: dict[str, Part],
    *,
    window: int,
    hidden: int,
    budget_s: float,
    seed: int,
) -> tuple[NDArray[np.float64], str]:
    """Train within a budget of processor seconds; return the quantiles of the test part's rows, and what was done.

    Shapes: -> (N, K, Q).
    """
    warnings.filterwarnings("ignore")
    lightning.seed_everything(seed, verbose=False)
    num_horizons = parts["test"].label_NK.shape[1]
    frame = _frame(features_CDF, parts)
    targets = [f"y{place}" for place in range(num_horizons)]
    whole = TimeSeriesDataSet(
        frame,
        time_idx="time",
        target=targets,
        group_ids=["code"],
        min_encoder_length=window,
        max_encoder_length=window,
        max_prediction_length=1,
        time_varying_unknown_reals=[f"x{feature}" for feature in range(features_CDF.shape[2])],
        target_normalizer=MultiNormalizer([TorchNormalizer(method="identity") for _ in targets]),
        scalers={f"x{feature}": None for feature in range(features_CDF.shape[2])},
        add_relative_time_idx=True,
    )
    loaders = {}
    for name, part in parts.items():
        rows = np.isfinite(part.label_NK).all(axis=1) if name != "test" else np.ones(len(part.code_N), dtype=bool)
        wanted = set(zip(part.code_N[rows].astype(str), (part.date_N[rows] + 1).tolist(), strict=True))
        chosen = whole.filter(lambda index, wanted=wanted: _is_wanted(index, wanted))
        loaders[name] = chosen.to_dataloader(train=name == "train", batch_size=BATCH_SIZE, num_workers=0)
    model = TemporalFusionTransformer.from_dataset(
        whole,
        hidden_size=hidden,
        hidden_continuous_size=max(hidden // 4, 4),
        attention_head_size=HEADS,
        dropout=DROPOUT,
        loss=MultiLoss([QuantileLoss(list(QUANTILES)) for _ in targets]),
        output_size=[len(QUANTILES)] * num_horizons,
        learning_rate=LEARNING_RATE,
    )
    clock = OutOfTime(budget_s)
    runner = lightning.Trainer(
        max_epochs=-1,
        accelerator="cpu",
        callbacks=[clock],
        gradient_clip_val=CLIP,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    runner.fit(model, loaders["train"], loaders["valid"])
    if clock.weights is not None:
        model.load_state_dict(clock.weights)
    model.eval()
    found: dict[tuple[str, int], NDArray[np.float64]] = {}
    with torch.no_grad():
        for inputs, _ in loaders["test"]:
            outputs = torch.cat(model(inputs)["prediction"], dim=1).double().numpy()
            codes = whole.transform_values("code", inputs["groups"][:, 0], inverse=True, group_id=True)
            times = inputs["decoder_time_idx"][:, 0].tolist()
            found.update(zip(zip(map(str, codes), times, strict=True), outputs, strict=True))
    test = parts["test"]
    keys = zip(test.code_N.astype(str), (test.date_N + 1).tolist(), strict=True)
    return np.stack([found[key] for key in keys]), f"{clock.epochs} epochs, {runner.global_step} steps"


def _frame(features_CDF: NDArray[np.float32], parts: dict[str, Part]) -> pandas.DataFrame:
    """Return a row for each code and date, and one date more; the targets are the labels of the date before."""
    num_codes, num_dates, num_features = features_CDF.shape
    label_CDK = np.zeros((num_codes, num_dates + 1, parts["test"].label_NK.shape[1]), dtype=np.float32)
    for part in parts.values():
        # Rows without one of the labels are no samples, so that any number will do.
        label_CDK[part.code_N, part.date_N + 1] = np.nan_to_num(part.label_NK)
    known_CDF = np.concatenate([features_CDF, features_CDF[:, -1:]], axis=1)
    flat = known_CDF.reshape(-1, num_features)
    columns = {f"x{feature}": flat[:, feature] for feature in range(num_features)}
    columns |= {f"y{place}": label_CDK[..., place].reshape(-1) for place in range(label_CDK.shape[2])}
    return pandas.DataFrame(
        {
            "code": np.repeat(np.arange(num_codes).astype(str), num_dates + 1),
            "time": np.tile(np.arange(num_dates + 1), num_codes),
            **columns,
        }
    )


def _is_wanted(index: pandas.DataFrame, wanted: set[tuple[str, int]]) -> NDArray[np.bool_]:
    keys = zip(index["code"].astype(str), index["time_idx_first_prediction"].tolist(), strict=True)
    return np.array([key in wanted for key in keys])
