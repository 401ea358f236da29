"""The `trainer` command. Imports of torch and numpy wait until a command needs them, so that --help is fast."""

from __future__ import annotations

import datetime
import json
import os
import shlex
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn

import click

from trainer.config import SECTIONS, SYNTHETIC, TrainerError
from trainer.config_file import write_settings
from trainer.settings import resolve, settings

_REPEATABLE = {"inject", "allow_change"}
_FILE_HELP = "YAML or TOML file with settings by section."


class Sectioned(click.Command):
    """A command whose help lists the settings by section, as a file of settings does."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        section_of = {row.name: row.section for row in settings()}
        own: list[tuple[str, str]] = []
        by_section: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is not None:
                by_section.get(section_of.get(each.name or "", ""), own).append(record)
        for title, records in [("Options", own), *((_title(name), by_section[name]) for name in SECTIONS)]:
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _title(section: str) -> str:
    """Return a section's name and what it is about."""
    return f"{section} - {SECTIONS[section].__doc__.splitlines()[0].rstrip('.')}"


@click.group()
@click.version_option(package_name="trainwarden")
def main() -> None:
    """Train a multi-horizon stock-return model whose log can be trusted."""


def _setting_options(command: Callable[..., Any], *, names: Collection[str] = ()) -> Callable[..., Any]:
    """Add one option to a command for each row of the settings table, or for these."""
    for row in reversed(list(settings())):
        if names and row.name not in names:
            continue
        kind: Any = type(row.default) if type(row.default) in (int, float, str) else str
        unit = f" [{row.unit}]" if row.unit else ""
        shown = ",".join(map(str, row.default)) if isinstance(row.default, tuple) else str(row.default)
        command = click.option(
            f"--{row.name.replace('_', '-')}",
            row.name,
            type=kind,
            multiple=row.name in _REPEATABLE,
            default=None,
            help=f"{row.what}{unit} Variable {row.env}; default {shown or 'empty'}.",
        )(command)
    return command


@main.command(cls=Sectioned)
@click.option("--config", "file", type=click.Path(path_type=Path), help=_FILE_HELP)
@click.option(
    "--write-config",
    "write_to",
    type=click.Path(path_type=Path),
    help="Write the settings in force to this YAML file (- is standard output) instead of training.",
)
@_setting_options
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
        _complain(error)
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


@main.command()
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
        _refuse(error)
    click.echo(out)


def _panel_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how `fit` reads and splits a panel."""
    without = {"data", "cache_dir", *SYNTHETIC}
    return _setting_options(command, names={row.name for row in settings() if row.section == "data"} - without)


def _feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that leave trained features out."""
    for name, what in (
        ("exclude", "Trained features to take for missing: names or patterns, separated by commas."),
        ("static-data", "File with one row per code; default that of the training."),
        ("features", "Trained features to use, the others count as missing: names or patterns, separated by commas."),
    ):
        command = click.option(f"--{name}", default="", help=what)(command)
    return command


@main.command(cls=Sectioned)
@click.option("--data", required=True, help="Panel to check: a parquet, CSV or feather file, a folder, or a pattern.")
@click.option("--config", "file", type=click.Path(path_type=Path), help=_FILE_HELP)
@_panel_options
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
        _refuse(error)
    for problem in report.problems:
        click.echo(f"{problem.consequence.value}: {problem.message}")
    click.echo(
        f"{panel.facts.rows_available} rows, {len(panel.dates)} dates, {len(panel.codes)} codes, "
        f"{len(panel.feature_names)} features, {len(report.features_dead)} dead: "
        + ("refused" if report.is_refused else "usable")
    )
    sys.exit(1 if report.is_refused else 0)


@main.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="Checkpoint file, or its folder.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Panel with the trained features.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Parquet file to write.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or auto: cuda if there is one.")
@click.option("--precision", type=click.Choice(["fp32", "bf16-mixed"]), help="Precision; default that of the run.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First date to predict; default the first possible.")
@_feature_options
def predict(
    checkpoint: Path,
    data: Path,
    out: Path,
    device: str,
    precision: str | None,
    since: datetime.datetime | None,
    features: str,
    exclude: str,
    static_data: str,
) -> None:
    """Predict every stock and date of a panel. A checkpoint folder means its best checkpoint.

    The panel must also have the dates before the first one to predict: those of the window, and for the graph those
    whose returns are correlated.

    Example: trainer predict --checkpoint _logs/training/NAME.checkpoints --data panel.parquet --out preds.parquet
    """
    from trainer.predict import predict as write_predictions

    try:
        done = write_predictions(
            checkpoint,
            data,
            out,
            device=device,
            precision=precision or "",
            since=since.date() if since else None,
            features=_words(features),
            exclude=_words(exclude),
            static_data=static_data,
        )
    except TrainerError as error:
        _refuse(error)
    for warning in done.warnings:
        click.echo(f"trainer: warning: {warning}", err=True)
    click.echo(f"{done.num_rows} rows", err=True)
    click.echo(out)


@main.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="Checkpoint file, or its folder.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Panel with the trained features.")
@click.option(
    "--part", type=click.Choice(["train", "valid", "test"]), default="test", show_default=True, help="Part to score."
)
@click.option("--dates", default="", help="Dates to score instead: FROM..TO, either may be left out.")
@click.option("--out", type=click.Path(path_type=Path), help="CSV or parquet file for the figures of each day.")
@click.option("--cost-bps", type=float, help="Cost of each value bought or sold; default as in the training.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or auto: cuda if there is a GPU.")
@click.option("--precision", type=click.Choice(["fp32", "bf16-mixed"]), help="Default as in the training.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_feature_options
def evaluate(
    checkpoint: Path, data: Path, out: Path | None, as_json: bool, features: str, exclude: str, **asked: Any
) -> None:
    """Score a checkpoint on the test part of its training, or on any dates, with the figures of the log.

    Reads a checkpoint folder's best checkpoint and a panel; prints one row per horizon. A standard error follows ±.

    Exit codes: 0 scored, 2 unusable checkpoint, panel or dates.

    Example: trainer evaluate --checkpoint _logs/training/NAME.checkpoints --data panel.parquet --dates 2024-01-01..
    """
    from trainer.evaluate import as_table, as_tree, write_daily
    from trainer.evaluate import evaluate as score

    try:
        given = {name: value for name, value in asked.items() if value is not None}
        found = score(checkpoint, data, features=_words(features), exclude=_words(exclude), **given)
        if out is not None:
            write_daily(found, out)
    except TrainerError as error:
        _refuse(error)
    if found.num_training_dates:
        click.echo(
            f"{found.num_training_dates} of these dates were trained on: their figures do not show how it forecasts",
            err=True,
        )
    if found.left_out:
        click.echo(f"taken for missing: {', '.join(found.left_out)}", err=True)
    click.echo(json.dumps(as_tree(found)) if as_json else as_table(found))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _refuse(error: TrainerError) -> NoReturn:
    """Print the user's mistake and exit with 2."""
    _complain(error)
    sys.exit(2)


def _complain(error: TrainerError) -> None:
    """Print the user's mistake on stderr."""
    click.echo(f"trainer: {error}", err=True)


if __name__ == "__main__":
    main()
