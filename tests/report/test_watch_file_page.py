"""What a watch file adds to the page: objectives, expectations, checklists, a comparison; each by evidence alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from monitor import grammar
from monitor.conditions import Background
from monitor.config import Config, load_config
from monitor.grammar import Share
from monitor.report.build import build
from monitor.report.markdown import render_markdown
from monitor.report.model import Page
from monitor.report.statement import Mark
from monitor.run.summary import summarise


@pytest.fixture
def config_of(tmp_path: Path):
    """Return a function that reads a text as a watch file."""

    def config_of(text: str) -> Config:
        path = tmp_path / "watch.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return config_of


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("GradientVanishing", Mark.OK),
        ("NoSuchRule", Mark.UNKNOWN),
        ("{fault: grad_vanish}", Mark.OK),
        ("{fault: no_such_fault}", Mark.UNKNOWN),
        ("{seen: metric.sharpe}", Mark.OK),
        ("{seen: epoch.val_loss}", Mark.OK),
        ("{seen: data.features_dead}", Mark.UNKNOWN),
        ("{seen: gpu.util_pct}", Mark.NOT_APPLICABLE),
        ("{seen: weight.l2}", Mark.UNKNOWN),
        ("{epoch: 2}", Mark.OK),
        ("{epoch: 3}", Mark.BREACH),
        ("{status: completed}", Mark.OK),
        ("{status: failed}", Mark.BREACH),
        ("{signal: metric.sharpe, at_least: 0.16}", Mark.OK),
        ("{signal: metric.sharpe, above: 0.16}", Mark.BREACH),
        ("{signal: metric.sharpe, epoch: 1, below: 0.1}", Mark.OK),
        ("{signal: grad.l2, where: {group: gat}, above: 0.7, below: 0.8}", Mark.OK),
        ("{signal: grad.l2, where: {group: nobody}, above: 0}", Mark.UNKNOWN),
        ("{signal: train.loss, of: min, below: 0.5}", Mark.OK),
        ("{signal: train.loss, of: median, at_least: 100}", Mark.BREACH),
        ("{signal: guard.check, of: count, at_least: 2}", Mark.OK),
        ("[GradientVanishing, {epoch: 3}]", Mark.BREACH),
        ("{any: [{epoch: 3}, {epoch: 1}]}", Mark.OK),
        ("{any: [{epoch: 3}, {epoch: 4}]}", Mark.BREACH),
        ("[GradientVanishing, {seen: gpu.util_pct}]", Mark.OK),
    ],
)
def test_an_objective_has_the_mark_of_its_condition(healthy, snapshot_of, config_of, when, expected):
    config = config_of(f"objectives: [{{title: Probe, when: {when}}}]")
    (objective,) = build(snapshot_of(healthy), config).objectives
    assert objective.mark is expected
    assert all(ground.evidence for ground in objective.grounds if ground.mark in (Mark.OK, Mark.NOT_APPLICABLE))


def test_an_aim_not_reached_yet_is_not_a_breach_while_the_run_goes_on(log, snapshot_of, config_of):
    config = config_of(
        "objectives: [{title: a, when: {epoch: 2}}, {title: b, when: {signal: metric.sharpe, at_least: 9}}]"
    )
    page = build(snapshot_of(log.start().preface().epoch(1).lines, is_following=True), config)
    assert [each.mark for each in page.objectives] == [Mark.UNKNOWN, Mark.CAUTION]


def test_an_objective_without_a_condition_is_never_green(healthy, snapshot_of, config_of):
    page = build(snapshot_of(healthy), config_of("objectives: [{title: Ask a person}]"))
    assert page.objectives[0].mark is Mark.UNKNOWN
    assert not page.footer.all_passed


def test_checklists_are_ticked_by_conditions_and_a_hand_is_named(healthy, snapshot_of, config_of):
    config = config_of(
        """\
checklists:
  - title: Today
    items:
      - {item: first, when: {epoch: 1}}
      - {item: third, when: {epoch: 3}}
      - {item: told, done: true}
      - {item: claimed, done: true, when: {epoch: 3}}
      - look
