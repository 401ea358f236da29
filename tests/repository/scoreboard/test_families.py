"""The board of families is as large as it says, holds out what nobody tuned on, and says what its figures say."""

import json
import math
from pathlib import Path

import pytest

from monitor import api
from monitor.rules import load_rules
from tests.scoreboard.families.draw import FIRST, RESERVE, Part, parts_of
from tests.scoreboard.families.faults import FAULTS
from tests.scoreboard.families.figures import Share, as_json, figures_of, from_json, printed_verdict, verdict_of
from tests.scoreboard.families.forms import FORMS, lines_until, written
from tests.scoreboard.families.judging import Alarm, alarms_of
from tests.scoreboard.families.listing import every_family
from tests.scoreboard.families.plan import HEALTHY, Job
from tests.scoreboard.families.printed import Printed
from tests.scoreboard.families.run import Result
from tests.scoreboard.families.training import Validation
from tests.scoreboard.families.words import Draw, keep, read, section, summary
from tests.scoreboard.judge import RULES

PARTS = parts_of(every_family())
UNNAMED = {"leak_suspected", "kl_collapse", "gan_starved"}
"""Kinds that no rule can see; the page says why."""


def test_sixty_families_and_more_of_which_25_are_held_out_by_the_digest_of_the_list():
    assert sum(each.batch == 1 for each in every_family().values()) >= 60
    assert sum(part is Part.FIRST for part in PARTS.values()) == FIRST == 25
    assert sum(part is Part.RESERVE for part in PARTS.values()) == RESERVE >= 20
    assert parts_of(every_family(), "another digest") != PARTS


def test_all_of_a_later_list_is_one_draw():
    for batch, part in ((2, Part.THIRD), (3, Part.FOURTH)):
        names = {name for name, each in every_family().items() if each.batch == batch}
        assert {name for name, its in PARTS.items() if its is part} == names
        assert len(names) >= 25


def test_at_least_200_healthy_runs_are_held_out():
    assert FIRST * HEALTHY[Part.FIRST] >= 200 <= RESERVE * HEALTHY[Part.RESERVE]
    assert sum(part is Part.THIRD for part in PARTS.values()) * HEALTHY[Part.THIRD] >= 200


def test_every_label_of_a_fault_is_one_of_a_rule():
    known = {rule.fault for rule in load_rules(sorted(RULES.glob("*.yaml")))}
    labels = {label for fault in FAULTS.values() for label in fault.labels | fault.in_print}
    assert labels - known == UNNAMED
    assert all(fault.claimed or fault.why_not for fault in FAULTS.values())


@pytest.mark.parametrize(
    ("count", "of", "least", "most"), [(0, 200, 0.0, 0.0188), (4, 200, 0.0078, 0.0503), (90, 100, 0.8256, 0.9448)]
)
def test_intervals_are_wilsons(count: int, of: int, least: float, most: float):
    assert Share(count, of).interval == pytest.approx((least, most), abs=2e-4)


def alarm(fault: str, line: int, severity: str = "warning") -> Alarm:
    return Alarm(f"A rule for {fault}", fault, severity, 0, "", line)


@pytest.mark.parametrize(
    ("alarms", "is_found", "is_first_right"),
    [
        ([alarm("b", 130), alarm("a", 140)], True, False),
        ([alarm("a", 130), alarm("b", 140)], True, True),
        ([alarm("b", 50), alarm("a", 130)], True, False),
        ([alarm("a", 50)], False, False),
        ([], False, False),
    ],
)
def test_a_fault_is_found_only_after_its_onset_and_by_its_name(
    alarms: list[Alarm], is_found: bool, is_first_right: bool
):
    found = verdict_of(alarms, 120, frozenset({"a"}))
    assert (found.is_found, found.is_first_right) == (is_found, is_first_right)


def test_a_fault_that_ends_the_training_may_be_named_by_its_end():
    died = [alarm("crash", 130), alarm("a", 140)]
    assert not verdict_of(died, 120, frozenset({"a"})).is_first_right
    assert verdict_of(died, 120, frozenset({"a"}), has_died=True).is_first_right


