"""Real runs of real packages: the files that their loggers write give the figures of their logs, live as well."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor import api
from tests.cli.command import monitor, started
from tests.conftest import require_installed
from tests.notify.receivers import until
from tests.reader.dialects.truths import at

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parent / "programs" / "figures.py"
LIMIT_S = 120.0
PAUSE_S = 0.3
"""Rest in each of the 48 steps while a watch follows: 24 of them come after the first nan."""


class Figures(NamedTuple):
    """What a file has, in its order."""

    losses: list[float]
    val_losses: list[float]


class Case(NamedTuple):
    """A package, the file that it or its logger writes, and how to read that without the monitor."""

    packages: tuple[str, ...]
    file: str
    truth: Callable[[Path], Figures]
    shape: str
    """How its log prints these figures."""


def _of_table(path: Path) -> Figures:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    names = ("train_loss", "val_loss") if "train_loss" in rows[0] else ("loss", "val_loss")
    return Figures(*([float(row[name]) for row in rows if row[name]] for name in names))


def _of_state(path: Path) -> Figures:
    history = json.loads(path.read_text())["log_history"]
    return Figures(*([row[name] for row in history if name in row] for name in ("loss", "eval_loss")))


def _of_rounds(path: Path) -> Figures:
    found = json.loads(path.read_text())
    return Figures(found["train"]["loss"], found["val"]["loss"])


def _of_events(path: Path) -> Figures:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(path))
    found.Reload()
    tags = ("train/loss", "eval/loss") if "train/loss" in found.Tags()["scalars"] else ("train_loss", "val_loss")
    return Figures(*([event.value for event in found.Scalars(tag)] for tag in tags))


NAN = {
    *("TrainLossNonfinite", "ValidationLossNonfinite", "EpochLossNonfinite"),
    *("GlobalGradientNonfinite", "MetricNonfinite"),
}
"""What a loss of nan may fire."""
EVENTS = "events.out.tfevents.*"
CASES = {
    "lightning_csv": Case(("lightning",), "metrics.csv", _of_table, ".3g"),
    "lightning_tensorboard": Case(("lightning", "tensorboard"), EVENTS, _of_events, ".3g"),
    "hugging_face_state": Case(("transformers",), "trainer_state.json", _of_state, ".4g"),
    "hugging_face_tensorboard": Case(("transformers", "tensorboard"), EVENTS, _of_events, ".4g"),
    "keras_csv": Case(("keras",), "history.csv", _of_table, ".4f"),
    "xgboost_result": Case(("xgboost",), "metrics.json", _of_rounds, ".5f"),
}


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    """A case whose packages are there."""
    for package in CASES[request.param].packages:
        require_installed(package)
    return request.param


@contextmanager
def training(name: str, mode: str, pause_s: float, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program of a case: its files come into ``folder/run``, what it prints into ``folder/train.log``."""
    (folder / "run").mkdir(exist_ok=True)
    command = [sys.executable, PROGRAM, name, mode, str(pause_s), folder / "run"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (folder / "train.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    try:
        yield process
        assert process.wait(LIMIT_S) == 0, (folder / "train.log").read_text()[-2000:]
    finally:
        process.kill()
        process.wait()


def _file_of(name: str, folder: Path) -> Path:
    [file] = (folder / "run").rglob(CASES[name].file)
    return file


def _read(log: Path) -> Figures:
    """Return what the monitor reads; the loss of an epoch is the training's where there is no other."""
    attempt = api.read(log).snapshot.run.attempt
    [losses] = attempt.of("train.loss").values()
    [val_losses] = attempt.of("epoch.val_loss").values()
    return Figures(*([point.value for point in series.recent] for series in (losses, val_losses)))


def _once(values: list[float]) -> list[float]:
    """Return values without those equal to the one before: a bar need not show them twice."""
    return [value for value, _ in groupby(values)]


def test_a_file_and_its_log_give_the_same_figures_and_are_one_healthy_run(name: str, tmp_path: Path):
    with training(name, "healthy", 0, tmp_path):
        pass
    file, case = _file_of(name, tmp_path), CASES[name]
    truth = case.truth(file)
    assert _read(file) == truth
    printed = _read(tmp_path / "train.log")
    for seen, right in zip(printed, truth, strict=True):
        right = _once([at(case.shape, value) for value in right])
        # A checkpoint's state is saved before the last validation.
        assert _once(seen)[: len(right)] == right
        assert len(right) >= len(_once(seen)) - 1
    done = monitor("check", tmp_path, "--json")
    [found] = done.objects()
    assert (done.code, found["verdict"], Path(found["log"]).name) == (0, "ok", "train.log")
    assert [Path(each["log"]).name for each in found["sources"]] == [file.name]


def _told(sink: Path) -> dict[str, str]:
    """Return the file that shows each rule that fired, as the watch told it."""
    alerts = [json.loads(line) for line in sink.read_text().splitlines()] if sink.exists() else []
    return {each["alert"]: each["evidence"][0]["path"] for each in alerts if each["state"] == "firing"}


def test_a_watch_of_the_file_tells_a_nan_while_the_training_goes_on(name: str, tmp_path: Path):
    (tmp_path / "run").mkdir()
    sink = tmp_path / "alerts.jsonl"
    with started("watch", "run", "--sink", f"jsonl:{sink}", cwd=tmp_path) as watch:
        until(lambda: "Ctrl-C ends" in watch.err, LIMIT_S)
        with training(name, "nan", PAUSE_S, tmp_path) as process:
            until(lambda: "TrainLossNonfinite" in _told(sink) or process.poll() is not None, LIMIT_S)
            assert process.poll() is None, "nothing was told before the training had ended"
        told = _told(sink)
    assert Path(told["TrainLossNonfinite"]).match(CASES[name].file)
    assert set(told) <= NAN
    [found] = monitor("check", tmp_path, "--json").objects()
    loud = [each["alert"] for each in found["alerts"] if "inhibited_by" not in each]
    assert loud.count("TrainLossNonfinite") == 1
    assert set(loud) <= NAN
