"""Runs a rule's own tests: folds their lines as a watch would, with the time taken from the lines."""

from __future__ import annotations

from io import BytesIO

from monitor.alert import State
from monitor.conditions import Background, Outcome
from monitor.conditions.reading import Band
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import Rule, RuleTest
from monitor.run.summary import RunSummary, summarise
from monitor.tail import read_lines

_WORDS = {Outcome.OK: "quiet", Outcome.UNKNOWN: "unknown", Outcome.NOT_APPLICABLE: "not_applicable"}


def outcome_of(rule: Rule, test: RuleTest) -> str:
    """Return what comes of a test's lines, in the words of ``then``, or else in words of its own."""
    pipeline = Pipeline(f"{rule.alert}: {test.name}", Engine([rule], _background(test)))
    transitions = [alert for line in read_lines(BytesIO(test.lines.encode())) for alert in pipeline.take(line)]
    now = None if pipeline.run.now is None else pipeline.run.now + test.wait
    if now is not None:
        transitions += pipeline.pass_time(now)
    states = [alert.state for alert in transitions]
    if states and states[-1] is State.FIRING:
        return "fires"
    if states == [State.FIRING, State.RESOLVED]:
        return "resolves"
    if states:
        return " ".join(states)
    snapshot = pipeline.snapshot(now, is_following=True)
    outcomes = {reading.outcome for _, readings in snapshot.readings for reading in readings}
    return _WORDS[outcomes.pop()] if len(outcomes) == 1 else f"mixed: {', '.join(sorted(outcomes))}"


def _background(test: RuleTest) -> Background:
    """Return what was known before the run, according to the test."""
    return Background(
        baseline=_other_run("baseline.log", test.baseline) if test.baseline else None,
        peers=(_other_run("peer.log", test.peer),) if test.peer else (),
        bands={
            signal: tuple(Band(each.epoch, each.least, each.most, tuple(sorted(each.where.items()))) for each in bands)
            for signal, bands in test.bands.items()
        },
    )


def _other_run(log: str, lines: str) -> RunSummary:
    other = Pipeline(log, Engine(()))
    for line in read_lines(BytesIO(lines.encode())):
        other.take(line)
    return summarise(other.run, log)
