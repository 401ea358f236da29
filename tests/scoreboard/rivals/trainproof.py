"""trainproof, the package itself, in its own environment.

In: a log, as JSON lines (see `trainproof_log`). Out: its findings of level WARN and FAIL. One process keeps running and
judges one log after another, because starting it takes longer than judging.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.scoreboard.rivals.observed import observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm
from tests.scoreboard.rivals.trainproof_log import converted

VERSION = "0.22.0"
HOME = Path(__file__).parents[3] / "_logs" / "scoreboard" / "trainproof"
"""Its environment; made by `prepare`, ignored by git."""
WORKER = Path(__file__).with_name("trainproof_worker.py")
INSTALL_LIMIT_S = 300.0

KINDS: Mapping[str, frozenset[str]] = {
    "TP-NAN": frozenset({"loss_nonfinite"}),
    "TP-NAN-GRAD": frozenset({"grad_nonfinite"}),
    "TP-ZERO-LOSS": frozenset({"loss_zero_or_frozen"}),
    "TP-ZERO-LOSS-ONSET": frozenset({"loss_zero_or_frozen"}),
    "TP-FLAT": frozenset({"loss_zero_or_frozen", "not_learning"}),
    "TP-DIVERGE": frozenset({"loss_diverge", "loss_spike"}),
    "TP-DEAD-RUN": frozenset({"not_learning", "no_update", "loss_diverge"}),
    "TP-ZERO-GRAD": frozenset({"grad_zero"}),
    "TP-GRAD-SPIKE": frozenset({"grad_explode"}),
    "TP-ZERO-LR": frozenset({"lr_off"}),
    "TP-ZERO-LR-PARTIAL": frozenset({"lr_off"}),
    "TP-OVERFIT": frozenset({"overfit"}),
    "TP-STEP-CLIFF": frozenset({"throughput_drop"}),
    "TP-LOADER-BOUND": frozenset({"throughput_drop"}),
    "TP-STALL": frozenset({"stall_silent"}),
    "TP-NO-LOSS": frozenset(),
}


class Trainproof(Rival):
    """One way to run it: `epoch`, on the finished log, or `watch`, on the growing one."""

    source = f"trainproof {VERSION}, https://pypi.org/project/trainproof/{VERSION}/ (rules.py, epoch.py, watch.py)"
    kinds = KINDS
    not_observable: ClassVar = {}

    def __init__(self, command: str) -> None:
        self.name = f"trainproof {VERSION.removesuffix('.0')} {command}"
        self._command = command

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.jsonl"
            path.write_text(converted(observe(log)), encoding="utf-8")
            return _ask({"path": str(path), "until": until, "as": self._command})

    def prepare(self) -> str | None:
        """Create its environment. Call this once, before several processes judge."""
        if is_installed():
            return None
        try:
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(HOME)],
                [str(_python()), "-m", "pip", "install", "--quiet", "--no-deps", f"trainproof=={VERSION}"],
            ):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S)
        except (OSError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            return f"trainproof {VERSION} cannot be installed: {reason[-1]}"
        return None if is_installed() else f"{HOME}: another version than trainproof {VERSION} was installed"


def is_installed() -> bool:
    """Return whether the environment exists and has the right version."""
    return bool(list(HOME.glob(f"lib/python*/site-packages/trainproof-{VERSION}.dist-info/RECORD")))


_processes: dict[int, subprocess.Popen[str]] = {}
"""The judging process of each process that asks: a forked child has its own."""


def _ask(request: Mapping[str, object]) -> list[RivalAlarm]:
    process = _processes.get(os.getpid()) or _start()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    if not (answer := process.stdout.readline()):
        stop()
        raise RuntimeError(f"trainproof: its process ended; expected an answer to {request}")
    return [RivalAlarm(*each) for each in json.loads(answer)]


def _start() -> subprocess.Popen[str]:
    command = [str(_python()), "-I", str(WORKER)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    _processes[os.getpid()] = process
    assert process.stdout is not None
    greeting = json.loads(process.stdout.readline())
    assert greeting == {"trainproof": VERSION}, greeting
    return process


@atexit.register
def stop() -> None:
    """End the judging process of this process, if there is one."""
    if process := _processes.pop(os.getpid(), None):
        with process:
            process.terminate()


def _python() -> Path:
    return HOME / "bin" / "python"
