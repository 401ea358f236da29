"""Metrics of any name in the commands: compare, report, objectives, bands, the table before and after, init."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import monitor, started
from tests.cli.test_sources import until


def keras(offset: float) -> str:
    """Return the log of twelve epochs with two metrics of the validation."""
    lines = []
    for epoch in range(1, 13):
        loss, share = 2 * 0.9**epoch, 0.5 + 0.02 * epoch + offset
        lines.append(f"Epoch {epoch}/12")
        lines.append(
            f"178/178 [==============================] - 3s 15ms/step - loss: {loss:.4f} - val_loss: {loss + 0.1:.4f} "
            f"- val_accuracy: {share:.4f} - val_rmse: {3.1 - 0.1 * epoch:.4f}"
        )
    return "\n".join(lines) + "\n"


WATCH = """\
objectives:
  - {title: good at the end, when: {metric: val_accuracy, at_least: 0.7}}
  - {title: good early, when: {metric: val_accuracy, epoch: 3, at_least: 0.9}}
expected:
  - {title: Accuracy, metric: val_accuracy, by_epoch: {3: 0.56, 10: 0.95}}
comparison:
  rows:
    - {title: Accuracy before, metric: accuracy, where: {split: val}, value: 0.9}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text(keras(0.0))
    return path


def test_compare_sets_metrics_of_two_logs_side_by_side(log: Path, tmp_path: Path):
    other = tmp_path / "other.log"
    other.write_text(keras(-0.1))
    rows = [line.split() for line in monitor("compare", log, other).out.splitlines()]
    assert ["val", "accuracy", "0.74", "0.64", "1.16×"] in rows
    assert ["epoch", "3", "val", "rmse", "2.8", "2.8", "1×"] in rows


def test_a_baseline_has_the_metrics_of_each_epoch(log: Path, tmp_path: Path):
    other = tmp_path / "other.log"
    other.write_text(keras(-0.1))
    page = monitor("report", log, "--baseline", other).out
    assert "| val accuracy |" in page


def test_objectives_bands_and_figures_of_before_name_a_metric(log: Path, tmp_path: Path):
    watch = tmp_path / "watch.yaml"
    watch.write_text(WATCH)
    assert monitor("config", "check", watch).code == 0
    page = monitor("report", log, "--config", watch).out
    assert "✅ **good at the end**" in page
    assert "❌ **good early**" in page
    assert "| Accuracy before |" in page
    assert "0.56" in page


