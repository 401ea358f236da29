"""Several runs in one log: another plan is another run; the same plan from an earlier step is a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import api

FORMATS = (
    "Epoch: {epoch}/{epochs}, Iteration step: {step}, loss: {loss:.4f}",
    "epoch {epoch}/{epochs} | step {step} | train loss {loss:.4f}",
    "INFO - Epoch [{epoch}/{epochs}], Step {step}, Loss: {loss:.4f}",
)


def run(form: str, epochs: int, last: int) -> list[str]:
    """Return the reports of a run that stops in an epoch before its planned end."""
    return [
        form.format(
            epoch=epoch, epochs=epochs, step=100 * ((epoch - 1) * 4 + part), loss=3 / (1 + 0.1 * epoch + 0.02 * part)
        )
        for epoch in range(1, last + 1)
        for part in range(1, 5)
    ]


def fired(lines: list[str], folder: Path) -> set[str]:
    log = folder / "train.log"
    log.write_text("\n".join(lines) + "\n")
    return {alert.rule for alert in api.read(str(log)).alerts if alert.severity.is_alarming}


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_with_another_plan_is_another_run(form: str, tmp_path: Path):
    assert "StepWentBack" not in fired([*run(form, 50, 7), *run(form, 20, 6)], tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_plan_from_an_earlier_step_is_told(form: str, tmp_path: Path):
    assert "StepWentBack" in fired([*run(form, 50, 7), *run(form, 50, 6)], tmp_path)
