"""The tables of the scoreboard, from the results of all runs: by kind, by healthy kind, by detector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from tests.scoreboard.healthy import HARD, PLAIN
from tests.scoreboard.kinds import KINDS, Kind
from tests.scoreboard.lives import LIVES, QUIET, STORY, LifeKind
from tests.scoreboard.recipes import TUNED_ON
from tests.scoreboard.runs import Judged

OURS = "trainwarden"


class KindRow(NamedTuple):
    """The results of all runs of one kind."""

    number: int
    kind: str
    provoked: str
    runs: int
    shown: int
    """Runs that reached the point from which the bound is counted."""
    detected: int
    first_right: int
    in_time: int
    """Detected runs that were not late."""
    median_delay: float | None
    worst_delay: float | None
    unit: str
    """Unit of the delays: steps or s."""
    bound: str


class ArchitectureRow(NamedTuple):
    """The results of the faulty runs of one network."""

    architecture: str
    runs: int
    detected: int
    first_right: int


class HealthyRow(NamedTuple):
    """The results of all runs of one healthy kind."""

    group: str
    """plain, hard or stories."""
    kind: str
    what: str
    runs: int
    false_alarms: int
    """Runs with an alert at warning or above."""
    rules: tuple[str, ...]
    """The rules that fired."""


class DetectorRow(NamedTuple):
    """The results of one detector on the same logs."""

    name: str
    source: str
    false_plain: tuple[int, int]
    """Runs with an alarm, and all runs."""
    false_hard: tuple[int, int]
    false_stories: tuple[int, int]
    kinds_in_every_run: tuple[int, int]
    """Kinds of training faults with an alarm after the onset and none before it in every run, and all kinds."""
    runs_caught: tuple[int, int]
    named_right: tuple[int, int]
    """Caught runs whose first alarm came from a rule for that kind, and all runs."""


class Miss(NamedTuple):
    """One run that missed the goal."""

    run: str
    what: str


class Tables(NamedTuple):
    """The whole scoreboard."""

    kinds: tuple[KindRow, ...]
    by_architecture: tuple[ArchitectureRow, ...]
    healthy: tuple[HealthyRow, ...]
    detectors: tuple[DetectorRow, ...]
    misses: tuple[Miss, ...]


def tables_of(runs: Sequence[Judged]) -> Tables:
    """Count all runs."""
    faulty, healthy = [r for r in runs if r.verdict], [r for r in runs if not r.verdict]
    return Tables(
        kinds=tuple(_kind_rows(faulty)),
        by_architecture=tuple(_architectures(faulty)),
        healthy=tuple(_healthy_rows(healthy)),
        detectors=tuple(_detectors(faulty, healthy)),
        misses=tuple(_misses(runs)),
    )


def is_in_time(run: Judged) -> bool:
    """Return whether a faulty run was detected within its bound; a run that never showed its fault is not late."""
    verdict = run.verdict
    return verdict is not None and verdict.is_detected and (verdict.over is None or verdict.over <= 0)


def group_of(run: Judged) -> str:
    """Return the group of a healthy run: plain, hard or stories."""
    return "stories" if run.job.architecture == STORY else PLAIN if run.job.kind == PLAIN else "hard"


def _kind_rows(faulty: Sequence[Judged]) -> Iterable[KindRow]:
    every: list[tuple[Kind | LifeKind, bool]] = [*((k, False) for k in KINDS), *((k, True) for k in LIVES)]
    for kind, is_story in sorted(every, key=lambda each: (each[0].number, each[1])):
        runs = [r for r in faulty if r.job.kind == kind.name and (r.job.architecture == STORY) == is_story]
        if not runs:
            continue
        verdicts = [r.verdict for r in runs if r.verdict]
        delays = [each.delay for each in verdicts if each.delay is not None]
        yield KindRow(
            number=kind.number,
            kind=kind.name,
            provoked=kind.what if isinstance(kind, LifeKind) else kind.provoked,
            runs=len(runs),
            shown=sum(each.is_shown for each in verdicts),
            detected=sum(each.is_detected for each in verdicts),
            first_right=sum(each.is_first_right for each in verdicts),
            in_time=sum(map(is_in_time, runs)),
            median_delay=median(delays) if delays else None,
            worst_delay=max(delays, default=None),
            unit="s" if is_story else "steps",
            bound=kind.bound if isinstance(kind, LifeKind) else kind.bound.words,
        )


def _architectures(faulty: Sequence[Judged]) -> Iterable[ArchitectureRow]:
    for name in dict.fromkeys([*TUNED_ON, *(r.job.architecture for r in faulty)]):
        verdicts = [r.verdict for r in faulty if r.job.architecture == name and r.verdict]
        if verdicts:
            detected, right = sum(v.is_detected for v in verdicts), sum(v.is_first_right for v in verdicts)
            yield ArchitectureRow(name, len(verdicts), detected, right)


def _healthy_rows(healthy: Sequence[Judged]) -> Iterable[HealthyRow]:
    what = {PLAIN: "warm-up, cosine and clip", **{each.name: each.what for each in HARD}}
    what |= {name: (tell.__doc__ or "").strip() for name, tell in QUIET.items()}
    for name, words in what.items():
        runs = [r for r in healthy if r.job.kind == name]
        if runs:
            loud = [r for r in runs if r.findings]
            rules = tuple(sorted({each.rule for r in loud for each in r.findings}))
            yield HealthyRow(group_of(runs[0]), name, words, len(runs), len(loud), rules)


def _detectors(faulty: Sequence[Judged], healthy: Sequence[Judged]) -> Iterable[DetectorRow]:
    trained = [r for r in faulty if r.job.architecture != STORY]
    caught = {OURS: {r.job.name: bool(r.verdict and r.verdict.is_detected and not r.verdict.early) for r in trained}}
    named = {OURS: {r.job.name: bool(r.verdict and r.verdict.is_first_right) for r in trained}}
    loud = {OURS: {r.job.name for r in healthy if r.findings}}
    sources = {OURS: "this project's rules"}
    for run in [*faulty, *healthy]:
        for each in run.rivals:
            sources[each.name] = each.source
            caught.setdefault(each.name, {})
            named.setdefault(each.name, {})
            loud.setdefault(each.name, set())
            if run.verdict is None:
                loud[each.name] |= {run.job.name} if each.alarms else set()
            elif run.job.architecture != STORY:
                caught[each.name][run.job.name] = each.has_caught
                named[each.name][run.job.name] = each.has_named
    for name, source in sources.items():
        yield DetectorRow(
            name,
            source,
            *(
                _share_of(loud[name], [r for r in healthy if group_of(r) == group])
                for group in (PLAIN, "hard", "stories")
            ),
            _kinds_in_every_run(caught[name], trained),
            (sum(caught[name].values()), len(trained)),
            (sum(is_named and caught[name][run] for run, is_named in named[name].items()), len(trained)),
        )


def _share_of(loud: set[str], runs: Sequence[Judged]) -> tuple[int, int]:
    return sum(r.job.name in loud for r in runs), len(runs)


def _kinds_in_every_run(caught: Mapping[str, bool], trained: Sequence[Judged]) -> tuple[int, int]:
    by_kind: defaultdict[str, list[bool]] = defaultdict(list)
    for run in trained:
        by_kind[run.job.kind].append(caught.get(run.job.name, False))
    return sum(map(all, by_kind.values())), len(by_kind)


def _misses(runs: Sequence[Judged]) -> Iterable[Miss]:
    for run in sorted(runs, key=lambda each: each.job.name):
        verdict = run.verdict
        if verdict is None:
            if run.findings:
                yield Miss(run.job.name, f"false alarm: {', '.join(dict.fromkeys(f.rule for f in run.findings))}")
            continue
        is_wrong_first = verdict.is_detected and not verdict.is_first_right and not verdict.early
        words = [
            *(["the run never reached the point from which the bound is counted"] if not verdict.is_shown else []),
            *([f"fired before the fault: {', '.join(verdict.early)}"] if verdict.early else []),
            *(["not detected"] if not verdict.is_detected else []),
            *([f"first label {verdict.first}"] if is_wrong_first else []),
            *([f"late by {verdict.over:g} {_unit(run)}"] if (verdict.over or 0) > 0 else []),
        ]
        if words:
            yield Miss(run.job.name, "; ".join(words))


def _unit(run: Judged) -> str:
    return "s" if run.job.architecture == STORY else "steps"


def as_json(tables: Tables) -> dict[str, Any]:
    """Return the tables as JSON values."""
    return {name: [row._asdict() for row in rows] for name, rows in tables._asdict().items()}


def from_json(document: Mapping[str, Any]) -> Tables:
    """Return the tables that `as_json` was given."""
    rows = (KindRow, ArchitectureRow, HealthyRow, DetectorRow, Miss)
    return Tables(
        *(
            tuple(row(**{key: _tupled(value) for key, value in each.items()}) for each in document[name])
            for name, row in zip(Tables._fields, rows, strict=True)
        )
    )


def _tupled(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
