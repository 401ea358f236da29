"""Training from Python: the same run as `trainer fit`, with its settings as an object, a file, a mapping or by name.

Interface:
    import trainer
    result = trainer.fit("run.yaml", epochs=3)                      # a file, and changes by name
    result = trainer.fit({"data": {"data": "panel.parquet"}})       # settings by section
    result = trainer.fit(TrainerConfig(...))                        # the checked settings themselves

torch is imported once a run begins.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.config import SECTIONS, SettingError, TrainerConfig
from trainer.settings import Resolved, resolve, settings

if TYPE_CHECKING:
    from trainer.training.loop import FitResult

Settings = TrainerConfig | Mapping[str, Mapping[str, Any]] | Path | str
"""All settings of a run; those that are left out have their defaults."""


def fit(config: Settings | None = None, *, env: Mapping[str, str] | None = None, **changes: Any) -> FitResult:
    """Train, write the run's log, and return how the run ended.

    `config` is a `TrainerConfig`, a YAML or TOML file, or a mapping of sections; `changes` are settings by name, which
    win. Environment variables count only where `env` has them, except those of torchrun. In the log these settings
    have the source `call`, and a `TrainerConfig` asks for what differs from the default. In the main thread SIGINT and
    SIGTERM end the run after the current step, with a checkpoint and the status `stopped`.

    Raises TrainerError for settings or a panel that cannot be used; any other failure is in the log and the status.
    """
    resolved = resolve_call(config, changes, env=env)
    from trainer.training.loop import train
    from trainer.training.ranks import ranks_of
    from trainer.training.stopping import stop_on_signals

    is_main_thread = threading.current_thread() is threading.main_thread()
    with stop_on_signals() if is_main_thread else nullcontext() as stop:
        return train(resolved, command="trainer.fit", ranks=ranks_of(os.environ), stop=stop)


def resolve_call(
    config: Settings | None, changes: Mapping[str, Any], *, env: Mapping[str, str] | None = None
) -> Resolved:
    """Return the settings of a call and their sources. Raises SettingError."""
    file = Path(config) if isinstance(config, str | Path) else None
    asked: dict[str, dict[str, Any]] = {}
    if isinstance(config, TrainerConfig):
        asked = _not_default(config)
    elif isinstance(config, Mapping):
        asked = {section: dict(values) for section, values in config.items()}
    sections = {row.name: row.section for row in settings()}
    for name, value in changes.items():
        if name not in sections:
            near = difflib.get_close_matches(name, sections, n=3) or list(sections)[:3]
            raise SettingError(f"call: unknown setting {name!r}; expected one such as {', '.join(near)}, got {name}")
        asked.setdefault(sections[name], {})[name] = value
    return resolve(file=file, call=asked, env=env)


def _not_default(config: TrainerConfig) -> dict[str, dict[str, Any]]:
    """Return the settings that differ from their defaults, by section."""
    found: dict[str, dict[str, Any]] = {}
    for section, section_type in SECTIONS.items():
        for entry in fields(section_type):
            value = getattr(getattr(config, section), entry.name)
            if value != entry.default:
                found.setdefault(section, {})[entry.name] = value
    return found