"""
    )
    (today,) = build(snapshot_of(healthy), config).actions
    assert [(each.text, each.is_ticked) for each in today.items] == [
        ("first", True),
        ("third", False),
        ("told", True),
        ("claimed", False),
        ("look", False),
    ]
    text = render_markdown(build(snapshot_of(healthy), config), full=True)
    assert "- [x] told (ticked by hand in the watch file)" in text
    assert "- [ ] claimed (❌ ticked by hand in the watch file, but: the run ended after 2 epochs)" in text
    assert "- [ ] look (only a person can tick this)" in text


def test_without_checklists_the_standing_alerts_say_what_to_do(log, snapshot_of):
    log.start().preface().epoch(1).epoch(2, zero=("gat",)).end()
    (now,) = build(snapshot_of(log.lines)).actions
    assert [each.is_ticked for each in now.items] == [False]
    assert "GradientVanishing" in now.items[0].words


BANDS = """\
expected:
  - signal: metric.sharpe
    title: Sharpe
    by_epoch: {1: 0.08, 2: [0.2, 0.3], 3: 0.4}
    target: 0.849
"""


def test_a_band_is_held_against_the_epoch_that_it_names(healthy, snapshot_of, config_of):
    (bands,) = build(snapshot_of(healthy), config_of(BANDS)).expected.bands
    assert [(row.epoch, row.actual, row.mark) for row in bands.rows] == [
        (1, 0.08, Mark.OK),
        (2, 0.16, Mark.BREACH),
        (3, None, Mark.UNKNOWN),
    ]
    assert bands.trend == "▁█"


def test_an_epoch_that_is_not_due_has_no_mark(log, snapshot_of, config_of):
    page = build(snapshot_of(log.start().preface().epoch(1).lines, is_following=True), config_of(BANDS))
    assert [row.mark for row in page.expected.bands[0].rows] == [Mark.OK, None, None]


def test_epochs_are_held_against_the_time_they_should_take(healthy, snapshot_of, config_of):
    config = config_of("timeline: [{epochs: 1, takes: 40s-50s}, {epochs: 2+, takes: 10s-20s}, {epochs: 9, takes: 1s}]")
    rows = build(snapshot_of(healthy), config).expected.pace
    assert [(row.epochs, row.mark) for row in rows] == [("1", Mark.OK), ("2+", Mark.CAUTION), ("9", Mark.UNKNOWN)]


def test_a_stage_shows_whether_it_is_over_and_holds(healthy, snapshot_of, config_of):
    config = config_of("stages: [{epochs: 1-2, expect: a flow, when: GradientVanishing}, {epochs: 7+, expect: more}]")
    rows = build(snapshot_of(healthy), config).expected.stages
    assert [(row.mark, row.words) for row in rows] == [(Mark.OK, "over; GradientVanishing"), (None, "not begun")]


@pytest.mark.parametrize(
    ("before", "mark", "words"),
    [
        ("value: 0.757", Mark.OK, "1 × of it"),
        ("value: 0.5", Mark.OK, "1.51 × of it"),
        ("value: 7.57", Mark.CAUTION, "lower: 0.1 × of it (2 reports)"),
        ("value: 0.01", Mark.CAUTION, "higher: 76 × of it (2 reports)"),
        ("value: 0", Mark.CAUTION, "was 0 (2 reports)"),
        ("above: 0.1", Mark.OK, "above it"),
        ("above: 1", Mark.CAUTION, "lower (2 reports)"),
        ("below: 0.1", Mark.CAUTION, "higher (2 reports)"),
    ],
)
def test_a_figure_is_held_against_what_it_was(healthy, snapshot_of, config_of, before, mark, words):
    row = f"{{title: GAT, signal: grad.l2, where: {{group: gat}}, {before}}}"
    page = build(snapshot_of(healthy), config_of(f"comparison: {{title: Before, rows: [{row}]}}"))
    assert [(each.mark, each.words) for each in page.comparison.rows] == [(mark, words)]


def test_a_figure_that_was_never_seen_is_unknown_and_one_without_a_past_is_not_judged(healthy, snapshot_of, config_of):
    config = config_of("comparison: {rows: [{title: a, signal: weight.l2, above: 1}, {title: b, signal: train.loss}]}")
    rows = build(snapshot_of(healthy), config).comparison.rows
    assert [(row.before, row.now is None, row.mark) for row in rows] == [
        ("> 1e+00", True, Mark.UNKNOWN),
        ("N/A", False, None),
    ]


def test_with_a_baseline_run_each_group_shows_its_earlier_norm(log, snapshot_of):
    before = snapshot_of(
        type(log)().start(run="before").preface().epoch(1, zero=("gat",)).epoch(2, zero=("gat",)).lines
    )
    background = Background(baseline=summarise(before.run, "before.log"))
    page = build(snapshot_of(log.start().preface().epoch(1).epoch(2).end().lines), background=background)
    assert {row.group: row.was for row in page.gradients.groups}["gat"] == 0.0
    assert any("was 0.00e+00 in the baseline run" in each.text for each in page.gradients.observations)
    assert "| was |" in render_markdown(page, full=True)
    same = [row for row in page.comparison.rows if row.mark is Mark.CAUTION]
    assert {row.title for row in same} >= {"Sharpe", "Train loss"}


def test_a_variable_with_another_value_than_wanted_is_contradicted(healthy, snapshot_of, config_of):
    config = config_of(
        "environment: {GRAD_MONITOR_EVERY: 20, GRAD_MONITOR_WARN_NORM: 1.0e-7, ENABLE_GRAD_MONITOR: null}"
    )
    found = {each.subject: each.mark for each in build(snapshot_of(healthy), config).settings}
    assert found["GRAD_MONITOR_EVERY=10"] is Mark.CAUTION
    assert found["GRAD_MONITOR_WARN_NORM=1e-07"] is Mark.OK
    assert found["ENABLE_GRAD_MONITOR=1"] is Mark.OK


def test_signs_that_the_file_names_are_always_shown_in_full(healthy, snapshot_of, config_of):
    text = render_markdown(build(snapshot_of(healthy), config_of("signs: [EncoderGradientZero]")), full=True)
    assert "### ✅ EncoderGradientZero" in text
    assert "### ✅ GradientVanishing" not in text


def test_titles_and_words_of_the_file_break_no_structure(healthy, snapshot_of, config_of):
    hostile = "'| x ](y) <script>alert(1)</script> `'"
    config = config_of(
        f"title: {hostile}\nnotes: [{hostile}]\nreferences: {{{hostile}: {hostile}}}\n"
        f"checklists: [{{title: {hostile}, items: [{hostile}]}}]\n"
        f"objectives: [{{title: {hostile}, when: {{epoch: 1}}}}]\n"
        f"stages: [{{epochs: 1, expect: {hostile}}}]\n"
        f"comparison: {{rows: [{{title: {hostile}, signal: train.loss}}]}}\n"
    )
    text = render_markdown(build(snapshot_of(healthy), config), full=True)
    assert "<script>" not in text
    plain = render_markdown(build(snapshot_of(healthy), config_of(
        "title: a\nnotes: [a]\nreferences: {a: a}\nchecklists: [{title: a, items: [a]}]\n"
        "objectives: [{title: a, when: {epoch: 1}}]\nstages: [{epochs: 1, expect: a}]\n"
        "comparison: {rows: [{title: a, signal: train.loss}]}\n"
    )), full=True)  # fmt: skip
    assert [line.count(" | ") for line in text.split("\n")] == [line.count(" | ") for line in plain.split("\n")]


def test_the_end_that_was_estimated_and_the_present_one_are_compared(log, snapshot_of):
    log.start().preface(epochs=4).epoch(1, of=4)
    slow = grammar.Epoch(epoch=Share(2, 4), train_loss=0.4, val_loss=0.5, lr=1e-4, seconds=105.0)
    page = build(snapshot_of(log.add(slow).lines, is_following=True))
    eta = next(each.text for each in page.progress if each.subject == "ETA")
    assert "later than estimated after epoch 1" in eta or "earlier than estimated after epoch 1" in eta


def test_the_page_is_a_record_through_and_through(healthy, snapshot_of):
    page = build(snapshot_of(healthy))
    assert isinstance(page, Page)
    with pytest.raises(dataclasses.FrozenInstanceError):
        page.title = "other"  # type: ignore[misc]
