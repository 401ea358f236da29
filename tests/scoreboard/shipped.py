"""The shipped model in the shipped loop: `trainer.training.loop.train` itself, in this process, on a small panel.

In: a job. Out: its log. No part of the trainer is replaced; it gets a clock that moves one step at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.scoreboard.fakeclock import STEP_S, FakeClock
from tests.scoreboard.recipes import Job, Recipe
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.settings import resolve
from trainer.training.loop import train
from trainer.training.session import Bar
from trainer.training.stopping import StopSwitch

CODES, DAYS, FEATURES = 12, 140, 12
SMALL: Mapping[str, Any] = {
    "window": 5,
    "horizons": (1, 5),
    "embargo_days": 5,
    "hidden": 16,
    "selection_width": 4,
    "temporal_heads": 2,
    "graph_heads": 2,
    "graph_days": 20,
    "threads": 1,
}


def train_shipped(job: Job, log: Path) -> None:
    """Train the shipped model by the recipe; all its files except the log are deleted afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        panel = _write_panel(job, Path(scratch) / "panel.parquet")
        clock, recipe = FakeClock(), job.recipe
        settings = {
            **SMALL,
            **_settings(recipe),
            "name": job.kind,
            "seed": job.seed,
            "data": str(panel),
            "log": str(log),
            "checkpoint_dir": str(Path(scratch) / "checkpoints"),
            "inject": (job.inject,) if job.inject else (),
            **dict(recipe.settings),
        }
        if not recipe.is_resumed:
            _train(settings, recipe, clock, panel)
            return
        _train(settings, recipe, clock, panel, stop_in=3)
        clock.advance(60.0)
        _train({**settings, "checkpoint_dir": "", "resume": settings["checkpoint_dir"]}, recipe, clock, panel)


def _train(
    settings: Mapping[str, Any], recipe: Recipe, clock: FakeClock, panel: Path, *, stop_in: int | None = None
) -> None:
    """Run the trainer; ask it to stop in the middle of epoch `stop_in`, if any."""
    stop = StopSwitch()

    def show(bar: Bar) -> None:
        clock.advance(STEP_S)
        if bar.epoch == stop_in and bar.batch == bar.batches // 2:
            stop.ask()
        if recipe.panel == "changing" and bar.epoch == 3 and bar.batch == 1:
            write_panel(synthesise(codes=CODES, days=DAYS, seed=999, features=FEATURES), panel)

    train(
        resolve(cli=dict(settings), env=dict(recipe.env)),
        command="trainer fit",
        stop=stop,
        clock=clock,
        timer=clock.timer,
        sleep=clock.sleep,
        show=show,
    )


def _settings(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as settings of the trainer."""
    guard = recipe.guard
    return {
        "epochs": recipe.epochs,
        "batch_size": 2 * CODES,
        "base_lr": recipe.lr,
        "min_lr": recipe.lr / 50,
        "warmup_steps": recipe.warmup_steps,
        "weight_decay": recipe.weight_decay,
        "clip": recipe.clip,
        "accumulate": recipe.accumulate,
        "dropout": recipe.dropout,
        "precision": "bf16-mixed" if recipe.is_bf16 else "fp32",
        "point_loss": "huber" if recipe.loss == "huber" else "quantile",
        "train_every": recipe.train_every,
        "grad_monitor_every": recipe.grad_every,
        "guard_every": guard.every,
        "guard_decay": guard.decay,
        "guard_strikes": guard.strikes,
        "guard_min_ratio": guard.min_ratio,
        "guard_warmup_steps": guard.warmup_steps,
        "recover_within_steps": guard.recover_within_steps,
    }


def _write_panel(job: Job, path: Path) -> Path:
    panel, draw = synthesise(codes=CODES, days=DAYS, seed=job.seed, features=FEATURES), np.random.default_rng(job.seed)
    if job.recipe.panel == "noise":
        # Each day's returns are shuffled among the codes, apart from their features.
        panel = replace(panel, targets_DCH=draw.permuted(panel.targets_DCH, axis=1))
    write_panel(panel, path)
    return path
