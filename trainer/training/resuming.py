"""The settings of a resumed run: the checkpoint's, except those that are asked for and may change.

In: what was asked for, and the settings in the checkpoint. Out: the settings in force, each with its source, or one
error with everything that was asked for and may not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from trainer.checkpoint import CheckpointError, CheckpointFolder, Identity, read_identity
from trainer.config import (
    SECTIONS,
    DataConfig,
    LossConfig,
    ModelConfig,
    MonitorConfig,
    SettingError,
    TrainerConfig,
    TrainerError,
    as_text,
)
from trainer.settings import Effective, Resolved, SettingRow, settings

OWN = frozenset({"log", "checkpoint_dir", "resume", "inject", "allow_change"})
"""Settings of one attempt, which the next one does not take over."""

FREE = frozenset(
    {
        *("name", "checkpoint_every", "keep_checkpoints"),
        *("data", "static_data", "cache_dir", "device", "threads", "prefetch", "epochs", "patience"),
        *(entry.name for entry in fields(MonitorConfig)),
    }
)
"""Settings that change when they are asked for: where and how long the run goes on, and what it reports.

A panel is known by its content, not by its path.
"""

FIXED = (
    frozenset(
        {
            *(entry.name for entry in fields(DataConfig) if not entry.name.startswith("graph_")),
            *(entry.name for entry in (*fields(ModelConfig), *fields(LossConfig))),
            *("batch_size", "accumulate", "seed", "precision", "ema_decay", "compile", "tf32"),
        }
    )
    - FREE
)
"""Settings without which weights, losses or the position in the epoch would not fit the checkpoint.

All others, such as the learning rate, change only if `allow_change` names them.
"""


class Continued(NamedTuple):
    """How an attempt continues."""

    resolved: Resolved
    refusal: TrainerError | None
    """Why it cannot continue; the settings are then those that were asked for."""


def settings_in_force(asked: Resolved) -> Continued:
    """Return the settings of this attempt; those of the newest checkpoint are taken over if it resumes a run."""
    run = asked.config.run
    if not run.resume:
        return Continued(asked, None)
    folder = Path(run.resume)
    try:
        identity = read_identity(folder)
        found = CheckpointFolder(folder, identity, keep=run.keep_checkpoints).latest()
        return Continued(continue_with(asked, found.state["config"], where=found.file.path), None)
    except TrainerError as error:
        return Continued(asked, error)


def owner_of(folder: Path) -> Identity:
    """Return the run and attempt that continue in a folder. Raises CheckpointError."""
    before = read_identity(folder)
    return Identity(before.run, before.attempt + 1)


def continue_with(asked: Resolved, saved: Mapping[str, Mapping[str, Any]], *, where: Path) -> Resolved:
    """Take over the saved settings that were not asked for. Raises SettingError for changes that may not be made."""
    allowed = frozenset(asked.config.run.allow_change)
    if unknown := sorted(allowed - {row.name for row in settings()}):
        raise SettingError(f"allow_change: unknown setting; expected names of settings, got {', '.join(unknown)}")
    if fixed := sorted(allowed & FIXED):
        raise SettingError(f"allow_change: cannot change in a resumed run; expected others, got {', '.join(fixed)}")
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    effective, problems = [], []
    for row, each in zip(settings(), asked.effective, strict=True):
        before = saved.get(row.section, {}).get(row.name, row.default)
        now = _in_force(row, each, before)
        if now.changed_from is not None and row.name not in allowed | FREE:
            way = "" if row.name in FIXED else f" (or --allow-change {row.name})"
            problems.append(f"expected {row.key}={as_text(before)}{way}, got {as_text(each.value)}")
        sections[row.section][row.name] = now.value
        effective.append(now)
    if problems:
        raise CheckpointError(f"{where}: from another run; " + "; ".join(problems))
    config = TrainerConfig.from_dict(sections)
    return asked._replace(config=config, effective=tuple(effective))


def _in_force(row: SettingRow, asked: Effective, before: Any) -> Effective:
    """Return one setting's value in force, assuming that it may change."""
    if row.name in OWN:
        return asked
    if asked.source == "default":
        return Effective(row.key, before, "checkpoint")
    return asked if asked.value == before else asked._replace(changed_from=before)
