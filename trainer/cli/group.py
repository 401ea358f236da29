"""The commands together."""

from __future__ import annotations

import click

from trainer.cli.data import check, synth
from trainer.cli.evaluate import evaluate
from trainer.cli.fit import fit
from trainer.cli.predict import predict


@click.group()
@click.version_option(package_name="trainwarden")
def main() -> None:
    """Train a multi-horizon stock-return model whose log can be trusted."""


for command in (fit, synth, check, predict, evaluate):
    main.add_command(command)
