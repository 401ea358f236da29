"""`torchrun` starts two processes of the `trainer` command, and they train as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.grammar import Epoch, RunEnd, Train, parse_line
from tests.trainer.runs import SMALL, make_panel

OPTIONS = [
    word
    for name, value in {**SMALL, "dropout": 0.0, "edge_dropout": 0.0, "train_every": 1}.items()
    for word in (f"--{name.replace('_', '-')}", str(value))
]


def train(folder: Path, log: str, *launcher: str) -> list[object]:
    """Train in one new process, or in as many as the launcher starts; return the records of the log."""
    command = [*launcher, "trainer.cli", "fit", "--data", "panel.parquet", "--log", log, *OPTIONS]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = map(parse_line, (folder / log).read_bytes().splitlines())
    return [line.record for line in lines if line is not None]


@pytest.mark.slow
def test_two_processes_under_torchrun_have_the_loss_curve_of_one(tmp_path: Path):
    make_panel(tmp_path)
    one = train(tmp_path, "one.log", sys.executable, "-m")
    # Without the two dashes torchrun reads --log as an abbreviation of one of its own options.
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--"]
    two = train(tmp_path, "two.log", *launcher)
    for kind, field in ((Train, "loss"), (Epoch, "train_loss"), (Epoch, "val_loss")):
        alone = [getattr(record, field) for record in one if isinstance(record, kind)]
        together = [getattr(record, field) for record in two if isinstance(record, kind)]
        assert len(alone) > 1
        assert together == pytest.approx(alone, abs=1e-5)
    assert (tmp_path / "two.ranks" / "1.log").exists()
    ends = [record.status for record in two if isinstance(record, RunEnd)]
    assert ends == ["completed"]
