"""What the page says is what the runs were."""

import json
from pathlib import Path

import pytest

from tests.demo.readme import filled
from tests.scoreboard.board import OURS, as_json, from_json, tables_of
from tests.scoreboard.families import words
from tests.scoreboard.healthy import PLAIN
from tests.scoreboard.judge import Finding
from tests.scoreboard.page import FIGURES, PAGE, Circumstances, page, read, summary
from tests.scoreboard.recipes import Job, Recipe
from tests.scoreboard.runs import Judged, RivalResult
from tests.scoreboard.verdicts import Verdict

ROOT = Path(__file__).parents[3]
HOW = Circumstances("make", 12.0, 0, 6, 2, "abc", "a processor", 2, "3.11", "2.13")
RIGHT = Verdict(True, True, True, "grad_zero", (), 6.0, -4.0)
ALARM = Finding(1e9, 5, 100, 3, "overfit", "Overfitting", "")


def run(kind: str, seed: int, said: Verdict | None, *findings: Finding, rival: RivalResult | None = None) -> Judged:
    rivals = () if rival is None else (rival,)
    return Judged(Job(kind, "mlp", seed, Recipe()), findings, said, Path("x"), rivals)


@pytest.fixture
def runs() -> list[Judged]:
    caught, silent = RivalResult("other", "a paper", 1, True, False), RivalResult("other", "a paper", 0, False, False)
    return [
        run("grad_zero", 1, RIGHT, rival=caught),
        run("grad_zero", 2, RIGHT._replace(delay=9.0, over=2.0), rival=silent),
        run("lr_off", 1, RIGHT._replace(is_detected=False, is_first_right=False, first="", delay=None, over=None)),
        run(PLAIN, 101, None, rival=silent),
        run(PLAIN, 102, None, ALARM, rival=caught),
        run("dropout", 101, None, rival=silent),
    ]


def test_each_kind_is_counted(runs: list[Judged]):
    rows = {row.kind: row for row in tables_of(runs).kinds}
    zero = rows["grad_zero"]
    assert (zero.runs, zero.detected, zero.first_right, zero.in_time) == (2, 2, 2, 1)
    assert (zero.median_delay, zero.worst_delay, zero.unit) == (7.5, 9.0, "steps")
    assert (rows["lr_off"].detected, rows["lr_off"].in_time, rows["lr_off"].median_delay) == (0, 0, None)


def test_every_run_that_falls_short_is_named(runs: list[Judged]):
    assert [tuple(miss) for miss in tables_of(runs).misses] == [
        ("grad_zero.mlp.2", "late by 2 steps"),
        ("lr_off.mlp.1", "not detected"),
        ("plain.mlp.102", "false alarm: Overfitting"),
    ]


def test_detectors_stand_side_by_side_on_the_same_runs(runs: list[Judged]):
    rows = {row.name: row for row in tables_of(runs).detectors}
    ours, other = rows[OURS], rows["other"]
    assert (ours.false_plain, ours.false_hard, ours.runs_caught, ours.kinds_in_every_run) == (
        (1, 2),
        (0, 1),
        (2, 3),
        (1, 2),
    )
    assert (other.false_plain, other.runs_caught, other.named_right, other.kinds_in_every_run) == (
        (1, 2),
        (1, 3),
        (0, 3),
        (0, 2),
    )


def test_none_of_so_many_runs_is_told_with_what_it_shows(runs: list[Judged]):
    quiet = [each for each in runs if not each.findings]
    assert "1 of 3 healthy training runs had an alert at warning or above." in page(tables_of(runs), HOW)
    assert "0 of 2 healthy training runs had an alert at warning or above: at 95 %" in page(tables_of(quiet), HOW)


def test_the_readme_has_a_place_for_the_summary(runs: list[Judged]):
    readme = filled((ROOT / "README.md").read_text(), "scoreboard", summary(tables_of(runs), HOW))
    assert "- 2/3 faulty runs detected" in readme
    assert "a false alarm: 1/2 of the plain ones" in readme


def test_the_figures_say_all_that_the_page_says(runs: list[Judged]):
    tables = tables_of(runs)
    assert from_json(json.loads(json.dumps(as_json(tables)))) == tables


def test_page_and_readme_are_what_the_figures_come_to():
    if not FIGURES.exists():
        pytest.skip("docs/scoreboard.json: not there; make scoreboard writes it")
    tables, how = read()
    draws = words.read()
    assert PAGE.read_text() == page(tables, how, draws)
    assert summary(tables, how, draws) in (ROOT / "README.md").read_text()
