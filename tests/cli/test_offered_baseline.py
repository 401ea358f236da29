"""The page compares with the last finished run of the same folder, without being asked; the rules do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import api
from monitor.cli.offered_baseline import offered_baseline
from monitor.config import Config
from monitor.report.build import build
from monitor.report.markdown import render_markdown
from monitor.run.attempt import Status
from monitor.run.summary import RunSummary
from monitor.store.baselines import Baselines


def finished(log: Path, run: str, state: Path) -> None:
    figures = {("epoch.train_loss", ()): 0.5}
    Baselines(state).add_finished(RunSummary(run, str(log), last=figures, by_epoch={}, status=Status.COMPLETED))


@pytest.mark.parametrize(
    ("other", "is_akin"),
    [("runs/a/train.log", True), ("runs/b/train.log", True), ("runs/b/other.log", False), ("else/c/train.log", False)],
)
def test_a_run_of_the_same_folder_or_of_a_sister_folder_is_offered(other: str, is_akin: bool, tmp_path: Path):
    finished(tmp_path / other, "before", tmp_path / "state")
    found = offered_baseline(str(tmp_path / "runs/a/train.log"), "now", tmp_path / "state")
    assert (found is not None) == is_akin


def test_a_run_is_not_offered_to_itself_and_a_broken_summary_hides_no_other(tmp_path: Path):
    log, state = tmp_path / "train.log", tmp_path / "state"
    finished(log, "now", state)
    assert offered_baseline(str(log), "now", state) is None
    finished(log, "before", state)
    (state / "baselines/finished/broken.json").write_text("{")
    found = offered_baseline(str(log), "now", state)
    assert found is not None
    assert found.run == "before"


def test_the_page_has_what_was_without_being_asked(tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text("".join(f"Epoch {n}/3: train_loss={1 / n:.4f} val_loss={1.2 / n:.4f}\n" for n in (1, 2, 3)))
    before = RunSummary("before", str(log), last={("epoch.val_loss", ()): 0.5}, by_epoch={}, status=Status.COMPLETED)
    page = build(api.read(str(log)).snapshot, Config(), offered=before)
    [row] = page.comparison.rows
    assert (row.title, row.before) == ("Validation loss", "0.5 (last)")
    assert "the last finished run of its kind" in render_markdown(page)
