"""``monitor dialects``: list and check dialects, and show what a dialect reads from a log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from monitor.base.errors import MonitorError, Problems
from monitor.base.escape import redact, terminal
from monitor.base.yamlfile import YamlFile
from monitor.cli import completers
from monitor.cli.group import Group
from monitor.cli.options import EXIT_BLIND, EXIT_FIRED, line_options
from monitor.reader.dialects import (
    NATIVE,
    Dialect,
    DialectError,
    load_dialects,
    shipped_dialect_files,
    shipped_dialects,
)
from monitor.reader.dialects.check import parts_of
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.reader.dialects.draft import draft_of
from monitor.reader.dialects.explain import Shape, account_of
from monitor.reader.dialects.pattern import SampleLine
from monitor.reader.dialects.to_native import KINDS
from monitor.reader.own_words import is_vocabulary, load_words, samples_of
from monitor.reader.vocabulary import enforce, meaning
from monitor.tail import read_lines
from monitor.tail.opening import opened

SHAPES_SHOWN = 15


@click.group("dialects", cls=Group)
def command() -> None:
    """List, check and test dialects: how other trainers write their logs."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per dialect, with its patterns.")
@click.option("--events", is_flag=True, help="Print the events that a dialect file can name, with their fields.")
def list_dialects(as_json: bool, events: bool) -> None:
    """Print the known dialects, in the order in which they are tried.

    Reads the shipped dialect files; writes nothing. Exit code: 0, 2 usage.

    \b
    monitor dialects list
    monitor dialects list --events
    """
    if events:
        for name, kind in KINDS.items():
            click.echo(f"{name:<13} {kind.does}")
            click.echo(f"{'':<13} fields: {', '.join(kind.fields) or 'none'}")
        return
    for each in shipped_dialects():
        if as_json:
            lines = [
                {"name": line.name, "event": line.event, "like": [text.decode() for text in line.like],
                 "pattern": line.pattern, "detects": line.detects}
                for line in each.lines
            ]  # fmt: skip
            marks = [{"like": [text.decode() for text in mark.like], "pattern": mark.pattern} for mark in each.marks]
            document = {"dialect": each.name, "title": each.title, "is_read_by": "its lines, then the vocabulary",
                        "signals": sorted(each.gives), "marks": marks, "lines": lines}  # fmt: skip
            if each.is_by_words:
                document["is_read_by"] = "the vocabulary"
            click.echo(json.dumps(document))
        else:
            how = "by the vocabulary" if each.is_by_words else f"{len(each.lines)} kinds of lines"
            click.echo(f"{each.name:<12} {how:<18} {each.title}")
    if not as_json:
        click.echo(f"{NATIVE:<12} {'our own grammar':<18} trainer, and any loop with trainer.telemetry")


@command.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
def check(files: tuple[Path, ...]) -> None:
    """Check dialect and vocabulary files: their form, and that every sample is read as the file says.

    Without FILE, checks the shipped ones. Prints every problem with its line. Exit code: 0 no problem, 2 a problem.

    \b
    monitor dialects check
    monitor dialects check my_trainer.yaml
    """
    problems: list[MonitorError] = []
    for path in files or shipped_dialect_files():
        try:
            if _is_vocabulary(path):
                load_words([path])
                click.echo(terminal(f"{path}: a vocabulary: ok"))
                continue
            dialects = load_dialects(path)
        except Problems as found:
            problems += found.problems
        except MonitorError as error:
            problems.append(error)
        else:
            for each in dialects:
                click.echo(terminal(f"{path}: {each.name}: {_size_of(each)}: ok"))
    if problems:
        raise Problems(problems)


@command.command("test")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("lines", nargs=-1, metavar="[LINE]...")
def test(file: Path, lines: tuple[str, ...]) -> int:
    """Print what a dialect or vocabulary FILE reads from each of its samples, or from each LINE.

    Exit code: 0 every line was read, 1 a line was not, 2 usage or bad file.

    \b
    monitor dialects test my_trainer.yaml
    monitor dialects test my_trainer.yaml 'it 20 nll 2.31 lr 1e-4'
    """
    if _is_vocabulary(file):
        return _test_words(file, lines)
    dialects = load_dialects(file)
    samples = [sample.line for dialect in dialects for _, of_kind in _kinds(dialect) for sample in of_kind]
    code = 0
    for line in lines or samples:
        found = next((read for dialect in dialects if (read := _read(dialect, line))), "")
        click.echo(terminal(line))
        click.echo(terminal(f"    {found or 'no pattern matches'}"))
        code = code if found else EXIT_FIRED
    return code


