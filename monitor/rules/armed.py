"""Rules + run → coverage: which rules can fire within their promises, and what to change where one cannot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.conditions import Context, Outcome
from monitor.conditions.cadence import CADENCE_SETTINGS
from monitor.conditions.freshness import CADENCES_ALLOWED, absence, cadence_steps, line_kind, step_s
from monitor.conditions.line_cadence import freshest, pace, silence
from monitor.conditions.reach import cadence_of_run, reach_of
from monitor.conditions.values import Span
from monitor.reader.signals import CATALOGUE, Signal
from monitor.rules import Rule
from monitor.rules.evaluate import evaluate
from monitor.run.attempt import Attempt
from monitor.run.run import Run


class Armed(StrEnum):
    """Whether a rule could fire in time if its fault happened now."""

    ARMED = "armed"
    """Its lines come, and often enough."""
    LATE = "late"
    """Its lines come, but further apart than its promise allows."""
    BLIND = "blind"
    """Its lines do not come, or no longer come: it cannot fire at all."""
    WAITING = "waiting"
    """Its lines have not come yet, and are not late."""
    OFF = "off"
    """The run declared that there is nothing to check."""


class RuleCoverage(NamedTuple):
    """What to expect of one rule."""

    rule: Rule
    state: Armed
    reason: str
    """Why, in words and figures."""
    advice: str
    """What to change; empty if nothing."""
    evidence: tuple[Evidence, ...]
    """The newest lines that it would fire on, or the lines that declare it off."""


def coverage_of(rules: Iterable[Rule], run: Run, now: float | None) -> list[RuleCoverage]:
    """Return, for each rule, whether it can fire in time, judged by the run up to ``now``."""
    return [_coverage(rule, run, now) for rule in rules]


def _coverage(rule: Rule, run: Run, now: float | None) -> RuleCoverage:
    readings = evaluate(rule, run, Context(), now, frozenset())
    if all(each.outcome is Outcome.NOT_APPLICABLE for each in readings):
        return RuleCoverage(rule, Armed.OFF, readings[0].reason, "", readings[0].evidence)
    signals = dict.fromkeys(rule.condition.signals_to_keep_coming())
    found = [_of_signal(rule, run.attempt, name, is_paced=is_paced) for name, is_paced in signals]
    if not found:
        return _of_time(rule, run)
    worst = min(found, key=lambda each: _WORST.index(each.state))
    if worst.state is not Armed.ARMED:
        return worst
    return worst._replace(evidence=tuple(dict.fromkeys(line for each in found for line in each.evidence)))


_WORST = (Armed.BLIND, Armed.LATE, Armed.WAITING, Armed.OFF, Armed.ARMED)


def _of_time(rule: Rule, run: Run) -> RuleCoverage:
    """Judge a rule that needs no particular signal: it depends on time, or on the run's steps."""
    lines = () if run.last is None else (run.last,)
    if run.last is None:
        return RuleCoverage(rule, Armed.WAITING, "no line was written yet", "", lines)
    if rule.condition.needs_times and run.heard_at is None:
        return RuleCoverage(rule, Armed.BLIND, "the log's lines carry no times", "write a time in each line", lines)
    return RuleCoverage(rule, Armed.ARMED, "depends only on time and on the run's steps", "", lines)


def _of_signal(rule: Rule, attempt: Attempt, name: str, *, is_paced: bool) -> RuleCoverage:
    """Judge a rule by one signal that it needs."""
    signal, series = CATALOGUE[name], freshest(attempt, name)
    silent = silence(attempt, name)
    if series is None:
        absent = absence(attempt, name)
        assert absent is not None
        if absent.outcome is Outcome.NOT_APPLICABLE:
            return RuleCoverage(rule, Armed.OFF, absent.reason, f"set {signal.switch}=1", absent.evidence)
        if silent or _is_past_its_start(attempt, signal):
            return RuleCoverage(rule, Armed.BLIND, absent.reason, _advice_to_write(signal, name), ())
        return RuleCoverage(rule, Armed.WAITING, absent.reason, "", ())
    lines = (series.last.evidence,)
    if silent:
        return RuleCoverage(rule, Armed.BLIND, silent, _advice_to_write(signal, name), lines)
    reach = reach_of(attempt, signal, series)
    if reach is not None and not reach.covers:
        return RuleCoverage(
            rule, Armed.BLIND, reach.words(signal.tag or name), _advice_to_repeat(attempt, signal), lines
        )
    if is_paced and (late := _late(rule, attempt, signal)):
        return RuleCoverage(rule, Armed.LATE, *late, lines)
    return RuleCoverage(rule, Armed.ARMED, f"{line_kind(signal)}s with {name} come", "", lines)


def _late(rule: Rule, attempt: Attempt, signal: Signal) -> tuple[str, str] | None:
    """Return that a signal comes too rarely for a rule's promise, and what to change; None if it comes often enough."""
    promised: Span | None = rule.within
    reported = pace(attempt, signal.name, step_s(attempt))
    if promised is None or reported is None:
        return None
    if promised.unit == "s" and reported.seconds > promised.amount:
        words = f"{reported.words(signal.tag)}; {rule.alert} promises {promised.amount:,.0f} s"
        return words, reported.advice(signal, promised.amount)
    if promised.unit == "steps" and reported.steps > promised.amount:
        words = f"{signal.tag} every {reported.steps:,} steps; {rule.alert} promises {promised.amount:,.0f} steps"
        return words, f"report it at least every {promised.amount:,.0f} steps"
    return None


def _advice_to_repeat(attempt: Attempt, signal: Signal) -> str:
    """Return which cadence would cover the run."""
    if signal.is_timed or signal.cadence == "epoch":
        return f"find out why no further {line_kind(signal)} is written"
    setting = CADENCE_SETTINGS.get(signal.cadence or "")
    most = math.floor(cadence_of_run(attempt))
    return f"set {setting} to at most {most:,}" if setting else f"report it at least every {most:,} steps"


def _is_past_its_start(attempt: Attempt, signal: Signal) -> bool:
    """Whether a signal that never came should have come by now."""
    if signal.cadence == "once":
        # A signal with the status of a run comes with its end line.
        return attempt.step is not None and "status" not in signal.labels
    if signal.cadence == "epoch":
        return attempt.epoch - attempt.first_epoch > CADENCES_ALLOWED
    if attempt.step is None or attempt.first_train_step is None:
        return False
    return attempt.step - attempt.first_train_step > CADENCES_ALLOWED * cadence_steps(attempt, signal, None)


def _advice_to_write(signal: Signal, name: str) -> str:
    if signal.switch:
        return f"set {signal.switch}=1, and find out why no [{signal.tag}] line is written"
    return f"find out why no {line_kind(signal)} with {name} is written"
