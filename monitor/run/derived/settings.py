"""Settings of the command line that the log does not echo."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from monitor import grammar
from monitor.reader.signals import Sample
from monitor.run.derived.inputs import Known

NAMES_LIMIT = 32
"""Most absent settings reported; a command line can have any length."""


def absent_settings(known: Known) -> Iterator[Sample]:
    """Yield each setting of the command line that no CONFIG line echoes, if others are echoed."""
    started, echoed = known.stated(grammar.RunStart), known.all_stated(grammar.Config)
    from_command = {config.value for config, _ in echoed if config.source == "cli"}
    if started is None or not from_command:
        return
    names = {_plain(config.key) for config, _ in echoed}
    absent = 0
    for name, value in _asked(started[0].cmd or ""):
        is_echoed = _plain(name) in names or value in from_command
        if not is_echoed and absent < NAMES_LIMIT:
            absent += 1
            yield Sample("config.absent", (("name", name),), 1.0)


def _asked(command: str) -> Iterator[tuple[str, str]]:
    """Yield the settings of a command line: ``--name value``, ``--name=value`` and ``name=value``."""
    try:
        words = shlex.split(command)
    except ValueError:
        return
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.lstrip("-").partition("=")
        if not equals and word.startswith("--") and not following.startswith("--"):
            value = following
        is_setting = bool(equals) or word.startswith("--")
        # A file of settings is not a setting; its contents are echoed one by one.
        if is_setting and name and value and name not in ("config", "config-path", "config-name"):
            yield name, value


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