@command.command("explain")
@click.argument("log", shell_complete=completers.files)
@line_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(log: str, lines: LineChoice, as_json: bool) -> int:
    """Count the lines of a LOG by kind, and list the shapes of lines that no dialect understands.

    In a shape, # is a number. To write a dialect file, begin with the commonest shape: docs/dialects.md shows how.
    Reads the log; writes nothing. Exit code: 0, 2 usage or bad file, 3 if less than one line in a hundred is
    understood.

    \b
    monitor dialects explain run.log
    monitor dialects explain run.log --dialect my_trainer.yaml
    """
    with opened(log) as stream:
        account = account_of(read_lines(stream), log, dialects_of(lines))
    state = account.state
    if as_json:
        shapes = [{**shape._asdict(), "example": redact(shape.example)} for shape in account.shapes[:100]]
        click.echo(
            json.dumps(
                {
                    "log": log,
                    "dialect": state.name or None,
                    "lines": account.lines,
                    "understood": account.understood,
                    "asides": account.asides,
                    "kinds": dict(account.kinds),
                    "shapes": shapes,
                }
            )
        )
    else:
        spoken = f"dialect {state.name}, detected in line {state.line.line}" if state.line else "no known dialect"
        share = 100 * account.understood / account.lines if account.lines else 0.0
        click.echo(
            terminal(f"{log}: {account.understood:,} of {account.lines:,} lines understood ({share:.0f} %), {spoken}")
        )
        _print_rows([(f"{num:,}", kind) for kind, num in account.kinds.most_common()])
        if account.shapes:
            click.echo(f"not understood, {sum(shape.lines for shape in account.shapes):,} lines; most common shapes:")
            rows = [
                (f"{shape.lines:,}", f"{100 * shape.share:.0f} %", f"line {shape.first}", shape.words)
                for shape in account.shapes[:SHAPES_SHOWN]
            ]
            _print_rows(rows, [_may_be(shape) for shape in account.shapes[:SHAPES_SHOWN]])
    used = account.understood - account.asides
    return EXIT_BLIND if used * 100 < account.lines - account.asides or not used else 0


def _may_be(shape: Shape) -> list[str]:
    """Return what a shape that is not read may mean, and why that is not sure."""
    said = [f"may be: {shape.guess}"] if shape.guess else []
    return [*said, f"doubt: {shape.doubt}"] if shape.doubt else said


def _is_vocabulary(path: Path) -> bool:
    try:
        return is_vocabulary(YamlFile(path, DialectError).data)
    except MonitorError:
        # The loader reads it next, and says what is wrong.
        return False


def _test_words(file: Path, lines: Sequence[str]) -> int:
    """Print what the words of a file mean, or what they read from lines."""
    from monitor.reader.lines import read_line
    from monitor.reader.state import ReadState

    words = load_words([file])
    if not lines:
        for key in samples_of(file):
            said = meaning(key, words)
            click.echo(terminal(key))
            click.echo(terminal(f"    {said.name}{f' of {said.split}' if said.split else ''}"))
        return 0
    code, state = 0, ReadState()
    enforce(words)
    for line in lines:
        values = [value for report in read_line(line, state).reports for value in report.values]
        said_of = ", ".join(
            f"{value.name or value.quantity}{f' ({value.split})' if value.split else ''}={value.number:g}"
            for value in values
        )
        click.echo(terminal(line))
        click.echo(terminal(f"    {said_of or 'nothing is read'}"))
        code = code if values else EXIT_FIRED
    return code


def _kinds(dialect: Dialect) -> list[tuple[tuple[str, ...], tuple[SampleLine, ...]]]:
    """Return what each mark and each kind of line must refuse, and its samples."""
    marks = [(each.refuses, each.samples) for each in dialect.marks]
    return marks + [(each.refuses, each.samples) for each in dialect.lines]


def _size_of(dialect: Dialect) -> str:
    num = sum(len(refuses) + len(samples) for refuses, samples in _kinds(dialect))
    marks = f"{len(dialect.marks)} kinds of marks, " if dialect.marks else ""
    lines = f"{len(dialect.lines)} kinds of lines, " if dialect.lines else ""
    return f"{marks}{lines}{num} samples"


def _read(dialect: Dialect, line: str) -> str:
    for part in parts_of(line):
        if found := dialect.find(part):
            pattern, fields = found
            return f"{pattern.event} by {pattern.name}: {', '.join(f'{key}={value}' for key, value in fields.items())}"
        if dialect.shows(part):
            return f"a mark of {dialect.name}"
    return ""


@command.command("draft")
@click.argument("log", shell_complete=completers.files)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the draft here, not to the screen.")
def draft(log: str, out: Path | None) -> int:
    """Write the draft of a dialect file for a LOG that is not understood.

    Each pattern has a sample from the log, and what is not sure is a comment: which of several numbers is the loss, or
    that a number was taken for it because it falls. Check the draft, then mend it. Reads the log; an existing FILE is
    not overwritten. Exit code: 0, 2 usage or bad file, 3 if no line looks like a report.

    \b
    monitor dialects draft my.log
    monitor dialects draft my.log --out my_trainer.yaml
    """
    with opened(log) as stream:
        text = draft_of(read_lines(stream), Path(log).name)
    if out is None:
        click.echo(text, nl=False)
    else:
        if out.exists():
            raise MonitorError(str(out), "exists", expected="a new file")
        out.write_text(text, encoding="utf-8")
        click.echo(terminal(f"{out}: written; monitor dialects check {out}"), err=True)
    return 0 if "    event:" in text else EXIT_BLIND


def _print_rows(rows: Sequence[Sequence[str]], below: Sequence[Sequence[str]] = ()) -> None:
    """Print rows in columns, each with the lines ``below`` it."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for index, row in enumerate(rows):
        *figures, last = row
        aligned = [f"{word:>{width}}" for word, width in zip(figures, widths, strict=False)]
        indent = " " * (sum(widths[:-1]) + 2 * len(widths))
        for line in ["  " + "  ".join([*aligned, last]), *(indent + each for each in (below[index] if below else ()))]:
            click.echo(terminal(redact(line)))
