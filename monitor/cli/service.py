"""``monitor service``: the systemd units that keep a watch running, and the alert that a watch has failed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from monitor.base.atomicfile import write_atomically
from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError, Problems, ReportError, StateError
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.group import Group
from monitor.service.units import UnitFile, Wanted, check_name, escaped, is_unedited, sealed, unit_files

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
"""Folders that the units hide from the service."""
EXIT_UNTOLD = 1


@click.group("service", cls=Group)
def command() -> None:
    """Install and print the systemd units that keep a watch running.

    One instance watches one run: monitor@NAME.service reads /etc/trainwarden/NAME.yaml and keeps its state in
    /var/lib/trainwarden/NAME. See docs/service.md.
    """


@command.command("print")
@click.argument("names", nargs=-1, metavar="[FILE]...")
def print_units(names: tuple[str, ...]) -> None:
    """Print the units, or only the FILEs named, with the path of this monitor in them.

    Reads the shipped units and writes to standard output. Exit code: 0, 2 usage or no such unit.

    \b
    monitor service print
    monitor service print monitor@.service
    """
    files = unit_files(own_command())
    by_name = {Path(file.path).name if "systemd" in file.path else file.path: file for file in files}
    for name in names:
        if name not in by_name:
            raise MonitorError("FILE", f"unknown unit {name!r:.60}", expected=f"one of {', '.join(by_name)}")
    click.echo("\n".join(f"# /{by_name[name].path}\n{by_name[name].text}" for name in names or by_name), nl=False)


@command.command("install")
@click.argument("name")
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path("/"), help="Write below this folder instead of /."
)
@click.option("--gpu", is_flag=True, help="Let this instance see the GPUs (NVIDIA).")
@click.option("--plain", is_flag=True, help="Let it see only the log, and no other process.")
@click.option(
    "--home-logs", metavar="FOLDER", help="Let it see this folder of logs below /home, but nothing else there."
)
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="NAME",
    help="Give it this secret (webhook:credential:NAME).",
)
@click.option("--force", is_flag=True, help="Overwrite edited files.")
def install(
    name: str, root: Path, gpu: bool, plain: bool, home_logs: str | None, credentials: tuple[str, ...], force: bool
) -> int:
    """Write the units and the drop-ins for the instance NAME, and print the next steps.

    Starts nothing. If one of the files was edited, nothing is written unless --force is given. Exit code: 0 written,
    2 usage, an edited file, or no permission to write.

    \b
    monitor service install prod_validation
    monitor service install prod_validation --gpu --home-logs /home/alice/project/_logs --credential webhook
    """
    for credential in credentials:
        check_name(credential)
    if home_logs is not None and (not home_logs.startswith("/") or not home_logs.isprintable() or '"' in home_logs):
        raise MonitorError("--home-logs", f"not a full path: {home_logs!r:.60}", expected="/home/USER/…/_logs")
    files = unit_files(own_command(), name, Wanted(gpu, plain, home_logs, credentials))
    if not force:
        refuse_edited(root, files)
    for file in files:
        place = root / file.path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            is_new = not place.exists()
            write_atomically(place, sealed(file.text))
            if is_new:
                place.chmod(0o644)
        except OSError as error:
            raise ReportError(str(place), f"cannot be written ({error.strerror})", expected="to run as root") from None
        click.echo(terminal(f"written: {place}"))
    for line in _next_steps(name, root, credentials):
        click.echo(terminal(line))
    for path in hidden_paths(own_command()):
        expected = "a monitor outside it: python3 -m venv /opt/trainwarden && /opt/trainwarden/bin/pip install …"
        click.echo(terminal(f"monitor: {path}: the service cannot see this folder; expected {expected}"), err=True)
    return 0


@command.command("failed")
@click.argument("name")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Read this watch file.",
)
@click.option(
    "--state",
    shell_complete=completers.state_folders,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The state folder of the watch.",
)
@click.option("--wait", "wait_s", type=click.FloatRange(0, 3600), default=60.0, help="Seconds to wait for receivers.")
def failed(name: str, config_path: Path, state: Path | None, wait_s: float) -> int:
    """Tell the journal and all receivers that NAME is no longer watched; monitor-failure@.service runs this.

    Reads the cause of the failure from MONITOR_SERVICE_RESULT and MONITOR_EXIT_STATUS, which systemd sets. With
    --state, a message that a receiver does not take now waits for the next watch, which also tells that the failure
    is over. If the watch file is faulty, the receivers in it that can be read are told. Exit code: 0 all are told,
    1 a receiver is not told yet, 2 usage.

    \b
    monitor service failed prod_validation --config /etc/trainwarden/prod_validation.yaml
    """
    from monitor.cli.unwatched import tell_all
    from monitor.notify import unwatched

    check_name(name)
    clock = SystemClock()
    alert = unwatched(name, why_failed(os.environ), clock.wall())
    is_told = tell_all(alert, config_path, state, clock, wait_s=wait_s, sleep=time.sleep)
    return 0 if is_told else EXIT_UNTOLD


def why_failed(environment: Mapping[str, str]) -> str:
    """Return in words the cause of a failure, as systemd reports it."""
    result = environment.get("MONITOR_SERVICE_RESULT", "")
    status = environment.get("MONITOR_EXIT_STATUS", "")
    causes = {
        "exit-code": f"it ended with exit code {status}"
        + (", a watch file or rule file that cannot be used" if status == "2" else ""),
        "signal": f"it was killed by SIG{status}",
        "core-dump": f"it crashed by SIG{status}",
        "watchdog": "it hung: its loop stopped reporting to systemd",
        "timeout": "it took too long to start or to stop",
        "oom-kill": "the kernel killed it for lack of memory",
        "start-limit-hit": "it failed repeatedly in a short time",
        "resources": "the system lacked the resources to run it",
    }
    return causes.get(result, f"systemd reports: {result or 'nothing'} {status}".rstrip())


def own_command() -> str:
    """Return the command that starts this monitor, escaped for a unit."""
    script = Path(sys.argv[0])
    if script.name in ("monitor", "trainwarden") and script.is_file() and os.access(script, os.X_OK):
        return escaped(str(script.absolute()))
    return f"{escaped(sys.executable)} -m monitor"


def hidden_paths(command_line: str) -> list[str]:
    """Return the folders that the service needs but cannot see."""
    needed = {command_line.split(" ")[0].strip('"'), sys.prefix, sys.base_prefix, str(Path(__file__).parents[1])}
    real = {str(Path(path).resolve()) for path in needed}
    return sorted({path for path in real for hidden in HIDDEN if path == hidden or path.startswith(f"{hidden}/")})


def refuse_edited(root: Path, files: list[UnitFile]) -> None:
    """Raise Problems for files that were changed since they were written."""
    problems: list[MonitorError] = []
    for file in files:
        place = root / file.path
        try:
            found = place.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problems.append(StateError(str(place), f"cannot be read ({error.strerror})", expected="a file"))
            continue
        if not is_unedited(found) and found != file.text:
            problems.append(MonitorError(str(place), "was edited", expected="--force to overwrite it"))
    if problems:
        raise Problems(problems)


def _next_steps(name: str, root: Path, credentials: tuple[str, ...]) -> list[str]:
    watch_file = Path("/etc/trainwarden") / f"{name}.yaml"
    steps = ["systemd-sysusers && systemd-tmpfiles --create", "systemctl daemon-reload"]
    if not (root / str(watch_file).lstrip("/")).exists():
        steps.append(f"monitor init /path/to/run.log > {watch_file}   # or: monitor config sample > {watch_file}")
    steps += [f"install -m 600 /dev/stdin /etc/trainwarden/secrets/{each}   # its value" for each in credentials]
    steps += [
        f"monitor config check {watch_file}",
        f"systemctl enable --now monitor@{name}",
        "usermod -aG trainwarden USER   # lets USER read the state and silence alerts",
    ]
    return ["next:", *(f"  {step}" for step in steps)]
