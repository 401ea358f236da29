"""A status page of a long log: read cold, from the state of a watch, and for 1 GB with the progress bar.

``--small`` skips the log of 1 GB, which takes minutes to write. Each figure is for the whole command, including its
start, as a person waits for it.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import perf_counter

from figures import ROUNDS, as_installed, median_seconds, print_row
from long_log import write_log

COLD_S, FROM_STATE_S, LARGE_S = 1.0, 0.3, 30.0
LINES_10_MB = 75_500
LINES_1_GB = 7_550_000
"""A line has about 132 bytes."""


def report(folder: Path, *arguments: str, **environment: str) -> Callable[[], None]:
    """Return a call of `monitor report`, as installed; its bytecode is kept in the folder."""
    command = [str(Path(sys.executable).with_name("monitor")), "report", *arguments]

    def run() -> None:
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env={**as_installed(folder), **environment})

    return run


def main() -> None:
    """Write the logs, and print a row for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, state = folder / "10mb.log", folder / "state"
        write_log(log, LINES_10_MB)
        size = f"{log.stat().st_size / 1e6:.1f} MB"
        for format in ("md", "html"):
            seconds = median_seconds(report(folder, str(log), "--out", str(folder / f"STATUS.{format}")), rounds=ROUNDS)
            print_row(
                f"a page ({format}) of a log of {size}, cold", f"{seconds:.2f} s", f"< {COLD_S} s", seconds < COLD_S
            )
        _from_state(log, state, folder)
        if "--small" in sys.argv:
            print_row("a page of a log of 1 GB", "not measured: --small", f"< {LARGE_S:.0f} s", None)
        else:
            _large(folder)


def _from_state(log: Path, state: Path, folder: Path) -> None:
    """Measure the page as a watch updates it, in its process, and as a command builds it from the state."""
    monitor = str(Path(sys.executable).with_name("monitor"))
    watch = [monitor, "watch", str(log), "--state", str(state), "--plain"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "were there before this watch" in line:
                break
        Thread(target=process.stderr.read, daemon=True).start()
        Thread(target=process.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        try:
            call = report(folder, "--state", str(state), "--out", str(folder / "S.md"))
            seconds = median_seconds(call, rounds=ROUNDS)
        finally:
            process.terminate()
    what = "a page from the state of a watch: the whole command"
    print_row(what, f"{seconds:.2f} s", f"< {FROM_STATE_S} s", seconds < FROM_STATE_S)
    seconds = _renewed(log, folder)
    what = "a page from the state of a watch: as the watch itself renews it, charts included"
    print_row(what, f"{seconds:.3f} s", f"< {FROM_STATE_S} s", seconds < FROM_STATE_S)


def _renewed(log: Path, folder: Path) -> float:
    from monitor.cli.reading import read_log
    from monitor.engine.step import Engine
    from monitor.pipeline import Pipeline
    from monitor.report.build import build
    from monitor.report.publish import publish
    from monitor.rules import load_rules
    from monitor.rules.choice import shipped_rule_files

    pipeline = Pipeline(str(log), Engine(load_rules(shipped_rule_files())))
    read_log(pipeline)

    def renew() -> None:
        snapshot = pipeline.snapshot(pipeline.run.now, is_following=True)
        publish(folder / "R.md", build(snapshot), "md")

    return median_seconds(renew)


def _large(folder: Path) -> None:
    """Measure 1 GB once, on a terminal."""
    log = folder / "1gb.log"
    write_log(log, LINES_1_GB)
    began = perf_counter()
    shown = _on_terminal(["report", str(log), "--out", str(folder / "LARGE.md")])
    seconds = perf_counter() - began
    bar = "with a progress bar" if b"reading" in shown and b"/s" in shown else "WITHOUT a progress bar"
    what = f"a page of a log of {log.stat().st_size / 1e9:.2f} GB, on a terminal {bar}"
    print_row(what, f"{seconds:.1f} s", f"< {LARGE_S:.0f} s", seconds < LARGE_S and b"reading" in shown)


def _on_terminal(arguments: list[str]) -> bytes:
    """Run the command with a terminal for its stderr; return what it showed there."""
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("monitor")), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == 0
    return shown


if __name__ == "__main__":
    main()
