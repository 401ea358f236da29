"""Other runs, as the command line names them: a log, a file with a summary, or the name of a saved baseline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from monitor.base.errors import LogError
from monitor.cli.reading import read_log
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.run.summary import RunSummary, summarise
from monitor.store.baselines import Baselines, is_summary, read_summary


def is_log(name: str) -> bool:
    """Whether a name is a file with a log, not a baseline."""
    path = Path(name)
    return path.exists() and not is_summary(path)


def other_run(option: str, name: str, state: Path | None = None) -> RunSummary:
    """Return the figures of another run; messages name ``option``. Raises LogError, SummaryError."""
    path = Path(name)
    if path.exists():
        return read_summary(path) if is_summary(path) else summary_of(name)
    kept = Baselines(state or default_directory(os.environ))
    found = kept.find(name)
    if found is None:
        what = "neither a log nor a saved baseline"
        raise LogError(f"{option} {name}", what, expected=f"a file, or {kept.expected()}")
    return found


def summary_of(log: str) -> RunSummary:
    """Read a log to its end, without rules, and return its figures. Raises LogError."""
    pipeline = Pipeline(log, Engine(()))
    read_log(pipeline)
    return summarise(pipeline.run, log)


def default_directory(environment: Mapping[str, str]) -> Path:
    """Return the default state folder."""
    base = environment.get("XDG_STATE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state") / "trainwarden"
