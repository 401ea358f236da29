"""Send one alert to all receivers now, even if the watch file or the state folder is faulty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from monitor.alert import Alert
from monitor.base.clock import Clock
from monitor.base.errors import MonitorError, Problems, StateError
from monitor.base.escape import terminal
from monitor.base.yamlfile import YamlFile
from monitor.cli.watching import open_state
from monitor.config import Config, load_config
from monitor.live.committer import Committer
from monitor.notify import Delivery
from monitor.sinks import OpenedSinks, SinkSpec, open_sinks
from monitor.sinks.stderr import Stderr

TRY_EVERY_S = 0.2


def tell_all(
    alert: Alert, config_path: Path, state: Path | None, clock: Clock, *, wait_s: float, sleep: Callable[[float], None]
) -> bool:
    """Send an alert to standard error and to every receiver; return whether all took it within the time."""
    Stderr().send([alert])
    config, receivers, is_whole = _receivers(config_path)
    receivers.sinks.pop("stderr", None)
    committer = _committer(config, receivers, state if is_whole else None)
    try:
        committer.add([alert])
        until = clock.monotonic() + wait_s
        committer.hurry()
        _warn(*committer.settle(clock, []))
        while committer.delivery.num_waiting and clock.monotonic() < until:
            sleep(TRY_EVERY_S)
            _warn(*committer.settle(clock, []))
        left = committer.delivery.waiting_for
        _warn(*(f"{name}: not told yet that the run is no longer watched" for name, number in left.items() if number))
        return is_whole and not any(left.values())
    finally:
        committer.close()


def _receivers(path: Path) -> tuple[Config, OpenedSinks, bool]:
    """Return the watch file and its receivers, and whether all of them could be read."""
    try:
        config = load_config(path)
        return config, open_sinks(config.sinks), True
    except MonitorError as error:
        _warn(*map(str, error.problems if isinstance(error, Problems) else [error]))
    # The mistake may be elsewhere in the file, and the receivers must be told.
    opened = OpenedSinks({}, [], [])
    for spec in _named_sinks(path):
        try:
            opened.sinks.update(open_sinks([spec]).sinks)
        except MonitorError as error:
            _warn(str(error))
    return Config(), opened, False


def _named_sinks(path: Path) -> list[SinkSpec]:
    try:
        data = YamlFile(path, StateError).data
    except MonitorError:
        return []
    named = data.get("sinks") if isinstance(data, dict) else None
    return [each for each in named if isinstance(each, str | dict)] if isinstance(named, list) else []


def _committer(config: Config, receivers: OpenedSinks, state: Path | None) -> Committer:
    if state is not None:
        try:
            return open_state(config, receivers, state).committer
        except StateError as error:
            _warn(str(error))
    return Committer(Delivery(receivers.sinks))


def _warn(*texts: str) -> None:
    for text in texts:
        click.echo(terminal(f"monitor: {text}"), err=True)
