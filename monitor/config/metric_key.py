"""``metric: val_accuracy`` in a watch file: a metric by its own name, in the place of a signal with its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.reader.metric_names import labels_of
from monitor.reader.signals import METRIC, WORK
from monitor.reader.vocabulary import meaning

_CORE = {
    ("loss", ""): "train.loss",
    ("loss", "train"): "train.loss",
    ("loss", "val"): "epoch.val_loss",
    ("lr", ""): "train.lr",
    ("grad_norm", ""): "train.grad_norm",
}
"""The signals of what most logs report, by quantity and split. A test's loss is a metric beside a validation's."""


def by_metric(data: Any) -> Any:
    """Return a mapping with ``signal`` and ``where`` in the place of ``metric``; anything else as it is.

    Labels that are given count: ``{metric: accuracy, where: {split: test}}``. The loss, the validation's loss, the
    learning rate, the gradient norm, a throughput, memory and the like have signals of their own, which are found by
    these names, or by the log's word for them: ``val_loss``, ``tokens_per_s``.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("metric"), str) or "signal" in data:
        return data
    rest = {key: value for key, value in data.items() if key != "metric"}
    where = rest.get("where")
    if not where and (signal := _own_signal(data["metric"])) is not None:
        return {**rest, "signal": signal}
    if where is not None and not isinstance(where, Mapping):
        return {**rest, "signal": METRIC}
    return {**rest, "signal": METRIC, "where": {**labels_of(data["metric"]), **(where or {})}}


def _own_signal(name: str) -> str | None:
    """Return the signal of what has one of its own, by the log's word for it; None for a metric."""
    if name in WORK:
        return WORK[name]
    found = meaning(name)
    if found.name in WORK:
        return WORK[found.name]
    return _CORE.get((found.name, found.split)) if found.role == "value" else None
