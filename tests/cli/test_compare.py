"""Two runs side by side: at the same step, epoch by epoch, and where they share what no two runs can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor import grammar
from monitor.grammar import Share, format_line
from tests.cli.command import monitor

STALE_SHARPE = 0.08177260619898637
"""A value that runs weeks and architectures apart shared to the last digit, because of a stale file."""
START = 1761867651.0


def run_log(path: str, run: str, *, epochs: int = 3, scale: float = 1.0, sharpe: float | None = None) -> str:
    """Write the log of a run of ten steps an epoch."""
    lines = [grammar.RunStart(run=run, pid=1, host="h", cmd="fit", attempt=1)]
    for epoch in range(1, epochs + 1):
        for batch in range(1, 11):
            step = 10 * (epoch - 1) + batch
            lines.append(
                grammar.Train(
                    epoch=Share(epoch, epochs), batch=Share(batch, 10), step=step, loss=scale / step, lr=1e-4,
                    s_per_batch=0.5,
                )
            )  # fmt: skip
        loss = scale * 0.7123 / epoch
        lines.append(
            grammar.Epoch(epoch=Share(epoch, epochs), train_loss=loss, val_loss=1.1 * loss, lr=1e-4, seconds=5.0)
        )
        measured = (0.0123456 + 0.0071 * epoch) * scale
        lines.append(
            grammar.Metrics(
                epoch=epoch, sharpe=measured if sharpe is None else sharpe, ic=measured / 3.3, rank_ic=0.0317 * scale
            )
        )
    text = "".join(f"{format_line(START + number, line)}\n" for number, line in enumerate(lines))
    Path(path).write_text(text)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, without anybody's state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def compared(*arguments: str) -> dict:
    said = monitor("compare", *arguments, "--json")
    assert said.err == ""
    return {**json.loads(said.out), "code": said.code}


def test_two_logs_are_compared_at_the_last_step_that_both_reached():
    short, long = run_log("short.log", "a", epochs=2), run_log("long.log", "b", epochs=5, scale=2.0)
    for names, ratio in (((short, long), 0.5), ((long, short), 2.0)):
        found = compared(*names)
        assert (found["code"], found["step"]) == (0, 20)
        ratios = {row["signal"]: row["ratio"] for row in found["newest"]}
        assert ratios["train.loss"] == pytest.approx(ratio)
        assert ratios["epoch.val_loss"] == pytest.approx(ratio)
        assert {row["epoch"] for row in found["epochs"]} == {1, 2}


def test_a_saved_baseline_is_compared_epoch_by_epoch_without_a_common_step():
    short, long = run_log("short.log", "a", epochs=2), run_log("long.log", "b", epochs=5, scale=2.0)
    assert monitor("baseline", "save", "good", long).code == 0
    found = compared(short, "good")
    assert found["step"] is None
    assert [row["ratio"] for row in found["epochs"] if row["signal"] == "epoch.val_loss"] == pytest.approx([0.5, 0.5])
    assert "each at its own end: there is no common step" in monitor("compare", short, "good").out


def test_an_identical_sharpe_in_two_runs_is_reported():
    one, other = (
        run_log(f"{name}.log", name, scale=scale, sharpe=STALE_SHARPE) for name, scale in (("a", 1.0), ("b", 1.3))
    )
    found = compared(one, other)
    assert found["code"] == 1
    assert [(twin["signal"], twin["a"]) for twin in found["twins"]] == [("metric.sharpe", STALE_SHARPE)]
    text = monitor("compare", one, other).out
    assert "metric.sharpe is 0.08177260619898637 in both runs" in text
    assert "was it measured, or read from an old file?" in text


def test_a_run_that_repeats_another_is_not_suspect():
    one, other = run_log("a.log", "a"), run_log("b.log", "b")
    found = compared(one, other)
    assert (found["code"], found["is_repeat"], found["twins"]) == (0, True, [])
    assert "one run repeats the other" in monitor("compare", one, other).out


def test_an_old_value_is_found_in_any_epoch():
    run_log("a.log", "a", epochs=2)
    line = format_line(START + 99, grammar.Metrics(epoch=3, sharpe=(0.0123456 + 0.0071) * 1.0))
    run_log("b.log", "b", epochs=2, scale=1.3)
    with Path("b.log").open("a") as file:
        file.write(line + "\n")
    [twin] = compared("a.log", "b.log")["twins"]
    assert twin["words"].endswith("in both runs (epoch 1; epoch 3)")


def test_values_of_few_digits_are_shared_by_chance():
    one, other = (run_log(f"{name}.log", name, scale=scale, sharpe=0.08) for name, scale in (("a", 1.0), ("b", 1.3)))
    assert compared(one, other)["twins"] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nothing", "a.log"), "RUN nothing: neither a log nor a saved baseline"),
        (("a.log", "-"), "standard input cannot be read twice"),
        (("a.log", "empty.log"), "is empty"),
        (("a.log", "words.log"), "have no figure in common"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(arguments: tuple[str, str], expected: str):
    run_log("a.log", "a")
    Path("empty.log").touch()
    Path("words.log").write_text("hello\n")
    said = monitor("compare", *arguments)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert expected in said.err


def test_hostile_names_of_runs_and_groups_do_not_reach_the_terminal():
    line = format_line(START, grammar.EncoderGrad(tensor="\x1b[31m\u202e", norm=0.5, max=0.1, step=1))
    for name in ("a.log", "b.log"):
        run_log(name, "\x1b]0;owned\x07" + name)
        with Path(name).open("a") as file:
            file.write(line + "\n")
    out = monitor("compare", "a.log", "b.log").out
    assert "\x1b" not in out
    assert "\u202e" not in out
