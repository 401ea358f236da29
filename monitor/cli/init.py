"""``monitor init``: write a watch file that fits a log."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.atomicfile import write_atomically
from monitor.base.errors import LogError, MonitorError
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.reading import read_log
from monitor.config import load_config
from monitor.config.draft import watch_file
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind


@click.command("init")
@click.argument("log", shell_complete=completers.files)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("watch.yaml"),
    show_default=True,
    metavar="FILE",
    help="Write the watch file here; - prints it.",
)
def command(log: str, out: Path) -> None:
    """Write a watch file that fits LOG.

    The file names the settings of the run, the objectives that its signals can prove, and the pace of its epochs.
    Reads LOG and writes FILE; an existing file is never overwritten. Exit code: 0 written, 2 usage, bad file or too
    little in LOG.

    \b
    monitor init _logs/training/run.log
    monitor init _logs/training/run.log --out -
    """
    if str(out) != "-" and (out.exists() or out.is_symlink()):
        raise MonitorError(str(out), "exists already", expected="a new file: another --out, or - to print it")
    pipeline = Pipeline(log, Engine(()))
    read_log(pipeline)
    if is_blind(pipeline):
        what = f"too little about a training: {pipeline.run.understood:,} of {pipeline.run.lines:,} lines understood"
        raise LogError(log, what, expected="a training log (see monitor doctor)")
    text = watch_file(pipeline.run, log)
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    write_atomically(out, text)
    load_config(out)
    click.echo(terminal(f"wrote {out}; for a status page run: monitor report --config {out} --out STATUS.md"), err=True)
