"""Rule + run → verdict: what the condition says, where the rule applies at all."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace

from monitor.conditions import Context, Outcome, Reading
from monitor.conditions.line_cadence import Coverage
from monitor.conditions.missing import Missing
from monitor.conditions.reading import not_applicable, unknown
from monitor.conditions.stall import Stall
from monitor.conditions.values import NO_SPAN, Span
from monitor.reader.signals import CATALOGUE, Labels
from monitor.rules import Rule
from monitor.run.attempt import Attempt
from monitor.run.run import Run


@dataclass(frozen=True)
class Mark:
    """A moment of the run, by each of its measures."""

    at: float | None
    step: int | None
    epoch: int

    def has_passed(self, span: Span, now: Mark) -> bool:
        """Whether the run is now past this span from here: by more than so many seconds, or by so many steps."""
        if span == NO_SPAN:
            return True
        if span.unit == "s":
            # The sum is the deadline that time is run to, so that both agree to the last bit.
            return self.at is not None and now.at is not None and now.at > self.at + span.amount
        if span.unit == "steps":
            return now.step is not None and now.step >= (self.step or 0) + span.amount
        return now.epoch >= self.epoch + span.amount


def mark(run: Run, now: float | None) -> Mark:
    """Return the present moment of a run."""
    return Mark(now, run.attempt.step, run.attempt.epoch)


def verdict(rule: Rule, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
    """Return what a rule says now, at least one reading, each with other labels."""
    attempt = run.attempt
    if declared := _declared(rule, attempt) or _impossible(rule, run):
        return [declared]
    if run.is_side and isinstance(rule.condition, _OF_SILENCE):
        why = f"rank {run.rank} has told of no step of its own: the run's own log is judged for it"
        return [Reading(Outcome.NOT_APPLICABLE, why, evidence=(run.last,) if run.last else ())]
    if rule.by is not None:
        context = replace(context, asked=None)
    readings = rule.condition.readings(run, context, now, firing)
    if why := _not_yet(rule, attempt, now):
        readings = [_withheld(each, why) for each in readings]
    return readings if rule.by is None else _merged(rule.by, readings)


_OF_SILENCE = (Stall, Missing, Coverage)
"""Kinds that speak of what is not written."""


def _declared(rule: Rule, attempt: Attempt) -> Reading | None:
    for word in rule.unless:
        said = getattr(attempt.intent, word)
        is_said = said is not None and said != () and not (word == "accumulate" and said <= 1)
        if is_said:
            return not_applicable(f"declared: {word}={said}", attempt.intent_evidence[word])
    return None


def _impossible(rule: Rule, run: Run) -> Reading | None:
    """Say that the trainer cannot write what a rule needs: by its dialect, or by its own word."""
    dialect, intent = run.dialect, run.attempt.intent
    if dialect.line is None:
        return None
    for signals in rule.signals_needed:
        # A probe may have seen what the log cannot say.
        if any(run.attempt.of(name) for name in signals):
            continue
        if all(name in dialect.lacks for name in signals):
            return not_applicable("this trainer does not log it", dialect.line)
        if intent.not_logged and all(CATALOGUE[name].tag in intent.not_logged for name in signals):
            tag = CATALOGUE[min(signals)].tag
            said = run.attempt.intent_evidence["not_logged"]
            return not_applicable(f"declared: this trainer does not log {tag}", said)
    return None


def _not_yet(rule: Rule, attempt: Attempt, now: float | None) -> str:
    """Say why a breach would be none at this moment; empty where it counts."""
    start = Mark(attempt.began_at, attempt.first_train_step, attempt.first_epoch)
    if not start.has_passed(rule.after, Mark(now, attempt.step, attempt.epoch)):
        return f"still warming up: judged after {rule.after}"
    if rule.phase and attempt.phase not in rule.phase:
        return f"in phase {attempt.phase}; judged in {', '.join(rule.phase)}"
    return ""


def _withheld(reading: Reading, why: str) -> Reading:
    if reading.outcome is not Outcome.BREACH:
        return reading
    return unknown(f"{why}; {reading.reason}", reading.labels, reading.evidence)


_LOUDEST = (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK, Outcome.NOT_APPLICABLE)


def _merged(by: tuple[str, ...], readings: list[Reading]) -> list[Reading]:
    """Let series that differ in other labels alone answer as one: the loudest speaks."""
    groups: defaultdict[Labels, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[tuple(pair for pair in reading.labels if pair[0] in by)].append(reading)
    return [replace(min(group, key=_loudness), labels=labels) for labels, group in groups.items()]


def _loudness(reading: Reading) -> tuple[int, float, int]:
    rank = -reading.severity.rank if reading.severity else 0
    first = reading.evidence[0].line if reading.evidence else math.inf
    return _LOUDEST.index(reading.outcome), rank, int(min(first, 2**62))
