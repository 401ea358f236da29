"""Small real training runs for tests: a tiny panel, a tiny model, a log that is read back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from monitor.grammar import LogLine, Record, Unknown, parse_line
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.settings import resolve, settings
from trainer.training.loop import FitResult, train

EPOCHS = 2
SMALL: Mapping[str, Any] = {
    "epochs": EPOCHS,
    "batch_size": 72,
    "window": 5,
    "hidden": 8,
    "selection_width": 4,
    "temporal_heads": 2,
    "graph_heads": 2,
    "warmup_steps": 4,
    "grad_monitor_every": 3,
    "train_every": 2,
    "threads": 1,
}
"""Eleven batches of six days in an epoch."""

Kind = TypeVar("Kind", bound=Record)


class Run(NamedTuple):
    """A finished run and its log."""

    result: FitResult
    lines: list[bytes]

    def records(self, kind: type[Kind]) -> list[Kind]:
        """Return every record of one type, in order."""
        return [line.record for line in self.parsed() if isinstance(line.record, kind)]

    def parsed(self) -> list[LogLine]:
        """Return every line in the native format."""
        return [line for line in map(parse_line, self.lines) if line is not None]

    def unknown(self) -> list[Unknown]:
        """Return every line with a known tag whose text is not in its grammar."""
        return self.records(Unknown)


def make_panel(folder: Path, *, codes: int = 12, days: int = 110, features: int = 12) -> Path:
    """Write a small synthetic panel."""
    path = folder / "panel.parquet"
    write_panel(synthesise(codes=codes, days=days, seed=1, features=features), path)
    return path


def fit(
    folder: Path,
    panel: Path,
    *,
    env: Mapping[str, str] | None = None,
    hooks: Mapping[str, Callable[..., Any]] | None = None,
    **changes: Any,
) -> Run:
    """Train with a clock that counts, and read the log; `hooks` are more arguments of `train`."""
    ticks = itertools.count()
    log = folder / f"run-{len(list(folder.glob('run-*')))}.log"
    set_by_env = {row.name for row in settings() if row.env in (env or {})}
    small = {name: value for name, value in SMALL.items() if name not in set_by_env}
    cli = {**small, "data": str(panel), "log": str(log), **changes}
    resolved = resolve(cli=cli, env=env)
    result = train(resolved, **{"clock": lambda: 1.7e9 + next(ticks) / 100, **(hooks or {})})
    return Run(result, log.read_bytes().splitlines())


def same_weights(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Return whether two state dictionaries are equal, bit for bit."""
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
