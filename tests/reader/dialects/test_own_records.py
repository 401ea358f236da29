"""Real runs of real packages: the facts read from a log equal the package's own record of that training."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor.reader.lines import read_line
from monitor.reader.state import ReadState
from tests.cli.command import monitor
from tests.conftest import require_installed
from tests.reader.dialects.logs import fired, watched
from tests.reader.dialects.truths import Truth, of_hugging_face, of_keras, of_lightning, of_perceptron, of_trees
from tests.reader.facts import facts_of, flat, lines_of

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parent / "programs"
LIMIT_S = 120.0


class Case(NamedTuple):
    """A program, its arguments, and how to turn its record into facts."""

    program: str
    package: str
    arguments: tuple[str, ...]
    metrics: tuple[str, ...]
    """Names and splits of what it measures besides a loss."""
    truth: Callable[[dict], Truth]
    environment: Mapping[str, str] = {}


class Run(NamedTuple):
    """A finished training."""

    log: Path
    truth: Truth


MAE = ("mae.val",)
LOGLOSS_AND_ERROR = ("logloss.train", "logloss.val", "error.train", "error.val")
LOGLOSS_AND_AUC = ("binary_logloss.train", "binary_logloss.val", "auc.train", "auc.val")
TRAIN_AND_VAL = {"train": "train", "val": "val"}
TRAIN_AND_VALID = {"train": "train", "valid": "val"}
NUMBERED = {"validation_0": "validation_0", "validation_1": "validation_1"}
"""The log does not tell which of the numbered sets is held out, so each keeps its own name."""
OF_NUMBERED = tuple(f"{metric}.{each}" for each in NUMBERED for metric in ("logloss", "auc"))


def hugging_face(bars: str, verbosity: str) -> Case:
    """Return a training whose steps are slower than tqdm's redraw (``fresh`` bars) or faster (``stale`` bars)."""
    truth = of_hugging_face(bars=bars, is_plan_stated=verbosity == "INFO")
    wait = {"TQDM_MININTERVAL": "0" if bars == "fresh" else "10"}
    return Case("hf_record.py", "transformers", ("bars" if bars else "plain", verbosity), MAE, truth, wait)


def lightning(bar: str, logged: str, **environment: str) -> Case:
    truth = of_lightning(".3g") if bar == "tqdm" else of_lightning(".3f", is_whole=False)
    return Case("lit_record.py", "lightning", (bar, logged), MAE, truth, environment)


def keras(verbose: str) -> Case:
    return Case("ker_record.py", "keras", (verbose,), ("accuracy.train", "accuracy.val"), of_keras)


def xgboost(api: str, metrics: tuple[str, ...], sets: dict[str, str], *, every: int = 1) -> Case:
    return Case("xgb_record.py", "xgboost", (api,), metrics, of_trees(".5f", sets, starts_at=0, every=every))


def lightgbm(api: str, metrics: tuple[str, ...], sets: dict[str, str]) -> Case:
    return Case("lgb_record.py", "lightgbm", (api,), metrics, of_trees("g", sets, starts_at=1))


def perceptron(stopping: str, *metrics: str) -> Case:
    return Case("mlp_record.py", "sklearn", (stopping,), metrics, of_perceptron)


