"""Baselines: saved by name, found by every command that takes one, and added by every run that ends well."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monitor.run.attempt import Status
from monitor.run.summary import RunSummary, SummaryError
from monitor.store.baselines import FINISHED_KEPT, BaselineError, Baselines, is_summary, read_summary
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, TROUBLED, write

LOSS = ("epoch.val_loss", ())


def summary(run: str = "run-1", *, status: Status = Status.COMPLETED, loss: float = 0.5) -> RunSummary:
    return RunSummary(run, "run.log", {LOSS: loss}, {LOSS: {1: loss}}, status, 1, 10)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the default state folder of all commands; the current folder is another one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home" / "trainwarden"


def test_a_saved_summary_is_found_unchanged(tmp_path: Path):
    baselines = Baselines(tmp_path)
    path = baselines.save("good", summary(loss=float("nan")))
    assert path == tmp_path / "baselines" / "good.json"
    found = baselines.find("good")
    assert found is not None
    assert str(found) == str(summary(loss=float("nan")))
    assert is_summary(path)
    assert baselines.find("other") is None


def test_a_second_save_replaces_the_first(tmp_path: Path):
    baselines = Baselines(tmp_path)
    baselines.save("good", summary(loss=1.0))
    baselines.save("good", summary(loss=2.0))
    assert baselines.find("good") == summary(loss=2.0)
    assert [each.name for each in baselines.stored()] == ["good"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-x", "a b", "x" * 65, "é", "a\n"])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str):
    with pytest.raises(BaselineError, match="cannot be a name; expected up to 64 letters"):
        Baselines(tmp_path).save(name, summary())
    assert list(tmp_path.rglob("*")) == []


def test_a_run_that_ended_well_is_stored_under_its_id(tmp_path: Path):
    baselines = Baselines(tmp_path)
    for status in (Status.RUNNING, Status.FAILED, Status.WAITING):
        assert baselines.add_finished(summary("bad", status=status)) is None
    assert baselines.add_finished(summary("fit-1")) is not None
    assert baselines.add_finished(summary("fit-2", status=Status.STOPPED)) is not None
    assert {each.name for each in baselines.stored()} == {"fit-1", "fit-2"}
    assert baselines.find("fit-1") == summary("fit-1")


def test_the_id_of_a_run_is_never_a_path(tmp_path: Path):
    baselines = Baselines(tmp_path)
    for run in ("../../etc/passwd", "", "a/b", "a\nb", "x" * 500, "\ud800", "."):
        path = baselines.add_finished(summary(run))
        assert path is not None
        assert path.parent == tmp_path / "baselines" / "finished"
    assert len(baselines.stored()) == 7


def test_only_the_newest_finished_runs_are_kept_and_all_saved_ones(tmp_path: Path):
    baselines = Baselines(tmp_path)
    baselines.save("good", summary())
    for number in range(FINISHED_KEPT + 5):
        path = baselines.add_finished(summary(f"fit-{number}"))
        assert path is not None
        os.utime(path, (number, number))
    baselines.add_finished(summary("last"))
    names = [each.name for each in baselines.stored()]
    assert len(names) == FINISHED_KEPT + 1
    assert names[:2] == ["good", "last"]
    assert "fit-0" not in names


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "trainwarden-summary", "version": 99}', "\x00"])
def test_a_file_that_is_not_a_summary_gives_one_clear_line(tmp_path: Path, text: str):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SummaryError, match=r"x\.json: "):
        read_summary(tmp_path / "x.json")


def test_a_baseline_is_saved_listed_shown_used_and_removed(state: Path):
    write(Path("old.log"), HEALTHY)
    write(Path("new.log"), TROUBLED)
    saved = monitor("baseline", "save", "good", "old.log")
    assert (saved.code, saved.out) == (0, "")
    assert (state / "baselines" / "good.json").is_file()
    listed = monitor("baseline", "list")
    assert (listed.code, listed.out.startswith("good: saved ")) == (0, True)
    assert json.loads(monitor("baseline", "list", "--json").out)["baselines"][0]["name"] == "good"
    assert "epoch.val_loss 0.5" in monitor("baseline", "show", "good").out
    assert json.loads(monitor("baseline", "show", "good", "--json").out)["format"] == "trainwarden-summary"
    by_name, by_log = (monitor("report", "new.log", "--baseline", name) for name in ("good", "old.log"))
    assert by_name.code == by_log.code == 0
    assert by_name.out == by_log.out
    assert "Comparison to run" in by_name.out
    assert monitor("replay", "new.log", "--baseline", "good").code == monitor("replay", "new.log").code
    assert monitor("baseline", "rm", "good").code == 0
    gone = monitor("report", "new.log", "--baseline", "good")
    assert (gone.code, gone.out) == (2, "")
    assert "--baseline good: neither a log nor a saved baseline; expected a file, or a name given to" in gone.err


def test_an_unknown_name_is_answered_with_the_known_ones(state: Path):
    Baselines(state).save("good", summary())
    write(Path("new.log"), TROUBLED)
    assert "one of good" in monitor("report", "new.log", "--baseline", "goof").err
    assert "one of good" in monitor("baseline", "show", "goof").err
    assert "one of good" in monitor("baseline", "rm", "goof").err


def test_a_log_without_figures_cannot_be_a_baseline(state: Path):
    Path("x.log").write_text("hello\n")
    refused = monitor("baseline", "save", "good", "x.log")
    assert (refused.code, list(state.rglob("*.json"))) == (2, [])
    assert "has no figures to compare" in refused.err
