"""``metric: val_accuracy`` in a watch file: a metric by its own name, in the place of a signal with its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.reader.metric_names import labels_of
from monitor.reader.signals import METRIC, WORK
from monitor.reader.vocabulary import meaning


def by_metric(data: Any) -> Any:
    """Return a mapping with ``signal`` and ``where`` in the place of ``metric``; anything else as it is.

    Labels that are given count: ``{metric: accuracy, where: {split: test}}``. A throughput, memory and the like have
    signals of their own: ``tokens_per_s``, or the log's word for it.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("metric"), str) or "signal" in data:
        return data
    rest = {key: value for key, value in data.items() if key != "metric"}
    where = rest.get("where")
    work = data["metric"] if data["metric"] in WORK else meaning(data["metric"]).name
    if work in WORK and not where:
        return {**rest, "signal": WORK[work]}
    if where is not None and not isinstance(where, Mapping):
        return {**rest, "signal": METRIC}
    return {**rest, "signal": METRIC, "where": {**labels_of(data["metric"]), **(where or {})}}
