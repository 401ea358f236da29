"""The loops of docs/telemetry.md run as they are printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from monitor import api
from monitor.run.ended import Ended

PAGE = Path(__file__).parents[3] / "docs" / "telemetry.md"


def code_with(words: str) -> str:
    """Return the indented block of the page that has these words in it."""
    blocks, block = [], []
    for line in [*PAGE.read_text().splitlines(), "end"]:
        if line.startswith("    ") or (block and not line):
            block.append(line[4:])
        else:
            blocks.append("\n".join(block))
            block = []
    (found,) = [each for each in blocks if words in each]
    return found


def test_the_plain_loop_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    x = torch.randn(20 * 16, 8)
    y = x @ torch.randn(8, 1) + 0.3 * torch.randn(len(x), 1)
    model, criterion = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1)), nn.MSELoss()
    given = {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), 3e-3),
        "loader": list(zip(x.split(16), y.split(16), strict=True)),
        "criterion": criterion,
        "torch": torch,
        "validate": lambda model: criterion(model(x), y).item(),
        "accuracy": lambda model: 0.5 + criterion(model(x), y).item() / 100,
    }
    exec(code_with("for x, y in loader:\n            output = model(x)"), given)
    found = api.read("run.log")
    assert not found.has_fired and not found.is_blind
    assert (found.values.step, found.end.ended) == (400, Ended.COMPLETED)


@pytest.mark.filterwarnings("ignore")  # of the package
def test_the_training_with_accelerate_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require: Callable[[str], object]
):
    require("accelerate")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    torch.manual_seed(0)
    exec(code_with("from accelerate import Accelerator"), {"__name__": "__main__"})
    found = api.read("run.log")
    assert not found.has_fired and not found.is_blind
    assert (found.values.step, found.end.ended) == (180, Ended.COMPLETED)
    assert "accumulate=4" in Path("run.log").read_text()
