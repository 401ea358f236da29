"""Watch file → `Config`; all the problems of the file at once, each with its line."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.base import resources
from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import Place, YamlFile
from monitor.config import model
from monitor.config.conditions import ConditionReader
from monitor.config.model import Config, ConfigError, FileSetting
from monitor.rules.problems import problems_of

if TYPE_CHECKING:
    from monitor.config import schema

PROBLEMS_SHOWN = 100
SAMPLE = "watch.yaml"


def load_config(path: Path) -> Config:
    """Read a watch file. Raises Problems with every problem of it; ConfigError where it is no YAML at all.

    Whether the rules that it names are there is asked of `unknown_rules`, once they are loaded.
    """
    return _ConfigFile(path).config()


def sample_text() -> str:
    """Return a watch file with every key, commented, as it is shipped."""
    return resources.template_path(SAMPLE).read_text(encoding="utf-8")


class _ConfigFile:
    """One file being read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = YamlFile(path, ConfigError)
        self._problems: list[MonitorError] = list(self._file.problems)
        self._conditions = ConditionReader(self._file.where, self._complain)

    def config(self) -> Config:
        from pydantic import ValidationError  # loaded here: the records need none of it

        from monitor.config.schema import ConfigFile

        data = self._file.data
        if data is None:
            data = {}
        if not isinstance(data, dict):
            self._complain((), "is no watch file", "key: value lines, as monitor config sample prints them")
            raise self._all()
        read = self._with_conditions(data)
        parsed = None
        try:
            parsed = ConfigFile.model_validate(read)
        except ValidationError as error:
            for place, text in problems_of(error, ConfigFile, read):
                self._problems.append(ConfigError(self._file.where(place), text))
        found = None if parsed is None else self._config(parsed)
        if self._problems or found is None:
            raise self._all()
        return found

    def _complain(self, place: Place, what: str, expected: str) -> None:
        name = ".".join(map(str, place))
        self._problems.append(
            ConfigError(self._file.where(place), f"{name}: {what}" if name else what, expected=expected)
        )

    def _all(self) -> Problems:
        told = sorted(self._problems, key=_line)[:PROBLEMS_SHOWN]
        if len(self._problems) > len(told):
            rest = f"has {len(self._problems) - len(told):,} more problems"
            told.append(ConfigError(str(self._path), rest, expected="a watch file"))
        return Problems(told)

    def _with_conditions(self, data: dict[str, object]) -> dict[str, object]:
        """Return the data with every ``when`` read; one that is wrong is complained of, and left out."""
        read = copy.deepcopy(data)
        for place, entry in _entries(read):
            if "when" in entry:
                entry["when"] = self._conditions.read(entry["when"], (*place, "when"))
        return read

    def _config(self, parsed: schema.ConfigFile) -> Config:
        notify, report = parsed.notify, parsed.report
        return Config(
            path=self._path,
            title=parsed.title,
            logs=parsed.logs,
            state=parsed.state,
            rules=tuple(map(Path, parsed.rules)),
            dialect=parsed.dialect,
            time_zone=parsed.time_zone,
            settings=tuple(self._settings(parsed.set)),
            disable=parsed.disable,
            sinks=parsed.sinks,
            notify=model.NotifyTimes(notify.group_wait, notify.group_interval, notify.repeat_interval),
            report=model.ReportTarget(report.out, report.every, report.format),
            baseline=parsed.baseline,
            peers=parsed.peers,
            objectives=tuple(
                model.Aim(each.title, each.aim, each.when, self._file.where(("objectives", index)))
                for index, each in enumerate(parsed.objectives)
            ),
            expected=tuple(self._course(each, index) for index, each in enumerate(parsed.expected)),
            timeline=tuple(_span(each) for each in parsed.timeline),
            stages=tuple(
                model.Stage(*each.epochs, each.expect, each.when, self._file.where(("stages", index)))
                for index, each in enumerate(parsed.stages)
            ),
            comparison=self._comparison(parsed.comparison),
            environment=tuple(model.Variable(name, value) for name, value in parsed.environment.items()),
            signs=parsed.signs,
            checklists=tuple(self._checklist(each, index) for index, each in enumerate(parsed.checklists)),
            notes=parsed.notes,
            references=tuple(model.Reference(title, text) for title, text in parsed.references.items()),
            places={
                name: self._file.where((key, index))
                for key in ("disable", "signs")
                for index, name in enumerate(getattr(parsed, key))
            },
        )

    def _settings(self, changes: dict[str, object]) -> Iterator[FileSetting]:
        for target, value in changes.items():
            rule, _, field = target.partition(".")
            yield FileSetting(rule, field, value, f"{self._file.where(('set', target))}: set {target}")

    def _course(self, course: schema.CoursePart, index: int) -> model.Course:
        place = ("expected", index)
        bands = []
        for epoch, level in sorted(course.by_epoch.items()):
            least, most = course.band(level)
            bands.append(model.Expectation(epoch, least, most, level.about is not None, level.note))
        return model.Course(
            signal=course.signal,
            title=course.title or course.signal,
            where=tuple(course.where.items()),
            bands=tuple(bands),
            target=course.target,
            target_note=course.target_note,
            place=self._file.where(place),
        )

    def _comparison(self, comparison: schema.ComparisonPart) -> model.Comparison:
        rows = []
        for index, row in enumerate(comparison.rows):
            place = ("comparison", "rows", index)
            labels, at = tuple(row.where.items()), self._file.where(place)
            rows.append(model.Before(row.title, row.signal, labels, row.value, row.above, row.below, at))
        return model.Comparison(comparison.title, tuple(rows), comparison.note)

    def _checklist(self, checklist: schema.ChecklistPart, index: int) -> model.Checklist:
        return model.Checklist(
            checklist.title,
            tuple(
                model.Item(item.item, item.when, item.done, self._file.where(("checklists", index, "items", number)))
                for number, item in enumerate(checklist.items)
            ),
        )


def _entries(data: dict[str, object]) -> Iterator[tuple[Place, dict[str, object]]]:
    """Yield the mappings of a file that may bear a condition, with their places."""
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


def _span(span: schema.SpanPart) -> model.Span:
    if span.epochs is None or span.takes is None:
        assert span.total is not None, "one of the two was given"
        return model.Span(None, None, *span.total, span.note)
    return model.Span(*span.epochs, *span.takes, span.note)


def _line(problem: MonitorError) -> int:
    number = problem.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
