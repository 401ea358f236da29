"""Facts about the training process, seen from outside: that it runs, what it uses, and that it has ended.

From the moment it is found, the process is held by a pidfd, so that its end is seen at once and no other process can
be mistaken for it. A process that was never found alive is never reported dead: the log may come from another machine
or from a container with its own PIDs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.base.clock import Clock
from monitor.grammar import Process, ProcessGone, ProcessStopping, RunEnd, RunStart, body_of
from monitor.probes.identity import Child, Held, began_too_late, pid_of, writer_of
from monitor.run.run import Run

LOOK_S = 30.0
"""How often the process is described; every poll checks whether it has ended."""
LAST_WORDS_S = 2.0
"""Delay before an ended process is reported, so that its last lines are read first."""
WRITTEN_WITHIN_S = 300.0
"""If a log has not grown for longer, its writer is not looked for. Chosen by hand."""
MIB = 2**20
_CGROUP = Path("/sys/fs/cgroup")
_VMSTAT = Path("/proc/vmstat")


class ProcessProbe:
    """Observes the process that writes one log, or the process with a given PID."""

    def __init__(
        self,
        clock: Clock,
        pid: int | None = None,
        *,
        exit_of: Callable[[], int | None] | None = None,
        log: Path | None = None,
    ) -> None:
        """``exit_of`` is given for a child of our own and returns its exit code, as `subprocess` encodes it.

        Without ``pid``, the process is the one that the RUN line names or, if there is no RUN line, the process of our
        own user that writes to ``log``. The end of the latter is not reported: it may have ended well.
        """
        self._clock, self._given, self._exit_of, self._log = clock, pid, exit_of, log
        self._writer: int | None = None
        self._is_writer = False
        self._held: Held | Child | None = None
        self._place: tuple[int, int] | None = None
        self._ended_at: float | None = None
        self._look_at = 0.0
        self._oom_kills: int | None = None
        self._is_described_by_log = False
        self._cpu_s: tuple[float, float] | None = None

    def poll(self, monotonic: float, run: Run) -> list[str]:
        """Return new facts as lines without a time."""
        stated = run.attempt.stated(RunStart)
        place = (run.attempt.number, stated[1].line if stated else 0)
        if place != self._place:
            self._place = place
            self._begin(run)
        if run.attempt.ended is not None:
            self.close()
            return []
        if self._held is None:
            self._look_for_writer(monotonic, run)
            return []
        if self._held.has_ended() and self._is_writer:
            self.close()
            self._begin(run)
            return []
        if self._held.has_ended():
            return self._report_end(monotonic, is_stopped=run.attempt.stated(ProcessStopping) is not None)
        # Before the first line we do not know by which clock the log is dated.
        if monotonic < self._look_at or not run.lines:
            return []
        self._look_at = monotonic + LOOK_S
        # Do not describe a trainer that describes itself.
        described = run.attempt.stated(Process)
        self._is_described_by_log |= described is not None and self._cpu_s is None
        return [] if self._is_described_by_log else self._describe(self._held.pid, monotonic)

    def close(self) -> None:
        """Release the process."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _begin(self, run: Run) -> None:
        """Look for the process of a new attempt."""
        self.close()
        self._ended_at, self._look_at = None, 0.0
        self._is_described_by_log, self._cpu_s = False, None
        self._writer, self._is_writer = None, False
        pid = self._given or pid_of(run)
        if pid is not None and self._exit_of is not None:
            self._held, self._oom_kills = Child(pid, self._exit_of), oom_kills(pid)
            return
        held = Held.of(pid) if pid is not None else None
        if held is None or held.has_ended() or (self._given is None and _is_another(held.pid, run)):
            if held is not None:
                held.close()
            return
        self._held, self._oom_kills = held, oom_kills(held.pid)

    def _look_for_writer(self, monotonic: float, run: Run) -> None:
        """Hold the process that writes to the log if two looks find the same one: a script may just append a line."""
        if self._log is None or self._given is not None or run.attempt.stated(RunStart) or monotonic < self._look_at:
            return
        self._look_at = monotonic + LOOK_S
        if not self._is_written():
            self._writer = None
            return
        before, self._writer = self._writer, writer_of(self._log)
        if self._writer is not None and self._writer == before:
            self._held, self._is_writer, self._look_at = Held.of(self._writer), True, 0.0

    def _is_written(self) -> bool:
        """Whether the log grew lately: looking for the writers of a thousand old logs would take too long."""
        try:
            return self._log is not None and self._clock.wall() - self._log.stat().st_mtime < WRITTEN_WITHIN_S
        except OSError:
            return False

    def _report_end(self, monotonic: float, *, is_stopped: bool) -> list[str]:
        assert self._held is not None
        if self._ended_at is None:
            self._ended_at = monotonic
        if monotonic < self._ended_at + LAST_WORDS_S:
            return []
        pid, status = self._held.pid, self._exit_of() if self._exit_of is not None else None
        self.close()
        if status == 0 and not is_stopped:
            return [body_of(RunEnd(status="completed"))]
        found = self._end_of(pid, status)
        # The exit code proves that a child failed; no later line can change that.
        word = "stopped" if is_stopped else "failed"
        ends = (
            [RunEnd(status=word, error=f"{found.how} {found.signal or found.status}")] if status or is_stopped else []
        )
        return [body_of(found), *map(body_of, ends)]

    def _end_of(self, pid: int, status: int | None) -> ProcessGone:
        """Return what is known of the end: a child's exit code, else only that the process is gone."""
        before, after = self._oom_kills, oom_kills(pid)
        killed = after - before if before is not None and after is not None and after > before else None
        if status is not None and status < 0:
            import signal

            return ProcessGone(pid=pid, how="killed", signal=signal.Signals(-status).name, oom_kills=killed)
        if status is not None:
            return ProcessGone(pid=pid, how="exited", status=status, oom_kills=killed)
        return ProcessGone(pid=pid, how="zombie" if _is_zombie(pid) else "gone", oom_kills=killed)

    def _describe(self, pid: int, monotonic: float) -> list[str]:
        import psutil

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
                spent_s = times.user + times.system
                before, self._cpu_s = self._cpu_s, (monotonic, spent_s)
                since = None if before is None else (spent_s - before[1]) / max(monotonic - before[0], 1e-3)
                record = Process(
                    pid=pid,
                    stat=_letter(process.status()) + ("l" if process.num_threads() > 1 else ""),
                    # One sample gives no CPU rate, not even zero.
                    cpu_pct=None if since is None else round(100 * since, 1),
                    rss_mb=round(memory.rss / MIB, 1),
                    ram_total_mb=round(psutil.virtual_memory().total / MIB, 1),
                    etime_s=round(max(0.0, self._clock.wall() - process.create_time()), 1),
                )
        except (psutil.Error, OSError):
            # Another user's process, hidden from our service: all we know is that it runs.
            return []
        return [body_of(record)]


def oom_kills(pid: int) -> int | None:
    """Return how many processes of ``pid``'s control group, else of the machine, were killed for lack of memory."""
    try:
        group = Path(f"/proc/{pid}/cgroup").read_text().strip().splitlines()[-1].rpartition("::")[2]
        found = _count(_CGROUP / group.lstrip("/") / "memory.events")
    except (OSError, IndexError):
        found = None
    return found if found is not None else _count(_VMSTAT)


def _count(path: Path) -> int | None:
    try:
        for line in path.read_text().splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill" and number.isdecimal():
                return int(number)
    except OSError:
        pass
    return None


def _is_another(pid: int, run: Run) -> bool:
    """Whether the PID now belongs to a process that cannot have written the log; False if we cannot tell."""
    import psutil

    try:
        return began_too_late(psutil.Process(pid), run)
    except (psutil.Error, OSError):
        return False


def _is_zombie(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except (psutil.Error, OSError):
        return False


def _letter(status: str) -> str:
    return {"running": "R", "disk-sleep": "D", "stopped": "T", "tracing-stop": "T", "zombie": "Z"}.get(status, "S")
