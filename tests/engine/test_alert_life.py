"""The life of an alert: held, kept firing, raised in severity, explained by another."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from monitor.alert import Alert, State
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.tail import read_lines

RULE = """
      - alert: {alert}
        fault: probe
        kind: threshold
        severity: warning
        summary: "{{value}}"
        why: because
        action: look
        source: chosen by hand
        {more}
"""


def pipeline(folder: Path, **rules: str) -> Pipeline:
    """Return a pipeline with threshold rules, each given by the lines that make it special."""
    entries = "".join(RULE.format(alert=name, more=more.replace("\n", "\n        ")) for name, more in rules.items())
    path = folder / "rules.yaml"
    path.write_text(f"groups:\n  - name: probe\n    rules:{entries}")
    return Pipeline("run.log", Engine(load_rules([path])))


def train(second: int, loss: float, *, step: int | None = None, epoch: int = 1) -> str:
    """Return a TRAIN line so many seconds into the run."""
    at = f"2025-10-30T23:{second // 60:02d}:{second % 60:02d}.000Z"
    step = second if step is None else step
    return f"{at} INFO [TRAIN] epoch={epoch}/20 batch=1/500 step={step} loss={loss}\n"


def told(watching: Pipeline, *lines: str) -> list[tuple[str, State, str]]:
    """Feed lines and return the transitions: rule, state and the rule that explains it."""
    changes: list[Alert] = []
    for line in read_lines(BytesIO("".join(lines).encode())):
        changes += watching.take(line)
    return [(each.rule, each.state, each.inhibited_by) for each in changes]


FIRES, RESOLVED = State.FIRING, State.RESOLVED


def test_a_breach_held_for_steps_fires_once_they_have_gone_by(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nfor: 10 steps")
    assert told(watching, train(0, 2.0), train(9, 2.0)) == []
    assert told(watching, train(10, 2.0)) == [("High", FIRES, "")]


def test_a_breach_held_for_epochs_fires_in_a_later_one(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nfor: 1 epoch")
    assert told(watching, train(0, 2.0), train(1, 2.0)) == []
    assert told(watching, train(2, 2.0, epoch=2)) == [("High", FIRES, "")]


def test_an_alert_is_kept_firing_until_it_was_ok_for_long_enough(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nkeep_firing_for: 60s")
    assert told(watching, train(0, 2.0)) == [("High", FIRES, "")]
    assert told(watching, train(10, 0.5), train(40, 2.0), train(50, 0.5), train(110, 0.5)) == []
    assert told(watching, train(200, 0.5)) == [("High", RESOLVED, "")]
    (resolved,) = [each for each in watching.history if each.state is RESOLVED]
    assert resolved.at is not None and resolved.starts_at is not None
    assert resolved.at - resolved.starts_at == 110.0, (
        "at the deadline, 60 s after the line that was ok, not at the next"
    )


def untimed(step: int, loss: float) -> str:
    """Return a line of a log without times, each of whose steps takes two seconds."""
    return f"step {step} loss {loss} time 2000.0ms\n"


def test_seconds_in_a_log_without_times_are_counted_by_what_its_steps_take(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nfor: 30s\nkeep_firing_for: 60s")
    assert told(watching, *(untimed(step, 0.5) for step in range(1, 6))) == []
    assert told(watching, untimed(10, 2.0), untimed(25, 2.0)) == [], "30 s, not more"
    assert told(watching, untimed(26, 2.0)) == [("High", FIRES, "")]
    assert told(watching, untimed(40, 0.5), untimed(70, 0.5)) == []
    assert told(watching, untimed(71, 0.5)) == [("High", RESOLVED, "")]


def test_without_times_and_without_a_pace_nothing_is_known_to_have_lasted(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nfor: 30s")
    assert told(watching, *(f"step {step} loss 2.0\n" for step in range(1, 500))) == []


def test_a_breach_within_the_warm_up_is_unknown_with_a_reason(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nafter: 100 steps")
    assert told(watching, train(0, 2.0), train(99, 2.0)) == []
    ((_, (reading,)),) = watching.snapshot(None, is_following=True).readings
    assert reading.outcome == "unknown"
    assert reading.reason.startswith("still warming up: judged after 100 steps")
    assert told(watching, train(100, 2.0)) == [("High", FIRES, "")]


def test_outside_its_phase_a_breach_fires_nothing_and_resolves_nothing(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nphase: [train]")
    load = "2025-10-30T23:00:00.000Z INFO [PHASE] name=load\n"
    assert told(watching, load, train(1, 2.0)) == []
    enter = "2025-10-30T23:00:02.000Z INFO [PHASE] name=train\n"
    assert told(watching, enter, train(3, 2.0)) == [("High", FIRES, "")]


def test_what_the_run_declares_makes_a_rule_not_applicable(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nunless: [accumulate]")
    intent = "2025-10-30T23:00:00.000Z INFO [INTENT] accumulate=4\n"
    assert told(watching, intent, train(1, 2.0)) == []
    ((_, (reading,)),) = watching.snapshot(None, is_following=True).readings
    assert (reading.outcome, reading.reason) == ("not_applicable", "declared: accumulate=4")
    assert reading.evidence[0].line == 1


def test_accumulating_one_batch_does_not_count_as_accumulation(tmp_path: Path):
    watching = pipeline(tmp_path, High="signal: train.loss\nabove: 1\nunless: [accumulate]")
    intent = "2025-10-30T23:00:00.000Z INFO [INTENT] accumulate=1\n"
    assert told(watching, intent, train(1, 2.0)) == [("High", FIRES, "")]


LEVELS = "signal: train.loss\nlevels: [{severity: info, above: 1}, {severity: critical, above: 10}]"


def test_a_firing_alert_rises_in_severity_under_the_same_id(tmp_path: Path):
    watching = pipeline(tmp_path, High=LEVELS)
    told(watching, train(0, 2.0), train(1, 20.0), train(2, 3.0), train(3, 0.5))
    assert [(each.state, each.severity.value, each.threshold) for each in watching.history] == [
        (FIRES, "info", 1.0),
        (FIRES, "critical", 10.0),
        (RESOLVED, "critical", 10.0),
    ]
    assert len({each.id for each in watching.history}) == 1


EXPLAINED = {"Small": "signal: train.loss\nabove: 1", "Great": "signal: train.loss\nabove: 10\ninhibits: [Small]"}


def test_of_two_alerts_of_one_line_the_explained_one_is_only_recorded(tmp_path: Path):
    watching = pipeline(tmp_path, **EXPLAINED)
    assert told(watching, train(0, 20.0)) == [("Small", FIRES, "Great"), ("Great", FIRES, "")]
    assert watching.fired == 1


def test_an_explained_alert_pages_when_its_explanation_is_over(tmp_path: Path):
    watching = pipeline(tmp_path, **EXPLAINED)
    told(watching, train(0, 20.0))
    assert told(watching, train(1, 2.0)) == [("Great", RESOLVED, ""), ("Small", FIRES, "")]
    assert watching.fired == 2


def test_an_alert_that_fires_is_not_explained_later(tmp_path: Path):
    watching = pipeline(tmp_path, **EXPLAINED)
    told(watching, train(0, 2.0))
    assert told(watching, train(1, 20.0)) == [("Great", FIRES, "")]
    assert {alert.inhibited_by for alert in watching.states.open.values()} == {""}


def test_only_an_explained_alert_names_its_explanation(tmp_path: Path):
    watching = pipeline(tmp_path, **EXPLAINED)
    told(watching, train(0, 20.0))
    small, great = watching.history
    assert small.to_json()["inhibited_by"] == "Great"
    assert "inhibited_by" not in great.to_json()


GRADS = {
    "Small": "signal: grad.l2\nbelow: 1e-7",
    "Zero": "signal: grad.l2\nequals: 0\ninhibits: [Small]",
}


def test_an_alert_of_one_group_does_not_explain_an_alert_of_another(tmp_path: Path):
    watching = pipeline(tmp_path, **GRADS)
    report = (
        "2025-10-30T23:00:00.000Z INFO [GRAD-MONITOR] step=1 epoch=1 batch=1 "
        "gat:l2=0.00e+00 max=0.00e+00 grad=2/2 | backbone:l2=1.00e-09 max=1.00e-09 grad=2/2\n"
    )
    told(watching, report)
    assert {(each.rule, each.labels[0][1]): each.inhibited_by for each in watching.history} == {
        ("Small", "gat"): "Zero",
        ("Small", "backbone"): "",
        ("Zero", "gat"): "",
    }


BY = "signal: grad.l2\nequals: 0\nby: []"


def test_series_that_differ_only_in_other_labels_share_one_alert(tmp_path: Path):
    watching = pipeline(tmp_path, Zero=BY)
    report = (
        "2025-10-30T23:00:00.000Z INFO [GRAD-MONITOR] step=1 epoch=1 batch=1 "
        "gat:l2=0.00e+00 max=0.00e+00 grad=2/2 | backbone:l2=0.00e+00 max=0.00e+00 grad=2/2\n"
    )
    assert told(watching, report) == [("Zero", FIRES, "")]


WINDOW = "signal: train.loss\nof: median\nover: 5 reports\nabove: 1"


@pytest.mark.parametrize(
    ("values", "fires"), [((9, 9, 9, 0, 0), True), ((9, 9, 0, 0, 0), False), ((9, 9, 9, 9), False)]
)
def test_a_median_is_judged_over_a_whole_window(tmp_path: Path, values: tuple[float, ...], fires: bool):
    watching = pipeline(tmp_path, High=WINDOW)
    lines = [train(second, value) for second, value in enumerate(values)]
    assert told(watching, *lines) == ([("High", FIRES, "")] if fires else [])


def test_a_window_that_is_not_full_is_unknown(tmp_path: Path):
    watching = pipeline(tmp_path, High=WINDOW.replace("5 reports", "60s"))
    assert told(watching, train(0, 9), train(30, 9)) == []
    ((_, (reading,)),) = watching.snapshot(None, is_following=True).readings
    assert (reading.outcome, reading.reason) == ("unknown", "train.loss has not been seen for 60s yet")
    assert told(watching, train(60, 9)) == [("High", FIRES, "")]
