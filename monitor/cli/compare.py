"""``monitor compare``: two runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import click

from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.base.strict_json import json_number
from monitor.cli import completers
from monitor.cli.options import EXIT_FIRED, json_option, state_option
from monitor.cli.other_run import is_log, other_run
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.report.run_comparison import ComparedRow, RunComparison, compare
from monitor.run.summary import RunSummary, summarise
from monitor.tail import read_lines
from monitor.tail.opening import opened

JSON_VERSION = 1
MOST_ROWS = 60
"""Rows of one table."""


@click.command("compare")
@click.argument("run", shell_complete=completers.baselines_or_logs)
@click.argument("other", shell_complete=completers.baselines_or_logs)
@state_option
@json_option
def command(run: str, other: str, state: Path | None, as_json: bool) -> int:
    """Compare two runs at the same step and epoch by epoch; report values that no two runs can share.

    RUN and OTHER are logs, names of baselines or ids of finished runs. Two logs are compared at the last step that
    both reached. Reads them and prints a table. Exit code: 0 compared, 1 a measured value is identical although the
    losses differ, 2 usage or bad file.

    \b
    monitor compare _logs/training/new.log _logs/training/old.log
    monitor compare _logs/training/new.log good --json | jq .twins
    """
    for name in (run, other):
        if name == "-":
            raise MonitorError("-", "standard input cannot be read twice", expected="a log or a baseline")
    left, right = other_run("RUN", run, state), other_run("OTHER", other, state)
    left, right, step = _aligned(left, right, run, other)
    found = compare(left, right, step=step)
    if not found.newest and not found.epochs:
        raise MonitorError(f"{run}, {other}", "the runs have no figure in common", expected="logs of trainings")
    if as_json:
        click.echo(json.dumps(_document(found), allow_nan=False))
    else:
        for line in _lines(found):
            click.echo(terminal(line))
    return EXIT_FIRED if found.twins else 0


def _aligned(left: RunSummary, right: RunSummary, run: str, other: str) -> tuple[RunSummary, RunSummary, int | None]:
    """Return both runs as of the last step that both reached; the longer log is read again up to that step."""
    if left.step is None or right.step is None or left.step == right.step:
        return left, right, left.step if left.step == right.step else None
    step = min(left.step, right.step)
    longer = run if left.step > step else other
    if not is_log(longer):
        return left, right, None
    until = _summary_until(longer, step)
    if until is None:
        return left, right, None
    return (until, right, step) if left.step > step else (left, until, step)


def _summary_until(log: str, step: int) -> RunSummary | None:
    """Return the figures of the first attempt that passed a step, as they were just before."""
    pipeline = Pipeline(log, Engine(()))
    with opened(log) as stream:
        for line in read_lines(stream):
            event = pipeline.read(line)
            if event is None:
                continue
            if (getattr(event.record, "step", None) or 0) > step:
                return summarise(pipeline.run, log)
            pipeline.fold(event)
    return None


def _lines(found: RunComparison) -> list[str]:
    left, right = found.left, found.right
    lines = [f"A  {_in_words(left)}", f"B  {_in_words(right)}"]
    if found.newest:
        at = f"at step {found.step}" if found.step is not None else "each at its own end: there is no common step"
        lines += ["", at, *_table(found.newest, MOST_ROWS)]
    if found.epochs:
        lines += ["", "at the end of each epoch that both runs have", *_table(found.epochs, MOST_ROWS)]
    lines += [""]
    if found.only_left or found.only_right:
        lines.append(f"{found.only_left} series only in A, {found.only_right} only in B")
    if found.is_repeat:
        lines.append("❔ the losses are equal in every common epoch: one run repeats the other")
    for twin in found.twins:
        doubt = "although the losses differ: was it measured, or read from an old file?"
        lines.append(f"❌ {twin.row.name} {twin.words}, {doubt}")
    if not found.twins and not found.is_repeat:
        lines.append("no measured value is identical in both runs to the last digit")
    return lines


def _table(rows: tuple[ComparedRow, ...], most: int) -> list[str]:
    cells = [("", "A", "B", "A / B")]
    cells += [(_name(row), f"{row.left:.6g}", f"{row.right:.6g}", _ratio(row)) for row in rows[:most]]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = [
        f"  {name:<{widths[0]}}  {left:>{widths[1]}}  {right:>{widths[2]}}  {ratio:>{widths[3]}}"
        for name, left, right, ratio in cells
    ]
    return lines if len(rows) <= most else [*lines, f"  and {len(rows) - most} more (--json has all)"]


def _name(row: ComparedRow) -> str:
    name = terminal(row.name, 60)
    return name if row.epoch is None else f"epoch {row.epoch} {name}"


def _ratio(row: ComparedRow) -> str:
    return "–" if row.ratio is None else f"{row.ratio:.3g}×"


def _in_words(summary: RunSummary) -> str:
    return f"run {summary.run}: {summary.status}, {summary.epochs_done} epochs, step {summary.step} ({summary.log})"


def _document(found: RunComparison) -> dict[str, object]:
    return {
        "version": JSON_VERSION,
        "a": _run(found.left),
        "b": _run(found.right),
        "step": found.step,
        "newest": [_row(row) for row in found.newest],
        "epochs": [_row(row) for row in found.epochs],
        "is_repeat": found.is_repeat,
        "twins": [{**_row(twin.row), "words": twin.words} for twin in found.twins],
        "only_a": found.only_left,
        "only_b": found.only_right,
    }


def _run(summary: RunSummary) -> dict[str, object]:
    return {
        "run": summary.run,
        "log": summary.log,
        "status": summary.status.value,
        "epochs_done": summary.epochs_done,
        "step": summary.step,
    }


def _row(row: ComparedRow) -> dict[str, object]:
    return {
        "signal": row.signal,
        "labels": dict(row.labels),
        "epoch": row.epoch,
        "a": json_number(row.left),
        "b": json_number(row.right),
        "ratio": json_number(row.ratio),
    }
