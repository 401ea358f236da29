"""The process and the GPUs, by the newest PROC and GPU lines."""

from __future__ import annotations

import math

from monitor.base.evidence import Evidence
from monitor.grammar import Gpu, Process
from monitor.reader.signals import Labels
from monitor.report.figures import bounded, duration, fact, megabytes, moment, share
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.run.series import Point, Series
from monitor.snapshot import Snapshot

TARGET_UTILISATION_PCT = 60.0
"""The status page that this project started from asks for 60 % or more."""
JUDGED_FROM_S = 300.0
"""Utilisation is judged over five minutes after the first step (FAULTS: gpu_underuse)."""
_STATES = {"R": "running", "S": "sleeping", "D": "in uninterruptible sleep", "T": "stopped", "Z": "zombie"}


def process(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return the facts about the training process."""
    stated = snapshot.run.attempt.stated(Process)
    if stated is None:
        return (Statement("", "No PROC line was seen.", mark=Mark.UNKNOWN),)
    seen, evidence = stated
    memory = None
    if seen.rss_mb is not None:
        memory = megabytes(seen.rss_mb)
        if seen.ram_total_mb:
            memory = f"{memory} of {megabytes(seen.ram_total_mb)}{share(seen.rss_mb, seen.ram_total_mb)}"
    return (
        fact("As of", moment(evidence.at), evidence),
        fact("PID", str(seen.pid), evidence),
        fact("Status", None if seen.stat is None else _state_words(seen.stat), evidence),
        fact("CPU Usage", None if seen.cpu_pct is None else f"{seen.cpu_pct:.1f} %", evidence),
        fact("Memory", memory, evidence),
        fact("Runtime", None if seen.etime_s is None else duration(seen.etime_s), evidence),
    )


def gpu(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return the facts about each GPU; not applicable where the run declared that it uses none."""
    attempt = snapshot.run.attempt
    if declared := cpu_only(attempt):
        return (Statement("", "The run declared device=cpu.", (declared,), Mark.NOT_APPLICABLE),)
    cards = attempt.all_stated(Gpu)
    if not cards:
        return (Statement("", "No GPU line was seen.", mark=Mark.UNKNOWN),)
    found: list[Statement] = []
    for card, evidence in cards:
        number = "" if card.index is None else f" {card.index}"
        used = None
        if card.used_mb is not None:
            used = f"{card.used_mb:.0f} MB"
            if card.total_mb:
                used = f"{used} / {card.total_mb:.0f} MB{share(card.used_mb, card.total_mb)}"
        found += [
            fact(f"GPU{number} as of", moment(evidence.at), evidence),
            fact(f"GPU{number} Utilization", _utilisation_words(card, evidence, attempt), evidence),
            fact(f"GPU{number} Memory", used, evidence),
            fact(f"GPU{number} Model", card.name, evidence),
        ]
        if card.temp_c is not None:
            found.append(fact(f"GPU{number} Temperature", f"{card.temp_c:.0f} °C", evidence))
        if card.power_w is not None:
            found.append(fact(f"GPU{number} Power", f"{card.power_w:.0f} W", evidence))
    return bounded(found)


def cpu_only(attempt: Attempt) -> Evidence | None:
    """Return the line that declares that the run uses no GPU; None without one."""
    return attempt.intent_evidence["device"] if attempt.intent.device == "cpu" else None


def utilisation(attempt: Attempt) -> Statement:
    """Judge the use of the GPUs by the 95th percentile of the samples since the first step."""
    if declared := cpu_only(attempt):
        return Statement("", "the run declared device=cpu", (declared,), Mark.NOT_APPLICABLE)
    cards = attempt.of("gpu.util_pct")
    if not cards:
        return Statement("", "no GPU line was seen", mark=Mark.UNKNOWN)
    steps = attempt.of("train.loss").get(())
    began = steps.first.at if steps and steps.first else None
    judged = [_judged(labels, series, began) for labels, series in cards.items()]
    return min(judged, key=lambda each: _WORST_FIRST.index(each.mark))


_WORST_FIRST = (Mark.BREACH, Mark.UNKNOWN, Mark.OK)


def _judged(labels: Labels, series: Series, began: float | None) -> Statement:
    card = f"GPU {dict(labels)['index']}"
    points = [point for point in series.recent if _is_since(point, began)]
    if not points:
        last = series.last
        return Statement(card, f"{last.value:.0f} %, before the first step: not judged", (last.evidence,), Mark.UNKNOWN)
    times = [point.at for point in points if point.at is not None]
    span_s = max(times) - min(times)
    values = sorted(point.value for point in points)
    percentile = values[math.ceil(0.95 * len(values)) - 1]
    words = f"95th percentile {percentile:.0f} % of {len(values)} samples over {duration(span_s)}"
    if span_s < JUDGED_FROM_S:
        words += f"; judged from {duration(JUDGED_FROM_S)} on"
        return Statement(card, words, (points[-1].evidence,), Mark.UNKNOWN)
    mark = Mark.OK if percentile >= TARGET_UTILISATION_PCT else Mark.BREACH
    return Statement(card, words, (points[0].evidence, points[-1].evidence), mark)


def _is_since(point: Point, began: float | None) -> bool:
    return began is not None and point.at is not None and point.at >= began and math.isfinite(point.value)


def _utilisation_words(card: Gpu, seen: Evidence, attempt: Attempt) -> str | None:
    if card.util_pct is None:
        return None
    words = f"{card.util_pct:.0f} %"
    steps = attempt.of("train.loss").get(())
    if steps is None:
        return f"{words} (initializing - normal: phase {attempt.phase}, before the first TRAIN line)"
    if steps.first is not None and _is_before(seen, steps.first.evidence):
        return f"{words} (initializing - normal: seen before the first TRAIN line, L{steps.first.evidence.line})"
    return words


def _is_before(one: Evidence, other: Evidence) -> bool:
    """Whether one line came before another, by time if they are in different files."""
    if one.path == other.path:
        return one.offset < other.offset
    return one.at is not None and other.at is not None and one.at < other.at


def _state_words(stat: str) -> str:
    """Word a process state of ``ps``: its first letter, and whether it has threads."""
    words = [_STATES.get(stat[:1], "state unknown")]
    if "l" in stat[1:]:
        words.append("multi-threaded")
    return f"{stat} ({', '.join(words)})"
