"""The page by default: the first screen, then only what the log has; `--full` has the rest."""

from __future__ import annotations

import re
from pathlib import Path

from monitor import api
from monitor.config import Config
from monitor.report.build import build
from monitor.report.html import render_html
from monitor.report.markdown import render_markdown
from tests.report.conftest import RunLog, take_lines
from tests.report.hostile import HOSTILE, lines_with

HF = "{{'loss': {loss:.4f}, 'grad_norm': 1.25, 'learning_rate': 1.9e-05, 'epoch': {epoch}}}"
END = "{'train_runtime': 34.2, 'train_samples_per_second': 80.1, 'train_loss': 1.9, 'epoch': 2.0}"


def foreign_page(folder: Path, lines: list[str]) -> str:
    """Return the page of another trainer's log."""
    log = folder / "train.log"
    log.write_text("\n".join(lines) + "\n")
    return render_markdown(build(api.read(str(log)).snapshot, Config()))


def test_the_page_of_a_healthy_foreign_run_is_short_and_speaks_of_nothing_that_its_log_lacks(tmp_path: Path):
    text = foreign_page(tmp_path, [*(HF.format(loss=2.5 - 0.02 * n, epoch=n / 20) for n in range(1, 41)), END])
    assert text.split("\n")[2].startswith("✅ **")
    assert len(text.split("\n")) <= 60
    for word in ("Sharpe", "LayerNorm", "encoder", "ENCODER", "DEGENERACY", "PID", "not seen", "No RUN"):
        assert word not in text, word


def test_a_problem_has_its_line_and_what_to_do_at_the_top(tmp_path: Path):
    lines = [HF.format(loss=2.5 - 0.02 * n, epoch=n / 20) for n in range(1, 31)]
    text = foreign_page(tmp_path, [*lines, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."])
    top = text.partition("---")[0]
    assert "❌ **" in top
    assert "DIED (out of GPU memory)" in top
    assert "(L31)" in top
    assert "→ " in top


def test_what_the_short_page_leaves_out_is_in_the_full_one(healthy: list[str]):
    page = build(take_lines(healthy))
    brief, full = render_markdown(page), render_markdown(page, full=True)
    assert len(brief.split("\n")) < len(full.split("\n")) / 2
    assert "## ⚠️ Warning Signs" not in brief
    assert "## ⚠️ Warning Signs" in full
    assert "Comparison" not in render_html(page)
    assert "Comparison" in render_html(page, full=True)


def test_the_count_of_problems_is_the_same_on_every_page(healthy: list[str]):
    page = build(take_lines(healthy))
    assert page.summary.problems == ()
    assert "problem" not in render_markdown(page).partition("---")[0]


def test_hostile_text_is_escaped_on_the_short_page_too(log: RunLog):
    for text in HOSTILE:
        page = build(take_lines(lines_with(log, text)))
        found = render_markdown(page)
        assert "<script" not in re.sub(r"`[^`\n]*`", "", found)
        assert "\x1b" not in found
