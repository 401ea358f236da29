"""Shell commands that show the same facts for this log and this process, each with its present result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from monitor.grammar import RunStart
from monitor.report.sections.header import seen_pid
from monitor.report.sections.machine import cpu_only
from monitor.report.shell import quoted_path
from monitor.report.statement import Mark, Statement
from monitor.report.trials import Argv, Trial
from monitor.run.attempt import Attempt
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class Commands:
    """Shell commands that show the same facts by hand."""

    title: str
    script: str
    """Commands, each after a comment that tells what it shows, and how many lines it shows now."""
    note: Statement | None = None


STDIN = "-"


class _Command(NamedTuple):
    """One command of the page."""

    about: str
    shown: str
    """As a person types it; ``{log}`` is replaced by the quoted path."""
    tried: Argv = ()
    """What we run: the same without following, to count its lines. Empty to run nothing; ``{log}`` is the path."""
    proof: str = ""
    """Signal that must have been seen for a count of 0 to mean anything."""


_PROGRESS = (
    _Command(
        "Training progress",
        'tail -f {log} | grep -E "Epoch|Val Loss|Sharpe"',
        ("grep", "-c", "-E", "Epoch|Val Loss|Sharpe", "{log}"),
    ),
    _Command("Gradient health", "tail -f {log} | grep ENCODER-GRAD", ("grep", "-c", "ENCODER-GRAD", "{log}")),
    _Command("Full gradient monitor", "tail -f {log} | grep GRAD-MONITOR", ("grep", "-c", "GRAD-MONITOR", "{log}")),
    _Command("Degeneracy guard", "tail -f {log} | grep DEGENERACY-GUARD", ("grep", "-c", "DEGENERACY-GUARD", "{log}")),
)
_FOREIGN = (
    _Command("Losses", "tail -f {log} | grep -i loss", ("grep", "-c", "-i", "loss", "{log}")),
    _Command("Gradients", "tail -f {log} | grep -i grad", ("grep", "-c", "-i", "grad", "{log}")),
    _Command("Validation", 'grep -iE "eval|val" {log}', ("grep", "-c", "-i", "-E", "eval|val", "{log}")),
    _Command(
        "Trouble",
        'grep -nE "Traceback|Error|Killed|NaN|nan" {log}',
        ("grep", "-c", "-E", "Traceback|Error|Killed|NaN|nan", "{log}"),
    ),
)
"""For logs of other trainers, where they match."""
_PERFORMANCE = (
    _Command(
        "Epoch completion times",
        'grep "Epoch.*Train Loss" {log}',
        ("grep", "-c", "Epoch.*Train Loss", "{log}"),
    ),
    _Command("Sharpe ratio progression", 'grep "Sharpe Ratio:" {log}', ("grep", "-c", "Sharpe Ratio:", "{log}")),
    _Command(
        "Degeneracy reset count",
        'grep -c "DEGENERACY-GUARD.*reset applied" {log}',
        ("grep", "-c", "DEGENERACY-GUARD.*reset applied", "{log}"),
        "guard.check",
    ),
    _Command("Is the log growing?", "ls -lh --time-style='+%Y-%m-%d %H:%M:%S' {log}"),
)
_GPU = (
    _Command(
        "GPU utilization",
        "nvidia-smi --query-gpu=utilization.gpu,memory.used,memory.total --format=csv,noheader",
        ("nvidia-smi", "-L"),
    ),
    _Command("GPU process details", "nvidia-smi", ("nvidia-smi", "-L")),
)


def commands_to_try(snapshot: Snapshot, host: str) -> list[Argv]:
    """Return the commands to run before the page is written, on the machine named ``host``."""
    if snapshot.log == STDIN:
        return []
    wanted = [*_progress(snapshot), *_PERFORMANCE]
    if not _elsewhere(snapshot.run.attempt, host):
        wanted += _process(snapshot)
    return [_filled(each.tried, snapshot.log) for each in wanted if each.tried]


def commands(snapshot: Snapshot, trials: Mapping[Argv, Trial] | None = None, host: str = "") -> tuple[Commands, ...]:
    """Return the commands in the order in which a person looks: progress, process, performance.

    ``trials`` are the results of those that were run; ``host`` is the name of this machine.
    """
    if snapshot.log == STDIN:
        note = Statement("", "The log came from standard input, so there is no file to search.", mark=Mark.UNKNOWN)
        return (Commands("Check Real-Time Progress", "", note),)
    found = (
        _section("Check Real-Time Progress", _progress(snapshot), snapshot, trials or {}),
        _process_section(snapshot, trials or {}, host),
        _section("Performance Metrics", _PERFORMANCE, snapshot, trials or {}),
    )
    return tuple(each for each in found if each.script or each.note)


def _progress(snapshot: Snapshot) -> tuple[_Command, ...]:
    return _PROGRESS if snapshot.run.attempt.started is not None else (*_PROGRESS, *_FOREIGN)


def _section(title: str, wanted: tuple[_Command, ...], snapshot: Snapshot, trials: Mapping[Argv, Trial]) -> Commands:
    script, left_out = _script(wanted, snapshot, trials)
    note = None
    if left_out:
        note = Statement("", f"Left out, because they match no line of this log: {', '.join(left_out)}.")
    return Commands(title, script, note)


def _script(wanted: tuple[_Command, ...], snapshot: Snapshot, trials: Mapping[Argv, Trial]) -> tuple[str, list[str]]:
    """Return the commands, each after its comment, and the names of those left out."""
    parts, left_out = [], []
    is_foreign = snapshot.run.attempt.started is None
    for each in wanted:
        trial = trials.get(_filled(each.tried, snapshot.log)) if each.tried else None
        if trial is not None and (not trial.is_there or (is_foreign and trial.count == 0)):
            left_out.append(each.about)
            continue
        shown = each.shown.replace("{log}", quoted_path(snapshot.log))
        parts.append(f"# {each.about}{_now(each, trial, snapshot.run.attempt)}\n{shown}")
    return "\n\n".join(parts), left_out


def _now(command: _Command, trial: Trial | None, attempt: Attempt) -> str:
    """Return what the command shows now."""
    if trial is None:
        return ""
    if trial.count is None:
        return f" ({trial.words})" if trial.words else ""
    if command.tried[0] == "ps":
        return " (now: alive)" if trial.count else " (now: no such process here)"
    if command.tried[0] != "grep":
        return ""
    lines = "no line" if trial.count == 0 else "1 line" if trial.count == 1 else f"{trial.count:,} lines"
    if trial.count == 0 and command.proof and not attempt.of(command.proof):
        return f" (now: {lines}, which proves nothing: no {command.proof} line was ever seen)"
    return f" (now: {lines})"


def _process(snapshot: Snapshot) -> Iterator[_Command]:
    attempt = snapshot.run.attempt
    if pid := seen_pid(attempt):
        shown = f"ps -p {pid[0]} -o pid,stat,%cpu,%mem,etime,cmd"
        yield _Command("Process alive?", shown, ("ps", "-p", str(pid[0]), "-o", "pid="))
    if cpu_only(attempt) is None:
        yield from _GPU


def _process_section(snapshot: Snapshot, trials: Mapping[Argv, Trial], host: str) -> Commands:
    attempt = snapshot.run.attempt
    script, left_out = _script(tuple(_process(snapshot)), snapshot, trials)
    declared, elsewhere = cpu_only(attempt), _elsewhere(attempt, host)
    note = None
    if seen_pid(attempt) is None:
        note = Statement("", "No PID was seen, so there is no process to look at.", mark=Mark.UNKNOWN)
    elif declared is not None:
        note = Statement("", "GPU commands are left out: device=cpu.", (declared,), Mark.NOT_APPLICABLE)
    elif elsewhere:
        note = Statement("", f"Type these on {elsewhere}, where the run is; they were not run here.")
    elif left_out:
        note = Statement("", f"Left out, because the program is not installed here: {', '.join(left_out)}.")
    return Commands("Check Process Status", script, note)


def _elsewhere(attempt: Attempt, host: str) -> str:
    """Return the machine of the run if it is another one than this."""
    start = attempt.stated(RunStart)
    named = start[0].host if start else None
    return named if named and host and named != host else ""


def _filled(argv: Argv, log: str) -> Argv:
    # Without ./ a path that begins with a dash would be taken for an option.
    path = f"./{log}" if log.startswith("-") else log
    return tuple(path if word == "{log}" else word for word in argv)
