"""The first screen: who, how it ended, what is wrong, and what was checked; the same on every surface."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import api
from monitor.gate.check_json import as_json_line
from monitor.report.summary import Summary, summary_of

HF = "{{'loss': {loss}, 'grad_norm': {norm}, 'learning_rate': 1.9e-05, 'epoch': {epoch}}}"
GPT = "iter {step}: loss {loss}, time 11.00ms, mfu 12.00%"


def first_screen(lines: list[str], folder: Path, name: str = "train.log") -> Summary:
    """Return the first screen of a log read to its end."""
    log = folder / name
    log.write_text("\n".join(lines) + "\n")
    return summary_of(api.read(str(log)).snapshot)


def gpt(count: int, *, nan_from: int | None = None) -> list[str]:
    def loss(step: int) -> str:
        return "nan" if nan_from is not None and step >= nan_from else f"{3 - step / 400:.4f}"

    return [GPT.format(step=step, loss=loss(step)) for step in range(0, 10 * count, 10)]


def hf(count: int, norm: str = "1.25", fall: float = 0.02) -> list[str]:
    reports = range(1, count + 1)
    # Two steps forward and two back: no loss stays exactly the same.
    losses = [round(2.5 - fall * each + 0.01 * (each % 4 // 2), 4) for each in reports]
    return [HF.format(loss=loss, norm=norm, epoch=each / 20) for each, loss in zip(reports, losses, strict=True)]


def keras(count: int, best: int = 9) -> list[str]:
    """Return epochs whose training loss falls, and whose validation loss rises after the best one."""

    def figures(epoch: int) -> str:
        val = 0.9 - 0.03 * epoch if epoch <= best else 0.6 + 0.08 * (epoch - best)
        return f"accuracy: {0.5 + 0.015 * epoch:.4f} - loss: {1.2 * 0.85**epoch:.4f} - val_loss: {val:.4f}"

    return [
        line
        for epoch in range(1, count + 1)
        for line in (f"Epoch {epoch}/{2 * count}", f"100/100 - 4s - 40ms/step - {figures(epoch)}")
    ]


CASES = {
    "out of memory": (
        [*gpt(20), "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."],
        ("❌", "DIED (out of GPU memory)", "Crash", "L21"),
    ),
    "nan": (gpt(40, nan_from=200), ("❌", "no end seen", "TrainLossNonfinite", "L21")),
    "a norm that is no number": (hf(30, norm="nan"), ("❌", "no end seen", "GlobalGradientNonfinite", "L3")),
    "no gradient": (hf(30, norm="0.0", fall=0.0), ("❌", "no end seen", "GlobalGradientZero", "L1")),
    "time limit": (
        [*gpt(20), "slurmstepd: error: *** JOB 812 ON gpu01 CANCELLED AT 2026-03-02T09:12:28 DUE TO TIME LIMIT ***"],
        ("❌", "ended by its time limit", "Crash", "L21"),
    ),
    "killed for memory": (
        [*gpt(20), "slurmstepd: error: Detected 1 oom_kill event in StepId=812.0. Some of the tasks were OOM Killed."],
        ("❌", "KILLED (out of host memory)", "Crash", "L21"),
    ),
    "a frozen loss": (
        [GPT.format(step=step, loss="2.7183") for step in range(0, 300, 10)],
        ("❌", "no end seen", "LossFrozen", "L"),
    ),
    "a rank that waits in vain": (
        [
            *gpt(20),
            "[rank1]:[E1030 21:14:07.212 ProcessGroupNCCL.cpp:629] [Rank 1] Watchdog caught collective operation "
            "timeout: WorkNCCL(SeqNum=812, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600051 ms before timing out.",
        ],
        ("❌", "DIED (a collective operation between ranks timed out or broke)", "Crash", "L21"),
    ),
    "overfitting": (keras(30), ("❌", "30 of 60 epochs done", "Overfitting", "L24")),
    "a step back": (
        [*gpt(40), *gpt(20)],
        ("❌", "no end seen", "StepWentBack", "L41"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_screen_names_the_cause_and_its_line(name: str, tmp_path: Path):
    lines, (mark, state, rule, place) = CASES[name]
    found = first_screen(lines, tmp_path)
    text = "\n".join(found.lines)
    assert state in found.lines[0], text
    assert found.problems[0].rule == rule, text
    assert place in text
    assert found.counted == "1 problem", text
    assert str(found.mark) == mark, text
    assert len(found.lines) <= 8


def test_a_healthy_run_has_two_lines_and_no_problem(tmp_path: Path):
    lines = [*hf(40), "{'train_runtime': 34.2, 'train_samples_per_second': 80.1, 'train_loss': 1.9, 'epoch': 2.0}"]
    found = first_screen(lines, tmp_path)
    assert len(found.lines) == 2
    assert found.problems == ()
    assert "Sharpe" not in "\n".join(found.lines)


def test_a_generic_name_takes_its_folder_along(tmp_path: Path):
    folder = tmp_path / "lr1e-4"
    folder.mkdir()
    assert first_screen(gpt(3), folder).name == "lr1e-4/train.log"
    assert first_screen(gpt(3), folder, "bert_large.log").name == "bert_large.log"


def test_effects_are_folded_under_their_cause(tmp_path: Path):
    lines = gpt(40, nan_from=200)
    for step in (300, 350):
        lines.insert(lines.index(GPT.format(step=step, loss="nan")) + 1, f"step {step}: val loss nan")
    found = first_screen(lines, tmp_path)
    [loss] = found.problems
    assert loss.effects == ("ValidationLossNonfinite",)


def test_a_critical_problem_names_the_last_checkpoint_before_it(tmp_path: Path):
    lines = gpt(40, nan_from=200)
    lines.insert(15, "saving checkpoint to out/ckpt.pt")
    found = first_screen(lines, tmp_path)
    assert found.problems[0].advice[-1] == "last checkpoint before it: out/ckpt.pt (step 140), L16; 60 steps earlier"


@pytest.mark.parametrize(("gpus", "cost"), [(0, ""), (1, ", 0.3 GPU h"), (8, ", 2.3 GPU h")])
def test_a_critical_problem_says_what_it_has_cost(gpus: int, cost: str, tmp_path: Path):
    def at(step: int, body: str) -> str:
        return f"2026-03-02T09:{step // 10:02}:00.000Z INFO {body}"

    lines = [at(0, f"[GPU] index={each} used_mb=60000 total_mb=80000") for each in range(gpus)]
    for step in range(10, 400, 10):
        loss = "nan" if step >= 220 else f"{3 - step / 400:.4f}"
        lines.append(at(step, f"[TRAIN] epoch=1/2 batch={step}/400 step={step} loss={loss} lr=1.0e-03"))
    found = "\n".join(first_screen(lines, tmp_path).lines)
    assert f"since step 220 (17 min{cost})" in found


def test_a_short_trouble_on_many_gpus_has_a_cost_and_no_duration(tmp_path: Path):
    lines = [f"2026-03-02T09:00:00.000Z INFO [GPU] index={each} used_mb=60000 total_mb=80000" for each in range(16)]
    for step in range(1, 55):
        loss = "nan" if step >= 5 else f"{3 - step / 400:.4f}"
        body = f"[TRAIN] epoch=1/2 batch={step}/400 step={step} loss={loss} lr=1.0e-03"
        lines.append(f"2026-03-02T09:00:{step:02}.000Z INFO {body}")
    assert "since step 5 (0.2 GPU h)" in "\n".join(first_screen(lines, tmp_path).lines)


def test_the_count_is_that_of_the_alerts(tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text("\n".join(gpt(40, nan_from=200)) + "\n")
    read = api.read(str(log))
    heard = {alert.rule for alert in read.alerts if alert.severity.is_alarming and not alert.inhibited_by}
    assert len(summary_of(read.snapshot).problems) == len(heard)
    assert '"exit_code": 1' in as_json_line(read)


def test_hostile_text_is_cut(tmp_path: Path):
    found = first_screen([*gpt(20), "RuntimeError: " + "x" * 5_000], tmp_path)
    assert max(map(len, found.lines)) < 400


PLACES = {
    "no place": ("loss: {loss:.4f} lr: 0.001", "report 7"),
    "epochs of a plan": ("Epoch [{n}/12] Train Loss: {loss:.4f} Val Loss: {loss:.4f}", "epoch 7"),
    "epochs": ("Epoch {n} loss {loss:.4f}", "epoch 7"),
    "a bar per epoch": ("Epoch {n}/12\n178/178 - 3s - loss: {loss:.4f} - val_loss: {loss:.4f}", "epoch 7"),
    "steps": ("step {n} loss {loss:.4f}", "step 7"),
}


@pytest.mark.parametrize(("form", "place"), PLACES.values(), ids=PLACES)
def test_a_problem_is_placed_as_the_log_counts(form: str, place: str, tmp_path: Path):
    losses = [float("nan") if n > 6 else 2 * 0.9**n for n in range(1, 13)]
    log = tmp_path / "train.log"
    log.write_text("\n".join(form.format(n=n, loss=loss) for n, loss in enumerate(losses, 1)) + "\n")
    read = api.read(log)
    assert f"the training loss is nan, since {place}" in "\n".join(summary_of(read.snapshot).lines)
    found = read.alerts[0].to_json()
    assert (found["step"], found.get("report")) == ((7, None) if place == "step 7" else (None, 7))
