"""What the page may call green, and what it may not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from monitor import grammar
from monitor.grammar import Share
from monitor.report.build import build
from monitor.report.markdown import render_markdown
from monitor.report.model import Page
from monitor.report.statement import Mark, Statement


def statements(value: object) -> Iterator[Statement]:
    """Yield every statement anywhere in a page."""
    if isinstance(value, Statement):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from statements(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from statements(getattr(value, field.name))


def objective(page: Page, title: str) -> Mark:
    return next(each.mark for each in page.objectives if title in each.title)


def group_mark(page: Page, group: str) -> Mark:
    return next(row.mark for row in page.gradients.groups if row.group == group)


def test_a_healthy_run_that_has_ended_is_green_and_names_what_does_not_apply(healthy, snapshot_of):
    page = build(snapshot_of(healthy))
    assert (page.footer.mark, page.footer.status, page.footer.all_passed) == (Mark.OK, "completed", True)
    assert [each.subject for each in page.footer.not_applicable] == ["Monitor GPU utilisation"]
    text = render_markdown(page, full=True)
    assert "All checks passed: 6 rules" in text
    assert "Confidence**: High: 6 of 6" in text


def test_every_check_mark_has_a_line_of_the_log(healthy, snapshot_of):
    found = [each for each in statements(build(snapshot_of(healthy))) if each.mark is Mark.OK]
    assert len(found) > 20
    assert [each for each in found if not all(1 <= line.line <= len(healthy) for line in each.evidence)] == []
    with pytest.raises(AssertionError):
        Statement("Sharpe", "fine", (), Mark.OK)


def test_no_line_at_all_is_unknown_and_nothing_is_green(snapshot_of):
    page = build(snapshot_of([]))
    assert (page.footer.status, page.footer.mark, page.footer.share) == (
        "no end seen; the log is empty",
        Mark.UNKNOWN,
        0.0,
    )
    assert {each.mark for each in page.objectives} == {Mark.UNKNOWN}
    # The legend alone shows the sign.
    assert render_markdown(page, full=True).count("✅") == 1


def test_an_alert_closed_by_the_end_of_the_run_still_counts_as_open(log, snapshot_of):
    log.start().preface().epoch(1).epoch(2, zero=("temporal_encoder", "projected_features")).end()
    page = build(snapshot_of(log.lines))
    assert (page.footer.status, page.footer.mark) == ("completed", Mark.BREACH)
    assert {(alert.rule, alert.state) for alert in page.alerts.standing} == {
        ("GradientVanishing", "closed"),
        ("EncoderGradientZero", "closed"),
    }
    assert objective(page, "gradient flow") is Mark.BREACH
    assert group_mark(page, "temporal_encoder") is Mark.BREACH
    assert group_mark(page, "gat") is Mark.OK
    assert "All checks passed" not in render_markdown(page, full=True)


def test_a_loss_that_was_no_number_once_is_not_forgotten_when_it_is_one_again(log, snapshot_of):
    log.start().preface().epoch(1).train(13, 2, loss=float("nan")).epoch(2).end()
    page = build(snapshot_of(log.lines))
    assert objective(page, "stability") is Mark.BREACH
    assert page.footer.mark is Mark.BREACH
    assert next(sign.mark for sign in page.signs if sign.rule == "TrainLossNonfinite") is Mark.CAUTION


def test_small_tensors_in_the_selection_group_get_no_check_mark_even_without_a_rule(log, snapshot_of):
    log.start().preface().epoch(1, small=243).epoch(2, small=243).end()
    page = build(snapshot_of(log.lines))
    assert group_mark(page, "variable_selection") is Mark.CAUTION
    assert objective(page, "gradient flow") is Mark.CAUTION
    assert (page.footer.mark, page.footer.all_passed) == (Mark.CAUTION, False)
    assert page.footer.confidence.startswith("Medium")
    assert "243 of 1160 tensors" in render_markdown(page, full=True)


@pytest.mark.parametrize(("without", "expected"), [(1, Mark.OK), (2, Mark.CAUTION)])
def test_tensors_without_gradient_are_fine_up_to_the_declared_number(log, snapshot_of, without, expected):
    log.start().preface().epoch(1, without=without).epoch(2, without=without).end()
    assert group_mark(build(snapshot_of(log.lines)), "gat") is expected


def test_a_group_declared_frozen_is_not_applicable(log, snapshot_of):
    log.start().preface().add(grammar.Intent(frozen=("gat",))).epoch(1, zero=("gat",)).epoch(2, zero=("gat",)).end()
    page = build(snapshot_of(log.lines))
    frozen = next(row for row in page.gradients.groups if row.group == "gat")
    assert (frozen.mark, frozen.words) == (Mark.NOT_APPLICABLE, "GradientVanishing: gat is declared frozen")


def test_a_group_that_no_report_holds_is_unknown(log, snapshot_of):
    log.start().preface().epoch(1, groups=("gat",)).epoch(2, groups=("gat",)).end()
    page = build(snapshot_of(log.lines))
    assert [row.group for row in page.gradients.groups if row.mark is Mark.OK] == ["gat"]
    assert group_mark(page, "adaptive_norm") is Mark.UNKNOWN


def test_one_report_at_step_0_proves_nothing_for_a_run_of_1410_steps(log, snapshot_of):
    log.start().preface().gradients(0, 1).guard(0)
    late = grammar.Train(epoch=Share(2, 2), batch=Share(700, 700), step=1410, loss=0.3)
    page = build(snapshot_of(log.add(late).end_epoch(1).end_epoch(2).end().lines))
    assert {row.mark for row in page.gradients.groups} == {Mark.UNKNOWN}
    assert [each.mark for each in page.gradients.encoder] == [Mark.UNKNOWN, Mark.UNKNOWN]
    assert page.footer.mark is Mark.UNKNOWN


def test_a_log_read_to_its_end_without_an_end_line_is_unfinished_and_not_calm(healthy, snapshot_of):
    page = build(snapshot_of(healthy[:-1]))
    assert (page.footer.status, page.footer.mark) == ("no end seen; last line 23:40:54", Mark.UNKNOWN)
    assert page.footer.confidence.startswith("Low: 5 of 6")
    assert "critical and unknown: TrainingStall" in page.footer.confidence


def test_the_same_log_still_watched_is_running_and_stalled_after_five_minutes(healthy, snapshot_of):
    running = build(snapshot_of(healthy[:-1], is_following=True))
    assert (running.footer.status, running.footer.mark) == ("running", Mark.OK)
    stalled = build(snapshot_of(healthy[:-1], is_following=True, silence_s=301))
    assert (stalled.footer.status, stalled.footer.mark) == ("STALLED", Mark.BREACH)


def test_a_run_that_ended_before_its_last_epoch_is_not_green(log, snapshot_of):
    log.start().preface(epochs=5).epoch(1, of=5).epoch(2, of=5).end("stopped")
    page = build(snapshot_of(log.lines))
    assert (page.footer.status, page.footer.mark) == ("stopped early on request", Mark.CAUTION)
    assert "2/5 done, and the run has ended" in render_markdown(page, full=True)


def test_a_failed_run_is_red(log, snapshot_of):
    log.start().preface().epoch(1).end("failed", epochs=1)
    page = build(snapshot_of(log.lines))
    assert (page.footer.status, page.footer.mark) == ("DIED", Mark.BREACH)


def test_an_alert_of_an_earlier_attempt_is_a_caution_for_the_present_one(log, snapshot_of):
    log.start().preface().epoch(1, zero=("gat",)).start(attempt=2).preface().epoch(1).epoch(2).end()
    page = build(snapshot_of(log.lines))
    assert group_mark(page, "gat") is Mark.CAUTION
    assert page.footer.mark is Mark.CAUTION
    assert "Attempt 1" in render_markdown(page, full=True)


def test_a_traceback_without_a_rule_still_breaks_the_all_clear(log, snapshot_of):
    log.start().preface().epoch(1)
    log.lines.append("Traceback (most recent call last):")
    page = build(snapshot_of(log.epoch(2).end().lines))
    assert objective(page, "stability") is Mark.CAUTION
    assert page.footer.mark is Mark.CAUTION
    assert "text.traceback: 1 seen, not judged by any rule; the last: Traceback" in render_markdown(page, full=True)


def test_a_failed_reset_contradicts_degeneracy_prevention(log, snapshot_of):
    log.start().preface().epoch(1).add(grammar.GuardFailed(h=5, std=0.0, step=9)).epoch(2).end()
    assert objective(build(snapshot_of(log.lines)), "degeneracy") is Mark.CAUTION
