"""Logs of other trainers: which dialect they speak, what is read, and what the rules say of a quiet or a sick run."""

import pytest

from monitor.conditions import Outcome
from monitor.engine.step import Engine
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.reader.dialects.parts import take_parts
from monitor.reader.state import Clock
from tests.reader.dialects.logs import (
    ATFT,
    GENERIC,
    HF,
    KERAS,
    LIGHTNING,
    LOGS,
    MEGATRON,
    NANOGPT,
    RULES,
    TITAN,
    fired,
    watched,
)

NATIVE = "2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=5/500 step=5 loss=0.69\n"


@pytest.mark.parametrize("name", LOGS)
def test_a_log_shows_its_dialect_by_its_first_lines_and_is_understood(name: str):
    pipeline, _ = watched(LOGS[name])
    run = pipeline.run
    assert run.dialect.name == name
    assert run.dialect.line is not None
    assert run.understood > 0.8 * run.lines
    assert run.attempt.of("train.loss")
    assert run.attempt.step


@pytest.mark.parametrize("name", [name for name in LOGS if name != "atft"])
def test_a_healthy_log_of_another_trainer_alarms_nobody(name: str):
    _, changes = watched(LOGS[name])
    assert fired(changes) == {}


SICK = {
    "hf-trainer": HF.replace("'loss': 0.1200", "'loss': nan"),
    "megatron": MEGATRON.replace("lm loss: 8.600000E+00", "lm loss: nan"),
    "nanogpt": NANOGPT.replace("loss 3.8667", "loss nan"),
    "lightning": LIGHTNING.replace("train_loss=1.556", "train_loss=nan.0"),
    "torchtitan": TITAN.replace("loss:  6.0000", "loss: nan"),
    "keras": KERAS.replace("loss: 0.8889", "loss: nan"),
    "generic": GENERIC.replace('"train_loss": 2.0000', '"train_loss": NaN'),
    "atft": ATFT.replace("loss=0.6143", "loss=nan"),
}


@pytest.mark.parametrize("name", SICK)
def test_a_loss_that_is_no_number_is_found_in_every_dialect_with_its_line(name: str):
    assert SICK[name] != LOGS[name]
    _, changes = watched(SICK[name])
    [alert, *_] = [change for change in changes if change.rule == "TrainLossNonfinite"]
    assert "nan" in alert.evidence[-1].text.lower()


def test_a_group_without_gradient_is_found_behind_the_bars():
    _, changes = watched(ATFT)
    line = ATFT[: ATFT.index("Low gradient")].count("\n") + 1
    assert fired(changes)["GradientZero"] == [line]


def test_an_out_of_memory_error_behind_a_rank_prefix_is_a_crash():
    text = "[rank0]: Traceback (most recent call last):\n[rank0]: torch.OutOfMemoryError: CUDA out of memory.\n"
    pipeline, _ = watched(MEGATRON + text)
    assert pipeline.run.now is not None
    assert "Crash" in fired(pipeline.pass_time(pipeline.run.now + 600))


@pytest.mark.parametrize("name", list(LOGS))
def test_rules_whose_lines_a_trainer_cannot_write_are_not_applicable_by_the_line_that_shows_it(name: str):
    pipeline, _ = watched(LOGS[name])
    said = {rule.alert: readings for rule, readings in pipeline.snapshot(pipeline.run.now, is_following=False).readings}
    [reading] = said["DeadUnits"]
    assert (reading.outcome, reading.reason) == (Outcome.NOT_APPLICABLE, "this trainer does not log it")
    assert reading.evidence == (pipeline.run.dialect.line,)
    assert all(each.outcome is not Outcome.NOT_APPLICABLE for each in said["TrainLossNonfinite"])


def test_what_a_dialect_can_give_and_has_not_given_is_unknown_not_ok():
    pipeline, _ = watched(HF)
    said = {rule.alert: readings for rule, readings in pipeline.snapshot(pipeline.run.now, is_following=False).readings}
    assert {each.outcome for each in said["ValidationLossNonfinite"]} == {Outcome.UNKNOWN}


def test_lines_that_nobody_knows_are_in_no_dialect_and_give_no_evidence():
    pipeline, changes = watched("the weather is fine\nbirds=3 and bees\n" * 50)
    assert (pipeline.run.dialect.name, pipeline.run.understood, changes) == ("", 0, [])
    readings = [each for _, said in pipeline.snapshot(None, is_following=False).readings for each in said]
    assert {each.outcome for each in readings} == {Outcome.UNKNOWN}


