"""Builders of log lines, rules and watches for the scenarios of this folder.

Times are seconds after `START`. A log is a list of lines as bytes; `watch` runs rules over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from monitor import grammar
from monitor.alert import Alert, Severity
from monitor.conditions import Condition, Context, Reading
from monitor.engine.step import Engine
from monitor.grammar import Record, Share, format_line
from monitor.pipeline import Pipeline
from monitor.reader.event import read_event
from monitor.rules import Rule
from monitor.run.attempt import Attempt
from monitor.run.run import Run

START = 1_761_867_651.0
"""2025-10-30T23:40:51Z, the seed page's log."""


class Line(NamedTuple):
    """One line in its place, as the tail hands it over."""

    number: int
    offset: int
    data: bytes


def numbered(log: Iterable[bytes]) -> list[Line]:
    """Give each line its number and offset."""
    lines, offset = [], 0
    for number, data in enumerate(log, 1):
        lines.append(Line(number, offset, data))
        offset += len(data) + 1
    return lines


def at(seconds: float, record: Record, *, level: str | None = None) -> bytes:
    """Return a record's line, written so many seconds after `START`."""
    return format_line(START + seconds, record, level=level).encode()


def train(step: int, epoch: int = 1, *, loss: float = 0.5, epochs: int = 20) -> grammar.Train:
    """Return progress at a step."""
    return grammar.Train(epoch=Share(epoch, epochs), batch=Share(step % 500, 500), step=step, loss=loss)


def epoch_end(epoch: int, *, val_loss: float = 0.5, epochs: int = 20) -> grammar.Epoch:
    """Return the end line of an epoch."""
    return grammar.Epoch(epoch=Share(epoch, epochs), train_loss=0.5, val_loss=val_loss, lr=1e-4)


def reset(*, epoch: int | None = None, step: int | None = None, h: int = 5) -> grammar.GuardReset:
    """Return a reset of the prediction heads."""
    return grammar.GuardReset(h=h, scale=0.05, epoch=epoch, step=step)


def report(step: int, epoch: int = 1, **norms: float) -> grammar.GradReport:
    """Return a gradient report with these groups' norms."""
    groups = tuple(
        grammar.GroupGrad(group=group, norm=norm, max=norm, grad=Share(1, 1)) for group, norm in norms.items()
    )
    return grammar.GradReport(step=step, epoch=epoch, batch=1, groups=groups)


def setting(key: str, value: str) -> grammar.Config:
    """Return the echo of a setting."""
    return grammar.Config(key=key, value=value, source="env")


def run_of(log: Iterable[bytes]) -> Run:
    """Fold a log into a run."""
    run = Run()
    for line in numbered(log):
        event = read_event(line, "run.log")
        if event is not None:
            run.fold(event)
    return run


def attempt_of(log: Iterable[bytes]) -> Attempt:
    """Fold a log and return its last attempt."""
    return run_of(log).attempt


def ask(condition: Condition, log: Iterable[bytes], *, wait: float = 0.0, is_following: bool = True) -> list[Reading]:
    """Return what a condition says after a log and so many seconds of silence, with no alert out."""
    run = run_of(log)
    now = None if run.now is None else run.now + wait
    return condition.readings(run, Context(is_following), now, frozenset())


def rule(condition: Condition, *, name: str = "Probe", hold: float = 0.0) -> Rule:
    """Return a rule around a condition."""
    return Rule.model_validate(
        {
            "alert": name,
            "group": "probe",
            "fault": "probe",
            "severity": Severity.CRITICAL,
            "summary": "{reason}",
            "why": "to see it",
            "action": "look",
            "source": "the test",
            "hold": f"{hold}s",
            "condition": condition,
            "place": "probe.yaml:1",
        }
    )


def pipeline(rules: Sequence[Rule], *, log: str = "run.log") -> Pipeline:
    """Return a pipeline of one log with these rules."""
    return Pipeline(log, Engine(rules))


def take(watching: Pipeline, lines: Iterable[Line]) -> list[Alert]:
    """Feed lines to a pipeline and return every transition."""
    return [change for line in lines for change in watching.take(line)]


def watch(rules: Sequence[Rule], log: Iterable[bytes], *, wait: float = 0.0) -> tuple[Pipeline, list[Alert]]:
    """Run rules over a log, then let so many seconds pass; return every transition."""
    watching = pipeline(rules)
    changes = take(watching, numbered(log))
    if wait and watching.run.now is not None:
        changes += watching.pass_time(watching.run.now + wait)
    return watching, changes


def story(changes: Iterable[Alert]) -> list[tuple[str, str, float | None]]:
    """Return what happened: rule, state, seconds after `START`."""
    return [(each.rule, each.state.value, None if each.at is None else round(each.at - START, 6)) for each in changes]
