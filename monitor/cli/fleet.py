"""``monitor fleet``: what Prometheus, Alertmanager and Grafana need to watch many machines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from monitor.base import resources
from monitor.base.atomicfile import write_atomically
from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError
from monitor.cli.group import Group
from monitor.cli.options import states_option

_FILES = {"rules": "fleet_rules.yaml", "dashboard": "fleet_dashboard.json"}


@click.group("fleet", cls=Group)
def command() -> None:
    """Print alerting rules and a dashboard for many machines; write metrics to a file."""


@command.command("print")
@click.argument("what", type=click.Choice(tuple(_FILES)))
def print_file(what: str) -> None:
    """Print the alerting rules for Prometheus, or the dashboard for Grafana.

    Both read the metrics of `monitor serve`, or of `monitor fleet textfile`. Exit code: 0 printed, 2 usage.

    \b
    monitor fleet print rules > /etc/prometheus/rules/trainwarden.yaml
    monitor fleet print dashboard > trainwarden.json
    """
    click.echo(resources.template_path(_FILES[what]).read_text(encoding="utf-8"), nl=False)


@command.command("textfile")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@states_option("A state folder of a watch, or a folder of such folders")
def textfile(file: Path, states: tuple[Path, ...]) -> None:
    """Write the metrics of all runs to FILE, for the textfile collector of node_exporter.

    Reads the state folders once; FILE is replaced whole. Run it from a timer. Needs the extra `serve`. Exit code: 0
    written, 2 usage, or FILE cannot be written.

    \b
    monitor fleet textfile /var/lib/prometheus/node-exporter/trainwarden.prom --state /var/lib/trainwarden
    """
    if find_spec("prometheus_client") is None:
        what = "prometheus_client is not installed"
        raise MonitorError("fleet textfile", what, expected="pip install 'trainwarden[serve]'")
    from monitor.web.metrics import as_textfile, registry_of
    from monitor.web.observer import Observer

    if file.suffix != ".prom":
        raise MonitorError(str(file), "node_exporter does not read it", expected="a name that ends in .prom")
    clock = SystemClock()
    observer = Observer([each.resolve() for each in states], clock)
    observer.turn()
    registry = registry_of(lambda: observer.board, clock.wall, observer.own_metrics, has_process=False)
    write_atomically(file, as_textfile(registry))
