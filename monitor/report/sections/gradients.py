"""Which gradient reaches the encoder and each group of the model, and whether the figures confirm it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.base.evidence import Evidence
from monitor.conditions.reading import Background
from monitor.grammar import Data, EncoderGrad, GradReport, GroupGrad
from monitor.reader.dialects.state import NATIVE
from monitor.report.figures import SHOWN, bounded, sparkline
from monitor.report.judgement import RuleVerdict, ground
from monitor.report.sections.gradient_verdicts import judged_label, reads_signal
from monitor.report.statement import Mark, Statement, worst
from monitor.run.attempt import Attempt, shortened_labels
from monitor.run.summary import RunSummary
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class GroupRow:
    """One gradient group in the newest report; numbers are None where no report has the group."""

    mark: Mark
    group: str
    l2: float | None
    max: float | None
    grad: str | None
    """``22/23``: tensors with a gradient, out of all."""
    small: int | None
    none: int | None
    words: str
    """What the rules found; empty where all is ok."""
    contradictions: tuple[str, ...]
    """What in the figures themselves contradicts a check mark."""
    evidence: tuple[Evidence, ...]
    was: float | None = None
    """The L2 norm of the baseline run's last report; None without a baseline."""
    trend: str = ""
    """The L2 norms of the newest reports as a sparkline."""


@dataclass(frozen=True)
class GradientFlow:
    """Which gradient reaches which part of the model."""

    encoder: tuple[Statement, ...]
    report: Statement
    """The report that the groups are from."""
    groups: tuple[GroupRow, ...]
    left_out: int
    """Number of groups that are not shown."""
    contradictions: tuple[Statement, ...]
    """Figures that contradict a check mark, although no rule does."""
    observations: tuple[Statement, ...] = ()
    """Notable findings, computed from the figures."""


TENSORS = ("normalized_features", "projected_features")
"""The two encoder tensors that the trainer hooks."""
GROUPS = (
    *("prediction_head_shared", "prediction_head_heads", "backbone_projection", "adaptive_norm"),
    *("temporal_encoder", "input_projection", "variable_selection", "gat"),
)
"""The gradient groups of the trainer, in the order of its report."""
OURS = ("", NATIVE, "atft")
"""Dialects of the trainers whose model has these groups: ours, and the one that it follows."""
SELECTION_GROUP = "variable_selection"
"""The group with separate tensors for each input feature: a dead feature leaves them without gradient."""
FIRST_FEATURES, FIRST_TENSORS, PER_DEAD_FEATURE = 82, 1160, 3
"""The selection network of the original trainer: each dead one of its 82 features leaves 3 of its 1160 tensors small
(123 with 41 features dead, 243 with 81; with all dead 248, which is not a multiple)."""


def gradient_flow(
    snapshot: Snapshot, verdicts: Sequence[RuleVerdict], background: Background | None = None
) -> GradientFlow:
    """Return the encoder's lines and the newest report, group by group, as the rules judge them."""
    baseline = background.baseline if background else None
    attempt = snapshot.run.attempt
    stated = attempt.stated(GradReport)
    reported = {group.group: group for group in stated[0].groups} if stated else {}
    evidence = (stated[1],) if stated else ()
    names = list(dict.fromkeys((*(GROUPS if has_our_model(snapshot) else ()), *reported)))
    # Further groups whose norm came in a line outside a report; labels cut long names.
    reported_labels = {shortened_labels((("group", name),)) for name in names}
    names += [labels[0][1] for labels in attempt.of("grad.l2") if labels not in reported_labels]
    rows = [
        replace(_row(attempt, name, reported.get(name), evidence, verdicts), **_past(attempt, name, baseline))
        for name in names[:SHOWN]
    ]
    contradictions = [
        Statement(row.group, "; ".join(row.contradictions), row.evidence, Mark.CAUTION)
        for row in rows
        if row.contradictions
    ]
    encoder = _encoder(attempt, verdicts)
    return GradientFlow(
        encoder=encoder,
        report=_report(attempt, verdicts),
        groups=tuple(rows),
        left_out=len(names) - len(rows),
        contradictions=tuple(contradictions),
        observations=_observations(rows, encoder),
    )


