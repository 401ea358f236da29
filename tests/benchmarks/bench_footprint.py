"""CPU time and memory of an idle watch: one quiet log, plain and with the live view.

Run ``python tests/benchmarks/bench_footprint.py [SECONDS]``.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from figures import print_row

from monitor.grammar import GradReport, GroupGrad, RunStart, Share, Train, format_line

SECONDS = 60.0
LOOK_S, CALM_S = 2.0, 0.1
"""A watch has started and read the log once it uses less CPU time than CALM_S in LOOK_S."""
BAR_PCT, BAR_MB, BAR_LIVE_MB = 0.2, 60.0, 80.0
NUM_STEPS = 2_000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """The cost of an idle process."""

    pct: float
    """CPU time, in percent of one core."""
    mb: float
    """Resident memory at the end."""


def measure(seconds: float, *, is_live: bool) -> Cost:
    """Watch a log that does not grow; starting and reading the log are not counted."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "run.log"
        log.write_bytes(b"".join(lines()))
        command = [sys.executable, "-m", "monitor", "watch", str(log)]
        ours, theirs = os.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        output = theirs if is_live else subprocess.DEVNULL
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        with subprocess.Popen(command, stdin=theirs, stdout=output, stderr=output, env=environment) as process:
            os.close(theirs)
            threading.Thread(target=drain, args=(ours,), daemon=True).start()
            try:
                before = wait_until_calm(process.pid)
                time.sleep(seconds)
                used_s = processor_s(process.pid) - before
                return Cost(100 * used_s / seconds, resident_mb(process.pid))
            finally:
                process.kill()
                os.close(ours)


def lines() -> list[bytes]:
    """Return the log of a run in training, with progress lines and gradient reports."""
    now = time.time() - NUM_STEPS / 100
    found = [format_line(now, RunStart(run="quiet", pid=1, host="here", cmd="trainer fit", attempt=1))]
    for step in range(1, NUM_STEPS + 1):
        at = now + step / 100
        train = Train(
            epoch=Share(1 + step // 500, 9), batch=Share(step % 500, 500), step=step, loss=0.5, s_per_batch=0.01
        )
        found.append(format_line(at, train))
        if step % 50 == 0:
            norm = 0.1 + step / 1e4
            groups = [GroupGrad(group=f"group_{place}", norm=norm, max=0.1, grad=Share(4, 4)) for place in range(8)]
            found.append(format_line(at, GradReport(step=step, epoch=1, batch=step, groups=tuple(groups))))
    return [line.encode() + b"\n" for line in found]


def drain(descriptor: int) -> None:
    """Read the output, as a terminal does."""
    with suppress(OSError):
        while os.read(descriptor, 65536):
            pass


def wait_until_calm(pid: int) -> float:
    """Wait until the watch has started and read the log; return the CPU time that it took."""
    before = 0.0
    while True:
        time.sleep(LOOK_S)
        used_s = processor_s(pid)
        if 0 < used_s < before + CALM_S:
            return used_s
        before = used_s


def processor_s(pid: int) -> float:
    """Return the CPU time of a process so far, in user and kernel mode; see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB of 2**20 bytes."""
    [line] = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def main() -> None:
    """Print three rows; the CPU time of the live view has no bar."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    plain, live = measure(seconds, is_live=False), measure(seconds, is_live=True)
    what = f"a watch of one quiet log, {seconds:.0f} s"
    print_row(f"{what}: processor", f"{plain.pct:.2f} % of a core", f"< {BAR_PCT} %", plain.pct < BAR_PCT)
    print_row(f"{what}: resident memory", f"{plain.mb:.0f} MB", f"< {BAR_MB:.0f} MB", plain.mb < BAR_MB)
    live_words = f"{live.mb:.0f} MB (processor {live.pct:.1f} %)"
    print_row(
        f"{what}, with the live view: resident memory", live_words, f"< {BAR_LIVE_MB:.0f} MB", live.mb < BAR_LIVE_MB
    )


if __name__ == "__main__":
    main()
