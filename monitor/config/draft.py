"""A log's run → the text of a watch file for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from statistics import median

from monitor.base.escape import redact, terminal
from monitor.grammar import Config as RuleSetting
from monitor.grammar import ConfigIgnored, ConfigUnused
from monitor.reader.metric_names import direction_of, title_of
from monitor.reader.signals import METRIC
from monitor.run.attempt import Attempt
from monitor.run.run import Run

MOST_SETTINGS = 12
"""Most environment settings to list; a log can echo a thousand."""
PACE_ROOM = 1.3
"""Factor by which an epoch may be longer or shorter than the median. Chosen by hand, 2026-11."""
_OBJECTIVES = (
    ("grad.l2", "Confirm gradient flow", "gradients reach every group", "{fault: [grad_zero, grad_vanish]}"),
    ("guard.check", "Validate degeneracy prevention", "variance maintained", "{fault: [pred_collapse, resets_excess]}"),
    ("metric.sharpe", "Establish baseline metrics", "Sharpe recorded", "{seen: [metric.sharpe]}"),
    ("gpu.util_pct", "Monitor GPU utilisation", "the GPU is not idle", "GpuUnderused"),
    ("train.loss", "Verify training stability", "no crash, no NaN loss, no stall",
     "{fault: [crash, loss_nonfinite, stall_silent, soft_hang]}"),
)  # fmt: skip
"""The signal that the log must have, then title, aim and condition."""
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_HEAD = """\
# A watch file that `monitor init` wrote from the log. Edit it freely: `monitor config sample` shows every key, and
# `monitor config check FILE` shows every mistake with its line.
"""


def watch_file(run: Run, log: str) -> str:
    """Return a watch file that loads, for a run and its log."""
    attempt = run.attempt
    has_epochs = bool(attempt.epochs_planned or attempt.epochs_done)
    lines = [_HEAD, f"title: {_quoted(f'Training Run {run.id}')}"]
    if log != "-":
        lines.append(f"logs: {_quoted(log)}")
    lines += [
        "",
        "# what the run should achieve, to be proved by lines of the log",
        "objectives:",
    ]
    lines += [line for objective in _objectives(attempt) for line in objective]
    lines += ["", *_settings(attempt), *_pace(attempt), *_metric(attempt, has_epochs=has_epochs)]
    lines += [
        "checklists:",
        "  - title: Immediate",
        "    items:",
        "      - {item: Start the run, when: {seen: train.loss}}",
        *["      - {item: Wait for the first epoch, when: {epoch: 1}}"] * has_epochs,
        *_last_epoch(attempt),
        "",
        "report:",
        "  out: STATUS.md",
        "  every: 60s",
        "",
        "# baseline: good                      # monitor baseline save good LOG",
        "# sinks: [jsonl:alerts.jsonl]         # who receives alerts; monitor sinks test",
    ]
    return "\n".join(lines) + "\n"


def _objectives(attempt: Attempt) -> Iterator[list[str]]:
    for signal, title, aim, when in _OBJECTIVES:
        if attempt.of(signal):
            yield [f"  - title: {title}", f"    aim: {_quoted(aim)}", f"    when: {when}"]


def _settings(attempt: Attempt) -> list[str]:
    """List the environment settings that the run echoed, with its values."""
    idle = {record.unused for record, _ in attempt.all_stated(ConfigUnused)}
    idle |= {record.ignored for record, _ in attempt.all_stated(ConfigIgnored)}
    found = [
        record
        for record, _ in attempt.all_stated(RuleSetting)
        if _VARIABLE.fullmatch(record.key)
        and record.key not in idle
        and redact(f"{record.key}={record.value}").endswith(record.value)
    ]
    if not found:
        return []
    named = [f"  {_quoted(each.key)}: {_quoted(each.value)}" for each in found[:MOST_SETTINGS]]
    return ["# settings that people rely on: confirmed where the run echoes the same value", "environment:", *named, ""]


def _pace(attempt: Attempt) -> list[str]:
    """Give the usual duration of an epoch, from the epochs that ended."""
    series = attempt.of("epoch.seconds").get(())
    known = [tally.last.value for tally in series.epochs.values()] if series else []
    usual = [value for value in known if math.isfinite(value) and value > 0]
    if not usual:
        return []
    middle = median(usual)
    least, most = max(1, math.floor(middle / PACE_ROOM)), math.ceil(middle * PACE_ROOM) + 1
    return [
        f"# the {len(usual)} epochs that ended took {middle:.0f} s each (median)",
        "timeline:",
        f"  - {{epochs: 1+, takes: {least}s-{most}s}}",
        "",
    ]


def _metric(attempt: Attempt, *, has_epochs: bool) -> list[str]:
    """Show, commented out, how to write an expectation, with the run's own figure."""
    series = attempt.of("metric.sharpe").get(())
    if series is None:
        return _named_metric(attempt, has_epochs=has_epochs)
    if not math.isfinite(series.last.value):
        return []
    return [
        f"# expected:                           # Sharpe was {series.last.value:.4g} in epoch {series.last.epoch}",
        "#   - signal: metric.sharpe",
        f"#     by_epoch: {{{series.last.epoch}: {series.last.value:.4g}}}",
        "",
    ]


def _named_metric(attempt: Attempt, *, has_epochs: bool) -> list[str]:
    """Show the same for the first metric that the log names, one of a validation before one of the training.

    Where the log has no epochs, a bound takes the place of a figure for an epoch.
    """
    known = [(labels, series) for labels, series in attempt.of(METRIC).items() if math.isfinite(series.last.value)]
    known.sort(key=lambda each: dict(each[0])["split"] not in ("val", "test"))
    for labels, series in known:
        last, key = series.last, dict(labels)
        split = f"{{split: {key['split']}}}" if key["split"] else ""
        if series.has_epochs and has_epochs:
            return [
                f"# expected:    # {title_of(labels)} was {last.value:.4g} in epoch {last.epoch}",
                f"#   - metric: {_quoted(key['name'])}",
                *[f"#     where: {split}"] * bool(split),
                f"#     by_epoch: {{{last.epoch}: {last.value:.4g}}}",
                "",
            ]
        if bound := {"higher": "at_least", "lower": "at_most"}.get(direction_of(key["name"])):
            where = f", where: {split}" if split else ""
            return [
                f"#   - title: {_quoted(title_of(labels))}     # an objective: it was {last.value:.4g} in the end",
                f"#     when: {{metric: {_quoted(key['name'])}{where}, {bound}: {last.value:.4g}}}",
                "",
            ]
    return []


def _last_epoch(attempt: Attempt) -> list[str]:
    planned = attempt.epochs_planned
    if planned is None or not 1 < planned <= 1_000_000:
        return []
    return [
        "  - title: At the end",
        "    items:",
        f"      - {{item: {_quoted(f'See all {planned} epochs end')}, when: {{epoch: {planned}}}}}",
        "      - {item: See the run complete, when: {status: completed}}",
    ]


def _quoted(text: str) -> str:
    """Return text from a log as a YAML scalar on one line, without terminal codes."""
    clean = terminal(redact(text), 300).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'
