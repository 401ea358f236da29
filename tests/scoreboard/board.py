"""Every judged run in, the board's tables out, as plain figures: by kind, by healthy kind, by detector."""

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
    """What all runs of one kind came to."""

    number: int
    kind: str
    provoked: str
    runs: int
    shown: int
    """Runs that came to what the bound is counted from."""
    detected: int
    first_right: int
    in_time: int
    """Of those that were shown: told within the bound."""
    median_delay: float | None
    worst_delay: float | None
    unit: str
    """Of the delays: steps, or s."""
    bound: str


class ArchitectureRow(NamedTuple):
    """What the faulty runs of one network came to."""

    architecture: str
    runs: int
    detected: int
    first_right: int


class HealthyRow(NamedTuple):
    """What all runs of one healthy kind came to."""

    group: str
    """plain, hard or stories."""
    kind: str
    what: str
    runs: int
    false_alarms: int
    """Runs with an alert at warning or above."""
    rules: tuple[str, ...]
    """Those that fired."""


class DetectorRow(NamedTuple):
    """What one detector made of the same logs."""

    name: str
    source: str
    false_plain: tuple[int, int]
    """Runs with an alarm, of how many."""
    false_hard: tuple[int, int]
    false_stories: tuple[int, int]
    kinds_in_every_run: tuple[int, int]
    """Kinds of training faults of which every run had an alarm after the onset and none before, of how many."""
    runs_caught: tuple[int, int]
    named_right: tuple[int, int]
    """Of the runs caught: first alarm by a rule that names the kind."""


class Miss(NamedTuple):
    """One run that is not as the goal has it."""

    run: str
    what: str


class Tables(NamedTuple):
    """The whole board."""

    kinds: tuple[KindRow, ...]
    by_architecture: tuple[ArchitectureRow, ...]
    healthy: tuple[HealthyRow, ...]
    detectors: tuple[DetectorRow, ...]
    misses: tuple[Miss, ...]


def tables_of(runs: Sequence[Judged]) -> Tables:
    """Add everything up."""
    faulty, healthy = [r for r in runs if r.verdict], [r for r in runs if not r.verdict]
    return Tables(
        kinds=tuple(_kind_rows(faulty)),
        by_architecture=tuple(_architectures(faulty)),
        healthy=tuple(_healthy_rows(healthy)),
        detectors=tuple(_detectors(faulty, healthy)),
        misses=tuple(_misses(runs)),
    )


def is_in_time(run: Judged) -> bool:
    """Whether a faulty run was told within its bound; one that never showed its fault was not late."""
    said = run.verdict
    return said is not None and said.is_detected and (said.over is None or said.over <= 0)


def group_of(run: Judged) -> str:
    """Return which healthy runs it belongs to: plain, hard or stories."""
    return "stories" if run.job.architecture == STORY else PLAIN if run.job.kind == PLAIN else "hard"


def _kind_rows(faulty: Sequence[Judged]) -> Iterable[KindRow]:
    every: list[tuple[Kind | LifeKind, bool]] = [*((k, False) for k in KINDS), *((k, True) for k in LIVES)]
    for kind, is_story in sorted(every, key=lambda each: (each[0].number, each[1])):
        runs = [r for r in faulty if r.job.kind == kind.name and (r.job.architecture == STORY) == is_story]
        if not runs:
            continue
        said = [r.verdict for r in runs if r.verdict]
        delays = [each.delay for each in said if each.delay is not None]
        yield KindRow(
            number=kind.number,
            kind=kind.name,
            provoked=kind.what if isinstance(kind, LifeKind) else kind.provoked,
            runs=len(runs),
            shown=sum(each.is_shown for each in said),
            detected=sum(each.is_detected for each in said),
            first_right=sum(each.is_first_right for each in said),
            in_time=sum(map(is_in_time, runs)),
            median_delay=median(delays) if delays else None,
            worst_delay=max(delays, default=None),
            unit="s" if is_story else "steps",
            bound=kind.bound if isinstance(kind, LifeKind) else kind.bound.words,
        )


def _architectures(faulty: Sequence[Judged]) -> Iterable[ArchitectureRow]:
    for name in dict.fromkeys([*TUNED_ON, *(r.job.architecture for r in faulty)]):
        said = [r.verdict for r in faulty if r.job.architecture == name and r.verdict]
        if said:
            detected, right = sum(v.is_detected for v in said), sum(v.is_first_right for v in said)
            yield ArchitectureRow(name, len(said), detected, right)


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
        said = run.verdict
        if said is None:
            if run.findings:
                yield Miss(run.job.name, f"false alarm: {', '.join(dict.fromkeys(f.rule for f in run.findings))}")
            continue
        words = [
            *(["the run never came to what the bound is counted from"] if not said.is_shown else []),
            *([f"fired before the fault: {', '.join(said.early)}"] if said.early else []),
            *(["not detected"] if not said.is_detected else []),
            *([f"first label {said.first}"] if said.is_detected and not said.is_first_right and not said.early else []),
            *([f"late by {said.over:g} {_unit(run)}"] if (said.over or 0) > 0 else []),
        ]
        if words:
            yield Miss(run.job.name, "; ".join(words))


def _unit(run: Judged) -> str:
    return "s" if run.job.architecture == STORY else "steps"


def as_json(tables: Tables) -> dict[str, Any]:
    """Return the tables as a machine reads them."""
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
