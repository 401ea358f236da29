"""Log lines about the machine and about failures: processes, GPUs, files, errors."""

from __future__ import annotations

from monitor.grammar.record import Record, line


@line("PROC", "gone", level="WARNING")
class ProcessGone(Record):
    """The training process has ended, seen from outside; ``how`` is exited, killed, zombie or gone (unknown)."""

    pid: int
    how: str
    status: int | None = None
    signal: str | None = None
    oom_kills: int | None = None


@line("PROC", "stopping", level="WARNING")
class ProcessStopping(Record):
    """`monitor run --stop-on` ends the training process because of an alert; recorded in the facts file."""

    pid: int
    alert: str
    fault: str
    why: str | None = None
    checkpoint: str | None = None


@line("PROC")
class Process(Record):
    """The training process as the operating system sees it."""

    pid: int
    stat: str | None = None
    cpu_pct: float | None = None
    rss_mb: float | None = None
    ram_total_mb: float | None = None
    etime_s: float | None = None
    cmd: str | None = None


@line("GPU")
class Gpu(Record):
    """One GPU as its driver sees it."""

    name: str | None = None
    index: int | None = None
    util_pct: float | None = None
    used_mb: float | None = None
    total_mb: float | None = None
    reserved_mb: float | None = None
    temp_c: float | None = None
    power_w: float | None = None


@line("LOG", "lost", level="WARNING")
class LogLost(Record):
    """Bytes of the log that were destroyed before the monitor read them; recorded in its facts file."""

    bytes: int
    how: str


@line("CHECKPOINT", "conflict", level="WARNING")
class CheckpointConflict(Record):
    """A second run asked for a checkpoint folder that another run holds."""

    holder: str
    path: str | None = None


@line("CHECKPOINT")
class Checkpoint(Record):
    """A checkpoint was saved or loaded."""

    action: str
    path: str | None = None
    epoch: int | None = None
    step: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    sha256: str | None = None


@line("NONFINITE", level="WARNING")
class Nonfinite(Record):
    """Non-finite numbers occurred; ``action`` is what the trainer did about them."""

    where: str
    count: int | None = None
    step: int | None = None
    action: str | None = None


@line("ERROR", level="ERROR")
class Error(Record):
    """The error that ended the run; a traceback follows."""

    type: str
    message: str | None = None
    step: int | None = None
