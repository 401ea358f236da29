"""The setting `compile` works, or is refused with a clear message."""

import shutil
from pathlib import Path

import pytest
import torch

from monitor import grammar
from tests.trainer.runs import fit, make_panel
from trainer.config import SettingError


def test_without_a_compiler_the_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_compiler(function: object, **options: object) -> object:
        def call(*args: object) -> None:
            raise RuntimeError("No working C++ compiler found\nand much more")

        return call

    monkeypatch.setattr(torch, "compile", no_compiler)
    with pytest.raises(SettingError, match=r"compile: .* expected a compiler for cpu, got No working C\+\+ compiler"):
        fit(tmp_path, make_panel(tmp_path), compile=True)


def test_only_steps_without_hooks_run_the_compiled_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[bool] = []

    def watched(function: torch.nn.Module, **options: object) -> object:
        def call(*args: torch.Tensor) -> object:
            calls.append(isinstance(function, torch.nn.Module))
            return function(*args)

        return call

    monkeypatch.setattr(torch, "compile", watched)
    run = fit(tmp_path, make_panel(tmp_path), epochs=1, compile=True)
    reports = len(run.records(grammar.GradReport))
    assert calls == [False] + [True] * (11 - reports)
    assert ("compile", "1") in [(line.key, line.value) for line in run.records(grammar.Config)]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_a_compiled_network_trains_to_the_same_losses(tmp_path: Path):
    settings = {"epochs": 1, "dropout": 0.0, "edge_dropout": 0.0, "window": 2}
    panel = make_panel(tmp_path)
    plain, fast = (fit(tmp_path, panel, compile=chosen, **settings) for chosen in (False, True))
    losses = [[line.loss for line in run.records(grammar.Train)] for run in (plain, fast)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
