"""What gradient reaches the encoder and each group of the model, and whether the figures bear it out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from monitor.attempt import Attempt, shortened_labels
from monitor.conditions import Outcome, Reading
from monitor.evidence import Evidence
from monitor.logline import EncoderGrad, GradReport, GroupGrad
from monitor.report.figures import SHOWN, bounded
from monitor.report.judgement import Verdict, ground, history, worst_applicable
from monitor.report.model import GradientFlow, GroupRow, Mark, Statement
from monitor.watcher import Snapshot

TENSORS = ("normalized_features", "projected_features")
"""The two encoder tensors that the trainer hooks."""
GROUPS = (
    *("prediction_head_shared", "prediction_head_heads", "backbone_projection", "adaptive_norm"),
    *("temporal_encoder", "input_projection", "variable_selection", "gat"),
)
"""The gradient groups of the trainer, in the order of its report."""
SELECTION_GROUP = "variable_selection"
"""The group with tensors of its own for each input feature: a dead feature leaves them without gradient."""


def gradient_flow(snapshot: Snapshot, verdicts: Sequence[Verdict]) -> GradientFlow:
    """Return the encoder's lines and the newest report, group by group, as the rules judge them."""
    attempt = snapshot.run.attempt
    stated = attempt.stated(GradReport)
    reported = {group.group: group for group in stated[0].groups} if stated else {}
    evidence = (stated[1],) if stated else ()
    names = list(dict.fromkeys((*GROUPS, *reported)))
    rows = [_row(attempt, name, reported.get(name), evidence, verdicts) for name in names[:SHOWN]]
    contradictions = [
        Statement(row.group, "; ".join(row.contradictions), row.evidence, Mark.CAUTION)
        for row in rows
        if row.contradictions
    ]
    return GradientFlow(
        encoder=_encoder(attempt, verdicts),
        report=_report(attempt, verdicts),
        groups=tuple(rows),
        left_out=len(names) - len(rows),
        contradictions=tuple(contradictions),
    )


def _encoder(attempt: Attempt, verdicts: Sequence[Verdict]) -> tuple[Statement, ...]:
    stated = {record.tensor: (record, evidence) for record, evidence in attempt.all_stated(EncoderGrad)}
    found = []
    for tensor in dict.fromkeys((*TENSORS, *stated)):
        mark, words, line = _judged("encoder_grad.", ("tensor", tensor), verdicts)
        if tensor not in stated:
            evidence = () if line is None else (line,)
            found.append(Statement(tensor, words or "not seen", evidence, _unless_proved(mark)))
            continue
        record, evidence_line = stated[tensor]
        step = "" if record.step is None else f" at step {record.step}"
        figures = f"grad_norm={record.norm:.3e} max={record.max:.3e}{step}"
        found.append(Statement(tensor, f"{figures}; {words}" if words else figures, (evidence_line,), mark))
    return bounded(found)


def _report(attempt: Attempt, verdicts: Sequence[Verdict]) -> Statement:
    stated = attempt.stated(GradReport)
    if stated is None:
        absent = [ground(verdict) for verdict in verdicts if _reads(verdict, "grad.")]
        if absent:
            return Statement("", absent[0].text, absent[0].evidence, absent[0].mark)
        return Statement("", "no GRAD-MONITOR report was seen", mark=Mark.UNKNOWN)
    report, evidence = stated
    num_reports = max(series.count for series in attempt.of("grad.l2").values()) if attempt.of("grad.l2") else 0
    words = f"step={report.step}, epoch={report.epoch}, batch={report.batch}; report {num_reports} of this attempt"
    return Statement("", f"{words}, which is at step {attempt.step} now", (evidence,))


def _row(
    attempt: Attempt,
    name: str,
    found: GroupGrad | None,
    evidence: tuple[Evidence, ...],
    verdicts: Sequence[Verdict],
) -> GroupRow:
    mark, words, line = _judged("grad.", ("group", name), verdicts)
    if found is None:
        lines = () if line is None else (line,)
        words = words or "not in the report" if evidence else ""
        return GroupRow(_unless_proved(mark), name, None, None, None, None, None, words, (), lines)
    # A breach has said it already.
    against = () if mark is Mark.BREACH else tuple(_contradictions(attempt, name, found))
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


def _contradictions(attempt: Attempt, name: str, found: GroupGrad) -> Iterator[str]:
    """Say what in the figures themselves speaks against a check mark."""
    if not math.isfinite(found.norm) or not math.isfinite(found.max) or found.norm == 0:
        yield f"its norm is {found.norm:g}, its largest element {found.max:g}"
    if found.nonfinite:
        yield f"{found.nonfinite} elements are not finite"
    if found.small and name == SELECTION_GROUP:
        yield (
            f"{found.small} of {found.grad.whole} tensors have a vanishing gradient, "
            f"as constant input features leave them"
        )
    missing = max(found.none or 0, found.grad.whole - found.grad.part)
    declared = _declared_without(attempt, name)
    if missing > declared:
        yield f"{missing} of {found.grad.whole} tensors have no gradient, {declared or 'none'} declared"


def _declared_without(attempt: Attempt, name: str) -> int:
    """Return how many tensors of the group the run declared to have no gradient: ``no_grad_expected=gat:1``."""
    for word in attempt.intent.no_grad_expected or ():
        group, _, count = word.partition(":")
        if group == name and count.isascii() and count.isdigit():
            return int(count)
    return 0


def _judged(prefix: str, label: tuple[str, str], verdicts: Sequence[Verdict]) -> tuple[Mark, str, Evidence | None]:
    """Return the mark for one label, the words of every answer that is not ok, and the newest line they name."""
    marks: list[Mark] = []
    words: list[tuple[Mark, str]] = []
    evidence: list[Evidence] = []
    for verdict in verdicts:
        readings = [each for each in verdict.readings if _speaks_of(each, label)]
        # A rule that tells no labels apart speaks of the whole model: it has its place among the warning signs.
        if not _reads(verdict, prefix) or label[0] not in verdict.rule.labels or not readings:
            continue
        mark = verdict.mark_of(readings)
        marks.append(mark)
        evidence += [line for reading in readings for line in reading.evidence]
        if readings[0].outcome is not Outcome.OK:
            words.append((mark, f"{verdict.rule.alert}: {readings[0].reason}"))
        elif mark is not Mark.OK:
            words.append((mark, f"{verdict.rule.alert} {history(verdict.standing or verdict.past)}"))
    if not marks:
        return Mark.UNKNOWN, "no rule in force judges this", None
    if Mark.OK in marks:
        # What needs a longer past to judge does not take back what the present figures prove.
        marks = [mark for mark in marks if mark is not Mark.UNKNOWN]
        words = [(mark, said) for mark, said in words if mark is not Mark.UNKNOWN]
    said = "; ".join(dict.fromkeys(text for _, text in words))
    return worst_applicable(marks), said, max(evidence, key=_offset, default=None)


def _reads(verdict: Verdict, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in verdict.rule.condition.watches)


def _speaks_of(reading: Reading, label: tuple[str, str]) -> bool:
    return not reading.labels or shortened_labels((label,))[0] in reading.labels


def _unless_proved(mark: Mark) -> Mark:
    """A figure that is not there is never green."""
    return Mark.UNKNOWN if mark is Mark.OK else mark


def _offset(evidence: Evidence) -> int:
    return evidence.offset
