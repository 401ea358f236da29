"""``monitor serve``: a page over all runs of this machine, the same as JSON, and metrics."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import states_option

_NEEDED = ("starlette", "uvicorn", "prometheus_client")


@click.command("serve", cls=Sectioned)
@states_option("A state folder of a watch, or a folder of such folders")
@click.option(
    "--listen",
    default="127.0.0.1:8377",
    show_default=True,
    metavar="HOST:PORT|unix:PATH",
    help="Where to listen; beyond this machine a token is needed.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The token that allows to silence and acknowledge, and beyond this machine to read.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name by which browsers reach this server, such as that of a proxy; repeatable.",
)
def command(states: tuple[Path, ...], listen: str, token_file: Path | None, hosts: tuple[str, ...]) -> None:
    """Serve a page over all runs of this machine, the same as JSON, and metrics.

    Reads the state folders of watches, which may come and go; writes nothing but silences and acknowledgements, through
    the watches, for those who have the token. Ends with SIGINT or SIGTERM. Needs the extra `serve`. Exit code: 0
    stopped, 2 usage, or an address that is taken.

    \b
    monitor serve
    monitor serve --state /var/lib/trainwarden --token-file token
    monitor serve --state runs/a --state runs/b --listen 0.0.0.0:8377 --token-file token --host gpu03.lan
    """
    missing = [each for each in _NEEDED if find_spec(each) is None]
    if missing:
        what = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
        raise MonitorError("serve", what, expected="pip install 'trainwarden[serve]'")
    from monitor.web.server import listen_at, serve

    places = [each.resolve() for each in states]

    def tell(line: str) -> None:
        click.echo(terminal(f"monitor: {line}"), err=True)

    for each in places:
        if each.exists() and not each.is_dir():
            raise MonitorError(f"--state {each}", "not a folder", expected="the state folder of a watch")
        if not each.exists():
            tell(f"{each}: is not there yet; its runs are shown once a watch makes it")
    serve(places, listen_at(listen), token_file=token_file, hosts=hosts, tell=tell)
