"""Walk-forward evaluations for tests, through the command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.trainer.runs import SMALL
from trainer.cli import main
from trainer.config_file import as_yaml
from trainer.settings import resolve

HORIZONS = (1, 5)


def walk(folder: Path, panel: Path, *words: object, **changes: Any) -> dict[str, Any]:
    """Walk forward over a panel with small models, and return the JSON; `folder` gets the settings and the runs."""
    folder.mkdir(exist_ok=True)
    small = {**SMALL, "epochs": 1, "horizons": HORIZONS, "embargo_days": 5, **changes}
    (folder / "run.yaml").write_text(as_yaml(resolve(cli=small).config))
    asked = ("evaluate", "--config", folder / "run.yaml", "--data", panel, "--json", "--runs", folder / "runs", *words)
    done = CliRunner().invoke(main, [str(word) for word in asked])
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fold_figures(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the figures of each fold, without the paths of its logs."""
    return [{name: value for name, value in fold.items() if name != "logs"} for fold in found["folds"]]