CASES = {
    "hf": hugging_face("fresh", "WARNING"),
    "hf-fast": hugging_face("stale", "WARNING"),
    "hf-info": hugging_face("fresh", "INFO"),
    "hf-no-bars": hugging_face("", "WARNING"),
    "hf-no-bars-info": hugging_face("", "INFO"),
    "lightning-tqdm": lightning("tqdm", "step"),
    "lightning-tqdm-both": lightning("tqdm", "both"),
    # At these widths the table breaks alike, however many digits the speed has.
    "lightning-rich": lightning("rich", "step", COLUMNS="88"),
    "lightning-rich-narrow": lightning("rich", "both", COLUMNS="80"),
    "lightning-rich-wide": lightning("rich", "both", COLUMNS="240"),
    "lightning-rich-between": lightning("rich", "both", COLUMNS="120"),
    "lightning-rich-terminal": lightning("rich", "step", COLUMNS="88", FORCE_COLOR="1"),
    "lightning-rich-terminal-narrow": lightning("rich", "both", COLUMNS="80", FORCE_COLOR="1"),
    "keras-1": keras("1"),
    "keras-2": keras("2"),
    "xgboost": xgboost("train", LOGLOSS_AND_ERROR, TRAIN_AND_VAL),
    "xgboost-every-5": xgboost("every5", LOGLOSS_AND_ERROR, TRAIN_AND_VAL, every=5),
    "xgboost-sklearn": xgboost("sklearn", ("logloss.val", "auc.val"), {"validation_0": "val"}),
    "xgboost-sklearn-two": xgboost("sklearn2", OF_NUMBERED, NUMBERED),
    "lightgbm": lightgbm("train", LOGLOSS_AND_AUC, TRAIN_AND_VALID),
    "lightgbm-early": lightgbm("early", LOGLOSS_AND_AUC, TRAIN_AND_VALID),
    "lightgbm-sklearn": lightgbm("sklearn", ("binary_logloss.val",), {"valid_0": "val"}),
    "perceptron": perceptron("plain"),
    "perceptron-early": perceptron("early", "score.val"),
}
ONE_OF_EACH = ("hf", "lightning-tqdm", "keras-1", "xgboost", "lightgbm", "perceptron-early")
ENDS_IN_WORDS = ("hf", "lightning-tqdm")
NAMED = ("step", "steps", "epoch", "epochs_done", "epochs", "loss", "val_loss", "lr", "grad_norm")


class Silent(AssertionError):
    """The log prints a fact that the monitor does not read."""


class Wrong(AssertionError):
    """The monitor and the package disagree."""


class Gap(NamedTuple):
    """A known defect of the reader. Once it is fixed its tests fail: delete it then."""

    kind: type[AssertionError]
    reason: str
    cases: tuple[str, ...]
    facts: tuple[str, ...]


GAPS: tuple[Gap, ...] = ()
UNREAD = {(case, fact): gap for gap in GAPS for case in gap.cases for fact in gap.facts}


def marked(case: str, fact: str, *values: str) -> object:
    """Return a parameter, marked as an expected failure where there is a gap."""
    marks = ()
    if (case, fact) in UNREAD:
        gap = UNREAD[case, fact]
        marks = (pytest.mark.xfail(strict=True, raises=gap.kind, reason=f"{gap.kind.__name__.lower()}: {gap.reason}"),)
    return pytest.param(case, *values, marks=marks, id="-".join((case, *values)))


def facts_in(case: str) -> tuple[str, ...]:
    """Return the names of all facts to compare."""
    return (*NAMED, *(f"metrics.{metric}" for metric in CASES[case].metrics))


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return a function that runs the program of a case; its tests share one run."""
    runs: dict[str, Run] = {}

    def run(name: str) -> Run:
        case = CASES[name]
        require_installed(case.package)
        if name not in runs:
            folder = tmp_path_factory.mktemp(name)
            log = folder / "train.log"
            with log.open("wb") as file:
                subprocess.run(
                    [sys.executable, PROGRAMS / case.program, *case.arguments, folder],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env={**away_from_terminals(), **case.environment},
                    timeout=LIMIT_S,
                    check=True,
                )
            runs[name] = Run(log, case.truth(json.loads((folder / "record.json").read_text())))
        return runs[name]

    return run


def away_from_terminals() -> dict[str, str]:
    """Return the environment without the variables that change how bars are drawn."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "FORCE_COLOR")}


def compare(fact: str, said: dict[str, object], truth: Truth) -> None:
    """Raise Silent or Wrong unless a fact equals the package's."""
    seen, right = said.get(fact), {**truth.stated, **truth.unstated}.get(fact)
    if seen is None:
        if fact in truth.stated:
            raise Silent(f"{fact} is not read; the package has {right}")
    elif right is None:
        raise Wrong(f"{fact} is {seen}; the package has none")
    elif not any(is_same(seen, each) for each in (right if isinstance(right, tuple) else (right,))):
        raise Wrong(f"{fact} is {seen}; the package has {right}")


