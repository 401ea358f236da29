"""The aims of a run, each judged by its rules and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.conditions import Outcome
from monitor.config.model import Aim, Config
from monitor.grammar import Metrics
from monitor.report.figures import fact
from monitor.report.judgement import RuleVerdict, gathered, grounds, worst_applicable
from monitor.report.sections.epochs import frozen_words
from monitor.report.sections.gradients import GradientFlow
from monitor.report.sections.machine import utilisation
from monitor.report.statement import WORST_FIRST, Mark, Statement, worst
from monitor.report.watch_conditions import read_condition
from monitor.run.attempt import Attempt
from monitor.run.series import Series
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class Objective:
    """One aim of the run, and its verdict."""

    title: str
    aim: str
    mark: Mark
    grounds: tuple[Statement, ...]
    is_declared: bool = False
    """Whether a watch file asks for it."""

    @property
    def is_shown(self) -> bool:
        """Whether a short page has it: a watch file asks for it, or the log decides it."""
        return self.is_declared or self.mark in (Mark.OK, Mark.CAUTION, Mark.BREACH)


FOLDED_FROM = 3
"""Most grounds of one mark to list singly; more are named in one line. Chosen by hand, 2026-11."""
GRADIENTS = frozenset({"grad_zero", "grad_vanish", "grad_drop", "grad_explode", "grad_missing", "grad_nonfinite"})
DEGENERACY = frozenset({"pred_collapse", "resets_excess", "reset_failed"})
STABILITY = frozenset({"loss_nonfinite", "weight_nonfinite", "stall_silent", "soft_hang", "crash", "restart_loop"})
"""Kinds of fault that decide each aim."""
GRADIENT_PROOFS = frozenset({"grad_zero", "grad_vanish"})
DEGENERACY_PROOFS = frozenset({"pred_collapse", "resets_excess"})
STABILITY_PROOFS = frozenset({"loss_nonfinite"})
"""Kinds of fault whose absence proves each aim: a rule of another kind that is ok does not."""
CRASH_EVENTS = (
    *("text.traceback", "text.out_of_memory", "text.cuda_error", "text.killed"),
    *("run.error", "nonfinite", "checkpoint.conflict"),
)
DEGENERACY_EVENTS = ("guard.failed",)
"""Events that contradict an aim, even if no enabled rule watches for them."""


def objectives(
    snapshot: Snapshot, verdicts: Sequence[RuleVerdict], gradients: GradientFlow, config: Config | None = None
) -> tuple[Objective, ...]:
    """Return the aims of the watch file; by default those that the log's own quantities allow to judge."""
    if config is not None and config.objectives:
        return tuple(_declared(each, snapshot, verdicts) for each in config.objectives)
    attempt = snapshot.run.attempt
    gradient_grounds = [
        *_by_rules(verdicts, GRADIENTS),
        *gradients.contradictions,
        *_without_proof(verdicts, GRADIENTS, GRADIENT_PROOFS),
    ]
    of_metrics = _metrics_objective(snapshot)
    return (
        _objective("Confirm gradient flow", _gradient_aim(attempt), gradient_grounds),
        _objective(
            "Validate degeneracy prevention",
            "variance maintained",
            [
                *_by_rules(verdicts, DEGENERACY),
                *_events(attempt, DEGENERACY_EVENTS, verdicts),
                *_without_proof(verdicts, DEGENERACY, DEGENERACY_PROOFS),
            ],
        ),
        *([of_metrics] if of_metrics else []),
        _objective("Monitor GPU utilisation", "target: 60 %", [utilisation(attempt)]),
        _objective(
            "Verify training stability",
            "no crash, no NaN loss, no stall",
            [
                *_by_rules(verdicts, STABILITY),
                *_nonfinite_losses(attempt),
                *_events(attempt, CRASH_EVENTS, verdicts),
                *_without_proof(verdicts, STABILITY, STABILITY_PROOFS),
            ],
        ),
    )


