"""A baseline that the user did not name: the last finished run of the folder, for the page alone; no rule uses it."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.base.errors import MonitorError
from monitor.cli.other_run import default_directory
from monitor.run.summary import RunSummary
from monitor.store.baselines import Baselines, read_summary

LOOKED_AT = 20
"""Newest finished runs that are looked at. Chosen by hand, 2026-11."""


def offered_baseline(log: str, run: str | None, state: Path | None) -> RunSummary | None:
    """Return the last finished run of the folder of a log, or of sister folders with logs of that name; else None."""
    finished = [each for each in Baselines(state or default_directory(os.environ)).stored() if not each.is_saved]
    for each in finished[:LOOKED_AT]:
        try:
            summary = read_summary(each.path)
        except (MonitorError, OSError):
            continue
        if summary.run != run and _is_akin(Path(summary.log).absolute(), Path(log).absolute()):
            return summary
    return None


def _is_akin(other: Path, log: Path) -> bool:
    if other.parent == log.parent:
        return True
    return other.name == log.name and other.parent.parent == log.parent.parent