def is_same(seen: object, right: float) -> bool:
    """Whether two numbers are equal; both are rounded to the printed digits."""
    return isinstance(seen, int | float) and math.isclose(seen, right, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize(("case", "fact"), [marked(case, fact, fact) for case in CASES for fact in facts_in(case)])
def test_a_fact_at_the_end_of_the_log_equals_the_record(case: str, fact: str, run_of: Callable[[str], Run]):
    log, truth = run_of(case)
    compare(fact, flat(facts_of(log.read_bytes())), truth)


class Seen(NamedTuple):
    """What is read from a log, report by report."""

    losses: list[tuple[int | None, float]]
    """Step and training loss; when a bar shows one step several times, the last."""
    vals: dict[str, list[float]]
    """All values of each validation figure; repeats in a bar do not count."""


def read_each(log: Path, loss_name: str) -> Seen:
    """Read a log line by line and collect losses and validation figures."""
    state, seen = ReadState(), Seen([], {})
    for line in lines_of(log.read_bytes()):
        for report in read_line(line, state).reports:
            for value in report.values:
                name = value.name if value.quantity == "metric" else value.quantity
                row = (report.place.step, value.number)
                if value.split == "train" and name == loss_name:
                    if seen.losses and (row == seen.losses[-1] or (report.is_bar and row[0] == seen.losses[-1][0])):
                        seen.losses.pop()
                    seen.losses.append(row)
                elif value.split not in ("", "train"):
                    key = "loss" if name == "loss" else f"{name}.{value.split}"
                    shown = seen.vals.setdefault(key, [])
                    if not (report.is_bar and shown[-1:] == [value.number]):
                        shown.append(value.number)
    return seen


@pytest.mark.parametrize("case", [marked(case, "each loss") for case in CASES])
def test_each_training_loss_is_read_at_its_step(case: str, run_of: Callable[[str], Run]):
    log, truth = run_of(case)
    seen, right = read_each(log, truth.loss_name).losses, list(truth.losses.items())
    if not right:
        pytest.skip("the log shows the last state only, or no training loss")
    if truth.has_more_in_log:
        seen = [row for row in seen if row[0] in truth.losses]
    if wrong := [row for row in seen if row[0] is not None and row not in right]:
        raise Wrong(f"{len(wrong)} of {len(seen)}, such as {wrong[:3]}; the package has {right[:3]}")
    missing = [row for row in right if row not in seen and (truth.are_steps_stated or (None, row[1]) not in seen)]
    if missing:
        raise Silent(f"{len(missing)} of {len(right)} are not read, such as {missing[:3]}")
    assert [loss for _, loss in seen] == [loss for _, loss in right]


@pytest.mark.parametrize("case", [marked(case, "each val") for case in CASES])
def test_each_validation_figure_is_read_once_and_in_order(case: str, run_of: Callable[[str], Run]):
    log, truth = run_of(case)
    seen = read_each(log, truth.loss_name).vals
    if not truth.vals:
        pytest.skip("the log shows the last state only, or no validation")
    for name, right in truth.vals.items():
        shown = seen.get(name, [])
        if any(value not in right for value in shown):
            raise Wrong(f"{name} is {shown}; the package has {right}")
        if len(shown) < len(right):
            raise Silent(f"{len(right) - len(shown)} of {len(right)} values of {name} are not read")
        assert shown == right


@pytest.mark.parametrize("case", [marked(case, "healthy") for case in CASES])
def test_a_healthy_run_fires_no_alert(case: str, run_of: Callable[[str], Run]):
    _, changes = watched(run_of(case).log.read_bytes())
    if fired(changes):
        raise Wrong(f"fired: {fired(changes)}")


@pytest.mark.parametrize("case", [marked(case, "check") for case in ONE_OF_EACH])
def test_check_says_the_same(case: str, run_of: Callable[[str], Run]):
    if monitor("check", "--help").code != 0:
        pytest.skip("there is no command `monitor check` yet")
    log, truth = run_of(case)
    done = monitor("check", log, "--json")
    [found] = done.objects()
    assert (found["verdict"], found["alerts"], found["exit_code"], done.code) == ("ok", [], 0, 0)
    if case in ENDS_IN_WORDS:
        assert found["ended"] == "completed"
    for fact in facts_in(case):
        if (case, fact) not in UNREAD:
            compare(fact, flat(found["facts"]), truth)
