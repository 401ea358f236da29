"""``monitor run -- COMMAND``: start a training, keep its output as a log, watch it, exit with its exit code."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.cli.config_option import background_of, config_option, rules_of
from monitor.cli.options import OtherRuns, background_options, line_options, rule_options
from monitor.cli.watching import Manner, follow, open_state, publisher_of
from monitor.engine.step import Engine
from monitor.live.daemon import Daemon
from monitor.live.os_signals import Stops
from monitor.probes import probes_of
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.rules.choice import RuleChoice
from monitor.sinks import open_sinks
from monitor.tail.logset import LogSet
from monitor.tail.opening import check_outputs

if TYPE_CHECKING:
    from monitor.config import Config

LOG_FOLDER = Path("_logs/training")
LAST_LOOK_S = 5.0
"""Time for the watch to read the last lines of a training that has ended."""


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", nargs=-1, metavar="-- COMMAND...", type=click.UNPROCESSED)
@config_option
@rule_options
@background_options
@line_options
@click.option("--log", type=click.Path(path_type=Path), metavar="FILE", help="Append the output to this file.")
@click.option(
    "--watch",
    "own_log",
    type=click.Path(path_type=Path),
    metavar="LOG",
    help="Watch this log, which COMMAND writes itself.",
)
@click.option("--sink", "sinks", multiple=True, metavar="KIND:PLACE", help="Send alerts there; see monitor watch.")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="Keep the watch's state in this folder.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Keep a status page in this file.")
def command(
    words: tuple[str, ...],
    config: Config,
    choice: RuleChoice,
    known: OtherRuns,
    lines: LineChoice,
    log: Path | None,
    own_log: Path | None,
    sinks: tuple[str, ...],
    state: Path | None,
    report: Path | None,
) -> int:
    """Start a training, keep its output as a log, watch it, and exit with its exit code.

    The monitor then knows how COMMAND died and need not guess. The output goes straight into the log, so that none is
    lost if the training outlives the watch; by default the log is _logs/training/COMMAND_TIME.log. Signals are passed
    on to COMMAND. Exit code: that of COMMAND; 128 plus the number of the signal that killed it; 2 for wrong usage or
    a bad file, before anything is started.

    \b
    monitor run -- python train.py --epochs 20
    monitor run --sink webhook:env:SLACK_URL --report STATUS.md -- torchrun train.py
    monitor run --watch _logs/training/a.log -- trainer fit --log _logs/training/a.log
    """
    if not words:
        raise MonitorError("monitor run", "no command given", expected="monitor run -- COMMAND...")
    path = own_log or log or _default_log(words[0])
    state, report = state or config.state, report or config.report.out
    background = background_of(config, known, [str(path)])
    dialects = dialects_of(lines, config.dialect, config.time_zone, config.vocabulary)
    engine = Engine(rules_of(config, choice), background, dialects)
    receivers = open_sinks([*config.sinks, *sinks])
    places = [("--report", report)] if report else []
    check_outputs(str(path), [*places, *(("--sink", file) for file in receivers.files)])
    opened = open_state(config, receivers, state)
    try:
        manner = Manner(
            report=report,
            every_s=config.report.every,
            publish=publisher_of(config, background, state),
            until_end=True,
            wait=True,
            plain=True,
            notify_history=True,
        )
        child = _start(words, None if own_log else path)
        click.echo(terminal(f"started {shlex.join(words)} as process {child.pid}; its log is {path}"), err=True)
        logs = LogSet([str(path)])
        follow(logs, engine, opened, manner, probes=probes_of(child.pid, child.poll), stops=_stops_of(child))
        code = child.wait()
    finally:
        opened.committer.close()
    return 128 - code if code < 0 else code


def _default_log(program: str) -> Path:
    moment = datetime.fromtimestamp(SystemClock().wall(), UTC)
    return LOG_FOLDER / f"{Path(program).name}_{moment:%Y%m%d_%H%M%S}.log"


def _start(words: tuple[str, ...], log: Path | None) -> subprocess.Popen[bytes]:
    """Start a command, with its output to the log if one is given. Raises MonitorError."""
    # Python buffers output to a file in blocks: the watch would see it minutes late.
    environment = {"PYTHONUNBUFFERED": "1", **os.environ}
    try:
        if log is None:
            return subprocess.Popen(words, env=environment)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(words, env=environment, stdout=output, stderr=subprocess.STDOUT)
    except OSError as error:
        place = error.filename or words[0]
        raise MonitorError(str(place), f"cannot be started ({error.strerror})", expected="a program") from None


def _stops_of(child: subprocess.Popen[bytes]) -> Stops:
    """Pass signals on to the command, and end the watch shortly after it."""

    @contextmanager
    def stops(daemon: Daemon) -> Iterator[list[int]]:
        def pass_on(number: int, frame: FrameType | None) -> None:
            if child.poll() is None:
                child.send_signal(number)

        def wait() -> None:
            child.wait()
            # Normally the watch reads the log to its end and stops by itself; this is for one that cannot.
            if not is_over.wait(LAST_LOOK_S):
                daemon.stop()

        is_over = threading.Event()
        # The terminal sends Ctrl-C to the command as well.
        passed = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
        passed[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=wait, name="command", daemon=True).start()
        try:
            yield []
        finally:
            is_over.set()
            for number, handler in passed.items():
                signal.signal(number, handler)

    return stops
