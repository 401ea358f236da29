"""``monitor baseline``: keep the figures of a run, to compare later runs with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from monitor.alert import iso_time
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.group import Group
from monitor.cli.options import json_option, state_option
from monitor.cli.other_run import default_directory, other_run
from monitor.run.summary import RunSummary
from monitor.store.baselines import BaselineError, Baselines


@click.group("baseline", cls=Group)
def command() -> None:
    """Keep the figures of a run, to compare later runs with.

    A watch with --state keeps the figures of every run that ends well; `save` keeps the figures of any log under a
    name. Use that name wherever a command takes a baseline: report, replay, watch, compare.

    \b
    monitor baseline save good _logs/training/run.log
    monitor report _logs/training/new.log --baseline good
    """


@command.command("save")
@click.argument("name")
@click.argument("log", shell_complete=completers.files)
@state_option
def save(name: str, log: str, state: Path | None) -> None:
    """Read LOG and save its figures under NAME, replacing an earlier baseline of that name.

    LOG may also be the id of a finished run, or a file with a summary. Writes to the state folder. Exit code: 0
    saved, 2 usage or no figures in LOG.

    \b
    monitor baseline save good _logs/training/run.log
    """
    kept = _kept(state)
    summary = other_run("LOG", log, state)
    if not summary.last:
        raise BaselineError(log, "has no figures to compare", expected="the log of a training")
    path = kept.save(name, summary)
    click.echo(terminal(f"saved {name}: {_in_words(summary)} ({path})"), err=True)


@command.command("list")
@state_option
@json_option
def list_all(state: Path | None, as_json: bool) -> None:
    """List the saved baselines, then the finished runs, newest first.

    Reads the state folder. Exit code: 0, 2 usage.

    \b
    monitor baseline list
    """
    kept = _kept(state)
    found = [(each, kept.find(each.name)) for each in kept.stored()]
    if as_json:
        entries = [
            {
                "name": each.name,
                "saved": each.is_saved,
                "at": iso_time(each.at),
                "run": summary.run,
                "log": summary.log,
                "status": summary.status.value,
                "epochs_done": summary.epochs_done,
                "step": summary.step,
            }
            for each, summary in found
            if summary is not None
        ]
        click.echo(json.dumps({"folder": str(kept.folder), "baselines": entries}))
        return
    if not found:
        click.echo(terminal(f"no baseline in {kept.folder}"), err=True)
    for each, summary in found:
        assert summary is not None
        by = "saved" if each.is_saved else "finished run"
        click.echo(terminal(f"{each.name}: {by} {(iso_time(each.at) or '')[:10]}, {_in_words(summary)}, {summary.log}"))


@command.command("show")
@click.argument("name", shell_complete=completers.baselines)
@state_option
@json_option
def show(name: str, state: Path | None, as_json: bool) -> None:
    """Print the figures of a baseline.

    Reads the state folder. Exit code: 0 found, 2 usage or no such baseline.

    \b
    monitor baseline show good
    """
    kept = _kept(state)
    summary = kept.find(name)
    if summary is None:
        raise BaselineError(name, f"no such baseline in {kept.folder}", expected=kept.expected())
    if as_json:
        click.echo(summary.to_json())
        return
    click.echo(terminal(f"{name}: {_in_words(summary)}, {summary.log}"))
    for (signal, labels), value in summary.last.items():
        words = ", ".join(label for _, label in labels)
        click.echo(terminal(f"  {signal}{f'{{{words}}}' if words else ''} {value:.6g}"))


@command.command("rm")
@click.argument("name", shell_complete=completers.baselines)
@state_option
def remove(name: str, state: Path | None) -> None:
    """Remove a baseline from the state folder.

    Exit code: 0 removed, 2 usage or no such baseline.

    \b
    monitor baseline rm good
    """
    click.echo(terminal(f"removed {_kept(state).remove(name)}"), err=True)


def _kept(state: Path | None) -> Baselines:
    return Baselines(state or default_directory(os.environ))


def _in_words(summary: RunSummary) -> str:
    return f"run {summary.run}, {summary.status}, {summary.epochs_done} epochs, step {summary.step}"
