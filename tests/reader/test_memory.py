"""The GPU memory that reports name is a signal that rules can watch."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import api

RULE = """\
groups:
  - name: mine
    rules:
      - alert: MemoryHigh
        fault: memory_growth
        kind: threshold
        signal: train.memory
        above: 70
        severity: warning
        summary: "{value} GB"
        why: it will run out of it
        action: look
        source: chosen by hand, 2026-11
        expected: less
        check: grep mem {log}
"""
FORMS = {
    "titan": "step: {n:2d}  loss: {loss:7.4f}  grad_norm: 1.2  memory: {gb:.2f}GiB(50.00%)  tps: 5,000",
    "key=value": "step={n} loss={loss:.4f} mem={gb:.2f} max_mem=99.0",
    "json": '{{"step": {n}, "loss": {loss:.4f}, "gpu_mem": {gb:.2f}}}',
    "mmengine": "Iter(train) [{n:4d}/9000]  lr: 2.0e-03  memory: {gb:.2f}  loss: {loss:.4f}",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_memory_of_reports_can_be_watched(form: str, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(RULE)
    log = tmp_path / "train.log"
    for most, alerts in ((60.0, set()), (80.0, {"MemoryHigh"})):
        values = [(n, 3 * 0.97**n, most if n == 60 else 30 + n % 3) for n in range(1, 61)]
        log.write_text("".join(FORMS[form].format(n=n, loss=loss, gb=gb) + "\n" for n, loss, gb in values))
        read = api.read(log, api.Settings(rules=(tmp_path / "mine.yaml",)))
        [series] = read.snapshot.run.attempt.of("train.memory").values()
        assert (series.count, series.last.value) == (60, most)
        assert {alert.rule for alert in read.alerts} == alerts
