"""`trainer predict`."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from trainer.cli.options import feature_options, refuse, words
from trainer.config import TrainerError


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="Checkpoint file, or its folder.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Panel with the trained features.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Parquet file to write.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or auto: cuda if there is one.")
@click.option("--precision", type=click.Choice(["fp32", "bf16-mixed"]), help="Precision; default that of the run.")
@click.option("--explain", type=click.Path(path_type=Path), help="Parquet file for the weights of features and lags.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First date to predict; default the first possible.")
@feature_options
def predict(
    checkpoint: Path,
    data: Path,
    out: Path,
    device: str,
    precision: str | None,
    explain: Path | None,
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
            features=words(features),
            exclude=words(exclude),
            static_data=static_data,
            explain_to=explain,
        )
    except TrainerError as error:
        refuse(error)
    for warning in done.warnings:
        click.echo(f"trainer: warning: {warning}", err=True)
    click.echo(f"{done.num_rows} rows", err=True)
    click.echo(out)
