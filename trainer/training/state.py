"""The state of a run in a checkpoint, saved and restored: weights, optimizer, guard, random generators, position.

The order of the batches and the learning rate are functions of the position, so they need no state.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from trainer.batches.dataset import Dataset
from trainer.checkpoint import CheckpointError, LatestCheckpoint
from trainer.training.session import Session


def capture(session: Session) -> dict[str, Any]:
    """Return everything that resuming and predicting need. All processes must call it together."""
    normalisation = session.dataset.normalisation
    random = {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(session.device) if session.device.type == "cuda" else None,
    }
    return {
        "config": asdict(session.config),
        "fingerprint": session.dataset.panel.fingerprint,
        "parts": session.dataset.splits.dates(session.dataset.panel.dates),
        "feature_names": list(session.dataset.panel.feature_names),
        "normalisation": {
            "method": normalisation.method,
            **{name: torch.from_numpy(value) for name, value in vars(normalisation).items() if name != "method"},
        },
        "model": session.model.state_dict(),
        "average": session.average.state_dict() if session.average is not None else None,
        "optimizer": session.optimizer.state_dict(),
        "guard": session.guard.state_dict(),
        "random": session.ranks.gather(random),
        "progress": asdict(session.progress),
    }


def check_same_run(found: LatestCheckpoint, dataset: Dataset, *, world_size: int) -> None:
    """Raise CheckpointError with every difference, unless the checkpoint is from this panel and the same number of
    processes. `resuming` has compared the settings.
    """
    problems = []
    if len(found.state["random"]) != world_size:
        problems.append(f"expected {len(found.state['random'])} processes, got {world_size}")
    if found.state["fingerprint"] != dataset.panel.fingerprint:
        asked, got = found.state["fingerprint"][:12], dataset.panel.fingerprint[:12]
        problems.append(f"expected a panel with fingerprint {asked}, got {got}")
    if problems:
        raise CheckpointError(f"{found.file.path}: from another run; " + "; ".join(problems))


def restore(session: Session, state: dict[str, Any]) -> None:
    """Load a captured state into this session."""
    session.model.load_state_dict(state["model"])
    if session.average is not None:
        session.average.load_state_dict(state["average"])
    session.optimizer.load_state_dict(state["optimizer"])
    for group in session.optimizer.param_groups:
        # The settings in force have the checkpoint's decay or an allowed change; the schedule sets the rate.
        group["weight_decay"] = session.config.optim.weight_decay
    session.guard.load_state_dict(state["guard"])
    random = state["random"][session.ranks.rank]
    torch.set_rng_state(random["cpu"])
    if session.device.type == "cuda" and random["cuda"] is not None:
        torch.cuda.set_rng_state(random["cuda"], session.device)
    for name, value in state["progress"].items():
        setattr(session.progress, name, value)
