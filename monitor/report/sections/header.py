"""The identity of the run: start, configuration, process, log."""

from __future__ import annotations

from monitor.base.evidence import Evidence
from monitor.grammar import Data, Epoch, Process, RunStart, Train
from monitor.report.figures import bounded, fact, moment
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.snapshot import Snapshot


def header(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return the identity of the run, each fact with its line."""
    attempt = snapshot.run.attempt
    start, pid = attempt.stated(RunStart), seen_pid(attempt)
    found = [
        _start_time(attempt),
        _configuration(attempt),
        fact("PID", None) if pid is None else Statement("PID", str(pid[0]), (pid[1],)),
        Statement("Log File", snapshot.log),
        *(
            Statement("Also read", f"{each.log} ({each.run.lines:,} lines of the same run)")
            for each in snapshot.sources
        ),
        _lines(snapshot),
        fact("Run", snapshot.run.id, *([start[1]] if start else [])),
    ]
    if start and start[0].host:
        found.append(fact("Host", start[0].host, start[1]))
    if start and start[0].cmd:
        found.append(fact("Command", start[0].cmd, start[1]))
    return bounded(found + _earlier_attempts(snapshot))


def planned_epochs(attempt: Attempt) -> tuple[int, Evidence] | None:
    """Return the planned number of epochs with the newest line that states it; None where unknown."""
    found = []
    if attempt.intent.epochs is not None:
        found.append((attempt.intent.epochs, attempt.intent_evidence["epochs"]))
    if train := attempt.stated(Train):
        found.append((train[0].epoch.whole, train[1]))
    if epoch := attempt.stated(Epoch):
        found.append((epoch[0].epoch.whole, epoch[1]))
    found = [each for each in found if each[0] > 0]
    newest = max(found, key=lambda each: each[1].offset, default=None)
    return None if newest is None else next(each for each in found if each[0] == newest[0])


def _start_time(attempt: Attempt) -> Statement:
    if attempt.started is not None:
        return Statement("Start Time", moment(attempt.started.at), (attempt.started,))
    words = f"{moment(attempt.began_at)}: the time of the first line" if attempt.began_at is not None else "not seen"
    return Statement("Start Time", f"{words}; no RUN start line was seen", mark=Mark.UNKNOWN)


def _configuration(attempt: Attempt) -> Statement:
    words, evidence = [], []
    if epochs := planned_epochs(attempt):
        words.append(f"{epochs[0]} epochs")
        evidence.append(epochs[1])
    if data := attempt.stated(Data):
        if data[0].batch_size is not None:
            words.append(f"batch_size={data[0].batch_size}")
        if data[0].precision is not None:
            words.append(f"{data[0].precision} precision")
        evidence.append(data[1])
    if device := attempt.intent.device:
        words.append(f"device={device}")
        evidence.append(attempt.intent_evidence["device"])
    return fact("Configuration", ", ".join(words) or None, *dict.fromkeys(evidence))


def seen_pid(attempt: Attempt) -> tuple[int, Evidence] | None:
    """Return the trainer's process id, with its line."""
    start = attempt.stated(RunStart)
    if start and start[0].pid is not None:
        return start[0].pid, start[1]
    process = attempt.stated(Process)
    return (process[0].pid, process[1]) if process else None


def _lines(snapshot: Snapshot) -> Statement:
    run = snapshot.run
    if run.last is None:
        return Statement("Lines", "none was read", mark=Mark.UNKNOWN)
    dialect = f" (dialect {run.dialect.name})" if run.dialect.name not in ("", "native") else ""
    return Statement("Lines", f"{run.lines:,} read, {run.understood:,} understood{dialect}", (run.last,))


def _earlier_attempts(snapshot: Snapshot) -> list[Statement]:
    return [
        Statement(
            f"Attempt {past.number}",
            f"{past.status}, last step {'not seen' if past.last_step is None else past.last_step}; "
            f"another attempt followed",
            () if past.started is None else (past.started,),
        )
        for past in snapshot.run.past
    ]
