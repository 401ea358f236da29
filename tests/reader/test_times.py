"""A time is one of a step only where its line says so: a clock that runs from the start is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.replay import replay
from tests.cli.watching import SHIPPED
from tests.reader.facts import facts_of

ENGINE = Engine(SHIPPED)
OF_A_STEP = {
    "meter": "step {n} loss {loss:.4f} Time 0.250 (0.260)",
    "beside loading": "step: {n} loss: {loss:.4f} time: 0.250 data_time: 0.012",
    "named": "step {n} loss {loss:.4f} step time 0.250",
    "milliseconds": "step {n} loss {loss:.4f} time 250.00ms",
    "unit in the key": "step={n} loss={loss:.4f} ms/step=250.0",
    "unit in capitals": "step={n} loss={loss:.4f} MS/step=250.0",
    "unit in parentheses": "step={n} loss={loss:.4f} Step time (MS): 250.0",
    "key without a sign": "step {n} loss {loss:.4f} ms/step 250.0",
    "unit behind": "step {n} loss {loss:.4f} 250.0 ms/step 1200 tok/s",
    "a rate": "step {n} | loss {loss:.4f} | 0.250 s/it",
}
OF_ANYTHING = {
    "bare": "step {n} loss {loss:.4f} time {since:.1f}s",
    "in parentheses": "step {n} - loss {loss:.4f} - time (sec): {since:.2f}",
    "json": '{{"step": {n}, "loss": {loss:.4f}, "time": {since:.2f}}}',
    "timestamp": '{{"step": {n}, "loss": {loss:.4f}, "time": 17720{n}.5}}',
    "count of batches": "step {n} loss {loss:.4f} Train time/batch: {n}",
}


def pace(form: str, path: Path) -> float | None:
    lines = [form.format(n=n * 10, loss=3 - n / 50, since=n * 2.5) for n in range(1, 41)]
    path.write_text("\n".join(lines) + "\n")
    pipeline = Pipeline(str(path), ENGINE)
    replay(pipeline)
    attempt = pipeline.run.attempt
    assert attempt.of("train.loss")[()].last.value == pytest.approx(2.2)
    assert attempt.step == 400
    series = attempt.of("train.s_per_batch").get(())
    return None if series is None else series.last.value


@pytest.mark.parametrize("form", OF_A_STEP.values(), ids=OF_A_STEP)
def test_a_time_of_a_step_is_read(form: str, tmp_path: Path):
    assert pace(form, tmp_path / "train.log") == pytest.approx(0.25)


@pytest.mark.parametrize("form", OF_ANYTHING.values(), ids=OF_ANYTHING)
def test_a_time_that_may_run_from_the_start_is_no_time_of_a_step(form: str, tmp_path: Path):
    assert pace(form, tmp_path / "train.log") is None


def test_which_one_it_is_and_the_line_of_a_module_are_no_figures():
    lines = (f"train.loop.log:143 >> step {n} output #1: loss = {3 - n / 50:.4f}\n" for n in range(1, 41))
    facts = facts_of("".join(lines).encode())
    assert (facts["loss"], facts.get("metrics")) == (pytest.approx(2.2), None)