def test_the_page_shows_metrics_by_name_with_their_best_and_draws_them(log: Path, tmp_path: Path):
    assert "**val rmse**: 1.9 (best 1.9)" in monitor("report", log).out
    monitor("report", log, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert 'id="chart-metrics"' in page
    assert 'id="chart-metric-1"' in page


def test_init_shows_how_to_expect_a_metric_by_its_name(log: Path, tmp_path: Path):
    drafted = monitor("init", log, "--out", tmp_path / "watch.yaml")
    assert drafted.code == 0
    assert '#   - metric: "accuracy"' in (tmp_path / "watch.yaml").read_text()


@pytest.mark.parametrize(
    "line", ["step {n}00/9000 | loss {loss:.4f} | reward {n}", "epoch {n}/90 loss {loss:.4f} acc 0.{n:02}"]
)
def test_what_init_shows_of_a_training_without_a_validation_holds_when_it_is_switched_on(line: str, tmp_path: Path):
    log, watch = tmp_path / "train.log", tmp_path / "watch.yaml"
    log.write_text("".join(line.format(n=n, loss=3 - n / 50) + "\n" for n in range(1, 91)) + "Training finished.\n")
    monitor("init", log, "--out", watch)
    drafted = watch.read_text()
    assert ("{epoch: 1}" in drafted) == ("epoch" in line)
    switched_on = re.sub(r"(?m)^# (expected:|  )", r"\1", drafted)
    assert switched_on != drafted
    watch.write_text(switched_on)
    assert monitor("config", "check", watch).code == 0
    page = monitor("report", log, "--config", watch).out
    assert f"✅ **train {'acc' if 'acc' in line else 'reward'}**" in page


@pytest.mark.parametrize("name", ["loss", "train_loss", "val_loss", "lr", "learning_rate", "grad_norm"])
def test_what_most_logs_report_is_found_by_its_name_too(name: str, tmp_path: Path):
    log, watch = tmp_path / "train.log", tmp_path / "watch.yaml"
    values = dict.fromkeys(("lr", "learning_rate"), 0.001) | {"grad_norm": 1.5, "val_loss": 0.9}
    lines = (
        f"step {n}/20 epoch {n} train_loss {1 - n / 100:.2f} val_loss 0.90 lr 0.001 grad_norm 1.50\n"
        for n in range(1, 21)
    )
    log.write_text("".join([*lines, "Training finished.\n"]))
    value = values.get(name, 0.8)
    for least, mark in ((value, "✅"), (value + 1, "❌")):
        watch.write_text(f"objectives:\n  - {{title: aim, when: {{metric: {name}, at_least: {least}}}}}\n")
        assert f"{mark} **aim**" in monitor("report", log, "--config", watch).out


def test_a_metric_is_one_key_among_others_and_a_mistake_is_told(log: Path, tmp_path: Path):
    watch = tmp_path / "watch.yaml"
    watch.write_text("objectives:\n  - {title: none, when: {metric: val_accuracy}}\n")
    done = monitor("config", "check", watch)
    assert done.code == 2
    assert "has no bound" in done.out + done.err


def test_a_band_of_a_metric_by_its_name_is_judged_by_a_rule(log: Path, tmp_path: Path):
    watch = tmp_path / "watch.yaml"
    with log.open("a") as file:
        file.write("Training finished.\n")
    for band, alerts in (("{10: 0.7, 11: 0.72}", []), ("{10: 0.95, 11: 0.95}", ["MetricOffBand"])):
        watch.write_text(f"expected: [{{title: Accuracy, metric: val_accuracy, by_epoch: {band}}}]\n")
        sink = tmp_path / f"{len(alerts)}.jsonl"
        done = monitor("watch", log, "--config", watch, "--until-end", "--notify-history", "--sink", f"jsonl:{sink}")
        told = [json.loads(line) for line in sink.read_text().splitlines()]
        assert [each["alert"] for each in told if each["state"] == "firing"] == alerts
        assert done.code == len(alerts)
        assert all(each["labels"] == {"name": "accuracy", "split": "val"} for each in told)


WORK_LINES = {
    "titan": "step: {n:2d}  loss: {loss:7.4f}  memory: {gb:.2f}GiB(50.00%)  tps: {rate:,}  mfu: 41.20%",
    "words": "step {n}/90 | loss {loss:.4f} | tok/s {rate} | gpu mem {gb:.2f}GB | mfu 41.2%",
    "json": '{{"step": {n}, "train_loss": {loss:.4f}, "tokens_per_sec": {rate}, "gpu_memory": {gb:.2f}, "mfu": 41.2}}',
    "hugging face": "{{'loss': {loss:.4f}, 'tokens_per_second': {rate}, 'memory': {gb:.2f}, 'mfu': 41.2, 'step': {n}}}",
    "equals": "step={n} loss={loss:.4f} mem={gb:.2f} tokens/sec={rate} mfu=41.2",
}


@pytest.mark.parametrize("form", WORK_LINES.values(), ids=WORK_LINES)
def test_throughput_memory_and_their_like_are_shown_as_metrics_are(form: str, tmp_path: Path):
    lines = [form.format(n=n, loss=3 - n / 50, gb=40 + n / 100, rate=5000 + n % 7) for n in range(1, 91)]
    log, watch = tmp_path / "train.log", tmp_path / "watch.yaml"
    log.write_text("\n".join(lines) + "\n")
    before = tmp_path / "before.log"
    before.write_text("\n".join(lines[:80]) + "\n")
    wanted = {"tokens_per_s": 5006.0, "memory": 40.9, "mfu": 41.2}
    facts = json.loads(monitor("check", log, "--json").out)["facts"]
    assert wanted.items() <= {name: next(iter(by.values())) for name, by in facts["metrics"].items()}.items()
    rows = [line.split()[:3] for line in monitor("compare", log, log).out.splitlines()]
    assert ["train.tokens_per_s", "5006", "5006"] in rows
    assert ["train.memory", "40.9", "40.9"] in rows
    watch.write_text(
        "objectives:\n"
        "  - {title: fast, when: {metric: tokens_per_s, of: min, at_least: 5000}}\n"
        "  - {title: small, when: {metric: memory, of: max, at_most: 40}}\n"
    )
    told = monitor("report", log, "--baseline", before, "--config", watch).out
    monitor("report", log, "--out", tmp_path / "page.html")
    assert "- **tokens_per_s**: 5006 (L90)" in told
    assert "| tokens_per_s |" in told
    assert "✅ **fast**" in told
    assert "**small**: train.memory: max 40.9; wanted at most 40" in told
    assert ">tokens_per_s<" in (tmp_path / "page.html").read_text()


def test_status_knows_the_facts_of_a_log_that_is_watched(log: Path, tmp_path: Path):
    lines = [f"step {n} | loss {3 - n / 50:.4f} | tok/s {5000 + n}\n" for n in range(1, 91)]
    log.write_text("".join([*lines, "Training finished.\n"]))
    monitor("watch", log, "--state", tmp_path / "state", "--until-end")
    [seen] = json.loads(monitor("status", "--state", tmp_path / "state", "--json").out)["logs"]
    checked = json.loads(monitor("check", log, "--json").out)
    assert seen["facts"] == checked["facts"]
    assert seen["facts"]["metrics"] == {"tokens_per_s": {"train": 5090.0}}


def test_a_log_that_says_only_how_fast_it_works_is_blind(tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text("".join(f"step {n}/90 | tok/s {5000 + n} | lr 1e-4\n" for n in range(90)))
    done = monitor("check", log, "--json")
    assert (done.code, json.loads(done.out)["facts"]["metrics"]) == (3, {"tokens_per_s": {"train": 5089.0}})


def test_a_metric_in_a_json_file_that_is_rewritten_is_followed_live(tmp_path: Path):
    log, sink = tmp_path / "trainer_state.json", tmp_path / "alerts.jsonl"

    def rewrite(epochs: int) -> None:
        rows = [(epoch, 2 * 0.9**epoch, 0.1 if epoch > 5 else 0.5 + 0.05 * epoch) for epoch in range(1, epochs + 1)]
        history = [
            {"step": 10 * epoch, "epoch": epoch, "loss": loss, "eval_loss": 1.1 * loss, "eval_accuracy": share}
            for epoch, loss, share in rows
        ]
        log.with_suffix(".new").write_text(json.dumps({"global_step": 10 * epochs, "log_history": history}, indent=2))
        log.with_suffix(".new").rename(log)

    def told() -> list[dict[str, Any]]:
        return [json.loads(line) for line in sink.read_text().splitlines()] if sink.exists() else []

    rewrite(3)
    with started("watch", log.name, "--sink", f"jsonl:{sink}", cwd=tmp_path) as process:
        until(lambda: "live from here on" in process.err)
        rewrite(14)
        until(lambda: bool(told()))
        process.signal(signal.SIGTERM)
        process.ended()
    [alert] = told()
    assert (alert["alert"], alert["labels"]) == ("MetricStuck", {"name": "accuracy", "split": "val"})
    assert 6 <= alert["evidence"][0]["line"] <= 14, "the number of the record"
