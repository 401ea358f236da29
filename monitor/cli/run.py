"""``monitor run -- COMMAND``: start a training, keep its output as a log, watch it, exit with its exit code."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from monitor.alert import Alert
from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.config_option import background_of, config_option, rules_of
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import EXIT_FIRED, OtherRuns, background_options, line_options, rule_options
from monitor.cli.watching import Manner, Probes, follow, open_state, publisher_of
from monitor.engine.step import Engine
from monitor.live.daemon import Daemon
from monitor.live.doomed import Dooms, ProcessGroup, Stopper, kinds_of
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
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Schedulers announce the end of a job by SIGTERM or SIGUSR1, and trainers listen to them."""
STOP_AFTER_S = 2.0
"""How long an alert must keep firing before it ends the run. Chosen by hand, 2026-11."""
STOP_GRACE_S = 30.0
"""Time to save a checkpoint after SIGTERM: what SLURM (KillWait) and Kubernetes give."""


@click.command(
    "run", cls=Sectioned, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
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
@click.option(
    "--state",
    shell_complete=completers.state_folders,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep the watch's state in this folder.",
)
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Keep a status page in this file.")
@click.option(
    "--stop-on",
    metavar="KIND[,KIND]",
    help="End COMMAND and its children when a critical alert of this kind of fault fires, such as loss_nonfinite.",
)
@click.option(
    "--stop-after",
    type=click.FloatRange(min=0.0),
    default=STOP_AFTER_S,
    show_default=True,
    metavar="SECONDS",
    help="How long the alert must keep firing before.",
)
@click.option(
    "--stop-grace",
    type=click.FloatRange(min=0.0),
    default=STOP_GRACE_S,
    show_default=True,
    metavar="SECONDS",
    help="Time between SIGTERM and SIGKILL, to save and leave.",
)
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
    stop_on: str | None,
    stop_after: float,
    stop_grace: float,
) -> int:
    """Start a training, keep its output as a log, watch it, and exit with its exit code.

    The monitor then knows how COMMAND died and need not guess. The output goes straight into the log, so that none is
    lost if the training outlives the watch; by default the log is _logs/training/COMMAND_TIME.log. Signals are passed
    on to COMMAND. With --stop-on, COMMAND leads a process group of its own; once a critical alert of such a kind keeps
    firing, the group gets SIGTERM, later SIGKILL, and the state names the alert that caused it. Exit code: that of
    COMMAND; 128 plus the number of the signal that killed it; 1 if --stop-on ended it and it left with 0; 2 for wrong
    usage or a bad file, before anything is started.

    \b
    monitor run -- python train.py --epochs 20
    monitor run --sink webhook:env:SLACK_URL --report STATUS.md -- torchrun train.py
    monitor run --stop-on loss_nonfinite,stall_silent -- python train.py
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
    kinds = kinds_of(stop_on, engine.rules) if stop_on is not None else None
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
        log_bytes = path.stat().st_size if path.exists() else 0
        child = _start(words, None if own_log else path, leads_group=kinds is not None)
        stopper = None
        if kinds is not None:
            dooms = Dooms(kinds, stop_after, _silenced_in(state), log_bytes=log_bytes)
            stopper = Stopper(ProcessGroup(child.pid, child.poll), child.pid, dooms, stop_grace, _say)
        click.echo(terminal(f"started {shlex.join(words)} as process {child.pid}; its log is {path}"), err=True)
        logs = LogSet([str(path)])
        probes = probes_of(child.pid, child.poll)
        if stopper is not None:
            probes = _with(stopper, probes)
        follow(logs, engine, opened, manner, probes=probes, stops=_stops_of(child, stopper))
        is_ended = stopper is not None and stopper.finish()
        code = child.wait()
    finally:
        opened.committer.close()
    if is_ended and code == 0:
        # It saved and left as it should, but it is not done.
        return EXIT_FIRED
    return 128 - code if code < 0 else code


def _default_log(program: str) -> Path:
    moment = datetime.fromtimestamp(SystemClock().wall(), UTC)
    return LOG_FOLDER / f"{Path(program).name}_{moment:%Y%m%d_%H%M%S}.log"


def _with(stopper: Stopper, probes: Probes) -> Probes:
    return lambda log: (stopper, *probes(log))


def _silenced_in(state: Path | None) -> Callable[[Alert], bool]:
    """Return whether an alert is silenced or acknowledged: such a one ends nothing."""
    if state is None:
        return lambda alert: False
    from monitor.notify.silences import Silences

    silences, clock = Silences(state), SystemClock()
    return lambda alert: silences.covering(alert, clock.wall()) is not None


def _say(text: str) -> None:
    click.echo(terminal(f"monitor run: {text}"), err=True)


def _start(words: tuple[str, ...], log: Path | None, *, leads_group: bool) -> subprocess.Popen[bytes]:
    """Start a command, with its output to the log if one is given. Raises MonitorError."""
    group = 0 if leads_group else None
    # Python buffers output to a file in blocks: the watch would see it minutes late.
    environment = {"PYTHONUNBUFFERED": "1", **os.environ}
    try:
        if log is None:
            return subprocess.Popen(words, env=environment, process_group=group)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(
                words, env=environment, stdout=output, stderr=subprocess.STDOUT, process_group=group
            )
    except OSError as error:
        place = error.filename or words[0]
        raise MonitorError(str(place), f"cannot be started ({error.strerror})", expected="a program") from None


def _stops_of(child: subprocess.Popen[bytes], stopper: Stopper | None) -> Stops:
    """Pass signals on to the command, and end the watch shortly after it."""

    @contextmanager
    def stops(daemon: Daemon) -> Iterator[list[int]]:
        def pass_on(number: int, frame: FrameType | None) -> None:
            if child.poll() is None:
                child.send_signal(number)

        def pass_on_to_all(number: int, frame: FrameType | None) -> None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)

        def wait() -> None:
            child.wait()
            # Normally the watch reads the log to its end and stops by itself; this is for one that cannot.
            if not is_over.wait(LAST_LOOK_S):
                daemon.stop()

        is_over = threading.Event()
        passed = {number: signal.signal(number, pass_on) for number in PASSED_ON}
        # The terminal sends Ctrl-C to the command as well, unless that leads a group of its own.
        interrupted = signal.SIG_IGN if stopper is None else pass_on_to_all
        passed[signal.SIGINT] = signal.signal(signal.SIGINT, interrupted)
        if stopper is not None:
            stopper.followers = lambda: daemon.followers
        threading.Thread(target=wait, name="command", daemon=True).start()
        try:
            yield []
        finally:
            is_over.set()
            for number, handler in passed.items():
                signal.signal(number, handler)

    return stops