def test_our_own_log_is_read_by_our_own_grammar_whatever_is_printed_between():
    pipeline, _ = watched(NATIVE + NANOGPT)
    assert pipeline.run.dialect.name == "native"
    assert [series.count for series in pipeline.run.attempt.of("train.loss").values()] == [1]


def test_a_log_can_change_its_dialect():
    pipeline, _ = watched(NANOGPT + MEGATRON)
    assert pipeline.run.dialect.name == "megatron"
    assert set(pipeline.run.dialect.matched) == {"nanogpt", "megatron"}


def test_a_forced_dialect_reads_nothing_else():
    pipeline, _ = watched(NANOGPT + MEGATRON, engine=Engine(RULES, dialects=dialects_of(LineChoice("megatron", None))))
    assert set(pipeline.run.dialect.matched) == {"megatron"}


def test_a_second_start_in_the_same_log_is_another_attempt():
    pipeline, _ = watched(NANOGPT + NANOGPT)
    assert pipeline.run.attempt.number == 2


def test_a_bar_that_repeats_an_old_loss_all_epoch_long_is_not_frozen():
    """As Lightning shows a loss that is logged once per epoch."""
    bars = "".join(
        f"\rEpoch {epoch}: 45%|████▌     | {batch}/20 [00:12<00:14,  7.40it/s, v_num=0, "
        f"train_loss={2.125 - epoch / 3:.3f}]"
        for epoch in range(5)
        for batch in range(21)
    )
    _, changes = watched(bars + "\n")
    assert fired(changes) == {}


def test_a_loss_of_zero_with_a_gradient_of_nan_is_found():
    line = "{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 1.9}\n"
    _, changes = watched(HF.replace("{'train_runtime'", line + "{'train_runtime'"))
    assert "LossZero" in fired(changes)


@pytest.mark.parametrize(
    ("line", "at", "body"),
    [
        ("2025-01-01T00:00:01.5Z step 1", 1735689601.5, "step 1"),
        ("2025-01-01 00:00:01,500 - root - INFO - step 1", 1735689601.5, "step 1"),
        ("[2025-01-01 00:00:01,500][__main__][INFO] - step 1", 1735689601.5, "step 1"),
        ("2025-01-01 02:00:01.5+02:00 step 1", 1735689601.5, "step 1"),
        ("2025-01-01 00:00:01.500 | INFO     | a.b:run:12 - step 1", 1735689601.5, "step 1"),
        ("[INFO|trainer.py:2] 2025-01-01 00:00:01,500 >> step 1", 1735689601.5, "step 1"),
        ("1735689601.5 step 1", 1735689601.5, "step 1"),
        ("[rank0]:[2025-01-01 00:00:01] step 1", 1735689601.0, "step 1"),
        ("0: step 1", None, "step 1"),
        ("INFO:root:step 1", None, "step 1"),
        ("[node-3:7]:  [2025-01-01 00:00:01] step 1", 1735689601.0, "step 1"),
        ("step 1", None, "step 1"),
    ],
)
def test_times_ranks_and_loggers_are_told_from_the_words(line: str, at: float | None, body: str):
    parts = take_parts(line, Clock())
    assert (parts.own.at, parts.own.body) == (at, body)


def test_a_record_behind_a_bar_is_read_as_well_as_the_bar():
    parts = take_parts(
        "Epoch 1: 2it [00:09,  4.67s/it, loss=0.3544][2025-10-28 23:45:26,320][__main__][INFO] - [EDGE-TS] x=1",
        Clock(),
    )
    assert parts.bar == "Epoch 1: 2it [00:09,  4.67s/it, loss=0.3544]"
    assert parts.own.body == "[EDGE-TS] x=1"


PLAN = "***** Running training *****\n  Num Epochs = 3\n  Total optimization steps = {}\n"


@pytest.mark.parametrize(("steps", "fires"), [(40, False), (48, False), (30, True)])
def test_a_limit_on_steps_that_ends_within_the_planned_epochs_last_one_is_no_early_end(steps: int, fires: bool):
    text = PLAN.format(steps) + "".join(
        f"{{'loss': {2 - n / 99:.4f}, 'epoch': {n / 16}}}\n" for n in range(4, steps + 1, 2)
    )
    _, changes = watched(text + f"{{'train_runtime': 3.2, 'train_loss': 0.41, 'epoch': {steps / 16}}}\n")
    assert ("EndedEarly" in fired(changes)) is fires