@pytest.mark.parametrize("form", FORMS)
def test_a_printed_fault_is_found_from_its_onset_on_in_every_form(form: str, tmp_path: Path):
    run = Printed(epochs=6, batches=40, size=32)
    for epoch in range(1, 7):
        loss = 1 / epoch if epoch < 4 else math.nan
        for step in range(10, 41, 10):
            run.trained(40 * (epoch - 1) + step, loss, 1e-3, 0.5)
        run.validated(epoch, 40 * epoch, loss, Validation(loss, {}), 1e-3)
    log = tmp_path / "train.log"
    log.write_text(written(run, form))
    job = Job("lora", 0, "nan_inputs", "middle")
    result = Result(job, 0, lines_until(run, form, 120), False, 240, 1.0, (), tuple(alarms_of(log)))
    assert printed_verdict(result, FAULTS["nan_inputs"]).is_first_right
    late = result._replace(printed_onset=len(log.read_text().splitlines()))
    assert not printed_verdict(late, FAULTS["nan_inputs"]).is_found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1e-4, 1.0, 3e4])
def test_each_form_is_read_as_it_was_printed(form: str, size: float, tmp_path: Path):
    run = Printed(epochs=5, batches=40, size=32)
    for epoch in range(1, 6):
        for step in range(10, 41, 10):
            run.trained(40 * (epoch - 1) + step, size / epoch, 1e-3, 0.5)
        run.validated(epoch, 40 * epoch, size / epoch, Validation(1.1 * size / epoch, {"accuracy": 0.1 * epoch}), 1e-3)
    run.ends()
    log = tmp_path / "train.log"
    log.write_text(written(run, form))
    found = api.read(log)
    assert not found.is_blind and found.exit_code == 0
    assert found.values.loss == pytest.approx(size / 5, rel=1e-2, abs=1e-4)
    assert found.values.val_loss == pytest.approx(1.1 * size / 5, rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_a_norm_that_was_never_measured_is_not_printed(form: str):
    run = Printed(epochs=1, batches=20, size=32)
    run.trained(10, 0.7, 1e-3, math.nan)
    run.trained(20, 0.6, 1e-3, math.nan)
    assert "nan" not in written(run, form) and "grad_norm" not in written(run, form)


def results() -> list[Result]:
    found, wrong = (alarm("batch_repeated", 119),), (alarm("overfit", 119, "critical"),)
    return [
        Result(Job("lora", 0), 0, 0, False, 240, 1.0, (), ()),
        Result(Job("lora", 1), 0, 0, False, 240, 2.0, wrong, ()),
        Result(Job("lora", 0, "one_batch", "start"), 0, 0, False, 240, 1.0, found, ()),
        Result(Job("lora", 1, "one_batch", "start"), 0, 0, False, 240, 1.0, wrong, ()),
        Result(Job("lora", 0, "mask_missing", "start"), 0, 0, False, 240, 1.0, (), ()),
    ]


def test_every_run_is_counted_once_and_what_is_not_claimed_not_at_all():
    figures = figures_of(results())
    assert (figures.healthy, figures.critical) == (Share(1, 2), Share(1, 2))
    assert (figures.found, figures.first_right) == (Share(1, 2), Share(1, 2))
    assert [miss.run for miss in figures.misses] == ["lora.healthy.1", "lora.one_batch.start.1"]


def test_a_run_that_had_ended_before_its_fault_could_begin_is_not_counted():
    job = Job("stopped_early", 0, "one_batch", "middle")
    begun = Result(job, 40, 8, False, 240, 1.0, (), ())
    assert figures_of([begun]).found == Share(0, 1)
    assert figures_of([begun._replace(own_onset=0)]).found == Share(0, 0)


def test_figures_and_results_survive_being_kept():
    figures = figures_of(results())
    assert from_json(json.loads(json.dumps(as_json(figures)))) == figures
    assert [Result.of_line(each.as_line()) for each in results()] == results()


def test_the_first_judgement_of_a_draw_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tests.scoreboard.families.words.FIGURES", tmp_path / "figures.json")
    partly = Draw("first draw", "def", "2026-11-30", 9, figures_of(results()[:3]))
    keep(partly)
    more = partly._replace(figures=figures_of(results()))
    keep(more)
    assert read() == [more]
    keep(more._replace(rules="ghi"))
    keep(more._replace(rules="jkl"))
    assert [(each.name, each.rules, each.is_fresh) for each in read()] == [
        ("first draw", "def", True),
        ("first draw, judged again", "jkl", False),
    ]
    assert "proves nothing new" in summary(read())


def test_the_page_and_the_summary_begin_with_what_was_missed():
    draw = Draw("first draw", "abc", "2026-11-30", 344, figures_of(results()))
    page, short = section([draw]), summary([draw])
    assert page.index("lora.healthy.1") < page.index("Faults that the list claims")
    assert "5 of its 344 runs" in page
    assert "lora 1/2" in short and "one_batch 1/2" in short and "mask_missing" in short
    assert not math.isnan(figures_of(results()).cpu_s[1])
