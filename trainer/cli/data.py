"""`trainer synth` and `trainer check`: a panel made, a panel checked."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from trainer.cli.options import FILE_HELP, Sectioned, panel_options, refuse
from trainer.config import TrainerError
from trainer.settings import resolve


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Parquet file to write.")
@click.option("--codes", default=400, show_default=True, help="Stocks.")
@click.option("--days", default=750, show_default=True, help="Trading days.")
@click.option("--seed", default=1, show_default=True, help="Seed of the market.")
def synth(out: Path, codes: int, days: int, seed: int) -> None:
    """Write a synthetic panel with a planted signal, and a file with its best possible score next to it.

    Example: trainer synth --out panel.parquet --codes 400 --days 750 --seed 1
    """
    from trainer.market.generate import synthesise
    from trainer.market.write import write_panel

    try:
        write_panel(synthesise(codes=codes, days=days, seed=seed), out)
    except TrainerError as error:
        refuse(error)
    click.echo(out)


@click.command(cls=Sectioned)
@click.option("--data", required=True, help="Panel to check: a parquet, CSV or feather file, a folder, or a pattern.")
@click.option("--config", "file", type=click.Path(path_type=Path), help=FILE_HELP)
@panel_options
def check(data: str, file: Path | None, **asked: Any) -> None:
    """Report what is wrong with a panel; exit with 1 if `trainer fit` would refuse it.

    Takes the options with which `trainer fit` reads and splits the panel.

    Example: trainer check --data panel.parquet --exclude 'target_*,volume'
    """
    cli = {name: value for name, value in asked.items() if value is not None} | {"data": data}
    from trainer.batches.dataset import panel_path, read_panel, split_settings
    from trainer.panel.checks import check_panel

    try:
        config = resolve(cli=cli, env=os.environ, file=file).config.data
        panel = read_panel(panel_path(config), config)
        report = check_panel(panel, split_settings(config), max_missing_days=config.max_missing_days)
    except TrainerError as error:
        refuse(error)
    for problem in report.problems:
        click.echo(f"{problem.consequence.value}: {problem.message}")
    click.echo(
        f"{panel.facts.rows_available} rows, {len(panel.dates)} dates, {len(panel.codes)} codes, "
        f"{len(panel.feature_names)} features, {len(report.features_dead)} dead: "
        + ("refused" if report.is_refused else "usable")
    )
    sys.exit(1 if report.is_refused else 0)
