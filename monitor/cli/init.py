"""``monitor init``: a watch file for a log, written from what the log contains."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.atomicfile import write_atomically
from monitor.base.errors import LogError, MonitorError
from monitor.base.escape import terminal
from monitor.cli.reading import read_log
from monitor.config import load_config
from monitor.config.draft import watch_file
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind


@click.command("init")
@click.argument("log")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("watch.yaml"),
    show_default=True,
    metavar="FILE",
    help="Where the watch file goes; - prints it.",
)
def command(log: str, out: Path) -> None:
    """Write a watch file for LOG, from what it contains.

    The file names what the run is about: its settings, the objectives that its signals can prove, the pace of its
    epochs. An existing file is never overwritten.

    \b
    monitor init _logs/training/run.log
    monitor init _logs/training/run.log --out -
    """
    if str(out) != "-" and (out.exists() or out.is_symlink()):
        raise MonitorError(str(out), "is there already", expected="a new file: another --out, or - to see it")
    pipeline = Pipeline(log, Engine(()))
    read_log(pipeline, shows_progress=True)
    if is_blind(pipeline):
        what = f"tells too little of a training: {pipeline.run.understood:,} of {pipeline.run.lines:,} lines understood"
        raise LogError(log, what, expected="a training log (see monitor doctor)")
    text = watch_file(pipeline.run, log)
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    write_atomically(out, text)
    load_config(out)
    click.echo(terminal(f"wrote {out}; monitor report --config {out} --out STATUS.md renders it"), err=True)
