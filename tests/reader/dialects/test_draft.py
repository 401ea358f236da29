"""A draft passes its own check and reads the loss right, although no vocabulary helps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import api
from monitor.reader import vocabulary
from monitor.reader.dialects import load_dialects
from tests.cli.command import monitor

LOSSES = [round(2.5 * 0.97**step + 0.01 * (step % 3), 4) for step in range(1, 41)]


def _rows(form: str) -> str:
    return "\n".join(
        form.format(n=step, s=10 * step, loss=loss, e=step // 8 + 1, gn=1 + step % 4 / 10, lr=f"{1e-4 * step:.2e}")
        for step, loss in enumerate(LOSSES, 1)
    )


LOGS = {
    "own words": _rows("@ 2025-03-01 10:00:00 | tick {s} | crit {loss} | gn {gn} | rate {lr}"),
    "dicts": _rows("{{'loss': {loss}, 'grad_norm': {gn}, 'learning_rate': {lr}, 'epoch': {e}.0}}"),
    "keras": _rows("{n}/40 - 3s - loss: {loss} - accuracy: 0.5{n} - val_loss: 2.9 - val_accuracy: 0.3"),
    "tutorial": _rows("Epoch [{e}/5], Step [{s}/400], Loss: {loss}"),
    "key=value": _rows("step={s} train_loss={loss} lr={lr} tok/s=1200"),
    "json": _rows('{{"step": {s}, "train/loss": {loss}, "gn": {gn}}}'),
    "mmcv": _rows("2026-03-04 09:00:00,123 - INFO - Iter [{s}/90000] lr: {lr}, loss_cls: 0.{n}, loss: {loss}"),
    "with validations": _rows("step {s} loss {loss}\nheld-out loss 2.9 after step {s}"),
    "table": "step   zorp   rate\n" + _rows("{s}   {loss}   {lr}"),
    "bar": _rows("Training: {n}%|█████     | {n}/40 [00:10<00:10, 1.00it/s, loss={loss}]"),
}


@pytest.fixture
def no_words(monkeypatch):
    """Take the words from the package."""
    bare = vocabulary.shipped_words()._replace(quantities={}, splits={})
    monkeypatch.setattr(vocabulary, "shipped_words", lambda: bare)
    vocabulary.enforce(bare)
    yield
    vocabulary.enforce(None)


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.usefixtures("no_words")
def test_a_draft_passes_the_check_and_reads_the_loss(name: str, tmp_path: Path):
    log, out = tmp_path / "my.log", tmp_path / "draft.yaml"
    log.write_text(LOGS[name] + "\n")
    assert monitor("dialects", "draft", log, "--out", out).code == 0
    assert load_dialects(out)[0].name == "draft"
    assert api.read(log, api.Settings(dialect=str(out))).values.loss == LOSSES[-1]


def test_doubts_are_comments(tmp_path: Path):
    (tmp_path / "my.log").write_text(_rows("step {s} zorp {loss}") + "\n")
    drafted = monitor("dialects", "draft", tmp_path / "my.log")
    assert "  # doubt: zorp is taken for the loss because it falls" in drafted.out


def test_a_log_without_reports_has_no_draft(tmp_path: Path):
    (tmp_path / "my.log").write_text("all is well\n" * 9)
    assert monitor("dialects", "draft", tmp_path / "my.log").code == 3


def test_an_existing_file_is_kept(tmp_path: Path):
    (tmp_path / "my.log").write_text(LOGS["tutorial"])
    (tmp_path / "draft.yaml").write_text("mine")
    assert monitor("dialects", "draft", tmp_path / "my.log", "--out", tmp_path / "draft.yaml").code == 2
    assert (tmp_path / "draft.yaml").read_text() == "mine"