def has_our_model(snapshot: Snapshot) -> bool:
    """Whether the page knows the groups and variables of this model by name."""
    return snapshot.run.dialect.name in OURS


def _past(attempt: Attempt, name: str, baseline: RunSummary | None) -> dict[str, Any]:
    """Return the norm of a group in the baseline run, and its trend."""
    labels = shortened_labels((("group", name),))
    series = attempt.of("grad.l2").get(labels)
    return {
        "was": None if baseline is None else baseline.last.get(("grad.l2", labels)),
        "trend": sparkline(point.value for point in series.recent) if series else "",
    }


def _observations(rows: Sequence[GroupRow], encoder: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return notable findings: changes since the baseline, doubts, the strongest and weakest group, and a summary."""
    reported = [row for row in rows if row.l2 is not None]
    found = [each for row in reported for each in _since_baseline(row)]
    doubted: dict[tuple[Mark, str], list[GroupRow]] = {}
    for row in rows:
        if row.mark in (Mark.BREACH, Mark.CAUTION):
            words = "; ".join(part for part in (*row.contradictions, row.words) if part)
            doubted.setdefault((row.mark, words or "by a rule"), []).append(row)
    for (mark, words), same in doubted.items():
        found.append(Statement(", ".join(row.group for row in same), words, same[0].evidence, mark))
    finite = [row for row in reported if row.l2 is not None and math.isfinite(row.l2)]
    if len(finite) > 1:
        strongest, weakest = max(finite, key=_norm), min(finite, key=_norm)
        words = f"strongest {strongest.group} (l2={strongest.l2:.2e}), weakest {weakest.group} (l2={weakest.l2:.2e})"
        found.append(Statement("", words, strongest.evidence))
    marks = [row.mark for row in rows] + [each.mark for each in encoder if each.mark is not None]
    shown = [row.evidence for row in reported] + [each.evidence for each in encoder]
    lines = tuple(dict.fromkeys(line for evidence in shown for line in evidence))
    if lines and {Mark.OK} == set(marks) - {Mark.NOT_APPLICABLE}:
        words = "every reported gradient path is ok by all rules"
        found.append(Statement("", words, lines, Mark.OK))
    elif set(marks) - {Mark.NOT_APPLICABLE}:
        num_bad, num_dark = sum(mark in (Mark.BREACH, Mark.CAUTION) for mark in marks), marks.count(Mark.UNKNOWN)
        words = f"{num_bad} of {len(marks)} gradient paths are doubtful or breached, {num_dark} unknown"
        found.append(Statement("", words, lines[:1], worst(marks)))
    return bounded(found)


def _since_baseline(row: GroupRow) -> Iterator[Statement]:
    if row.was is None or row.l2 is None or (row.was == 0) == (row.l2 == 0):
        return
    if row.was == 0:
        mark = Mark.OK if row.mark is Mark.OK else None  # any other finding follows with its own mark
        yield Statement(row.group, f"active: l2={row.l2:.2e}, was 0.00e+00 in the baseline run", row.evidence, mark)
    else:
        yield Statement(row.group, f"l2=0.00e+00, was {row.was:.2e} in the baseline run", row.evidence, Mark.CAUTION)


def _norm(row: GroupRow) -> float:
    return row.l2 or 0.0


def _encoder(attempt: Attempt, verdicts: Sequence[RuleVerdict]) -> tuple[Statement, ...]:
    stated = {record.tensor: (record, evidence) for record, evidence in attempt.all_stated(EncoderGrad)}
    found = []
    for tensor in dict.fromkeys((*TENSORS, *stated)):
        mark, words, line = judged_label("encoder_grad.", ("tensor", tensor), verdicts)
        if tensor not in stated:
            evidence = () if line is None else (line,)
            found.append(Statement(tensor, words or "not seen", evidence, _unless_proved(mark)))
            continue
        record, evidence_line = stated[tensor]
        step = "" if record.step is None else f" at step {record.step}"
        figures = f"grad_norm={record.norm:.3e} max={record.max:.3e}{step}"
        found.append(Statement(tensor, f"{figures}; {words}" if words else figures, (evidence_line,), mark))
    return bounded(found)


def _report(attempt: Attempt, verdicts: Sequence[RuleVerdict]) -> Statement:
    stated = attempt.stated(GradReport)
    if stated is None:
        off = [verdict for verdict in verdicts if reads_signal(verdict, "grad.l2") and not verdict.applies]
        if off and not attempt.of("grad.l2"):
            found = ground(off[0])
            return Statement("", found.text, found.evidence, found.mark)
        return Statement("", "no GRAD-MONITOR report of all groups was seen", mark=Mark.UNKNOWN)
    report, evidence = stated
    num_reports = max(series.count for series in attempt.of("grad.l2").values()) if attempt.of("grad.l2") else 0
    words = f"step={report.step}, epoch={report.epoch}, batch={report.batch}; report {num_reports} of this attempt"
    return Statement("", f"{words}; the run is at step {attempt.step}", (evidence,))


def _row(
    attempt: Attempt,
    name: str,
    found: GroupGrad | None,
    evidence: tuple[Evidence, ...],
    verdicts: Sequence[RuleVerdict],
) -> GroupRow:
    mark, words, line = judged_label("grad.", ("group", name), verdicts)
    if found is None:
        series = attempt.of("grad.l2").get(shortened_labels((("group", name),)))
        if series is not None and not evidence:
            # A single norm, from a trainer without reports of all groups.
            return GroupRow(mark, name, series.last.value, None, None, None, None, words, (), (series.last.evidence,))
        lines = () if line is None else (line,)
        words = words or ("not in the report" if evidence else "")
        return GroupRow(_unless_proved(mark), name, None, None, None, None, None, words, (), lines)
    against = tuple(_contradictions(attempt, name, found, is_breach=mark is Mark.BREACH))
    if against and mark is Mark.BREACH:
        # The figures already tell in full what the rule found.
        words = words.partition(": ")[0]
    if against and mark is Mark.OK:
        mark = Mark.CAUTION
    if found.none and not words and not against:
        words = f"{found.none} without gradient, as declared (L{attempt.intent_evidence['no_grad_expected'].line})"
    return GroupRow(
        mark=mark,
        group=name,
        l2=found.norm,
        max=found.max,
        grad=f"{found.grad.part}/{found.grad.whole}",
        small=found.small,
        none=found.none,
        words=words,
        contradictions=against,
        evidence=evidence,
    )


def _contradictions(attempt: Attempt, name: str, found: GroupGrad, *, is_breach: bool) -> Iterator[str]:
    """Yield what in the figures contradicts a check mark; for a breach, only what its rule does not tell."""
    if found.small and name == SELECTION_GROUP and found.norm > 0:
        yield f"{found.small} of {found.grad.whole} tensors without gradient{_inferred(attempt, found)}"
    if is_breach:
        return
    if not math.isfinite(found.norm) or not math.isfinite(found.max) or found.norm == 0:
        yield f"its norm is {found.norm:g}, its largest element {found.max:g}"
    if found.nonfinite:
        yield f"{found.nonfinite} elements are not finite"
    missing = max(found.none or 0, found.grad.whole - found.grad.part)
    declared = _declared_without(attempt, name)
    if missing > declared:
        yield f"{missing} of {found.grad.whole} tensors have no gradient, {declared or 'none'} declared"


def _inferred(attempt: Attempt, found: GroupGrad) -> str:
    """Return how many features are dead, where the layout of the network is known; else the likely cause."""
    data, dead = attempt.stated(Data), (found.small or 0) / PER_DEAD_FEATURE
    features = data[0].features if data else None
    is_known = found.grad.whole == FIRST_TENSORS and features == FIRST_FEATURES
    if is_known and dead.is_integer() and dead < FIRST_FEATURES:
        return f", inferred: {dead:.0f} of {FIRST_FEATURES} features dead"
    return ", as constant input features do"


def _declared_without(attempt: Attempt, name: str) -> int:
    """Return how many tensors of the group are declared to have no gradient: ``no_grad_expected=gat:1``."""
    for word in attempt.intent.no_grad_expected or ():
        group, _, count = word.partition(":")
        if group == name and count.isascii() and count.isdigit():
            return int(count)
    return 0


def _unless_proved(mark: Mark) -> Mark:
    """Return unknown in place of ok: a missing figure is never green."""
    return Mark.UNKNOWN if mark is Mark.OK else mark
