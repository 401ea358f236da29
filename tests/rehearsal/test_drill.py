"""``monitor drill``: what it claims is what a watch of the broken copy says; what is not seen is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alert import Alert, State
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rehearsal.breaks import BREAKS
from monitor.rehearsal.healthy import LEAD_LINES, read_healthy
from monitor.tail import Line, read_lines
from monitor.tail.opening import opened
from tests.cli.command import monitor, started
from tests.cli.logs import joined
from tests.cli.watching import SHIPPED, Watching
from tests.lines import at, train
from tests.reader.facts import CASES

FEW = ("xgboost_ok",)
TWENTY = (
    "accelerate_ok", "axolotl_ok", "catalyst_ok", "csv_lightning", "d2_ok", "deepspeed_pipe_ok", "diffusers_ok",
    "fairseq_ok", "fastai_ok", "hf_ok", "imagenet_ok", "keras_new_ok", "lightning_rich_ok", "maxtext_ok",
    "megatron_new_ok", "mmengine_ok", "nanogpt_ts_ok", "sb3_ok", "xgboost_ok", "yolov8_ok",
)  # fmt: skip
"""Healthy logs of twenty formats."""
FAULTS = {each.name: each.faults for each in BREAKS}
NATIVE = [at(2 * step, train(step, loss=2.0 - step / 97)) for step in range(1, 61)]


def drilled(log: Path, *words: str) -> dict:
    """Return what the command says."""
    said = monitor("drill", log, "--json", *words)
    assert said.code in (0, 1), said.err
    (found,) = said.objects()
    assert found["exit_code"] == said.code
    return found


def watched(log: Path, copy: Path, name: str, folder: Path) -> list[Alert]:
    """Return the alarms of a watch that sees a broken copy come line by line, on a clock of its own.

    A line of the copy comes when the same line of the healthy log would.
    """
    healthy = read_healthy(str(log), Engine(SHIPPED), 1.0)
    by_number = {line.number: arrival for line, arrival in zip(healthy.lines, healthy.arrivals, strict=True)}
    with opened(str(copy)) as stream:
        lines = list(read_lines(stream))
    data = copy.read_bytes()
    ends = [line.offset for line in lines[1:]] + [len(data)]
    lead = healthy.broken_at - min(healthy.broken_at, LEAD_LINES)
    file = folder / f"{name}{log.suffix}"
    file.touch()
    watching = Watching(file)
    place, now, alarms_before = 0, by_number[healthy.lines[lead].number], 0
    for index, (line, end) in enumerate(zip(lines, ends, strict=True)):
        arrival = arrival_of(line, healthy.arrivals, by_number, index)
        if index == healthy.broken_at:
            alarms_before = len(watching.heard.alerts)
        if index < lead:
            watching.write(data[place:end])
        else:
            while arrival - now > 1.0:
                step = min(60.0, arrival - now)
                now += step
                watching.turn(after_s=step)
            watching.turn(data[place:end], after_s=max(0.0, arrival - now))
            now = max(now, arrival)
        place = end
    if name in ("silence", "death"):
        alarms_before = alarms_before or len(watching.heard.alerts)
        for _ in range(240):
            watching.turn(after_s=60.0)
    return [
        each
        for each in watching.heard.alerts[alarms_before:]
        if each.state is State.FIRING and each.severity.is_alarming and not each.inhibited_by
    ]


def arrival_of(line: Line, arrivals: list[float], by_number: dict[int, float], index: int) -> float:
    """Return when a line of a copy comes: the records of one line, as bars redraw them, by their place."""
    return arrivals[index] if index < len(arrivals) else by_number.get(line.number, arrivals[-1])


def check_claims(name: str, folder: Path) -> None:
    """Check each claim of a drill against a watch of the same broken copy."""
    log = next(CASES.glob(f"{name}.*"), None)
    if log is None:
        pytest.skip("the shared cases are not there")
    found = drilled(log, "--keep", str(folder / "kept"))
    for each in found["breaks"]:
        if each["state"] == "not_applicable" or each["break"].startswith("vanished"):
            continue
        (copy,) = (folder / "kept").glob(f"{each['break']}.*")
        alarms = [
            alarm for alarm in watched(log, copy, each["break"], folder) if alarm.rule not in found["fires_anyway"]
        ]
        right = [alarm.rule for alarm in alarms if alarm.fault in FAULTS[each["break"]]]
        if each["state"] == "caught":
            assert each["alert"]["alert"] in right, f"{name}: {each['break']}"
        else:
            assert right == [] and each["why"], f"{name}: {each['break']}"


@pytest.mark.parametrize("name", FEW)
def test_what_a_drill_claims_a_watch_of_the_broken_copy_says(folder: Path, name: str):
    check_claims(name, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", TWENTY)
def test_what_a_drill_claims_is_so_for_twenty_formats(folder: Path, name: str):
    check_claims(name, folder)


@pytest.mark.slow
def test_a_watch_as_a_process_says_it_too(folder: Path):
    (folder / "run.log").write_bytes(joined(NATIVE))
    found = {each["break"]: each for each in drilled(folder / "run.log", "--keep", "kept")["breaks"]}
    with started("watch", "kept/nan.log", cwd=folder) as watch:
        watch.until(lambda out: "TrainLossNonfinite firing" in out)
    assert found["nan"]["alert"]["alert"] == "TrainLossNonfinite"


def test_our_own_log_is_caught_in_every_way_that_applies(folder: Path):
    (folder / "run.log").write_bytes(joined(NATIVE))
    said = monitor("drill", "run.log")
    assert said.code == 0, said.out
    assert said.out.endswith("5 of 5 caught\n")
    assert "✅ nan in the loss" in said.out
    assert "the training loss is nan, since step" in said.out
    assert (folder / "run.log").read_bytes() == joined(NATIVE)


def test_a_rule_that_is_off_leaves_a_break_unseen_and_the_exit_code_says_so(folder: Path):
    (folder / "run.log").write_bytes(joined(NATIVE))
    said = monitor("drill", "run.log", "--disable", "TrainLossNonfinite", "--disable", "ReportNonfinite")
    assert said.code == 1
    assert "❔ nan in the loss" in said.out
    assert "blind to: nan in the loss" in said.out


def test_what_cannot_be_read_ends_with_3_and_a_mistake_with_2(folder: Path):
    (folder / "empty.log").touch()
    (folder / "words.log").write_text("hello\n" * 50)
    assert [monitor("drill", each).code for each in ("empty.log", "words.log", "absent.log")] == [3, 3, 3]
    said = monitor("drill", "-")
    assert (said.code, said.err) == (2, "monitor drill: standard input cannot be read twice; expected a file\n")
    assert monitor("drill", "words.log", "--pace", "0").code == 2
    assert monitor("drill").code == 2


@pytest.mark.slow
def test_a_log_that_alarms_as_it_is_says_so_and_that_alarm_proves_nothing(folder: Path):
    lines = [at(2 * step, train(step, loss=float("nan") if step > 40 else 1.0 + 1 / step)) for step in range(1, 61)]
    (folder / "run.log").write_bytes(joined(lines))
    said = monitor("drill", "run.log")
    assert "🟠 fires without a break: TrainLossNonfinite" in said.out
    assert "❔ nan in the loss" in said.out


def test_nothing_is_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(folder / "temporary"))
    (folder / "temporary").mkdir()
    (folder / "run.log").write_bytes(joined(NATIVE))
    monitor("drill", "run.log")
    assert list((folder / "temporary").iterdir()) == []


def test_a_pipeline_of_the_kept_copy_reads_nan_where_the_log_was_healthy(folder: Path):
    (folder / "run.log").write_bytes(joined(NATIVE))
    drilled(folder / "run.log", "--keep", "kept")
    pipeline = Pipeline("kept/nan.log", Engine(SHIPPED))
    with opened("kept/nan.log") as stream:
        transitions = [each for line in read_lines(stream) for each in pipeline.take(line)]
    assert {each.rule for each in transitions if each.severity.value == "critical"} == {"TrainLossNonfinite"}
