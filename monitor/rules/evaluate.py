"""Rule + run → readings: the readings of the rule's condition, if the rule applies to the run."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace

from monitor.base.evidence import Evidence
from monitor.conditions import Context, Outcome, Reading
from monitor.conditions.freshness import step_s
from monitor.conditions.reading import MOST_SERIOUS_FIRST, not_applicable, unknown
from monitor.conditions.values import NO_SPAN, Span
from monitor.grammar import BatchReport, ProcessStopping, RunStart, SelectionShare
from monitor.reader.signals import CATALOGUE, UNREADABLE, Labels
from monitor.rules import Rule
from monitor.run.attempt import Attempt
from monitor.run.run import Run

OF_TELEMETRY = frozenset(
    {*(name for name, each in CATALOGUE.items() if each.tag == BatchReport.TAG), "weight.kept"}
    | {"floor.untrained", "floor.start", "train.mean_loss", "train.max_loss"}
)
"""Signals that only `Telemetry` writes, whose INTENT line says what it does not log."""
WHERE_LOGGED = frozenset({SelectionShare.TAG})
"""Lines of our grammar that a trainer may do without: a rule on them applies once one has come."""
OF_ENDS = frozenset({"crash", "ended_early"})
"""Faults of how a run ends."""


@dataclass(frozen=True)
class Mark:
    """A moment of the run: its time, step and epoch."""

    at: float | None
    step: int | None
    epoch: int

    def has_passed(self, span: Span, now: Mark) -> bool:
        """Whether ``now`` is at least a span of steps or epochs, or more than a span of seconds, after this moment."""
        if span == NO_SPAN:
            return True
        if span.unit == "s":
            # The same sum as in the deadline, so that both agree to the last bit.
            return self.at is not None and now.at is not None and now.at > self.at + span.amount
        if span.unit == "steps":
            return now.step is not None and now.step >= (self.step or 0) + span.amount
        return now.epoch >= self.epoch + span.amount


def present_moment(run: Run, now: float | None) -> Mark:
    """Return the present moment of a run."""
    return Mark(now, run.attempt.step, run.attempt.epoch)


def has_lasted(span: Span, since: Mark, run: Run, now: float | None) -> bool:
    """Whether a span has passed since a moment. Seconds, in a log without times, are counted by what its steps take."""
    present = present_moment(run, now)
    if span != NO_SPAN and span.unit == "s" and since.at is None and now is None:
        if since.step is None or present.step is None or (pace := step_s(run.attempt)) is None:
            return False
        return (present.step - since.step) * pace > span.amount
    return since.has_passed(span, present)


def evaluate(rule: Rule, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
    """Return at least one reading of a rule, each with different labels."""
    attempt = run.attempt
    if declared := _declared(rule, attempt) or _impossible(rule, run) or _stopped(rule, attempt):
        return [declared]
    if run.is_side and rule.condition.judges_silence:
        why = f"rank {run.rank} has reported no step of its own: the run's main log is judged instead"
        return [Reading(Outcome.NOT_APPLICABLE, why, evidence=(run.last,) if run.last else ())]
    if rule.by is not None:
        context = replace(context, asked=None)
    readings = rule.condition.readings(run, context, now, firing)
    if why := _not_yet(rule, attempt, now):
        readings = [_withheld(each, why) for each in readings]
    if unread := _unread(rule, attempt):
        readings = [_not_proven(each, *unread) for each in readings]
    return readings if rule.by is None else _merged(rule.by, readings)


def _unread(rule: Rule, attempt: Attempt) -> tuple[str, Evidence] | None:
    """Return that lines of a kind that a rule needs could not be read, with the newest of them; None if all were."""
    found = attempt.of(UNREADABLE)
    if not found:
        return None
    tags = {CATALOGUE[name].tag for signals in rule.signals_needed for name in signals}
    lines = [(dict(labels)["tag"], series) for labels, series in found.items() if dict(labels)["tag"] in tags]
    if not lines:
        return None
    tag, newest = max(lines, key=lambda each: each[1].last.serial)
    return f"[{tag}] lines that cannot be read: {sum(series.count for _, series in lines)}", newest.last.evidence


def _not_proven(reading: Reading, why: str, line: Evidence) -> Reading:
    if reading.outcome is not Outcome.OK:
        return reading
    return unknown(f"{why}; {reading.reason}", reading.labels, (*reading.evidence, line))


def is_declared_away(rule: Rule, attempt: Attempt) -> bool:
    """Whether the log has declared what a rule is not to be applied to; only a further INTENT line changes that."""
    return bool(rule.unless) and _declared(rule, attempt) is not None


def _declared(rule: Rule, attempt: Attempt) -> Reading | None:
    for word in rule.unless:
        value = getattr(attempt.intent, word)
        is_declared = value is not None and value != () and not (word == "accumulate" and value <= 1)
        if is_declared:
            return not_applicable(f"declared: {word}={value}", attempt.intent_evidence[word])
    return None


def _impossible(rule: Rule, run: Run) -> Reading | None:
    """Return not applicable if the trainer cannot log what a rule needs, as its dialect or its INTENT lines show."""
    dialect, intent = run.dialect, run.attempt.intent
    if dialect.line is None:
        return None
    for signals in rule.signals_needed:
        # A probe may supply what the log cannot hold.
        if any(run.attempt.of(name) for name in signals):
            continue
        if all(name in dialect.lacks for name in signals):
            return not_applicable("this trainer does not log it", dialect.line)
        if intent.not_logged and all(CATALOGUE[name].tag in intent.not_logged for name in signals):
            tag = CATALOGUE[min(signals)].tag
            line = run.attempt.intent_evidence["not_logged"]
            return not_applicable(f"declared: this trainer does not log {tag}", line)
        started = run.attempt.stated(RunStart)
        if started and all(CATALOGUE[name].tag in WHERE_LOGGED for name in signals):
            return not_applicable(f"no [{CATALOGUE[min(signals)].tag}] line so far", started[1])
        if started and not intent.not_logged and signals <= OF_TELEMETRY:
            return not_applicable("this trainer does not log it", started[1])
    return None


def _stopped(rule: Rule, attempt: Attempt) -> Reading | None:
    """Return not applicable for a rule on how a run ends, if the monitor itself ended it."""
    stated = attempt.stated(ProcessStopping)
    if stated is None or rule.fault not in OF_ENDS:
        return None
    return not_applicable(f"monitor run ended it because of {stated[0].alert}", stated[1])


def _not_yet(rule: Rule, attempt: Attempt, now: float | None) -> str:
    """Return why a breach does not count at this moment; empty if it counts."""
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


def _merged(by: tuple[str, ...], readings: list[Reading]) -> list[Reading]:
    """Merge the readings of series that differ only in other labels: the most serious counts."""
    groups: defaultdict[Labels, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[tuple(pair for pair in reading.labels if pair[0] in by)].append(reading)
    return [replace(min(group, key=_seriousness), labels=labels) for labels, group in groups.items()]


def _seriousness(reading: Reading) -> tuple[int, float, bool, int]:
    rank = -reading.severity.rank if reading.severity else 0
    first = reading.evidence[0].line if reading.evidence else math.inf
    return MOST_SERIOUS_FIRST.index(reading.outcome), rank, reading.is_early, int(min(first, 2**62))
