"""`trainer evaluate`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainer.cli.options import FILE_HELP, complain, feature_options, refuse, words
from trainer.config import SettingError, TrainerError

if TYPE_CHECKING:
    from trainer.evaluation.scoring import Asked, Evaluation

RUNS = Path("_logs/walk_forward")


@click.command()
@click.option(
    "--checkpoint",
    "checkpoints",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Checkpoint file, or its folder. Of several, the mean of the predictions is scored.",
)
@click.option("--config", "file", type=click.Path(path_type=Path), help=f"{FILE_HELP} Trains anew for each fold.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Panel with the trained features.")
@click.option(
    "--part", type=click.Choice(["train", "valid", "test"]), default="test", show_default=True, help="Part to score."
)
@click.option("--dates", default="", help="Dates to score instead: FROM..TO, either may be left out.")
@click.option("--folds", default=0, help="Cut the dates into so many folds; 0: none, or 5 where models are trained.")
@click.option("--retrain", is_flag=True, help="Train anew for each fold, with the settings of the checkpoint.")
@click.option("--seeds", default="", help="Seeds of each fold's models, separated by commas; default that of the run.")
@click.option("--fold-days", default=0, help="Dates of a fold; default: the folds are the last half of all dates.")
@click.option("--train-days", default=0, help="Latest dates that a fold's models learn from; default all.")
@click.option("--runs", type=click.Path(path_type=Path), help=f"Folder of the folds' logs; default {RUNS}/TIME.")
@click.option("--group-column", default="", help="Column such as sector: its groups are scored one by one, too.")
@click.option("--page", type=click.Path(path_type=Path), help="HTML file for tables and charts.")
@click.option("--out", type=click.Path(path_type=Path), help="CSV or parquet file for the figures of each day.")
@click.option("--cost-bps", type=float, help="Cost of each value bought or sold; default as in the training.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or auto: cuda if there is a GPU.")
@click.option("--precision", type=click.Choice(["fp32", "bf16-mixed"]), help="Default as in the training.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@feature_options
def evaluate(
    checkpoints: tuple[Path, ...],
    file: Path | None,
    data: Path,
    out: Path | None,
    page: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Score a checkpoint on the test part of its training, or on any dates, with the figures of the log.

    Reads a checkpoint folder's best checkpoint and a panel; prints one row per horizon, and rows for each fold, year
    and group. A standard error follows ±.

    With --config or --retrain it walks forward: for each fold, models are trained on the dates before it, less the
    embargo, and score it. Their runs are logs and checkpoints as those of `trainer fit`. No figure of a fold depends on
    anything that happened after the fold.

    Exit codes: 0 scored, 2 unusable checkpoint, panel or dates, or a training that failed, 130 and 143 stopped.

    \b
    Example: trainer evaluate --checkpoint _logs/training/NAME.checkpoints --data panel.parquet --dates 2024-01-01..
             trainer evaluate --config run.yaml --data panel.parquet --folds 5 --seeds 1,2,3 --page evaluation.html
    """
    from trainer.evaluation.page import write_page
    from trainer.evaluation.scoring import Asked
    from trainer.evaluation.tables import as_table, as_tree, write_daily

    how = Asked(
        features=words(asked["features"]),
        exclude=words(asked["exclude"]),
        static_data=asked["static_data"],
        device=asked["device"],
        precision=asked["precision"] or "",
        cost_bps=asked["cost_bps"],
        group_column=asked["group_column"],
    )
    try:
        if file is not None or asked["retrain"]:
            found = _walk(checkpoints, file, data, how, asked)
        else:
            found = _score(checkpoints, data, how, asked)
        if out is not None:
            write_daily(found, out)
        if page is not None:
            write_page(found, page, title=f"Evaluation on {data.name}")
    except TrainerError as error:
        refuse(error)
    if found.num_training_dates:
        click.echo(
            f"{found.num_training_dates} of these dates were trained on: their figures do not show how it forecasts",
            err=True,
        )
    if found.left_out:
        click.echo(f"taken for missing: {', '.join(found.left_out)}", err=True)
    click.echo(json.dumps(as_tree(found)) if as_json else as_table(found))


def _score(checkpoints: tuple[Path, ...], data: Path, how: Asked, asked: dict[str, Any]) -> Evaluation:
    """Score checkpoints as they are. Raises TrainerError."""
    from trainer.evaluation.scoring import evaluate as score

    if not checkpoints:
        raise SettingError("checkpoint: nothing to score; expected --checkpoint, or --config to train, got neither")
    for name in ("seeds", "fold_days", "train_days", "runs"):
        if asked[name]:
            raise SettingError(f"{name}: no effect on models that exist; expected --retrain or --config with it")
    return score(checkpoints, data, how, part=asked["part"], dates=asked["dates"], folds=asked["folds"] or 1)


def _walk(
    checkpoints: tuple[Path, ...], file: Path | None, data: Path, how: Asked, asked: dict[str, Any]
) -> Evaluation:
    """Train and score fold by fold. Raises TrainerError."""
    from trainer.evaluation.walk_forward import Plan, walk_forward
    from trainer.settings import resolve
    from trainer.trained import read_trained
    from trainer.training.stopping import exit_code, stop_on_signals

    if len(checkpoints) + (file is not None) != 1:
        raise SettingError("config: not one source of settings; expected one --checkpoint or --config")
    for name in ("dates", "features", "exclude"):
        if asked[name]:
            raise SettingError(f"{name}: no effect where models are trained; expected it in the settings")
    config = resolve(file=file).config if file is not None else read_trained(checkpoints[0]).config
    seeds = words(asked["seeds"])
    if not all(seed.isdecimal() for seed in seeds):
        raise SettingError(f"seeds: cannot be used; expected whole numbers such as 1,2,3, got {asked['seeds']}")
    plan = Plan(
        folds=asked["folds"] or 5,
        seeds=tuple(dict.fromkeys(map(int, seeds))) or (config.optim.seed,),
        fold_days=asked["fold_days"],
        train_days=asked["train_days"],
    )
    runs = asked["runs"] or RUNS / f"{datetime.fromtimestamp(time.time(), UTC):%Y%m%d_%H%M%S}"
    with stop_on_signals() as stop:
        try:
            return walk_forward(
                config, data, plan, runs=runs, asked=how, stop=stop, tell=lambda text: click.echo(text, err=True)
            )
        except TrainerError as error:
            if not stop.is_asked:
                raise
            complain(error)
            sys.exit(exit_code(stop.signal))
