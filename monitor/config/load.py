"""Watch file → `Config`; all the problems of the file at once, each with its line."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from monitor.base import resources
from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import Place, YamlFile
from monitor.config.conditions import ConditionReader
from monitor.config.model import Config, ConfigError
from monitor.rules.problems import problems_of

PROBLEMS_SHOWN = 100
SAMPLE = "watch.yaml"


def load_config(path: Path) -> Config:
    """Read a watch file. Raises Problems with every mistake in it, ConfigError where it is not YAML at all.

    `Config.unknown_rules` checks the rules that it names, once they are loaded.
    """
    return _ConfigFile(path).config()


def sample_text() -> str:
    """Return the shipped sample: a watch file with every key, commented."""
    return resources.template_path(SAMPLE).read_text(encoding="utf-8")


class _ConfigFile:
    """One file while it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = YamlFile(path, ConfigError)
        self._problems: list[MonitorError] = list(self._file.problems)
        self._conditions = ConditionReader(self._file.where, self._complain)

    def config(self) -> Config:
        data = self._file.data
        if data is None:
            data = {}
        if not isinstance(data, dict):
            self._complain((), "not a watch file", "key: value lines, as monitor config sample prints them")
            raise self._all()
        read = self._with_conditions(data)
        found = None
        try:
            found = Config.model_validate(read)
        except ValidationError as error:
            for place, text in problems_of(error, Config, read):
                self._problems.append(ConfigError(self._file.where(place), text))
        if self._problems or found is None:
            raise self._all()
        return found.read_from(self._path, self._places(found))

    def _complain(self, place: Place, what: str, expected: str) -> None:
        name = ".".join(map(str, place))
        self._problems.append(
            ConfigError(self._file.where(place), f"{name}: {what}" if name else what, expected=expected)
        )

    def _all(self) -> Problems:
        shown = sorted(self._problems, key=_line)[:PROBLEMS_SHOWN]
        if len(self._problems) > len(shown):
            rest = f"has {len(self._problems) - len(shown):,} more problems"
            shown.append(ConfigError(str(self._path), rest, expected="a watch file"))
        return Problems(shown)

    def _with_conditions(self, data: dict[str, object]) -> dict[str, object]:
        """Return the data with every ``when`` read; a wrong one is left out, with a problem noted."""
        read = copy.deepcopy(data)
        for place, entry in _entries(read):
            if "when" in entry:
                entry["when"] = self._conditions.read(entry["when"], (*place, "when"))
        return read

    def _places(self, config: Config) -> dict[tuple[str, str], str]:
        places = {("set", target): self._file.where(("set", target)) for target in config.set}
        for key in ("disable", "signs"):
            for index, name in enumerate(getattr(config, key)):
                places[key, name] = self._file.where((key, index))
        return places


def _entries(data: dict[str, object]) -> Iterator[tuple[Place, dict[str, object]]]:
    """Yield the mappings of a file that may have a condition, with their places."""
    for key in ("objectives", "stages", "checklists"):
        for index, entry in enumerate(_list(data.get(key))):
            if not isinstance(entry, dict):
                continue
            yield (key, index), entry
            for number, item in enumerate(_list(entry.get("items")) if key == "checklists" else []):
                if isinstance(item, dict):
                    yield (key, index, "items", number), item


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _line(problem: MonitorError) -> int:
    number = problem.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
