"""A package's own record of a training → the facts that its log should yield, rounded as the log prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

Figure = float | tuple[float, ...]
"""A number, or several where the package has more than one of that name."""


class Truth(NamedTuple):
    """What a package recorded, under the names that facts have."""

    stated: Mapping[str, Figure]
    """Facts that the log prints."""
    unstated: Mapping[str, Figure] = {}
    """Facts that the log does not print: they may be missing, but not different."""
    losses: Mapping[int, float] = {}
    """The training loss of each report, by step; empty where the log does not show them all."""
    loss_name: str = "loss"
    """``loss``, or the metric that serves as the loss."""
    are_steps_stated: bool = True
    """Whether the log prints the step of each loss. Otherwise a loss may have no step, but not another one."""
    has_more_in_log: bool = False
    """Whether the log shows steps that are missing in the record."""
    vals: Mapping[str, list[float]] = {}
    """All values of each validation figure, keyed by ``loss`` or by metric and split."""


def at(shape: str, value: float) -> float:
    """Return a number as a log prints it."""
    return float(format(value, shape))


def of_hugging_face(*, bars: str, is_plan_stated: bool) -> Callable[[dict], Truth]:
    """Read ``log_history``. Bars (``fresh`` or ``stale``) print the step, INFO prints the plan."""

    def truth(record: dict) -> Truth:
        training = [row for row in record["log_history"] if "loss" in row]
        evals = [row for row in record["log_history"] if "eval_loss" in row]
        epochs = record["log_history"][-1]["epoch"]
        stated: dict[str, Figure] = {
            "loss": at(".4g", training[-1]["loss"]),
            "grad_norm": at(".4g", training[-1]["grad_norm"]),
            "lr": at(".4g", training[-1]["learning_rate"]),
            "val_loss": at(".4g", evals[-1]["eval_loss"]),
            "metrics.mae.val": at(".4g", evals[-1]["eval_mae"]),
            "epoch": epochs,
            "epochs_done": epochs,
        }
        unstated: Mapping[str, Figure] = {}
        (stated if bars else unstated)["step"] = record["global_step"]
        (stated if bars or is_plan_stated else unstated)["steps"] = record["max_steps"]
        (stated if is_plan_stated else unstated)["epochs"] = record["num_train_epochs"]
        losses = {row["step"]: at(".4g", row["loss"]) for row in training}
        vals = {key: [at(".4g", row[name]) for row in evals] for key, name in VALS_OF_HUGGING_FACE.items()}
        return Truth(stated, unstated, losses, are_steps_stated=bars == "fresh", vals=vals)

    return truth


VALS_OF_HUGGING_FACE = {"loss": "eval_loss", "mae.val": "eval_mae"}


def of_lightning(shape: str, *, is_whole: bool = True) -> Callable[[dict], Truth]:
    """Read ``callback_metrics``. Without a terminal, rich prints the last state only."""

    def truth(record: dict) -> Truth:
        last, each = record["callback_metrics"], record["history"]
        stated: dict[str, Figure] = {
            "loss": (at(shape, record["losses"][-1]), at(shape, last["train_loss"])),
            "val_loss": at(shape, last["val_loss"]),
            "metrics.mae.val": at(shape, last["val_mae"]),
            "step": record["global_step"],
            "epoch": record["current_epoch"],
            "epochs_done": record["current_epoch"],
            "epochs": record["max_epochs"],
        }
        unstated: dict[str, Figure] = {"steps": record["global_step"]}
        if not is_whole:
            return Truth(stated, unstated)
        losses = {step: at(shape, loss) for step, loss in enumerate(record["losses"], 1)}
        vals = {"loss": [at(shape, row["val_loss"]) for row in each]}
        vals["mae.val"] = [at(shape, row["val_mae"]) for row in each]
        return Truth(stated, unstated, losses, vals=vals)

    return truth


def of_keras(record: dict) -> Truth:
    """Read ``history.history``, which has one row per epoch; a bar also shows steps within it."""
    history, steps, epochs = record["history"], record["params"]["steps"], len(record["epoch"])
    stated: dict[str, Figure] = {
        "loss": at(".4f", history["loss"][-1]),
        "val_loss": at(".4f", history["val_loss"][-1]),
        "metrics.accuracy.train": at(".4f", history["accuracy"][-1]),
        "metrics.accuracy.val": at(".4f", history["val_accuracy"][-1]),
        "step": record["iterations"],
        "epoch": epochs,
        "epochs_done": epochs,
        "epochs": record["params"]["epochs"],
    }
    losses = {steps * epoch: at(".4f", loss) for epoch, loss in enumerate(history["loss"], 1)}
    vals = {"loss": [at(".4f", value) for value in history["val_loss"]]}
    vals["accuracy.val"] = [at(".4f", value) for value in history["val_accuracy"]]
    return Truth(stated, {"steps": record["iterations"]}, losses, has_more_in_log=True, vals=vals)


def of_trees(shape: str, sets: dict[str, str], *, starts_at: int, every: int = 1) -> Callable[[dict], Truth]:
    """Read ``evals_result``; ``sets`` maps each data set to its split."""

    def truth(record: dict) -> Truth:
        rounds = record["rounds"]
        printed = [index for index in range(rounds) if index % every == 0 or index == rounds - 1]
        stated: dict[str, Figure] = {"step": rounds - 1 + starts_at}
        losses, loss_name, vals = {}, "loss", {}
        for each, split in sets.items():
            for name, values in record["evals_result"][each].items():
                stated[f"metrics.{name}.{split}"] = at(shape, values[-1])
                shown = {index + starts_at: at(shape, values[index]) for index in printed}
                if split != "train":
                    vals[f"{name}.{split}"] = list(shown.values())
                elif "logloss" in name:
                    losses, loss_name = shown, name
        return Truth(stated, {}, losses, loss_name, vals=vals)

    return truth


def of_perceptron(record: dict) -> Truth:
    """Read ``loss_curve_`` and ``validation_scores_``."""
    losses = {step: at(".8f", loss) for step, loss in enumerate(record["loss_curve_"], 1)}
    stated: dict[str, Figure] = {"step": record["n_iter_"], "loss": losses[record["n_iter_"]]}
    unstated: dict[str, Figure] = {"epoch": record["n_iter_"], "epochs_done": record["n_iter_"]}
    vals = {}
    if record["validation_scores_"]:
        vals["score.val"] = [at(".6f", value) for value in record["validation_scores_"]]
        stated["metrics.score.val"] = vals["score.val"][-1]
    return Truth(stated, unstated, losses, vals=vals)
