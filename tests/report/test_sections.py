"""What each section states, and where it says that nothing was seen."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from monitor import grammar
from monitor.config import Config
from monitor.grammar import format_line
from monitor.report.build import build
from monitor.report.markdown import render_markdown
from monitor.report.statement import Mark, Statement

STARTED_AT = 1761867651.0


def stated(found: Sequence[Statement], subject: str) -> str:
    return next(each.text for each in found if each.subject == subject)


def test_the_header_gives_the_identity_with_its_lines(healthy, snapshot_of):
    text = render_markdown(build(snapshot_of(healthy)), full=True)
    assert "- **Start Time**: 2025-10-30 23:40:51 UTC (L1)" in text
    assert "- **Configuration**: 2 epochs, batch_size=2048, bf16-mixed precision, device=cpu (L8, L9)" in text
    assert "- **PID**: 822543 (L1)" in text
    assert "- **Log File**: `_logs/training/run.log`" in text


def test_a_cpu_run_has_no_gpu_by_its_own_word(healthy, snapshot_of):
    page = build(snapshot_of(healthy))
    assert [(each.mark, each.evidence[0].line) for each in page.gpu] == [(Mark.NOT_APPLICABLE, 8)]
    assert "nvidia-smi" not in "".join(each.script for each in page.commands)


def test_a_gpu_run_without_gpu_lines_is_unknown(log, snapshot_of):
    page = build(snapshot_of(log.start().preface(device="cuda:0").epoch(1).epoch(2).end().lines))
    assert [(each.mark, each.text) for each in page.gpu] == [(Mark.UNKNOWN, "No GPU line was seen.")]
    assert page.footer.mark is Mark.UNKNOWN


def test_process_and_gpu_figures_match_the_seed_page(log, snapshot_of):
    log.start().preface(device="cuda:0").add(
        grammar.Process(pid=822543, stat="Sl", cpu_pct=29.6, rss_mb=1024.0, ram_total_mb=221184.0, etime_s=133.0),
        grammar.Gpu(name="NVIDIA A100-SXM4-80GB", index=0, util_pct=0.0, used_mb=17421.0, total_mb=81920.0),
    )
    page = build(snapshot_of(log.lines, is_following=True))
    assert stated(page.process, "Status") == "Sl (sleeping, multi-threaded)"
    assert stated(page.process, "CPU Usage") == "29.6 %"
    assert stated(page.process, "Runtime") == "2 minutes 13 seconds"
    assert stated(page.gpu, "GPU 0 Memory") == "17421 MB / 81920 MB (21 %)"
    assert stated(page.gpu, "GPU 0 Utilization") == (
        "0 % (initializing - normal: phase train, before the first TRAIN line)"
    )


@pytest.mark.parametrize(
    ("util_pct", "num_samples", "expected"),
    [(12.0, 10, Mark.UNKNOWN), (12.0, 40, Mark.BREACH), (59.9, 40, Mark.BREACH), (60.0, 40, Mark.OK)],
)
def test_gpu_utilisation_is_judged_after_five_minutes_of_steps(log, snapshot_of, util_pct, num_samples, expected):
    log.start().preface(device="cuda:0").train(5, 1)
    ten_seconds_apart = [STARTED_AT + 60 + 10 * number for number in range(num_samples)]
    samples = [format_line(at, grammar.Gpu(index=0, util_pct=util_pct)) for at in ten_seconds_apart]
    page = build(snapshot_of([*log.lines, *samples], is_following=True))
    assert next(each.mark for each in page.objectives if "GPU" in each.title) is expected


def test_target_normalisation_has_the_digits_of_the_log_and_misses_no_declared_horizon(log, snapshot_of):
    log.start().preface(targets=("target_1d", "target_5d", "target_20d"))
    page = build(snapshot_of(log.lines))
    assert [(each.subject, each.text) for each in page.targets] == [
        ("horizon_1", "mean=0.000763, std=0.008553"),
        ("horizon_5", "mean=0.004600, std=0.019692"),
        ("horizon_20", "not seen"),
    ]


def test_dead_features_keep_the_page_from_being_green(log, snapshot_of):
    log.start().preface().add(grammar.DataCheck(features_dead=grammar.Share(81, 82), names=("a", "b")))
    page = build(snapshot_of(log.epoch(1).epoch(2).end().lines))
    assert stated(page.data, "Dead features") == "81 of 82 are constant: a, b"
    assert (page.footer.mark, page.footer.all_passed) == (Mark.CAUTION, False)


def test_a_setting_is_confirmed_by_its_echo_alone(healthy, snapshot_of):
    echoed = [line for line in healthy if "VARIANCE_PENALTY_WEIGHT" not in line]
    page = build(snapshot_of(echoed))
    found = {each.subject: (each.mark, each.text) for each in page.settings}
    assert found["VARIANCE_PENALTY_WEIGHT"] == (Mark.UNKNOWN, "not echoed: unconfirmed")
    assert found["ENABLE_GRAD_MONITOR=1"] == (Mark.OK, "echoed, source=env; GRAD-MONITOR lines are seen")


def test_a_switch_that_is_on_without_its_lines_is_contradicted(healthy, snapshot_of):
    silent = [line for line in healthy if "[ENCODER-GRAD]" not in line]
    page = build(snapshot_of(silent))
    found = {each.subject: (each.mark, each.text) for each in page.settings}
    assert found["ENABLE_ENCODER_GRAD_HOOKS=1"] == (
        Mark.CAUTION,
        "echoed, source=env; no ENCODER-GRAD line was seen yet",
    )


def test_a_variable_that_nothing_reads_is_named(log, snapshot_of):
    log.start().add(grammar.ConfigUnused(unused="VARIANCE_PENALTY_WIEGHT"))
    page = build(snapshot_of(log.lines))
    assert (page.settings[-1].subject, page.settings[-1].mark) == ("VARIANCE_PENALTY_WIEGHT", Mark.CAUTION)


def test_the_next_gradient_report_is_announced(log, snapshot_of):
    page = build(snapshot_of(log.start().preface().epoch(1).lines, is_following=True))
    assert "next report at batch 11 of the run, batch 1 of epoch 2 (step 10)" in stated(
        page.settings, "GRAD_MONITOR_EVERY=10"
    )


def test_resets_are_counted_by_epoch_and_unknown_where_the_guard_was_not_seen(log, snapshot_of):
    reset = grammar.GuardReset(h=5, scale=0.05, step=7, epoch=1)
    log.start().preface().train(5, 1).add(reset, reset).end_epoch(1).train(15, 2).end_epoch(2).end()
    page = build(snapshot_of(log.lines))
    assert [(row.epoch, row.resets) for row in page.epochs.rows] == [(1, 2), (2, None)]
    assert "❔ not seen" in next(
        line for line in render_markdown(page, full=True).split("\n") if line.startswith("| 2 |")
    )


def test_an_epoch_whose_line_is_missing_has_a_row_without_figures(log, snapshot_of):
    log.start().preface(epochs=3).epoch(1, of=3).train(15, 2, of=3).epoch(3, of=3)
    page = build(snapshot_of(log.lines))
    assert [(row.epoch, row.train_loss is None) for row in page.epochs.rows] == [
        (1, False),
        (2, True),
        (3, False),
    ]


def test_a_metric_identical_to_the_last_digit_in_three_epochs_is_doubted(log, snapshot_of):
    log.start().preface(epochs=3)
    for epoch in (1, 2, 3):
        log.train(10 * epoch, epoch, of=3).guard(10 * epoch).add(
            grammar.Epoch(epoch=grammar.Share(epoch, 3), train_loss=0.5, val_loss=0.6, lr=1e-4),
            grammar.Metrics(epoch=epoch, sharpe=0.08177260619898637, ic=0.01 * epoch, rank_ic=0.02 * epoch),
        )
    page = build(snapshot_of(log.end(epochs=3).lines))
    sharpe = next(each for each in page.metrics.overall if each.subject == "Sharpe Ratio")
    assert sharpe.mark is Mark.CAUTION
    assert "identical to the last digit in all 3 epochs" in sharpe.text


def test_a_run_that_ended_without_metrics_has_not_reached_that_aim(log, snapshot_of):
    page = build(snapshot_of(log.start().preface().train(5, 1).end().lines))
    assert next(each.mark for each in page.objectives if "metrics" in each.title) is Mark.BREACH


def test_the_expected_end_rests_on_whole_epochs(log, snapshot_of):
    page = build(snapshot_of(log.start().preface(epochs=4).epoch(1, of=4).lines, is_following=True))
    assert "in 2 minutes 15 seconds" in stated(page.progress, "ETA")
    assert "median epoch 45 seconds" in stated(page.progress, "ETA")


def test_commands_have_the_quoted_path_and_the_process_id(healthy, snapshot_of):
    page = build(snapshot_of(healthy, log="-my logs/it's.log"))
    script = "\n".join(each.script for each in page.commands)
    assert """grep "Sharpe Ratio:" './-my logs/it'"'"'s.log'""" in script
    assert "ps -p 822543 -o pid,stat,%cpu,%mem,etime,cmd" in script
    assert page.signs[2].check == """grep -c "DEGENERACY-GUARD.*reset applied" './-my logs/it'"'"'s.log'"""


def test_the_same_facts_give_the_same_bytes_dated_by_the_run_s_own_clock(healthy, snapshot_of):
    first, second = (render_markdown(build(snapshot_of(healthy)), full=True) for _ in range(2))
    assert first == second
    last_second = healthy[-1][len("2025-10-30T") : len("2025-10-30T23:40:51")]
    assert f"- **Last Updated**: 2025-10-30 {last_second} UTC\n" in first


def test_the_timeline_names_the_line_of_each_alert(log, snapshot_of):
    log.start().preface().epoch(1, zero=("gat",)).epoch(2).end()
    text = render_markdown(build(snapshot_of(log.lines)), full=True)
    rows = [line for line in text.split("\n") if "| GradientVanishing |" in line and line.startswith("| 2025-")]
    assert [("firing" in row, "resolved" in row) for row in rows] == [(True, False), (False, True)]
    assert rows[0].endswith(" (L17) |")


def test_what_is_ok_is_folded_away_behind_what_is_not(log, snapshot_of):
    log.start().preface().epoch(1).epoch(2).add(grammar.GradNonfinite(group="gat", norm=float("nan"), step=20))
    page = build(snapshot_of(log.lines, is_following=True), Config(signs=("TrainingStall",)))
    loud, _, quiet = render_markdown(page, full=True).partition("<details>")
    assert "\n### ❌ " in loud
    assert re.findall(r"\n### ✅ (\w+)", loud) == ["TrainingStall"]
    folded = quiet.partition("</details>")[0]
    assert "\n| ✅ | " in folded
    assert "\n| ❌ | " not in folded
