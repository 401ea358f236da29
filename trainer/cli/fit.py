"""`trainer fit`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from trainer.cli.options import FILE_HELP, Sectioned, complain, setting_options
from trainer.config import TrainerError
from trainer.config_file import write_settings
from trainer.settings import resolve


@click.command(cls=Sectioned)
@click.option("--config", "file", type=click.Path(path_type=Path), help=FILE_HELP)
@click.option(
    "--write-config",
    "write_to",
    type=click.Path(path_type=Path),
    help="Write the settings in force to this YAML file (- is standard output) instead of training.",
)
@setting_options
def fit(file: Path | None, write_to: Path | None, **asked: Any) -> None:
    """Train, and write the run's log.

    Reads a long-format panel, or generates a synthetic one under _data/, and writes _logs/training/NAME_TIME.log. A
    panel is a parquet, CSV or feather file, a folder of them, also in Hive partitions, or a pattern. Under torchrun it
    trains on several devices or machines; the other processes log to _logs/training/NAME_TIME.ranks/1.log and so on.

    With --resume it goes on with the settings of the newest checkpoint. SIGINT and SIGTERM end it after the current
    step, with a checkpoint.

    Exit codes: 0 completed, 1 failed, 2 unusable setting or panel, 130 and 143 stopped by SIGINT and SIGTERM.

    Settings come from their defaults, a file, the environment and the command line; the later one wins.
    `trainer.fit("run.yaml", epochs=3)` does the same from Python.

    \b
    Example: trainer fit --name first --epochs 6 --inject grad_zero@4
             trainer fit --data panel.parquet --epochs 6 --write-config run.yaml
             trainer fit --config run.yaml --seed 2
    """
    cli = {name: value for name, value in asked.items() if value is not None and value != ()}
    world_size = 1
    try:
        resolved = resolve(cli=cli, env=os.environ, file=file)
        if write_to is not None:
            write_settings(resolved.config, write_to)
            return
        from trainer.training.loop import train
        from trainer.training.progress_bar import ProgressBar
        from trainer.training.ranks import ranks_of
        from trainer.training.stopping import exit_code, stop_on_signals

        ranks = ranks_of(os.environ)
        world_size = ranks.world_size
        with stop_on_signals() as stop, ProgressBar(sys.stderr, is_shown=ranks.is_main) as bar:
            result = train(resolved, command=shlex.join(sys.argv), ranks=ranks, stop=stop, show=bar.show)
    except TrainerError as error:
        complain(error)
        code = 2
    else:
        code = {"completed": 0, "stopped": exit_code(stop.signal)}.get(result.status, 1)
        if ranks.is_main:
            best = f"best validation loss {result.best_val_loss:.4f} in epoch {result.best_epoch}"
            click.echo(f"{result.status} after {result.epochs} epochs, {best}", err=True)
            if result.num_lost_lines:
                click.echo(f"{result.num_lost_lines} log lines were lost: the disk was full", err=True)
            click.echo(result.log)
    if world_size > 1:
        os._exit(code)  # see `JoinedRanks` for the reason
    sys.exit(code)
