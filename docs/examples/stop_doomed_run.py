"""Stop a training whose alert has been firing for a while: a program for the sink `command:`, which you must set up.

Reads alerts as JSON lines. Acts on critical alerts of the named rules that still fire when it looks again.

    command: python3 stop_doomed_run.py TrainLossNonfinite GradientNonfinite --state DIR --signal
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

LONGEST_S = 50.0
"""The sink kills a program after 60 s."""
NEWEST_BYTES = 50_000_000
_START = re.compile(rb"\[RUN\] start [^\n]*?\bpid=(\d+)")


def main() -> int:
    asked = _arguments()
    alerts = [json.loads(line) for line in sys.stdin if line.strip()]
    doomed = [
        each
        for each in alerts
        if each["alert"] in asked.rules
        and (each["state"], each["severity"]) == ("firing", "critical")
        and "inhibited_by" not in each
    ]
    if not doomed:
        return 0
    time.sleep(min(asked.after, LONGEST_S))
    still = _firing(asked.monitor, asked.state)
    doomed = [each for each in doomed if each["id"] in still]
    if not doomed:
        return 0
    first = doomed[0]
    mark = asked.state / f"stopped-{re.sub(r'[^A-Za-z0-9_-]', '_', first['run'])[:80]}-{first['attempt']}"
    if mark.exists():
        return 0
    if asked.signal:
        _signal(Path(first["evidence"][0]["path"]))
    else:
        asked.touch.touch()
    mark.write_text(f"{first['alert']} {first['id']}: {first['summary']}\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="+", help="rules whose alerts doom a run")
    parser.add_argument("--state", type=Path, required=True, help="the watch's state folder")
    parser.add_argument("--after", type=float, default=45.0, help="seconds for which it must keep firing, at most 50")
    parser.add_argument("--monitor", default="monitor", help="how the monitor is started")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--touch", type=Path, help="create this file, for a unit that may stop the training")
    how.add_argument("--signal", action="store_true", help="send SIGTERM to the process of the log's RUN line")
    return parser.parse_args()


def _firing(monitor: str, state: Path) -> set[str]:
    """Return the ids of the alerts that fire now. Exits if the status cannot be read, so that nothing is stopped."""
    done = subprocess.run(
        [*monitor.split(), "status", "--state", str(state), "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"stop_doomed_run: {done.stderr.strip()}")
    return {alert["id"] for log in json.loads(done.stdout)["logs"] for alert in log["alerts"]}


def _signal(log: Path) -> None:
    """Send SIGTERM to the process in the log's newest RUN line, if it has this log open."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - NEWEST_BYTES))
        found = _START.findall(file.read())
    if not found:
        sys.exit(f"stop_doomed_run: {log}: no RUN line with a PID; nothing is stopped")
    pid = int(found[-1])
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as error:
        sys.exit(f"stop_doomed_run: process {pid}: {error.strerror}; nothing is stopped")
    # Held by a pidfd: from here on the PID cannot be reused unnoticed.
    try:
        held = {os.path.realpath(each) for each in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError as error:
        sys.exit(f"stop_doomed_run: process {pid}: {error.strerror}; nothing is stopped")
    if os.path.realpath(log) not in held:
        sys.exit(f"stop_doomed_run: process {pid} does not hold {log} open; nothing is stopped")
    signal.pidfd_send_signal(descriptor, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