def _declared(aim: Aim, snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> Objective:
    if aim.when is None:
        unproved = Statement("", "only a person can judge this: it has no condition", mark=Mark.UNKNOWN)
        return Objective(aim.title, aim.aim, Mark.UNKNOWN, (unproved,), is_declared=True)
    found = read_condition(aim.when, snapshot, verdicts)
    return Objective(aim.title, aim.aim, found.mark, _worst_first(found.grounds), is_declared=True)


def _worst_first(grounds: Sequence[Statement]) -> tuple[Statement, ...]:
    """Put grounds that need attention first; fold the others."""
    loud = [each for each in grounds if each.mark not in (Mark.OK, Mark.NOT_APPLICABLE)]
    loud.sort(key=lambda each: WORST_FIRST.index(each.mark or Mark.UNKNOWN))
    loud = gathered(loud)
    return (*loud, *_together(grounds, Mark.OK, "ok"), *_together(grounds, Mark.NOT_APPLICABLE, "not applicable"))


def _together(grounds: Sequence[Statement], mark: Mark, word: str) -> list[Statement]:
    same = [each for each in grounds if each.mark is mark]
    if len(same) <= FOLDED_FROM or not all(each.subject for each in same):
        return same
    names = ", ".join(dict.fromkeys(each.subject for each in same))
    lines = tuple(dict.fromkeys(line for each in same for line in each.evidence[-1:]))
    return [Statement(f"{len(same)} {word}", names, lines, mark)]


def _objective(title: str, aim: str, grounds: Sequence[Statement]) -> Objective:
    marks = [each.mark for each in grounds if each.mark is not None]
    return Objective(title, aim, worst_applicable(marks), _worst_first(grounds))


def _by_rules(verdicts: Sequence[RuleVerdict], faults: frozenset[str]) -> list[Statement]:
    found = grounds(verdict for verdict in verdicts if verdict.rule.fault in faults)
    return found or [Statement("", "no enabled rule covers this", mark=Mark.UNKNOWN)]


def _without_proof(verdicts: Sequence[RuleVerdict], faults: frozenset[str], proofs: frozenset[str]) -> list[Statement]:
    """Return that an aim is open, if some of its rules are ok, but none of those that prove it applies."""
    some_ok = any(each.outcome is Outcome.OK for each in verdicts if each.rule.fault in faults)
    is_provable = any(each.applies for each in verdicts if each.rule.fault in proofs)
    if not some_ok or is_provable:
        return []
    return [Statement("", "no rule that would prove this applies", mark=Mark.UNKNOWN)]


def _gradient_aim(attempt: Attempt) -> str:
    return "encoder gradients non-zero" if attempt.of("encoder_grad.norm") else "gradients non-zero"


def _metrics_objective(snapshot: Snapshot) -> Objective | None:
    """Return the aim to record metrics: those of our trainer, else those that the log names; None without any."""
    attempt, lacks = snapshot.run.attempt, snapshot.run.dialect.lacks
    is_possible = "metric.sharpe" not in lacks and Metrics.TAG not in (attempt.intent.not_logged or ())
    if is_possible:
        return _objective("Establish baseline metrics", "Sharpe, IC, RankIC recorded", _recorded_metrics(attempt))
    named = list(attempt.of("metric").items())
    if not named:
        return None
    grounds = [_figure_of(" ".join(value for _, value in labels), attempt, series) for labels, series in named]
    return _objective("Establish baseline metrics", "every metric of the log recorded", grounds)


def _recorded_metrics(attempt: Attempt) -> list[Statement]:
    stated = attempt.stated(Metrics)
    if stated is None:
        if attempt.ended is not None:
            text = "no METRICS line was seen, and the run has ended"
            return [Statement("", text, (attempt.ended.evidence,), Mark.BREACH)]
        done = f"{attempt.epochs_done} epochs ended" if attempt.epochs_done else "no epoch has ended"
        return [Statement("", f"no METRICS line was seen; {done}", mark=Mark.UNKNOWN)]
    return [_recorded(attempt, name, label) for name, label in _BASELINE_METRICS]


_BASELINE_METRICS = (("metric.sharpe", "Sharpe"), ("metric.ic", "IC"), ("metric.rank_ic", "RankIC"))


def _recorded(attempt: Attempt, name: str, label: str) -> Statement:
    series = attempt.of(name).get(())
    return fact(label, None) if series is None else _figure_of(label, attempt, series)


def _figure_of(label: str, attempt: Attempt, series: Series) -> Statement:
    last, lacking = series.last, _epochs_without(attempt, series)
    words = f"{last.value:.4f} in epoch {last.epoch}; recorded in {series.count} epochs"
    marks = [Mark.OK]
    if series.nonfinite:
        words += f", {series.nonfinite} times not a finite number"
        marks.append(Mark.CAUTION if math.isfinite(last.value) else Mark.BREACH)
    if lacking:
        words += f"; {lacking} of {attempt.epochs_done} ended epochs have none"
        marks.append(Mark.CAUTION)
    if frozen := frozen_words(series):
        words += f"; {frozen}"
        marks.append(Mark.CAUTION)
    return Statement(label, words, (last.evidence,), worst(marks))


def _epochs_without(attempt: Attempt, series: Series) -> int:
    ended = attempt.of("epoch.train_loss").get((), Series()).epochs
    return len(ended.keys() - series.epochs.keys())


def _nonfinite_losses(attempt: Attempt) -> list[Statement]:
    """Return losses that were ever not finite: a later finite one does not undo them."""
    found = []
    for name, label in (("train.loss", "training loss"), ("epoch.val_loss", "validation loss")):
        series = attempt.of(name).get(())
        if series is None or not series.nonfinite:
            continue
        lines = [point.evidence for point in series.recent if not math.isfinite(point.value)]
        words = f"not a finite number {series.nonfinite} times of {series.count}"
        found.append(Statement(label, words, tuple(lines[-1:]) or (series.last.evidence,), Mark.BREACH))
    return found


def _events(attempt: Attempt, signals: Sequence[str], verdicts: Sequence[RuleVerdict]) -> list[Statement]:
    """Return events that no rule watches for: an event without a rule must not look like health."""
    watched = {name for verdict in verdicts for name in verdict.rule.condition.watches}
    found = []
    for name in signals:
        series = list(attempt.of(name).values())
        if not series or name in watched:
            continue
        last = max((each.last.evidence for each in series), key=lambda line: line.offset)
        words = f"{sum(each.count for each in series)} seen, not judged by any rule; the last: {last.text}"
        found.append(Statement(name, words, (last,), Mark.CAUTION))
    return found
