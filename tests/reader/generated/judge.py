"""Compares what a reader says of a log with its facts: right, silent or wrong, per fact."""

import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

SAME_NAMES = [
    {"acc", "accuracy", "acc1", "top1", "top1acc", "accuracy1", "accuracytop1"},
    {"acc5", "top5", "top5acc", "accuracy5", "accuracytop5"},
    {"f1", "f1score", "macrof1"},
    {"auc", "auroc", "rocauc"},
    {"map", "map50", "map5095"},
    {"dice", "dicescore", "meandice"},
    {"iou", "miou", "meaniou"},
    {"prec", "precision"},
    {"rec", "recall"},
    {"bleu", "sacrebleu"},
    {"ppl", "perplexity"},
    {"reward", "meanreward"},
]
SPLITS = {
    "valid": "val",
    "validation": "val",
    "eval": "val",
    "evaluation": "val",
    "dev": "val",
    "training": "train",
    "trn": "train",
}
UNTOLD_SPLITS = ("", "none", "all", "unknown")  # a metric on a training line whose set is not told


class Outcome(Enum):
    """What became of one fact."""

    RIGHT = "right"
    SILENT = "silent"  # a value was to be read and was not
    WRONG = "wrong"
    FREE = "free"  # silence where silence is right, too


class Verdict(NamedTuple):
    """One fact judged."""

    fact: str
    outcome: Outcome
    expected: object
    seen: object


def judge(facts: Mapping[str, object], seen: Mapping[str, object]) -> list[Verdict]:
    """Judge each fact of a log by what a reader has seen."""
    verdicts = [
        Verdict(name, _outcome(expected, seen.get(name)), expected, seen.get(name))
        for name, expected in facts.items()
        if name != "metrics"
    ]
    stated, told = facts.get("metrics") or {}, seen.get("metrics") or {}
    assert isinstance(stated, Mapping)
    assert isinstance(told, Mapping)
    return verdicts + list(_metrics(stated, _by_name(told)))


def _metrics(stated: Mapping[str, Mapping[str, object]], told: dict[str, dict[str, object]]) -> Iterator[Verdict]:
    for name, splits in stated.items():
        values = told.get(_name(name), {})
        for split, expected in splits.items():
            seen = values.get(split)
            if seen is None and split == "train":
                seen = next((values[each] for each in UNTOLD_SPLITS if each in values), None)
            yield Verdict(f"metrics.{name}.{split}", _outcome(expected, seen), expected, seen)
        for split in sorted({"train", "val", "test"} & values.keys() - splits.keys()):
            yield Verdict(f"metrics.{name}.{split}", Outcome.WRONG, None, values[split])


def _outcome(expected: object, seen: object) -> Outcome:
    allowed = expected if isinstance(expected, list) else [expected]
    if seen is None:
        return Outcome.FREE if None in allowed else Outcome.SILENT
    return Outcome.RIGHT if any(_same(value, seen) for value in allowed if value is not None) else Outcome.WRONG


def _same(value: float, seen: object) -> bool:
    try:
        number = float(seen)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return math.isclose(value, number, rel_tol=1e-6, abs_tol=1e-12) or (math.isnan(value) and math.isnan(number))


def _by_name(told: Mapping[str, object]) -> dict[str, dict[str, object]]:
    named: dict[str, dict[str, object]] = {}
    for name, splits in told.items():
        assert isinstance(splits, Mapping), f"metrics.{name}: a value per split expected"
        for split, value in splits.items():
            word = str(split or "").lower()
            named.setdefault(_name(name), {})[SPLITS.get(word, word)] = value
    return named


def _name(name: str) -> str:
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((min(names) for names in SAME_NAMES if bare in names), bare)
